"""Java keystores of the types JKS and JCEKS: reading their certificates, writing trusted ones."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from datetime import datetime

from trustyard.errors import InputRefused

_MAGICS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_KEY, _TRUSTED = 1, 2


def is_keystore(data: bytes) -> bool:
    """Whether the first bytes are those of a JKS or JCEKS file."""
    return data[:4] in _MAGICS


def read(data: bytes, password: str | None) -> tuple[list[bytes], bool]:
    """DER of its certificates in file order, and whether a private key was among them.

    With a password the file's digest is checked. `InputRefused`: `password-wrong`, `bad-keystore`.
    """
    if password and _digest(password, data[:-20]) != data[-20:]:
        raise InputRefused("The password does not fit this Java keystore, or it is damaged.", code="password-wrong")
    try:
        return _Cursor(data).entries()
    except (struct.error, ValueError, IndexError):
        raise InputRefused("This Java keystore is damaged, or holds secret keys.", code="bad-keystore") from None


def write(entries: Sequence[tuple[str, bytes]], password: str, moment: datetime) -> bytes:
    """A JKS file of trusted certificates, the same bytes for the same arguments; `moment` is each entry's date."""
    milliseconds = int(moment.timestamp() * 1000)
    body = bytearray(_MAGICS[0] + struct.pack(">II", 2, len(entries)))
    for alias, der in entries:
        body += struct.pack(">I", _TRUSTED) + _utf(alias) + struct.pack(">Q", milliseconds)
        body += _utf("X.509") + struct.pack(">I", len(der)) + der
    return bytes(body) + _digest(password, bytes(body))


def _digest(password: str, body: bytes) -> bytes:
    """SHA-1 over password, a phrase and the file: the format says so. It guards against accidents, not attackers."""
    salted = password.encode("utf-16-be", "surrogatepass") + b"Mighty Aphrodite" + body
    return hashlib.sha1(salted, usedforsecurity=False).digest()


def _utf(text: str) -> bytes:
    """Java's modified UTF-8: each UTF-16 unit on its own, NUL in two bytes."""
    units = memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H")
    encoded = b"".join(b"\xc0\x80" if unit == 0 else chr(unit).encode("utf-8", "surrogatepass") for unit in units)
    return struct.pack(">H", len(encoded)) + encoded


class _Cursor:
    """Reads a keystore from its start to its end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 4

    def entries(self) -> tuple[list[bytes], bool]:
        version, count = self.number(), self.number()
        certificates: list[bytes] = []
        with_key = False
        for _ in range(count):
            tag = self.number()
            self.text()
            self.take(8)
            if tag == _KEY:
                with_key = True
                self.take(self.number())
                certificates += [self.certificate(version) for _ in range(self.number())]
            elif tag == _TRUSTED:
                certificates.append(self.certificate(version))
            else:
                raise ValueError("an entry of another kind")
        return certificates, with_key

    def certificate(self, version: int) -> bytes:
        if version == 2:
            self.text()
        return self.take(self.number())

    def number(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def text(self) -> bytes:
        return self.take(int(struct.unpack(">H", self.take(2))[0]))

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise ValueError("the file ends too early")
        self.at += count
        return self.data[self.at - count : self.at]
