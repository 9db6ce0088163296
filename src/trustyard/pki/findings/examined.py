"""A certificate under examination: what several checks ask for, worked out once."""

from __future__ import annotations

from trustyard.pki import der
from trustyard.pki.certificates import Certificate
from trustyard.pki.remembering import remembered
from trustyard.pki.structure import Extension

SERVER, CLIENT, ANY = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "2.5.29.37.0"
BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
SUBJECT_KEY, AUTHORITY_KEY, SAN, NAME_CONSTRAINTS = "2.5.29.14", "2.5.29.35", "2.5.29.17", "2.5.29.30"
CERT_SIGN = 0x04  # the bit keyCertSign in the first octet (RFC 5280, section 4.2.1.3)


class Examined:
    """The certificate, its facts and structure, and what its common extensions say.

    `usage` is the first octet of keyUsage, `purposes` the OIDs of extKeyUsage; None where the extension is missing or
    cannot be read.
    """

    __slots__ = ("certificate", "extensions", "facts", "purposes", "structure", "usage")

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self.facts = certificate.facts
        self.structure = certificate.structure()
        self.extensions: dict[str, Extension] = {}
        for extension in self.structure.extensions:
            self.extensions.setdefault(extension.oid, extension)
        usage, purposes = self.extensions.get(KEY_USAGE), self.extensions.get(EXTENDED_KEY_USAGE)
        self.usage = None if usage is None else usage_of(usage.value)
        self.purposes = None if purposes is None else purposes_of(purposes.value)

    @property
    def rolled_over(self) -> bool:
        """Issued by another key under its own name (RFC 5280, section 3.2, self-issued): no root."""
        facts = self.facts
        return bool(facts.self_issued and facts.aki and facts.ski and facts.aki != facts.ski)

    @property
    def root(self) -> bool:
        """Its own issuer, as far as the names tell."""
        return self.facts.self_issued and not self.rolled_over


# Authorities copy these values into every certificate, so few different ones are ever seen.
@remembered(longest=256, entries=1024)
def usage_of(value: bytes) -> int | None:
    """The first octet of keyUsage; None when it cannot be read."""
    try:
        return (der.read_all(value).bits() or b"\x00")[0]
    except ValueError:
        return None


@remembered(longest=256, entries=1024)
def purposes_of(value: bytes) -> frozenset[str] | None:
    """The OIDs of extKeyUsage; None when it cannot be read or is empty."""
    try:
        return frozenset(part.oid() for part in der.read_all(value).expect(der.SEQUENCE).children()) or None
    except ValueError:
        return None
