"""A program on the gateway's own host that pulls releases: what travels to it, and what it does there."""

from .options import AgentOptions

__all__ = ["AgentOptions"]
