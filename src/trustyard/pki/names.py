"""Names that people give: what is allowed, and when two are the same (D-09, D-10)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from trustyard.errors import FieldError, Refused

from .refusals import refuse_private_key

MAX_LENGTH = 100  # characters of a name
MAX_MARKS = 30  # on one letter, as in the Stream-Safe Text Format (Unicode, UAX 15)


def normal(text: str) -> str:
    """The text in Unicode NFC; of marks that follow one another, those beyond `MAX_MARKS` are dropped.

    Sorting the marks on one letter takes the square of their number, and a certificate may bring a million.
    """
    if len(text) > MAX_LENGTH and not text.isascii():
        text = "".join(_calm(text))
    return unicodedata.normalize("NFC", text)


def _calm(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) or character in _MARKS_INSIDE else 0
        if marks <= MAX_MARKS:
            yield character


_MARKS_INSIDE = frozenset("\u0f73\u0f75\u0f81")  # no marks themselves, and made of nothing else


def clean_name(text: str, what: str = "name") -> str:
    """The name in Unicode NFC. `Refused` (`bad-name`, at the field `what`) when the rules of D-10 are broken.

    1-100 characters of any script, no control characters, no space at either end, not `.` or `..`.
    """
    refuse_private_key(text, what)
    name = normal(text)
    problem = _problem(name)
    if problem:
        sentence = f"The {what} {problem}."
        raise Refused(sentence, code="bad-name", fields=[FieldError(what, sentence)])
    return name


def fold(text: str) -> str:
    """The key under which two names are the same: compared without case, in Unicode NFC before and after."""
    folded = normal(text).casefold()
    return normal(folded)


def listed(text: str) -> list[str]:
    r"""Names written with commas between them; a comma within a name is written `\,`."""
    return [part.strip().replace("\\,", ",") for part in re.split(r"(?<!\\),", text)]


def search_fold(text: str) -> str:
    """The form in which a search compares: `fold`, and the four Turkish letters i are one."""
    return fold(text).replace("i\u0307", "i").replace("ı", "i")


def _problem(name: str) -> str:
    if not name:
        return "is missing"
    if len(name) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    # What is printable in ASCII holds none; of other scripts each character is looked at.
    if not (name.isascii() and name.isprintable()) and any(map(_is_control, name)):
        return "holds a control character"
    if name != name.strip():
        return "begins or ends with a space"
    if name in (".", ".."):
        return "is a dot or two dots, which mean folders"
    return ""


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _MISLEADING


# Invisible ones, and those that turn the direction of writing: they make two names look alike (Unicode TR 36).
_MISLEADING = frozenset("\u200b\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
