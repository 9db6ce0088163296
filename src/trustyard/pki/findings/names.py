"""Subject and issuer: empty where they must not be, and how their strings are written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trustyard.pki import der, oids
from trustyard.pki.distinguished import Attribute, Name

from .catalogue import Finding, finding, shown
from .examined import SAN, Examined

_PRINTABLE = re.compile(rb"[A-Za-z0-9 '()+,\-./:=?]*")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_TYPES = {
    0x12: "NumericString",
    0x14: "TeletexString",
    0x16: "IA5String",
    0x1A: "VisibleString",
    0x1C: "UniversalString",
    0x1E: "BMPString",
}
_IA5 = frozenset({"1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.25"})  # e-mail address and domain component
_COUNTRY = "2.5.4.6"
_UNTYPED = frozenset({"2.5.4.45"})  # the bits of a unique identifier are no string


def check(examined: Examined) -> Iterator[Finding]:
    """Findings about the subject, and about the issuer where it is another name."""
    structure = examined.structure
    if not structure.issuer:
        yield finding("issuer-empty")
    if not structure.subject:
        yield from _empty(examined)
    yield from _strings(structure.subject)
    if not examined.facts.self_issued:
        yield from _strings(structure.issuer)


def _empty(examined: Examined) -> Iterator[Finding]:
    san = examined.extensions.get(SAN)
    if examined.facts.is_ca:
        yield finding("subject-empty", and_san=", which a CA's must not be")
    elif san is None or not examined.facts.sans:
        yield finding("subject-empty", and_san=", and it has no alternative names")
    elif not san.critical:
        yield finding("san-not-critical")


def _strings(name: Name) -> Iterator[Finding]:
    for rdn in name:
        for attribute in rdn:
            tag = attribute.raw[0]
            plain = tag == 0x0C or (tag == 0x13 and _PRINTABLE.fullmatch(der.read(attribute.raw).body))
            if not plain or attribute.oid == _COUNTRY:
                yield from _type(attribute, tag)
            text = attribute.text
            if text and not text.isprintable() and _CONTROL.search(text):
                yield finding("name-with-nul" if "\0" in text else "name-with-control", name=shown(text))


def _type(attribute: Attribute, tag: int) -> Iterator[Finding]:
    label = oids.ATTRIBUTES.get(attribute.oid, attribute.oid)
    if attribute.oid == _COUNTRY:
        if tag != 0x13 or len(attribute.text or "") != 2:
            yield finding("name-string-type", attribute=label, type=f"{shown(attribute.text or '')}, no two letters")
    elif tag == 0x13:
        yield finding("name-string-type", attribute=label, type="PrintableString with characters that it has not")
    elif attribute.oid in _UNTYPED or (tag == 0x16 and attribute.oid in _IA5):
        return
    else:
        yield finding("name-string-type", attribute=label, type=_TYPES.get(tag, "something that is no string"))
