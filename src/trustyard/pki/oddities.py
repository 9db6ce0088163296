"""Where reading a certificate had to be tolerant: what breaks the rules of X.690 and RFC 5280, by code."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from cryptography import x509

from trustyard.pki import der, extensions, keys, times
from trustyard.pki.distinguished import Name
from trustyard.pki.remembering import remembered
from trustyard.pki.structure import Structure

_MOST = 50  # a certificate made to be odd has no end of them
_LONGEST_SERIAL = 20  # octets (RFC 5280, section 4.1.2.2)
_MAX_DEPTH = 32


class Oddity(NamedTuple):
    """One of them: its code, and what it is about (an OID, `notBefore`, `subject`, …), where there is something."""

    code: str
    detail: str = ""


def oddities_of(structure: Structure) -> tuple[Oddity, ...]:
    """The oddities of a certificate, at most fifty, each once:

    `ber-encoding`; `negative-serial`, `zero-serial`, `long-serial`; `unknown-version`, `extensions-need-version-3`;
    `signature-algorithms-differ`; `unreadable-key`; `duplicate-extension`, `unreadable-extension` (OID);
    `bad-string`, `not-text` (OID of the attribute), `empty-relative-name`; and of dates `unreadable-date`, `year-zero`,
    `time-without-seconds`, `time-with-fraction`, `time-with-offset` (or without `Z`), `utc-time-with-century`.
    """
    found = (
        *_encoding(structure),
        *_numbers(structure),
        *_names(structure.subject, "subject"),
        *_names(structure.issuer, "issuer"),
        *_dates(structure),
        *_key(structure),
        *_extensions(structure),
    )
    return tuple(islice(dict.fromkeys(found), _MOST)) if found else ()


def _encoding(structure: Structure) -> Iterator[Oddity]:
    if not structure.algorithms_agree:
        yield Oddity("signature-algorithms-differ")
    if not is_der(structure):
        yield Oddity("ber-encoding")


def is_der(structure: Structure) -> bool:
    """Whether the certificate is in DER, and not in another of the forms that BER allows (X.690, sections 8 and 10)."""
    return _loads(structure) or _is_strict(structure.raw)


def _loads(structure: Structure) -> bool:
    """Whether `cryptography` reads it: it takes DER alone, and looks at each element much quicker than we could."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x509.load_der_x509_certificate(structure.raw)
    except (ValueError, TypeError, x509.InvalidVersion):
        return False
    return True


def _is_strict(raw: bytes) -> bool:
    try:
        return _is_der(der.read(raw))
    except ValueError:  # below what a reader of certificates looks at
        return False


def _is_der(element: der.Element, depth: int = 0) -> bool:
    """Whether lengths, integers and booleans are in their one form, and no string in pieces (X.690, section 10)."""
    size = len(element.body)
    header = 2 if size < 0x80 else 2 + (size.bit_length() + 7) // 8
    if len(element.raw) != header + size or element.raw[1] == 0x80 or depth > _MAX_DEPTH:
        return False
    if element.tag & 0x20:
        whole = element.tag & 0xC0 or element.tag in (der.SEQUENCE, der.SET)
        return bool(whole) and all(_is_der(child, depth + 1) for child in element.children())
    if element.tag == der.INTEGER:
        return size == 1 or (size > 1 and (element.body[0], element.body[1] >> 7) not in ((0, 0), (0xFF, 1)))
    return element.tag != der.BOOLEAN or element.body in (b"\x00", b"\xff")


def _numbers(structure: Structure) -> Iterator[Oddity]:
    serial, version = structure.serial, structure.version
    if serial <= 0:
        yield Oddity("negative-serial" if serial else "zero-serial")
    if serial.bit_length() >= 8 * _LONGEST_SERIAL:
        yield Oddity("long-serial")
    if version not in (1, 2, 3):
        yield Oddity("unknown-version", str(version))
    elif version != 3 and structure.extensions:
        yield Oddity("extensions-need-version-3", str(version))


# What each kind of string may hold (X.680, section 41); UTF8String and BMPString are judged by decoding them.
_ALLOWED = {
    0x12: re.compile(rb"[0-9 ]*"),
    0x13: re.compile(rb"[A-Za-z0-9 '()+,./:=?-]*"),
    0x16: re.compile(rb"[\x00-\x7f]*"),
    0x1A: re.compile(rb"[\x20-\x7e]*"),
}
_ENCODINGS = {0x0C: "utf-8", 0x1E: "utf-16-be", 0x1C: "utf-32-be"}


def _names(name: Name, where: str) -> Iterator[Oddity]:
    for relative in name:
        if not relative:
            yield Oddity("empty-relative-name", where)
        for attribute in relative:
            if attribute.text is None:
                yield Oddity("not-text", attribute.oid)
            elif not _is_well_formed(attribute.raw):
                yield Oddity("bad-string", attribute.oid)


@remembered(longest=256, entries=4096)
def _is_well_formed(raw: bytes) -> bool:
    element = der.read(raw)
    if (allowed := _ALLOWED.get(element.tag)) is not None:
        return allowed.fullmatch(element.body) is not None
    try:
        element.body.decode(_ENCODINGS.get(element.tag, "latin-1"))
    except UnicodeDecodeError:
        return False
    return True


_USUAL_TIME = re.compile(rb"\x17\x0d\d{12}Z|\x18\x0f(?!0000)\d{14}Z")
_TIMES = (
    ("year-zero", re.compile(rb"\x18.0000.*", re.DOTALL)),
    ("utc-time-with-century", re.compile(rb"\x17.\d{14}.*", re.DOTALL)),
    ("time-without-seconds", re.compile(rb"(?:\x17.\d{10}|\x18.\d{12})(?!\d).*", re.DOTALL)),
    ("time-with-fraction", re.compile(rb"..\d+[.,].*", re.DOTALL)),
    ("time-with-offset", re.compile(rb"..[\d.,]+(?:[+-]\d{4})?", re.DOTALL)),
)


def _dates(structure: Structure) -> Iterator[Oddity]:
    for raw, where in zip(structure.validity, ("notBefore", "notAfter"), strict=True):
        if times.read(raw) is None:
            yield Oddity("unreadable-date", where)
        elif not _USUAL_TIME.fullmatch(raw):
            yield from (Oddity(code, where) for code, pattern in _TIMES if pattern.fullmatch(raw))


def _key(structure: Structure) -> Iterator[Oddity]:
    facts = keys.facts_of(structure.spki)
    if facts.size is None and (facts.type in ("RSA", "RSA-PSS") or (facts.type == "EC" and facts.curve is None)):
        yield Oddity("unreadable-key")


def _extensions(structure: Structure) -> Iterator[Oddity]:
    oids = [extension.oid for extension in structure.extensions]
    if len(set(oids)) < len(oids):
        yield from (Oddity("duplicate-extension", oid) for at, oid in enumerate(oids) if oid in oids[:at])
    yield from (Oddity("unreadable-extension", oid) for oid in extensions.unreadable(structure))
