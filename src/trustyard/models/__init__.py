"""What is kept: Django models, constraints and querysets."""

from .audit import AuditEvent, AuditHead
from .certificates import Certificate, Entry, StoredCertificate
from .drafts import Draft, Inspection
from .environments import Environment
from .gateways import Gateway, Node
from .jwks import Jwk
from .people import Token, User
from .releases import Receipt, Release
from .servers import SecretKey, Server

__all__ = [
    "AuditEvent",
    "AuditHead",
    "Certificate",
    "Draft",
    "Entry",
    "Environment",
    "Gateway",
    "Inspection",
    "Jwk",
    "Node",
    "Receipt",
    "Release",
    "SecretKey",
    "Server",
    "StoredCertificate",
    "Token",
    "User",
]
