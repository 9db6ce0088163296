"""Extensions read strictly: what a verifier decides by must be well formed (RFC 5280, section 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trustyard.pki import der
from trustyard.pki.distinguished import read_name

BASIC_CONSTRAINTS, KEY_USAGE, PURPOSE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
SKI, AKI, SAN, NAME_CONSTRAINTS = "2.5.29.14", "2.5.29.35", "2.5.29.17", "2.5.29.30"
POLICIES, MAPPINGS, POLICY_CONSTRAINTS, INHIBIT_ANY = "2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54"
AIA, ANY_POLICY = "1.3.6.1.5.5.7.1.1", "2.5.29.32.0"
CERT_SIGN = 5  # the bit of a key usage (RFC 5280, section 4.2.1.3)
_USAGES = 9  # of which there are so many; a certificate may bring millions

EMAIL, DNS, DIRECTORY, URI, IP = 1, 2, 4, 6, 7  # kinds of a GeneralName


@dataclass(frozen=True)
class BasicConstraints:
    """Whether it is a CA, and how many CAs may follow."""

    ca: bool
    path_length: int | None


@dataclass(frozen=True)
class AuthorityKey:
    """The three members of an authority key identifier; the last two as whether they are there."""

    key: bytes | None
    issuer: bool
    serial: bool


@dataclass(frozen=True)
class General:
    """A GeneralName: the number of its kind (RFC 5280, section 4.2.1.6) and its content octets."""

    kind: int
    body: bytes

    @property
    def text(self) -> str:
        """The characters of an e-mail, DNS or URI name; octets above ASCII become replacement characters."""
        return self.body.decode("ascii", "replace")


@dataclass(frozen=True)
class NameConstraints:
    """The subtrees inside which, and outside which, the names of all certificates below must be."""

    permitted: tuple[General, ...]
    excluded: tuple[General, ...]


@dataclass(frozen=True)
class PolicyConstraints:
    """After how many certificates a policy is required, and mappings end."""

    require: int | None
    inhibit_mapping: int | None


def read(oid: str, value: bytes) -> Any:
    """What the extension says, None for one that nothing is decided by; a ValueError when it is malformed."""
    reader = _READERS.get(oid)
    return reader(der.read_all(value)) if reader else None


def _basic_constraints(element: der.Element) -> BasicConstraints:
    parts = element.expect(der.SEQUENCE).children()
    ca = parts.pop(0).body != b"\x00" if parts and parts[0].tag == der.BOOLEAN else False
    length = parts.pop(0).integer() if parts else None
    if parts or (length is not None and length < 0):
        raise der.DerError("not basic constraints")
    return BasicConstraints(ca, length)


def _key_usage(element: der.Element) -> frozenset[int]:
    octets = element.bits()
    return frozenset(at for at in range(min(8 * len(octets), _USAGES)) if octets[at // 8] & 0x80 >> at % 8)


def _purposes(element: der.Element) -> tuple[str, ...]:
    return tuple(part.oid() for part in _some(element))


def _authority_key(element: der.Element) -> AuthorityKey:
    parts = {part.tag: part for part in element.expect(der.SEQUENCE).children()}
    if not parts.keys() <= {0x80, 0xA1, 0x82}:
        raise der.DerError("not an authority key identifier")
    return AuthorityKey(parts[0x80].body if 0x80 in parts else None, 0xA1 in parts, 0x82 in parts)


def _names(element: der.Element) -> tuple[General, ...]:
    return tuple(_general(part) for part in _some(element))


def _general(element: der.Element) -> General:
    kind = element.tag & 0x1F
    if element.tag & 0xC0 != 0x80 or kind > 8:
        raise der.DerError("not a general name")
    if kind == DIRECTORY:
        read_name(der.read_all(element.body))
    return General(kind, element.body)


def _name_constraints(element: der.Element) -> NameConstraints:
    parts = {part.tag: part for part in element.expect(der.SEQUENCE).children()}
    if not parts.keys() <= {0xA0, 0xA1}:
        raise der.DerError("not name constraints")
    permitted, excluded = (_subtrees(parts[tag]) if tag in parts else () for tag in (0xA0, 0xA1))
    return NameConstraints(permitted, excluded)


def _subtrees(element: der.Element) -> tuple[General, ...]:
    found = []
    for subtree in element.children():
        base, *rest = subtree.expect(der.SEQUENCE).children()
        if rest:  # RFC 5280 allows neither minimum (its default is left out) nor maximum
            raise der.DerError("a subtree with a minimum or maximum")
        found.append(_general(base))
    return tuple(found)


def _authority_information(element: der.Element) -> tuple[tuple[str, General], ...]:
    pairs = (part.expect(der.SEQUENCE).children() for part in _some(element))
    return tuple((method.oid(), _general(location)) for method, location in pairs)


def _policies(element: der.Element) -> tuple[str, ...]:
    return tuple(part.expect(der.SEQUENCE).children()[0].oid() for part in _some(element))


def _mappings(element: der.Element) -> tuple[tuple[str, str], ...]:
    pairs = (part.expect(der.SEQUENCE).children() for part in _some(element))
    found = tuple((issuer.oid(), subject.oid()) for issuer, subject in pairs)
    if any(ANY_POLICY in pair for pair in found):  # RFC 5280, section 6.1.4 (a)
        raise der.DerError("anyPolicy is not mapped")
    return found


def _policy_constraints(element: der.Element) -> PolicyConstraints:
    parts = {part.tag: int.from_bytes(part.body, "big") for part in _some(element)}
    return PolicyConstraints(parts.get(0x80), parts.get(0x81))


def _some(element: der.Element) -> list[der.Element]:
    parts = element.expect(der.SEQUENCE).children()
    if not parts:
        raise der.DerError("an empty list")
    return parts


_READERS: dict[str, Callable[[der.Element], Any]] = {
    BASIC_CONSTRAINTS: _basic_constraints,
    KEY_USAGE: _key_usage,
    PURPOSE: _purposes,
    SKI: lambda element: element.octets(),
    AKI: _authority_key,
    SAN: _names,
    NAME_CONSTRAINTS: _name_constraints,
    AIA: _authority_information,
    POLICIES: _policies,
    MAPPINGS: _mappings,
    POLICY_CONSTRAINTS: _policy_constraints,
    INHIBIT_ANY: lambda element: element.integer(),
}
