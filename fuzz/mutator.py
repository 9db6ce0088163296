"""Changes an input where it means something: opens the wrapping, changes the DER tree inside, wraps it again."""

from __future__ import annotations

import base64
import binascii
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime

from fuzz.trees import Node, parse
from trustyard.errors import TrustyardError
from trustyard.pki import der, keystores, pkcs7, truststores

_BLOCK = re.compile(rb"-----BEGIN ([^-\r\n]{1,40})-----([^-]*)-----END \1-----")
_MOMENT = datetime(2026, 6, 15, tzinfo=UTC)
_TAGS = (0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A, 0x0C, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1C, 0x1E, 0x1F,
         0x24, 0x30, 0x31, 0x3F, 0x80, 0x81, 0x82, 0x86, 0x87, 0xA0, 0xA1, 0xA3, 0xA4)  # fmt: skip
_VALUES = (
    b"", b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff" * 9, b"\x00" * 20, b"\x7f" + b"\xff" * 300,
    b"\xd8\x00", b"\x00a\x00\x00", b"\xf0\x9f\x98\x80", b"a\x00b", b"x" * 200, b"\x55\x1d\x11", b"\x55\x04\x03",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", b"\x2a\x86\x48\xce\x3d\x02\x01", b"\x2b\x65\x70", b"\x80\x80\x80\x01",
    b"00000101000000Z", b"99991231235959Z", b"20260101000000+2399", b"500101000000Z", b"0001010000Z",
)  # fmt: skip
_LABELS = (b"CERTIFICATE", b"TRUSTED CERTIFICATE", b"X509 CERTIFICATE", b"PKCS7", b"CMS", b"PRIVATE KEY", b"X509 CRL")


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Another input near this one, the same for the same seed."""
    chance = random.Random(seed)
    made = _rewrapped(data, chance) if chance.random() < 0.8 else _bytes(data, chance)
    return made[:max_size]


def _rewrapped(data: bytes, chance: random.Random) -> bytes:
    if blocks := list(_BLOCK.finditer(data)):
        block = chance.choice(blocks)
        with_label = chance.choice(_LABELS) if chance.random() < 0.2 else block[1]
        inner = _tree(_decoded(block[2]) or block[2], chance)
        return data[: block.start()] + armoured(inner, with_label) + data[block.end() :]
    if data[:1] != b"\x30" and (decoded := _decoded(data)):
        return base64.encodebytes(_tree(decoded, chance))
    made = _tree(data, chance)
    return chance.choice(_WRAPPINGS)(made) if chance.random() < 0.1 else made


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=False) or None
    except (binascii.Error, ValueError):
        return None


def armoured(data: bytes, label: bytes = b"CERTIFICATE") -> bytes:
    """PEM of these bytes."""
    return b"-----BEGIN " + label + b"-----\n" + base64.encodebytes(data) + b"-----END " + label + b"-----\n"


def _pkcs12(data: bytes) -> bytes:
    try:
        return truststores.pkcs12([("a", data)], "")
    except TrustyardError:
        return data


_WRAPPINGS: tuple[Callable[[bytes], bytes], ...] = (
    armoured,
    lambda data: armoured(data) * 2,
    base64.encodebytes,
    lambda data: pkcs7.write([data]),
    lambda data: armoured(pkcs7.write([data, data]), b"PKCS7"),
    lambda data: keystores.write([("a", data)], "changeit", _MOMENT),
    lambda data: der.encode(der.SEQUENCE, data),
    lambda data: data.decode("latin-1").encode("utf-16"),
    _pkcs12,
)


def _bytes(data: bytes, chance: random.Random) -> bytes:
    made = bytearray(data or b"0")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(4):
            case 0:
                made[at : at + 1] = chance.randbytes(1)
            case 1:
                del made[at : at + chance.randint(1, 16)]
            case 2:
                made[at:at] = chance.choice(_VALUES)
            case _:
                made[at:at] = made[at : at + 64]
    return bytes(made)


def _tree(data: bytes, chance: random.Random) -> bytes:
    nodes = parse(data)
    if not nodes:
        return _bytes(data, chance)
    root = Node(0, inside=nodes)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        _change(root, chance)
    return b"".join(node.encode() for node in root.inside)


def _change(root: Node, chance: random.Random) -> None:  # noqa: C901 - nine kinds of change, side by side
    nodes = list(root.walk())
    parent = chance.choice([node for node in nodes if node.inside] or [root])
    if not parent.inside:
        return
    at = chance.randrange(len(parent.inside))
    node = parent.inside[at]
    match chance.randrange(9):
        case 0:
            node.tag = chance.choice(_TAGS)
        case 1:
            node.value, node.inside = chance.choice(_VALUES), []
        case 2:
            node.value, node.inside = _bytes(node.encode()[2:], chance), []
        case 3:
            del parent.inside[at]
        case 4:
            parent.inside[at:at] = [node.copy() for _ in range(chance.choice((1, 1, 2, 30)))]
        case 5:
            parent.inside[at] = chance.choice(nodes).copy()  # a part of itself, in another place
        case 6:
            chance.shuffle(parent.inside)
        case 7:
            node.form = chance.choice(("long", "indefinite", "short", "beyond"))
        case _:
            for _ in range(chance.choice((1, 2, 40))):
                node = Node(chance.choice((0x30, 0x24, 0xA0)), inside=[node], form=chance.choice(("der", "indefinite")))
            parent.inside[at] = node
