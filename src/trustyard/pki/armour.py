"""PEM armour (RFC 7468) as it is met: text around it, CRLF, a byte order mark, headers of old keys."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from trustyard.errors import InputRefused
from trustyard.pki import pasted

MAX_BLOCKS = 50_000  # a bulk import may hold 20 000 certificates, each with what belongs to it

_BEGIN = re.compile(rb"-----BEGIN ([A-Za-z0-9 #._/-]{1,64}?)-----")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_SPACE = b" \t\r\n\x0b\x0c"
# What web pages and editors leave in UTF-8: no-break space, zero-width space, byte order mark.
_INVISIBLE = re.compile(rb"(?:\xc2\xa0|\xe2\x80\x8b|\xef\xbb\xbf)+")
_HEADERS = re.compile(
    rb"\s*+(?:[A-Za-z][A-Za-z0-9-]{0,63}:[^\r\n]*+(?:\r\n|\r|\n)(?:[ \t][^\r\n]*+(?:\r\n|\r|\n))*+)++"
)  # RFC 1421, 4.6; possessive, so that a million of them take no memory


@dataclass(frozen=True)
class Block:
    """One block: its label, its number in the file (from 1), and the text between the lines, still encoded."""

    label: str
    number: int
    body: bytes

    def der(self) -> bytes:
        """The bytes behind the base64. `InputRefused` (`bad-base64`) when it is none.

        What is DER as it stands is taken so: a header may hold what looks like an escape.
        """
        with contextlib.suppress(ValueError):
            if (data := _decoded(self.body)).startswith(b"\x30"):
                return data
        try:
            return _decoded(pasted.plain(self.body))
        except ValueError:
            raise InputRefused(
                f"The base64 of PEM block {self.number} is damaged.",
                code="bad-base64",
                advice="It was cut off or changed on the way; take it from its source again.",
            ) from None


def _decoded(body: bytes) -> bytes:
    headers = _HEADERS.match(body)
    return decode(body[headers.end() :] if headers else body)


def is_armoured(data: bytes) -> bool:
    """Whether there is a BEGIN line anywhere."""
    return _BEGIN.search(data) is not None


def walk(data: bytes) -> Iterator[Block | InputRefused]:
    """The PEM blocks in their order; in place of one without an END line of its own stands its refusal.

    Above the limit `InputRefused` (`too-many-blocks`) is raised.
    """
    number = 0
    match = _BEGIN.search(data)
    while match:
        number += 1
        if number > MAX_BLOCKS:
            raise InputRefused(
                f"This holds more than {MAX_BLOCKS} PEM blocks.",
                code="too-many-blocks",
                advice="Split it into several files, and leave out what is no certificate.",
            )
        end_line = b"-----END " + match[1] + b"-----"
        following = _BEGIN.search(data, match.end())
        end = data.find(end_line, match.end(), following.start() if following else len(data))
        if end < 0:
            yield InputRefused(
                f"PEM block {number} has no END line.",
                code="pem-no-end",
                advice="The text was probably cut off; copy it again from BEGIN to END.",
            )
        else:
            yield Block(match[1].decode(), number, data[match.end() : end])
        match = following


def decode(text: bytes) -> bytes:
    """Base64 (RFC 4648, sections 4 and 5) with white space between, its padding written or left out.

    ValueError for any other character or a cut-off end.
    """
    bare = text.translate(None, _SPACE)
    if not bare.isascii():
        bare = _INVISIBLE.sub(b"", bare)
    if (b"-" in bare or b"_" in bare) and b"+" not in bare and b"/" not in bare:
        bare = bare.translate(_FROM_URL)
    try:
        return base64.b64decode(bare if b"=" in bare else bare + b"=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
