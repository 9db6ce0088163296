"""Distinguished names: DER to attribute values, and the text that RFC 4514 gives them."""

from __future__ import annotations

from dataclasses import dataclass

from trustyard.pki import der, oids

_SPECIAL = frozenset('"+,;<>\\')


@dataclass(frozen=True)
class Attribute:
    """One attribute of a name: its type (dotted OID) and its value as text, or as raw DER where it is none."""

    oid: str
    text: str | None
    raw: bytes

    def rfc4514(self) -> str:
        """`CN=value`; `1.2.3=#<hex of the DER>` where the value is no text (RFC 4514, sections 2.3, 2.4)."""
        label = oids.ATTRIBUTES.get(self.oid, self.oid)
        if self.text is None:
            return f"{label}=#{self.raw.hex()}"
        return f"{label}={escape(self.text)}"


Name = tuple[tuple[Attribute, ...], ...]


def read_name(element: der.Element) -> Name:
    """The relative names in encoding order. Odd values are kept as they are; `DerError` for what is no name."""
    if element.tag & 0x20 == 0:
        raise der.DerError("not a name")
    return tuple(tuple(_attribute(a) for a in rdn.expect(der.SET).children()) for rdn in element.children())


def rfc4514(name: Name) -> str:
    """The name as RFC 4514 writes it: the last relative name first, letters of every script as they are."""
    return ",".join("+".join(a.rfc4514() for a in reversed(rdn)) for rdn in reversed(name))


def first_value(name: Name, oid: str) -> str:
    """The most specific value of one attribute type (the last in encoding order), or an empty text."""
    values = [a.text for rdn in name for a in rdn if a.oid == oid and a.text]
    return values[-1] if values else ""


def escape(text: str) -> str:
    """A value with what RFC 4514, section 2.4, asks to be escaped; control characters as hex pairs too."""
    parts = []
    for at, character in enumerate(text):
        edge_space = character == " " and at in (0, len(text) - 1)
        if character in _SPECIAL or edge_space or (character == "#" and at == 0):
            parts.append("\\" + character)
        elif ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0:
            parts.append("".join(f"\\{octet:02X}" for octet in character.encode()))
        else:
            parts.append(character)
    return "".join(parts)


def string_value(element: der.Element) -> str | None:
    """The text of a string element, whatever its kind and however wrong its bytes; None where it is no string."""
    tag, body = element.tag, element.body
    if tag == 0x1E:  # BMPString: two bytes a character; an odd length was seen in the wild
        return body.decode("utf-16-be", "replace") if len(body) % 2 == 0 else body.decode("latin-1")
    if tag == 0x1C:  # UniversalString: four bytes a character
        return body.decode("utf-32-be", "replace") if len(body) % 4 == 0 else None
    if tag in (0x0C, 0x12, 0x13, 0x16, 0x1A):  # UTF8, Numeric, Printable, IA5, Visible: UTF-8 is what people put there
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            return body.decode("latin-1")
    if tag == 0x14:  # T61String: latin-1 in practice (openssl, Java and browsers read it so)
        return body.decode("latin-1")
    return None


def _attribute(element: der.Element) -> Attribute:
    parts = element.expect(der.SEQUENCE).children()
    if len(parts) < 2:
        raise der.DerError("an attribute without a value")
    return Attribute(parts[0].oid(), string_value(parts[1]), parts[1].raw)
