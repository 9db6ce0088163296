"""A PEM block without what it was copied with: quotes of mail, line numbers, escapes of JSON, HTML and addresses."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

MAX_BYTES = 1_000_000  # of a block or a text in which such is looked for

_ESCAPED_ARMOUR = re.compile(rb"-----BEGIN(?:%20|\+)")
# How a line end and the three characters of base64 beside letters and digits are written in JSON and HTML. What is
# quoted may be quoted again, hence any number of backslashes; the lookbehind makes a run of them linear.
_WRITTEN = tuple(
    (written, re.compile(pattern, re.IGNORECASE))
    for written, pattern in (
        (b"\n", rb"(?<!\\)\\++(?:[nrt]|\r?\n)|&(?:amp;){0,3}#(?:9|10|13|x0?[9ad]);|<br ?/?>"),
        (b"=", rb"(?<!\\)\\++u003d|&(?:amp;){0,3}(?:#61|#x3d|equals);"),
        (b"+", rb"(?<!\\)\\++u002b|&(?:amp;){0,3}(?:#43|#x2b|plus);"),
        (b"/", rb"(?<!\\)\\++(?:u002f|/)|&(?:amp;){0,3}(?:#47|#x2f|sol);"),
    )
)
_QUOTE = re.compile(rb"(?m)^[ \t]*(?:[>|][ \t]?)+")
_PATCH = re.compile(rb"(?m)^[+-]")
_NUMBER = re.compile(rb"[ \t]*+(\d{1,6})(?:[:.)|][ \t]*|[ \t]+|$)")


def unescaped(data: bytes) -> bytes:
    """A text whose BEGIN line is percent-encoded, as in a header or a log of a gateway, as it was before."""
    if len(data) > MAX_BYTES or not (armour := _ESCAPED_ARMOUR.search(data)):
        return data
    return unquote_to_bytes(data.replace(b"+", b" ") if armour[0].endswith(b"+") else data)


def plain(body: bytes) -> bytes:
    """What stands between BEGIN and END, as it was before it was copied; as it is where it holds nothing of the kind.

    None of it is base64, but for the number of a line, which counts as one where each line has the next.
    """
    if len(body) > MAX_BYTES:
        return body
    for written, pattern in _WRITTEN:
        if b"\\" in body or b"&" in body or b"<" in body:
            body = pattern.sub(written, body)
    if b">" in body or b"|" in body:
        body = _QUOTE.sub(b"", body)
    start = body.lstrip()[:1]
    if start in (b"+", b"-"):  # nothing that is DER begins so
        body = _PATCH.sub(b"", body)
    return _without_numbers(body) if start.isdigit() else body


def _without_numbers(body: bytes) -> bytes:
    rest, last = [], None
    for line in filter(bytes.strip, body.splitlines()):
        found = _NUMBER.match(line)
        if not found or int(found[1]) != (int(found[1]) if last is None else last + 1):
            return body
        last = int(found[1])
        rest.append(line[found.end() :])
    return b"\n".join(rest) if len(rest) > 1 else body
