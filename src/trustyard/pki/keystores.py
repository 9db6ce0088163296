"""Java keystores of the types JKS and JCEKS: reading their certificates, writing trusted ones."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from datetime import datetime

from trustyard.errors import InputRefused
from trustyard.pki.reading import check_count

_MAGICS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_KEY, _TRUSTED, _SECRET = 1, 2, 3
_DIGEST_LENGTH = 20
MAX_ENTRIES = 20_000  # as many as an import takes
MAX_TRIES = 100_000  # places at which the end of a secret key is looked for
_SERIALIZED = b"\xac\xed\x00\x05"  # how a serialized Java object begins: JCEKS seals secret keys in one


def is_keystore(data: bytes) -> bool:
    """Whether the first bytes are those of a JKS or JCEKS file."""
    return data[:4] in _MAGICS


def read(data: bytes, password: str | None) -> tuple[list[bytes], bool]:
    """DER of its certificates in file order, and whether a private or secret key was among them.

    With a password the file's digest is checked.
    `InputRefused`: `password-wrong`, `bad-keystore`, `too-many-certificates`.
    """
    if password and _digest(password, data[:-_DIGEST_LENGTH]) != data[-_DIGEST_LENGTH:]:
        raise InputRefused("The password does not fit this Java keystore, or it is damaged.", code="password-wrong")
    try:
        return _Cursor(data).entries()
    except (struct.error, ValueError, IndexError):
        raise InputRefused("This Java keystore is damaged.", code="bad-keystore") from None


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
        self.data, self.at, self.tries = data, 4, 0

    def entries(self) -> tuple[list[bytes], bool]:
        version, count = self.number(), self.count()
        certificates: list[bytes] = []
        with_key = False
        for left in range(count - 1, -1, -1):
            check_count(len(certificates), MAX_ENTRIES)
            tag = self.head()
            with_key = with_key or tag != _TRUSTED
            if tag == _KEY:
                self.take(self.number())
                certificates += [self.certificate(version) for _ in range(self.count())]
            elif tag == _TRUSTED:
                certificates.append(self.certificate(version))
            else:
                self.skip_secret_key(last=left == 0)
        return certificates, with_key

    def head(self) -> int:
        """The kind of an entry; its alias and date are passed over."""
        tag = self.number()
        if tag not in (_KEY, _TRUSTED, _SECRET):
            raise ValueError("an entry of another kind")
        self.text()
        self.take(8)
        return tag

    def skip_secret_key(self, *, last: bool) -> None:
        """Past a serialized object, whose length stands nowhere: to the digest, or to what looks like an entry."""
        if self.take(4) != _SERIALIZED:
            raise ValueError("not a secret key")
        if last:
            self.at = len(self.data) - _DIGEST_LENGTH
            return
        while not self.begins_entry():
            self.tries += 1
            if self.tries > MAX_TRIES:
                raise ValueError("no entry in sight")
            self.at = self.data.find(b"\x00\x00\x00", self.at + 1)
            if self.at < 0:
                raise ValueError("no entry follows")

    def begins_entry(self) -> bool:
        """Whether kind, alias, date and the beginning of the content are those of an entry."""
        here = self.at
        try:
            tag = self.head()
            recent = self.data[self.at - 8 : self.at - 6] == b"\x00\x00"  # milliseconds since 1970, for 8000 years
            content = self.take(7)
        except (ValueError, struct.error):
            return False
        finally:
            self.at = here
        beginning = {_KEY: content[4:5] == b"\x30", _TRUSTED: content == b"\x00\x05X.509"}
        return recent and beginning.get(tag, content[:4] == _SERIALIZED)

    def count(self) -> int:
        """How many entries, or certificates of one chain, are said to follow."""
        if (count := self.number()) > len(self.data):
            raise ValueError("more entries than octets")
        check_count(count, MAX_ENTRIES)
        return count

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
