"""The side that Envoy talks to: an ADS server, delta and state-of-the-world, on the event loop of the process."""

from importlib.util import find_spec


def available() -> bool:
    """Whether the extra `trustyard[envoy]` is installed, without which there is no xDS."""
    return find_spec("grpc") is not None and find_spec("envoy") is not None
