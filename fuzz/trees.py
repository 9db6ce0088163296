"""DER as a tree to be changed: what looks like DER inside of octet and bit strings is part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

_DEPTH = 40


@dataclass
class Node:
    """One element; `form` is how its length is written: `der`, `long`, `indefinite`, `short` or `beyond`."""

    tag: int
    value: bytes = b""
    inside: list[Node] = field(default_factory=list)
    form: str = "der"

    def encode(self) -> bytes:
        """The bytes, with a length that may lie."""
        body = self.value + b"".join(node.encode() for node in self.inside)
        return (
            bytes([self.tag]) + _length(len(body), self.form) + body + (b"\0\0" if self.form == "indefinite" else b"")
        )

    def walk(self) -> Iterator[Node]:
        """This element and all below it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.inside

    def copy(self) -> Node:
        """A copy that shares nothing."""
        return Node(self.tag, self.value, [node.copy() for node in self.inside], self.form)


def parse(data: bytes, depth: int = 0) -> list[Node] | None:
    """The elements that `data` is a row of; None where it is none."""
    found, at = [], 0
    while at < len(data):
        head = _header(data, at)
        if head is None or depth > _DEPTH:
            return None
        start, end = head
        found.append(_node(data[at], data[start:end], depth))
        at = end
    return found


def _header(data: bytes, at: int) -> tuple[int, int] | None:
    if at + 2 > len(data):
        return None
    count = data[at + 1] - 0x80
    start = at + 2 + max(count, 0)
    length = data[at + 1] if count < 0 else int.from_bytes(data[at + 2 : start], "big")
    return (start, start + length) if count != 0 and count <= 4 and start + length <= len(data) else None


def _node(tag: int, body: bytes, depth: int) -> Node:
    prefix = body[:1] if tag == 0x03 else b""  # the count of unused bits
    if body[len(prefix) :] and (tag & 0x20 or tag in (0x03, 0x04)):
        inside = parse(body[len(prefix) :], depth + 1)
        if inside:
            return Node(tag, prefix, inside)
    return Node(tag, body)


def _length(size: int, form: str) -> bytes:
    if form == "indefinite":
        return b"\x80"
    if form == "long":
        return b"\x84" + size.to_bytes(4, "big")
    if form in ("short", "beyond"):
        size = max(0, size + (1 if form == "beyond" else -1))
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets
