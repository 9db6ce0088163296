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


def printable(text: str) -> str:
    """The text with U+FFFD for each character that cannot be printed."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


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
    if not name.isascii() and _joins_nothing(name):
        return "holds a character that nobody sees"
    if name != name.strip():
        return "begins or ends with a space"
    if name in (".", ".."):
        return "is a dot or two dots, which mean folders"
    return ""


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _MISLEADING


# Invisible ones (most of Unicode's Default_Ignorable_Code_Point), and those that turn the direction of writing: they
# make two names look alike (Unicode TR 36).
_MISLEADING = frozenset(
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u3164\ufeff\uffa0"
).union(
    map(chr, range(0x2060, 0x2070)),
    map(chr, range(0xFE00, 0xFE0E)),  # variation selectors
    map(chr, range(0xFFF0, 0xFFFC)),
    map(chr, range(0x1BCA0, 0x1BCA4)),
    map(chr, range(0x1D173, 0x1D17B)),
    map(chr, range(0xE0000, 0xE1000)),  # tags, and more variation selectors
)
# They shape the letters of some scripts and join pictures to one; between other letters they are invisible too.
_JOINERS = "\u200c\u200d"
_AS_PICTURE = "\ufe0e\ufe0f"  # in black and white, in colours
_MONGOLIAN = "\u180b\u180c\u180d\u180f"  # which form a letter has
_SHAPERS = frozenset(_JOINERS + _AS_PICTURE + _MONGOLIAN)


def is_misleading(character: str) -> bool:
    """Whether nobody sees this character, or what is beside it looks other than it is."""
    return character in _MISLEADING or character in _SHAPERS


def skeleton(text: str) -> str:
    """The form in which names that look alike are equal, after the skeleton of Unicode TS 39, section 4.

    Invisible characters are left out, compatible and look-alike letters are in Latin, blanks are single.
    """
    seen = "".join(c for c in unicodedata.normalize("NFKC", text) if not is_misleading(c))
    return " ".join(fold(seen.translate(_LATIN)).translate(_LATIN).split())


# Of Unicode's confusables (TS 39) letters of Cyrillic, Greek and Armenian, and colons, that pass for those of ASCII.
_LATIN = {
    **dict.fromkeys((0x0430, 0x03B1), "a"), **dict.fromkeys((0x0441, 0x03F2), "c"), 0x0501: "d", 0x0435: "e",
    **dict.fromkeys((0x0456, 0x03B9, 0x0269, 0x0131), "i"), **dict.fromkeys((0x043A, 0x03BA), "k"), 0x04CF: "l",
    **dict.fromkeys((0x043C, 0x039C), "m"), **dict.fromkeys((0x039D, 0x0578), "n"),
    **dict.fromkeys((0x043E, 0x03BF, 0x0585), "o"), **dict.fromkeys((0x0440, 0x03C1), "p"), 0x0455: "s",
    **dict.fromkeys((0x0442, 0x03C4), "t"), **dict.fromkeys((0x03C5, 0x057D), "u"), 0x03BD: "v",
    **dict.fromkeys((0x0443, 0x03B3), "y"), **dict.fromkeys((0x02D0, 0x02F8, 0x05C3, 0x2236, 0xA789), ":"),
}  # fmt: skip


_BLANK_BRAILLE = "\u2800"


def refuse_other_blanks(name: str, what: str) -> None:
    """Raises `Refused` for a blank that is not the usual one: nobody can tell two such names apart."""
    if any((unicodedata.category(c) == "Zs" and c != " ") or c == _BLANK_BRAILLE for c in name):
        sentence = f"The {what} holds a blank that is not the usual one."
        raise Refused(sentence, code="bad-name", fields=[FieldError(what, sentence)])


def _joins_nothing(name: str) -> bool:
    return any(c in _SHAPERS and not _shapes(c, name[:at][-1:], name[at + 1 : at + 2]) for at, c in enumerate(name))


def _shapes(character: str, before: str, after: str) -> bool:
    if not before:
        return False
    if character in _JOINERS:
        return bool(after) and _may_join(before, after)
    if character in _AS_PICTURE:  # of a key too: 1, the selector, and the enclosing mark
        return unicodedata.category(before) in ("So", "Sk", "Sm") or after == "\u20e3"
    return "\u1820" <= before <= "\u18aa"


def _may_join(before: str, after: str) -> bool:
    """After a virama (RFC 5892, A.1 and A.2), between letters of Arabic and its kin, between pictures."""
    if unicodedata.combining(before) == 9:
        return True
    if {unicodedata.bidirectional(before), unicodedata.bidirectional(after)} == {"AL"}:
        return True
    picture = unicodedata.category(before) in ("So", "Sk") or before == "\ufe0f"
    return picture and unicodedata.category(after) == "So"
