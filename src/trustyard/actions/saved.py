"""What is given to store a certificate, and what a change of certificates did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trustyard import models
from trustyard.pki.containers import Notice

from .certificates_read import Around
from .entries import EntryGiven
from .jwk_connection import JwkChange


@dataclass(frozen=True)
class Definition:
    """A new certificate: its name, its description, and what it is in each environment."""

    name: str
    description: str = ""
    entries: Sequence[EntryGiven] = ()


@dataclass
class Saved:
    """What a change did: the certificates, the newest releases of what was deployed, and the JWKs acted on."""

    certificates: list[models.Certificate] = field(default_factory=list)
    releases: list[models.Release] = field(default_factory=list)
    jwks: list[JwkChange] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    around: Callable[[], Around] | None = None  # what the answer needs of new ones; it travelled with the commit

    @property
    def certificate(self) -> models.Certificate:
        """The main one."""
        return self.certificates[0]
