"""Distinguished names: DER to attribute values, and the text that RFC 4514 gives them."""

from __future__ import annotations

import re
from typing import NamedTuple

from trustyard.pki import der, oids
from trustyard.pki.remembering import remembered

MAX_NAME = 1_048_576  # octets of one name; OpenSSL (X509_NAME_MAX) reads no longer one either
MAX_ATTRIBUTES = 10_000  # of a name; real ones have ten

_ESCAPED = re.compile(r'["+,;<>\\]|[\x00-\x1f\x7f-\x9f]|\A[# ]| \Z')
_PLAIN = re.compile(r'(?![# ])[^"+,;<>\\\x00-\x1f\x7f-\x9f]*(?<! )')  # nothing in it is escaped


class Attribute(NamedTuple):
    """One attribute of a name: its type (dotted OID), its value as text or None where it is none, and as raw DER.

    `rfc4514` is `CN=value`; `1.2.3=#<hex of the DER>` where the value is no text (RFC 4514, sections 2.3, 2.4).
    """

    oid: str
    text: str | None
    raw: bytes
    rfc4514: str


Name = tuple[tuple[Attribute, ...], ...]


def read_name(element: der.Element) -> Name:
    """The relative names in encoding order. Odd values are kept as they are; `DerError` for what is no name."""
    if len(element.raw) > MAX_NAME:
        raise der.DerError("a name that is too long")
    return _read_name(element.raw)


@remembered(longest=512, entries=4096)
def _read_name(raw: bytes) -> Name:
    element = der.read_all(raw)
    if element.tag & 0x20 == 0:
        raise der.DerError("not a name")
    name, attributes = [], 0
    for relative in element.children():
        name.append(_relative_name(relative.raw))
        attributes += len(name[-1])
        if attributes > MAX_ATTRIBUTES:
            raise der.DerError("too many attributes")
    return tuple(name)


@remembered(longest=256, entries=4096)
def _relative_name(raw: bytes) -> tuple[Attribute, ...]:
    return tuple([_attribute(attribute) for attribute in der.inside(raw, der.SET)])


def rfc4514(name: Name) -> str:
    """The name as RFC 4514 writes it: the last relative name first, letters of every script as they are."""
    return ",".join(["+".join([attribute.rfc4514 for attribute in reversed(rdn)]) for rdn in reversed(name)])


def first_value(name: Name, oid: str) -> str:
    """The most specific value of one attribute type (the last in encoding order), or an empty text."""
    for rdn in reversed(name):
        for attribute in reversed(rdn):
            if attribute.oid == oid and attribute.text:
                return attribute.text
    return ""


def escape(text: str) -> str:
    """A value with what RFC 4514, section 2.4, asks to be escaped; control characters as hex pairs too."""
    return text if _PLAIN.fullmatch(text) else _ESCAPED.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return "\\" + character
    return "".join([f"\\{octet:02X}" for octet in character.encode()])


def string_value(element: der.Element) -> str | None:
    """The text of a string element, whatever its kind and however wrong its bytes; None where it is no string."""
    tag, body = element.tag, element.body
    if tag == 0x1E:  # BMPString: two bytes a character; an odd length was seen in the wild
        return body.decode("utf-16-be", "replace") if len(body) % 2 == 0 else body.decode("latin-1")
    if tag == 0x1C:  # UniversalString: four bytes a character
        return body.decode("utf-32-be", "replace") if len(body) % 4 == 0 else None
    if tag in (0x0C, 0x12, 0x13, 0x16, 0x1A):  # UTF8, Numeric, Printable, IA5, Visible
        return ia5(body)
    if tag == 0x14:  # T61String: latin-1 in practice (openssl, Java and browsers read it so)
        return body.decode("latin-1")
    return None


def ia5(body: bytes) -> str:
    """The text of a string whose kind allows ASCII alone: UTF-8 is what people put there, and older ones Latin-1."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _attribute(element: der.Element) -> Attribute:
    parts = der.inside(element.raw, der.SEQUENCE)
    if len(parts) < 2:
        raise der.DerError("an attribute without a value")
    oid, value = parts[0].oid(), parts[1]
    text = string_value(value)
    shown = f"#{value.raw.hex()}" if text is None else escape(text)
    return Attribute(oid, text, value.raw, f"{oids.ATTRIBUTES.get(oid, oid)}={shown}")
