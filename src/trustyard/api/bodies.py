"""Bodies as they arrive: capped, of the right media type, and JSON that means one thing only."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, NoReturn

from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from ninja.parser import Parser
from ninja.types import DictStrAny

from trustyard.errors import FieldError, Refused, TooLarge
from trustyard.pki.containers import MAX_BYTES

from .problems import Unreadable, WrongMediaType

MAX_JSON = 14_000_000  # 14 MB
MAX_FILE = MAX_BYTES
_AROUND_A_FILE = 100_000  # headers of parts, boundaries and a password
MAX_DEPTH = 64  # of lists and objects in one another; ours need six
MAX_VALUES = 120_000  # an import of 20,000 certificates has 80,000; of two bytes each they take 50 times their text
JSON = "application/json"
MULTIPART = "multipart/form-data"
# One that does not end goes to the end: else the search would begin again at each quote in it.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def judge(
    request: HttpRequest, media_types: tuple[str, ...], *, optional: bool = False, most: int | None = None
) -> None:
    """Refuses, before it is read, a body that is missing, too large (over `most` bytes) or of another type than these.

    Raises `Unreadable` (400), `TooLarge` (413), `WrongMediaType` (415).
    """
    length = _length(request)
    given = request.content_type or ""
    if length == 0 and given != MULTIPART:
        if optional:
            return
        raise Unreadable("The body is empty.", advice=f"Send one of type {' or '.join(media_types)}.")
    if given not in media_types:
        what = given or "no type"
        raise WrongMediaType(f"This body is of {what}.", advice=f"Send {' or '.join(media_types)}.")
    cap = most or (MAX_JSON if given == JSON else MAX_FILE + _AROUND_A_FILE)
    if length > cap:
        raise TooLarge(f"The body is larger than {cap // 1_000_000} MB.")
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity")
    if encoding != "identity":
        raise WrongMediaType(f"This body is encoded ({encoding}).", advice="Send it as it is.")


def _length(request: HttpRequest) -> int:
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


class StrictParser(Parser):
    """JSON by RFC 8259 and nothing beside it: no NaN, no name twice, no NUL or half a character in a text."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        """The value. Raises `Unreadable`, or `Refused` for text that could not be stored."""
        value: DictStrAny = read_json(request.body)
        return value


def read_json(data: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises `Unreadable`; `Refused` for NUL and lone surrogates."""
    _check_count(data)
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"The body is not JSON from line {error.lineno}, column {error.colno} on.") from None
    except (ValueError, RecursionError):  # a number of thousands of digits; thousands of brackets
        raise Unreadable("The body is JSON that nobody needs: too deep, or a number too long.") from None
    # What could not be stored comes by an escape alone, for UTF-8 and JSON know no other way to write it.
    if b"\\u" in data or data.count(b"{") + data.count(b"[") >= MAX_DEPTH:
        _check_text(value, ())
    return value


def _check_count(data: bytes) -> None:
    """Counts values by what stands between them. Text has commas too, and is taken out unless that takes as much."""
    if _count(data) <= MAX_VALUES:
        return
    quotes = data.count(b'"') - data.count(b'\\"')
    if quotes > 4 * MAX_VALUES or _count(_STRING.sub(b"", data)) > MAX_VALUES:
        raise Unreadable(f"The body is JSON of more than {MAX_VALUES:,} values.", advice="Send it in several requests.")


def _count(data: bytes) -> int:
    return data.count(b",") + data.count(b"{") + data.count(b"[")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise Unreadable(f"The name {twice[:60]!r} stands twice in one object.")
    return value


def _no_constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is no JSON number.")


def _check_text(value: Any, place: tuple[str | int, ...]) -> None:
    if len(place) >= MAX_DEPTH and isinstance(value, dict | list):
        raise Unreadable(f"The body is JSON of more than {MAX_DEPTH} lists and objects in one another.")
    match value:
        case str():
            if "\x00" in value or not _is_whole(value):
                sentence = "This text holds NUL or half a character."
                field = ".".join(map(str, place))[:200]
                raise Refused(sentence, code="bad-fields", fields=[FieldError(field, sentence)])
        case dict():
            for name, one in value.items():
                _check_text(name, place)
                _check_text(one, (*place, name))
        case list():
            for index, one in enumerate(value):
                _check_text(one, (*place, index))


def _is_whole(text: str) -> bool:
    """Whether it can be written as UTF-8: not with one half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def uploaded(request: HttpRequest) -> tuple[str, bytes, str | None]:
    """The one part `file` of a multipart body, as name and bytes, and the part `password` where there is one."""
    form = Form.of(request, "password")
    if len(form.files) != 1:
        raise refused("file", "One part `file` with a file name is required.")
    [(name, data)] = form.files
    if len(data) > MAX_FILE:
        raise TooLarge(
            "The file is larger than 10 MB.", code="file-too-large", fields=[FieldError("file", "Over 10 MB.")]
        )
    return name, data, form.one("password")


@dataclass(frozen=True)
class Form:
    """A multipart body: the parts `file` as name and bytes, and the texts by their names."""

    files: list[tuple[str, bytes]]
    texts: dict[str, list[str]]

    @classmethod
    def of(cls, request: HttpRequest, *texts: str) -> Form:
        """The form with parts `file` and texts of these names. Raises `Unreadable`; `Refused` for other parts, NUL."""
        try:
            files, given = request.FILES, request.POST
        except MultiPartParserError:
            raise Unreadable("The multipart body cannot be read.") from None
        strange = sorted({*files, *given} - {"file", *texts})
        if strange:
            raise refused(strange[0][:60], "There is no such part here.")
        for name in texts:
            if any("\x00" in text for text in given.getlist(name)):
                raise refused(name, "This text holds NUL.")
        held = [(file.name or "", file.read()) for file in files.getlist("file")]
        return cls(held, {name: given.getlist(name) for name in texts})

    def one(self, name: str) -> str | None:
        """The text of this name, None where it is empty or not there. Raises `Refused` when there are several."""
        found = self.texts[name]
        if len(found) > 1:
            raise refused(name, f"At most one part `{name}` is taken.")
        return found[0] if found and found[0] else None

    def flag(self, name: str) -> bool:
        """`true` or `false`, which is also what a part that is not there says. Raises `Refused` for any other text."""
        text = self.one(name) or "false"
        if text not in ("true", "false"):
            raise refused(name, "This is true or false.")
        return text == "true"


def refused(field: str, sentence: str) -> Refused:
    """What is said of a part of a form."""
    return Refused(f"{field}: {sentence}", code="bad-fields", fields=[FieldError(field, sentence)])
