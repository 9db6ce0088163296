"""PKCS#12 as a source of certificates (RFC 7292); private keys in it are dropped."""

from __future__ import annotations

import warnings

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from trustyard.errors import InputRefused
from trustyard.pki import der

MAX_ITERATIONS = 10_000_000  # openssl writes 2048, Java 10 000; far more is an attack on the reader's time
_MAX_ELEMENTS = 500_000


def is_pkcs12(element: der.Element) -> bool:
    """Whether this is a PFX: version 3, then a ContentInfo."""
    try:
        parts = element.expect(der.SEQUENCE).children()
        return parts[0].integer() == 3 and parts[1].children()[0].oid().startswith("1.2.840.113549.1.7.")
    except (ValueError, IndexError):
        return False


def read(element: der.Element, password: str | None) -> tuple[list[bytes], bool]:
    """DER of its certificates (a key's own first), and whether a private key was among them.

    No password is tried as none and as the empty one.
    `InputRefused`: `password-needed`, `password-wrong`, `bad-pkcs12`.
    """
    if _iterations(element) > MAX_ITERATIONS:
        raise InputRefused("This PKCS#12 file asks for too much computation to open it.", code="bad-pkcs12")
    for candidate in (password.encode("utf-8", "replace"),) if password else (None, b""):
        try:
            return _load(element.raw, candidate)
        except UnsupportedAlgorithm:
            raise InputRefused("This PKCS#12 file uses an unsupported encryption.", code="bad-pkcs12") from None
        except (ValueError, TypeError):
            continue
    if password:
        raise InputRefused("The password does not open this PKCS#12 file, or it is damaged.", code="password-wrong")
    raise InputRefused("This PKCS#12 file needs a password.", code="password-needed", advice="Give it with the file.")


def _load(data: bytes, password: bytes | None) -> tuple[list[bytes], bool]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        store = pkcs12.load_pkcs12(data, password)
    found = [store.cert] if store.cert else []
    certificates = [c.certificate for c in (*found, *store.additional_certs)]
    return [c.public_bytes(serialization.Encoding.DER) for c in certificates], store.key is not None


def _iterations(root: der.Element) -> int:
    """The sum of all iteration counts in the open: integers that follow a salt (an OCTET STRING)."""
    total, seen = 0, 0
    waiting = [root]
    while waiting:
        salted = False
        for part in _inside(waiting.pop()):
            if part.tag == der.INTEGER and salted and part.body:
                total += abs(part.integer())
            salted = part.tag == der.OCTET_STRING
            waiting.append(part)
            seen += 1
        if seen > _MAX_ELEMENTS:
            return MAX_ITERATIONS + 1
    return total


def _inside(element: der.Element) -> list[der.Element]:
    if not element.tag & 0x20 and element.tag != der.OCTET_STRING:
        return []
    try:
        return element.children()
    except ValueError:
        return []
