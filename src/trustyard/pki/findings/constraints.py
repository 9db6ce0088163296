"""Name constraints: what they permit and exclude in words, and whether they can be applied at all."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from trustyard.pki import der
from trustyard.pki.distinguished import read_name, rfc4514
from trustyard.pki.sentences import few

from .catalogue import Finding, finding
from .examined import NAME_CONSTRAINTS, Examined

_TEXTS = {0x81: "e-mail addresses of", 0x82: "DNS names below", 0x86: "URIs of"}
_OTHERS = {0xA0: "other names", 0xA3: "X.400 addresses", 0xA5: "EDI party names", 0x88: "registered IDs"}
_SHOWN = 6
_LISTS = {0xA0: "permitted", 0xA1: "excluded"}


def check(examined: Examined) -> Iterator[Finding]:
    """What it permits; or why that cannot be applied."""
    extension = examined.extensions[NAME_CONSTRAINTS]
    if not examined.facts.is_ca:
        yield finding("name-constraints-misplaced", reason="those of a certificate that is no CA")
    elif not extension.critical:
        yield finding("name-constraints-misplaced", reason="in an extension that is not critical")
    try:
        words = "; ".join(_words(extension.value))
    except ValueError as error:
        reason = str(error) if isinstance(error, _Wrong) else "they cannot be read"
        yield finding("name-constraints-malformed", reason=reason)
    else:
        yield finding("name-constraints", words=words)


class _Wrong(ValueError):
    """Why the constraints cannot be applied, in words."""


def _words(value: bytes) -> Iterator[str]:
    parts = der.read_all(value).expect(der.SEQUENCE).children()
    if not parts:
        raise _Wrong("they constrain nothing")
    for part in parts:
        if part.tag not in _LISTS:
            raise _Wrong("there is something in them that does not belong there")
        kinds: dict[str, list[str]] = {}
        for tree in part.children():
            kind, name = _tree(tree)
            kinds.setdefault(kind, []).extend([name[:200]] if name else [])
        if not kinds:
            raise _Wrong(f"their list of {_LISTS[part.tag]} names is empty")
        yield f"{_LISTS[part.tag]} {', '.join(f'{kind} {few(names, _SHOWN)}'.strip() for kind, names in kinds.items())}"


def _tree(element: der.Element) -> tuple[str, str]:
    """The kind of name, and the name."""
    base, *bounds = element.expect(der.SEQUENCE).children()
    if bounds:
        raise _Wrong("they count levels (minimum or maximum), which nobody supports")
    if base.tag in _TEXTS:
        return _TEXTS[base.tag], _text(base)
    if base.tag == 0x87:
        return "addresses in", _network(base.body)
    if base.tag == 0xA4:
        return "directory names under", rfc4514(read_name(der.read_all(base.body))) or "(all)"
    if base.tag in _OTHERS:
        return _OTHERS[base.tag], ""
    raise _Wrong("they are of a kind of name that does not exist")


def _text(base: der.Element) -> str:
    try:
        text = base.body.decode("ascii")
    except UnicodeDecodeError:
        raise _Wrong("a name in them is not ASCII") from None
    if not text.isprintable() or " " in text or "*" in text:
        raise _Wrong("a name in them is none")
    return text or "(all)"


def _network(octets: bytes) -> str:
    if len(octets) not in (8, 32):
        raise _Wrong("an address range in them has a wrong length")
    half = len(octets) // 2
    address, mask = octets[:half], int.from_bytes(octets[half:], "big")
    bits = 8 * half
    length = mask.bit_count()
    if mask != ((1 << length) - 1) << (bits - length):
        raise _Wrong("an address mask in them has a hole")
    return str(ipaddress.ip_network((address, length), strict=False))
