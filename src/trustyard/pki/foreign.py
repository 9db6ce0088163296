"""Files of other programs, known by how they begin: archives, documents, keystores and certificate databases."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

MAX_FILES = 1_000  # of a ZIP archive whose names are looked at

_ARCHIVES = (
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),  # an empty one
    (b"PK\x07\x08", "ZIP"),  # the first of several parts
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
)
_OTHERS = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office document"),
    (b"\0\0\0\0CERT", "serialized store"),
    (b"kych", "keychain"),
    (b"SQLite format 3\0", "SQLite"),
    (b"\x1e\xf1\xb5\xb0", "private key"),  # .pvk of Windows
)
_BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")
_BOUNCY_CASTLE = re.compile(rb"\0\0\0[\x01\x02]\0\0\0\x14")  # version, and the length of the salt: BKS and UBER
# An old packet of a public key, version 4 of RFC 9580, its moment, and an algorithm that there is.
_OPENPGP = re.compile(rb"[\x98\x99].{1,2}\x04.{4}[\x01-\x03\x10-\x1c]", re.DOTALL)
_CENTRAL, _END = b"PK\x01\x02", b"PK\x05\x06"
# A name that is repeated in a sentence: plain, short, and by its end one of what is read.
_CERTIFICATE_FILE = re.compile(
    rb"[A-Za-z0-9][A-Za-z0-9 ._~()/-]{0,80}\.(?:cer|crt|pem|der|p7b|p7c|p12|pfx|jks|jceks)", re.IGNORECASE
)


def kind_of_archive(data: bytes) -> str | None:
    """What an archive or a compressed file is by its first bytes; a ZIP archive may be an Office document."""
    if _BZIP2.match(data):
        return "bzip2"
    kind = next((kind for beginning, kind in _ARCHIVES if data.startswith(beginning)), None)
    return "Office document" if kind == "ZIP" and b"[Content_Types].xml" in _names(data) else kind


def kind_of_file(data: bytes) -> str | None:
    """What another binary file is by its first bytes, or None."""
    if data[257:262] == b"ustar":
        return "tar"
    if _BOUNCY_CASTLE.match(data):
        return "Bouncy Castle keystore"
    if _OPENPGP.match(data):
        return "PGP"
    return next((kind for beginning, kind in _OTHERS if data.startswith(beginning)), None)


def certificate_files(data: bytes) -> list[str]:
    """The files of a ZIP archive whose names end as those of certificates do; nothing is unpacked."""
    return [name.decode() for name in _names(data) if _CERTIFICATE_FILE.fullmatch(name)]


def _names(data: bytes) -> list[bytes]:
    try:
        return list(_listed(data))
    except struct.error:  # damaged: the name of the whole is enough
        return []


def _listed(data: bytes) -> Iterator[bytes]:
    """The names in the directory at the end of a ZIP archive (PKWARE's APPNOTE, sections 4.3.12 and 4.3.16)."""
    (at,) = struct.unpack_from("<I", data, end + 16) if (end := data.rfind(_END)) >= 0 else (len(data),)
    for _ in range(MAX_FILES):
        if data[at : at + 4] != _CENTRAL:
            return
        name, extra, comment = struct.unpack_from("<HHH", data, at + 28)
        yield data[at + 46 : at + 46 + name]
        at += 46 + name + extra + comment
