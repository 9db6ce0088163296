"""PKCS#12 as a source of certificates (RFC 7292); private keys in it are noticed, never opened."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from trustyard.errors import InputRefused
from trustyard.pki import der, passwords, pbe, pfxmac, pkcs7, rc2
from trustyard.pki.passwords import Unsupported

MAX_ITERATIONS = 3_000_000  # of all parts; openssl writes 2048, Java 10 000, Firefox 600 000 for each
MAX_ELEMENTS = 500_000  # looked at for such counts
MAX_DEPTH = 40  # of them in one another
MAX_NESTING = 8  # bags of bags

_ENCRYPTED_DATA, _ENVELOPED_DATA = "1.2.840.113549.1.7.6", "1.2.840.113549.1.7.3"
_BAG = "1.2.840.113549.1.12.10.1."
_KEYS, _CERTIFICATE, _BAGS = (_BAG + "1", _BAG + "2"), _BAG + "3", _BAG + "6"
_X509 = "1.2.840.113549.1.9.22.1"


def is_pkcs12(element: der.Element) -> bool:
    """Whether this is a PFX: version 3, then a ContentInfo."""
    try:
        parts = element.expect(der.SEQUENCE).children()
        return parts[0].integer() == 3 and parts[1].children()[0].oid().startswith("1.2.840.113549.1.7.")
    except (ValueError, IndexError):
        return False


def read(element: der.Element, password: str | None) -> tuple[list[bytes], bool]:
    """DER of its certificates in file order, and whether a private key is among them.

    No password is tried as none and as the empty one.
    `InputRefused`: `password-needed`, `password-wrong`, `bad-pkcs12`.
    """
    slow = len(element.raw) > rc2.MAX_BYTES and pbe.names_rc2(element.raw)
    if slow or _iterations(element) > MAX_ITERATIONS:
        raise InputRefused("This PKCS#12 file asks for too much computation to open it.", code="bad-pkcs12")
    try:
        content, mac = _opened(element)
    except (ValueError, IndexError):
        raise InputRefused("This PKCS#12 file is damaged.", code="bad-pkcs12") from None
    for candidate in passwords.candidates(password):
        try:
            if mac is None or pfxmac.fits(mac, content, candidate):
                return _collected(content, candidate)
        except Unsupported:
            raise InputRefused("This PKCS#12 file uses an unsupported encryption.", code="bad-pkcs12") from None
        except (ValueError, IndexError, OverflowError):
            continue
    if password:
        raise InputRefused("The password does not open this PKCS#12 file, or it is damaged.", code="password-wrong")
    raise InputRefused(
        "This PKCS#12 file needs a password.",
        code="password-needed",
        advice="Give its password with the file.",
    )


def _opened(element: der.Element) -> tuple[bytes, der.Element | None]:
    """What the integrity check covers, and the check; signed content (integrity by a key pair) has none here."""
    _version, info, *rest = element.children()
    kind, content = info.children()
    if kind.oid() == pkcs7.SIGNED_DATA:
        _oid, inner = content.children()[0].expect(der.SEQUENCE).children()[2].children()
        return inner.children()[0].octets(), None
    if kind.oid() != pkcs7.DATA:
        raise der.DerError("neither data nor signed data")
    return content.children()[0].octets(), rest[0].expect(der.SEQUENCE) if rest else None


def _collected(content: bytes, password: str | None) -> tuple[list[bytes], bool]:
    certificates: list[bytes] = []
    with_key = False
    for kind, value in _bags(content, password):
        if kind == _CERTIFICATE:
            certificates += _certificate(value)
        with_key = with_key or kind in _KEYS
    return certificates, with_key


def _bags(content: bytes, password: str | None) -> Iterator[tuple[str, der.Element]]:
    """Kind and value of each bag of the AuthenticatedSafe (section 4.1), those inside bags too."""
    for info in der.read(content).expect(der.SEQUENCE).children():
        kind, wrapped = info.expect(der.SEQUENCE).children()
        if kind.oid() == pkcs7.DATA:
            yield from _inner_bags(der.read(wrapped.children()[0].octets()))
        elif kind.oid() == _ENCRYPTED_DATA:
            yield from _inner_bags(der.read(_decrypted(wrapped.children()[0], password)))
        elif kind.oid() != _ENVELOPED_DATA:  # for the holder of a key, whom nobody asks here
            raise Unsupported


def _inner_bags(contents: der.Element, depth: int = 0) -> Iterator[tuple[str, der.Element]]:
    if depth > MAX_NESTING:
        raise Unsupported
    for bag in contents.expect(der.SEQUENCE).children():
        kind, wrapped = bag.expect(der.SEQUENCE).children()[:2]
        value = wrapped.children()[0]
        if kind.oid() == _BAGS:
            yield from _inner_bags(value, depth + 1)
        else:
            yield kind.oid(), value


def _decrypted(encrypted: der.Element, password: str | None) -> bytes:
    """The content of an EncryptedData (RFC 5652, section 8)."""
    _version, info = encrypted.expect(der.SEQUENCE).children()[:2]
    _kind, algorithm, content = info.expect(der.SEQUENCE).children()
    data = content.body if content.tag == 0x80 else content.octets()
    return pbe.decrypt(algorithm, data, password)


def _certificate(value: der.Element) -> list[bytes]:
    kind, wrapped = value.expect(der.SEQUENCE).children()
    return [wrapped.children()[0].octets()] if kind.oid() == _X509 else []  # the other kind is SDSI's


def _iterations(root: der.Element) -> int:
    """The sum of all iteration counts in the open."""
    total, seen = 0, 0
    level = [root]
    for _ in range(MAX_DEPTH):
        below: list[der.Element] = []
        for element in level:
            if not (parts := _inside(element)):
                continue
            total += _asked_by(parts)
            below += [part for part in parts if part.tag & 0x20 or part.tag == der.OCTET_STRING]
            seen += len(parts)
            if seen > MAX_ELEMENTS or total > MAX_ITERATIONS:
                return MAX_ITERATIONS + 1
        level = below
    return MAX_ITERATIONS + 1 if level else total


def _asked_by(parts: list[der.Element]) -> int:
    """What the integers behind a salt (an OCTET STRING) ask for: PBKDF2 and MACs have a count, scrypt has N, r, p."""
    for at, part in enumerate(parts[:-1]):
        if _is_octets(part) and parts[at + 1].tag == der.INTEGER:
            numbers = [_number(p) for p in itertools.takewhile(lambda p: p.tag == der.INTEGER, parts[at + 1 : at + 4])]
            return math.prod(numbers) if len(numbers) == 3 else numbers[0]  # N·r·p steps of scrypt cost as much
    return 0


def _number(element: der.Element) -> int:
    """The value, or more than is allowed where it is longer than any count."""
    return abs(element.integer()) if 0 < len(element.body) <= 8 else MAX_ITERATIONS + 1


def _inside(element: der.Element) -> list[der.Element]:
    if not element.tag & 0x20 and not _is_octets(element):
        return []
    try:
        return element._replace(body=element.octets()).children() if _is_octets(element) else element.children()
    except ValueError:
        return []


def _is_octets(element: der.Element) -> bool:
    """An OCTET STRING, in pieces (BER) or not."""
    return element.tag & ~0x20 == der.OCTET_STRING
