"""PKCS#12 as a source of certificates (RFC 7292); private keys in it are noticed, never opened."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.exceptions import UnsupportedAlgorithm

from trustyard.errors import InputRefused
from trustyard.pki import der, passwords, pbe, pfxmac, pkcs7
from trustyard.pki.passwords import TooMuch, Unsupported, Work

MAX_NESTING = 8  # bags of bags
_PER_PART, _PER_BAG = 100, 10  # iterations that to look at one costs as much as

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
    try:
        content, mac = _opened(element)
    except (ValueError, IndexError):
        raise InputRefused("This PKCS#12 file is damaged.", code="bad-pkcs12") from None
    for candidate in passwords.candidates(password):
        work = Work()
        try:
            if mac is None or pfxmac.fits(mac, content, candidate, work):
                return _collected(content, candidate, work)
        except TooMuch:
            raise InputRefused(
                "This PKCS#12 file asks for too much computation to open it.", code="bad-pkcs12"
            ) from None
        except (Unsupported, UnsupportedAlgorithm):  # the latter where OpenSSL is built or told to be without old ones
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


def _collected(content: bytes, password: str | None, work: Work) -> tuple[list[bytes], bool]:
    certificates: list[bytes] = []
    with_key = False
    for kind, value in _bags(content, password, work):
        if kind == _CERTIFICATE:
            certificates += _certificate(value)
        with_key = with_key or kind in _KEYS
    return certificates, with_key


def _bags(content: bytes, password: str | None, work: Work) -> Iterator[tuple[str, der.Element]]:
    """Kind and value of each bag of the AuthenticatedSafe (section 4.1), those inside bags too."""
    for info in der.read(content).expect(der.SEQUENCE).children():
        work.take(_PER_PART)
        kind, wrapped = info.expect(der.SEQUENCE).children()
        if kind.oid() == pkcs7.DATA:
            yield from _inner_bags(der.read(wrapped.children()[0].octets()), work)
        elif kind.oid() == _ENCRYPTED_DATA:
            yield from _inner_bags(der.read(_decrypted(wrapped.children()[0], password, work)), work)
        elif kind.oid() != _ENVELOPED_DATA:  # for the holder of a key, whom nobody asks here
            raise Unsupported


def _inner_bags(contents: der.Element, work: Work, depth: int = 0) -> Iterator[tuple[str, der.Element]]:
    if depth > MAX_NESTING:
        raise Unsupported
    for bag in contents.expect(der.SEQUENCE).children():
        work.take(_PER_BAG)
        kind, wrapped = bag.expect(der.SEQUENCE).children()[:2]
        value = wrapped.children()[0]
        if kind.oid() == _BAGS:
            yield from _inner_bags(value, work, depth + 1)
        else:
            yield kind.oid(), value


def _decrypted(encrypted: der.Element, password: str | None, work: Work) -> bytes:
    """The content of an EncryptedData (RFC 5652, section 8)."""
    _version, info = encrypted.expect(der.SEQUENCE).children()[:2]
    _kind, algorithm, content = info.expect(der.SEQUENCE).children()
    data = content.body if content.tag == 0x80 else content.octets()
    return pbe.decrypt(algorithm, data, password, work)


def _certificate(value: der.Element) -> list[bytes]:
    kind, wrapped = value.expect(der.SEQUENCE).children()
    return [wrapped.children()[0].octets()] if kind.oid() == _X509 else []  # the other kind is SDSI's
