"""DER and, where certificates in the wild need it, BER: bytes to elements and back (X.690)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
SEQUENCE, SET = 0x30, 0x31
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
_CONSTRUCTED = 0x20

MAX_ELEMENTS = 200_000  # in one element: ten megabytes of empty ones would take a gigabyte of memory
MAX_DEPTH = 32  # of indefinite lengths; real structures need about 12, a bomb of them must end
MAX_OID = 64  # octets
MAX_COUNT = 8  # octets of a number that counts, such as a path length: JSON and people must hold it


class DerError(ValueError):
    """The bytes are not what X.690 allows, or not what was expected at this place."""


class Element(NamedTuple):
    """One element: the identifier octet, the content octets, and all octets together."""

    tag: int
    body: bytes
    raw: bytes

    def children(self) -> list[Element]:
        """The elements inside; `DerError` when the content is not a row of elements."""
        return _row(self.body)

    def expect(self, *tags: int) -> Element:
        """This element, when its identifier octet is one of `tags`; else `DerError`."""
        if self.tag not in tags:
            raise DerError(f"tag {self.tag:#04x} where {tags[0]:#04x} belongs")
        return self

    def integer(self, longest: int | None = None) -> int:
        """The value of an INTEGER (two's complement); an empty one and one of over `longest` octets are refused."""
        if self.tag != INTEGER or not self.body:
            raise DerError("not an INTEGER")
        if longest is not None and len(self.body) > longest:
            raise DerError("an INTEGER of too many octets")
        return int.from_bytes(self.body, "big", signed=True)

    def oid(self) -> str:
        """The value of an OBJECT IDENTIFIER in dotted form."""
        return dotted(self.expect(OID).body)

    def bits(self) -> bytes:
        """The octets of a BIT STRING without its count of unused bits; BER may cut it into pieces."""
        if self.tag == BIT_STRING | _CONSTRUCTED:
            return b"".join(piece.expect(BIT_STRING).bits() for piece in self.children())
        if self.tag != BIT_STRING or not self.body or self.body[0] > 7:
            raise DerError("not a BIT STRING")
        return self.body[1:]

    def octets(self, _depth: int = 0) -> bytes:
        """The octets of an OCTET STRING; BER may cut it into pieces, which are put together."""
        if self.tag == OCTET_STRING:
            return self.body
        if self.tag & _CONSTRUCTED and _depth < MAX_DEPTH:
            pieces = (piece.expect(OCTET_STRING, OCTET_STRING | _CONSTRUCTED) for piece in self.children())
            return b"".join(piece.octets(_depth + 1) for piece in pieces)
        raise DerError("not an OCTET STRING")


def read(data: bytes, start: int = 0) -> Element:
    """The element that begins at `start`. Indefinite lengths (BER) are read; `DerError` when cut off."""
    if start + 1 < len(data) and (length := data[start + 1]) < 0x80 and data[start] & 0x1F != 0x1F:
        head = start + 2
    else:
        head, length, indefinite = _header(data, start)
        if indefinite:
            end = _end_of_indefinite(data, head)
            return Element(data[start], data[head : end - 2], data[start:end])
    if head + length > len(data):
        raise DerError("the data ends too early")
    return Element(data[start], data[head : head + length], data[start : head + length])


def read_all(data: bytes) -> Element:
    """The one element that `data` is; trailing bytes are a `DerError`."""
    element = read(data)
    if len(element.raw) != len(data):
        raise DerError("bytes after the end")
    return element


def inside(data: bytes, tag: int) -> list[Element]:
    """The elements inside the one element that `data` is; `DerError` when its identifier octet is not `tag`."""
    if len(data) > 1 and data[0] == tag and data[1] == len(data) - 2 < 0x80:
        return _row(data[2:])
    return read_all(data).expect(tag).children()


def dotted(body: bytes) -> str:
    """The content octets of an OBJECT IDENTIFIER as dotted text (X.690, 8.19)."""
    if len(body) > MAX_OID:
        raise DerError("an OBJECT IDENTIFIER that nobody could have registered")
    return _dotted(body)


@lru_cache(maxsize=4096)  # a few dozen identifiers stand in every certificate
def _dotted(body: bytes) -> str:
    if not body or body[-1] & 0x80:
        raise DerError("not an OBJECT IDENTIFIER")
    arcs, value = [], 0
    for octet in body:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))


def encode(tag: int, *contents: bytes) -> bytes:
    """One element in DER: the identifier octet, the shortest length, the contents one after another."""
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def encode_oid(text: str) -> bytes:
    """An OBJECT IDENTIFIER in DER, out of its dotted form."""
    first, second, *rest = (int(arc) for arc in text.split("."))
    octets = bytearray()
    for arc in (40 * first + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(arc & 0x7F | 0x80)
        octets += bytes(reversed(septets))
    return encode(OID, bytes(octets))


def _row(data: bytes) -> list[Element]:
    """All elements of `data`, up to the limit."""
    found: list[Element] = []
    at, end = 0, len(data)
    while at + 1 < end:
        tag, length = data[at], data[at + 1]
        # Nearly every element has a short definite length; spelled out here, it costs a third of a call.
        if length < 0x80 and tag & 0x1F != 0x1F:
            head = at + 2
            stop = head + length
            found.append(_new(Element, (tag, data[head:stop], data[at:stop])))
        else:
            found.append(element := read(data, at))
            stop = at + len(element.raw)
        if len(found) > MAX_ELEMENTS:
            raise DerError("too many elements")
        at = stop
    if at != end:
        raise DerError("the data ends too early")
    return found


_new = tuple.__new__  # what Element(…) calls in the end


def _header(data: bytes, start: int) -> tuple[int, int, bool]:
    """Where the content begins, its length, and whether the length is indefinite."""
    at = start + 1
    if at <= len(data) and data[start] & 0x1F == 0x1F:  # a number above 30 goes on in further octets
        while at < len(data) and data[at] & 0x80:
            at += 1
        at += 1
    if at >= len(data):
        raise DerError("the data ends too early")
    length = data[at]
    if length < 0x80:
        return at + 1, length, False
    if length == 0x80:
        if not data[start] & 0x20:
            raise DerError("indefinite length of a primitive element")
        return at + 1, 0, True
    head = at + 1 + (length & 0x7F)
    if head > len(data):
        raise DerError("a length that cannot be")
    return head, int.from_bytes(data[at + 1 : head], "big"), False


def _end_of_indefinite(data: bytes, at: int) -> int:
    """Where an element of indefinite length ends whose content begins at `at`; those inside are walked over once."""
    depth = 1
    for _ in range(MAX_ELEMENTS):
        if data[at : at + 2] == b"\x00\x00":
            at, depth = at + 2, depth - 1
            if depth == 0:
                return at
            continue
        head, length, indefinite = _header(data, at)
        at, depth = head + length, depth + indefinite
        if depth > MAX_DEPTH:
            raise DerError("nested too deeply")
    raise DerError("too many elements")
