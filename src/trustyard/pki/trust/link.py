"""One certificate as a link of a path: its parts and extensions, read when asked for and kept."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from trustyard.pki import extensions, signatures
from trustyard.pki.certificates import Certificate
from trustyard.pki.distinguished import Name, rfc4514
from trustyard.pki.structure import Structure

from . import strict

# The relative names from the top down; each is a set of attribute type (OID) and value: text, or DER where it is none.
ComparableName = tuple[frozenset[tuple[str, str | bytes]], ...]


class Link:
    """A certificate that may stand in a path."""

    def __init__(self, certificate: Certificate, *, anchor: bool = False) -> None:
        self.certificate = certificate
        self.anchor = anchor
        self.sha256 = certificate.sha256
        self.structure: Structure = certificate.structure()
        self.malformed: list[str] = []
        self._said: dict[str, Any] = {}
        for extension in self.structure.extensions:
            try:
                self._said.setdefault(extension.oid, strict.read(extension.oid, extension.value))
            except (ValueError, IndexError):
                self.malformed.append(extension.oid)

    def says(self, oid: str) -> Any:
        """What the extension says; None where it is absent, unreadable or of no concern here."""
        return self._said.get(oid)

    def critical(self, oid: str) -> bool | None:
        """Whether the extension is critical; None where there is none."""
        return next((e.critical for e in self.structure.extensions if e.oid == oid), None)

    @property
    def title(self) -> str:
        """How a sentence names it."""
        return self.certificate.facts.certificate_name

    @property
    def issuer_title(self) -> str:
        """How a sentence names the issuer: RFC 4514."""
        return rfc4514(self.structure.issuer) or "an issuer without a name"

    @property
    def constraints(self) -> strict.BasicConstraints:
        """Basic constraints; no CA where there are none."""
        found = self.says(strict.BASIC_CONSTRAINTS)
        return found if found is not None else strict.BasicConstraints(ca=False, path_length=None)

    @cached_property
    def subject(self) -> ComparableName:
        """The subject in a form that can be compared."""
        return comparable(self.structure.subject)

    @cached_property
    def issuer(self) -> ComparableName:
        """The issuer in a form that can be compared."""
        return comparable(self.structure.issuer)

    @property
    def spki(self) -> bytes:
        """The public key, DER."""
        return self.structure.spki.raw

    @property
    def self_issued(self) -> bool:
        """Subject and issuer are the same."""
        return self.subject == self.issuer

    @cached_property
    def self_signed(self) -> bool:
        """Signed with its own key, as far as anybody here can tell; an anchor also under another issuer's name."""
        if self.self_issued:
            return self.certificate.facts.self_signed is not False
        return self.anchor and signatures.verifies(self.structure, self.spki) is True

    @property
    def names(self) -> tuple[strict.General, ...]:
        """The alternative names."""
        return self.says(strict.SAN) or ()

    @cached_property
    def key_identifiers(self) -> tuple[str | None, str | None]:
        """Those of its own key and of its issuer's, as far as they can be read: hints, nothing is decided by them."""
        return (
            extensions.subject_key_identifier(self.structure),
            extensions.authority_key_identifier(self.structure),
        )

    def in_time(self, moment: datetime) -> bool:
        """Whether the moment is inside the validity, both ends included, in whole seconds (RFC 5280, 4.1.2.5)."""
        return self.structure.not_before <= moment.replace(microsecond=0) <= self.structure.not_after


def comparable(name: Name) -> ComparableName:
    """A name for comparison (RFC 5280, section 7.1): letter case, kind of string and spaces do not count."""
    return tuple(
        frozenset((a.oid, " ".join(a.text.split()).casefold() if a.text is not None else a.raw) for a in rdn)
        for rdn in name
    )
