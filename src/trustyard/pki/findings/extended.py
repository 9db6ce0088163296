"""Extensions: unknown critical ones, doubled, unreadable, critical or missing against RFC 5280."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from trustyard.pki import der, oids
from trustyard.pki.remembering import remembered

from .catalogue import Finding, finding
from .examined import AUTHORITY_KEY, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, SAN, SUBJECT_KEY, Examined

_PRECERTIFICATE = "1.3.6.1.4.1.11129.2.4.3"
_NEVER_CRITICAL = frozenset(
    {AUTHORITY_KEY, SUBJECT_KEY, "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.11", "2.5.29.9", "2.5.29.46"}
)
# Those that RFC 5280 defines and a verifier therefore may know; the others of our list are known here by name alone.
_UNDERSTOOD = frozenset(oid for oid in oids.EXTENSIONS if oid.startswith("2.5.29.") and oid != "2.5.29.1") | {
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.1.11",
    "1.3.6.1.5.5.7.1.24",
}
_SEQUENCES = frozenset({"2.5.29.31", "2.5.29.32", "2.5.29.33", "1.3.6.1.5.5.7.1.1", "2.5.29.18", AUTHORITY_KEY})


def check(examined: Examined) -> Iterator[Finding]:
    """Findings about the extensions."""
    extensions = examined.structure.extensions
    if len(extensions) != len(examined.extensions):
        yield from _doubled(examined)
    for extension in extensions:
        oid = extension.oid
        if extension.critical:
            if oid not in _UNDERSTOOD:
                yield _unknown(oid)
            elif oid in _NEVER_CRITICAL:
                yield finding("extension-critical", name=_name(oid))
        if not _readable(examined, oid, extension.value):
            yield finding("extension-unreadable", name=_name(oid))
    yield from _identifiers(examined)


def _identifiers(examined: Examined) -> Iterator[Finding]:
    if examined.structure.version < 3:
        return  # it cannot have any
    if examined.facts.is_ca and SUBJECT_KEY not in examined.extensions:
        yield finding("key-identifier-missing")
    if not examined.facts.self_issued and AUTHORITY_KEY not in examined.extensions:
        yield finding("issuer-identifier-missing")


def _doubled(examined: Examined) -> Iterator[Finding]:
    counted = Counter(extension.oid for extension in examined.structure.extensions)
    for oid, count in counted.items():
        if count > 1:
            yield finding("extension-doubled", name=_name(oid))


def _unknown(oid: str) -> Finding:
    if oid == _PRECERTIFICATE:
        return finding("precertificate")
    return finding("extension-unknown-critical", oid=_name(oid))


def _name(oid: str) -> str:
    name = oids.EXTENSIONS.get(oid, "")
    return f"{name} ({oid})" if name else oid if len(oid) < 80 else oid[:79] + "…"


def _readable(examined: Examined, oid: str, value: bytes) -> bool:
    """Whether an extension that is known can be read; name constraints have a finding of their own."""
    if oid == SUBJECT_KEY:
        return examined.facts.ski is not None
    if oid == SAN:
        sans = examined.facts.sans
        return bool(sans) and not any(san.type == "unreadable" for san in sans)
    if oid == BASIC_CONSTRAINTS:
        return _basic_constraints(value)
    if oid == KEY_USAGE:
        return examined.usage is not None
    if oid == EXTENDED_KEY_USAGE:
        return examined.purposes is not None
    return oid not in _SEQUENCES or _whole_sequence(value)


@remembered(longest=64, entries=256)
def _basic_constraints(value: bytes) -> bool:
    try:
        parts = der.read_all(value).expect(der.SEQUENCE).children()
    except ValueError:
        return False
    return [part.tag for part in parts] in ([], [der.BOOLEAN], [der.INTEGER], [der.BOOLEAN, der.INTEGER])


def _whole_sequence(value: bytes) -> bool:
    """Whether the octets are one SEQUENCE and nothing more; what is in it is not looked at."""
    if len(value) < 2 or value[0] != der.SEQUENCE:
        return False
    length = value[1]
    if length < 0x80:
        return length + 2 == len(value)
    count = length & 0x7F
    return 2 + count + int.from_bytes(value[2 : 2 + count], "big") == len(value)
