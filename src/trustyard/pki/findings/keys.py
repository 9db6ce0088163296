"""Public keys: too small, too large, broken, or of a kind that not every gateway takes."""

from __future__ import annotations

from collections.abc import Iterator

from trustyard.pki import der, oids, smallorder
from trustyard.pki.keys import KeyFacts, octets_of, rsa_numbers

from .catalogue import Finding, finding
from .examined import Examined

_USUAL_END = b"\x02\x03\x01\x00\x01"  # the exponent 65537, where an RSA key ends
_USUAL_CURVES = frozenset({"P-256", "P-384", "P-521"})
_EC = der.encode_oid(oids.EC)
_AGREEING = ("X25519", "X448", "DH", "ML-KEM")


def check(examined: Examined) -> Iterator[Finding]:
    """Findings about the public key."""
    key = examined.facts.key
    if key.type == "RSA":
        yield from _rsa(key, examined.structure.spki)
    elif key.type == "EC":
        yield from _ec(key, examined.structure.spki)
    elif key.type == "DSA":
        yield finding("dsa-key")
    else:
        agrees = key.type.startswith(_AGREEING)
        yield finding("key-cannot-sign" if agrees else "key-kind-rare", kind=key.type)
        yield from _small_order(key.type, examined.structure.spki)
        if key.type == "RSA-PSS":
            yield from _rsa(key, examined.structure.spki)


def _small_order(kind: str, spki: der.Element) -> Iterator[Finding]:
    if harm := smallorder.harm(kind, octets_of(spki)):
        yield finding("key-small-order", kind=kind, harm=harm)


def _rsa(key: KeyFacts, spki: der.Element) -> Iterator[Finding]:
    size = key.size
    if size is None:
        yield finding("key-unreadable", kind=key.type)
        return
    if size < 2048:
        yield finding("rsa-key-small", size=size)
    elif size > 8192:
        yield finding("rsa-key-large", size=size)
    if spki.raw.endswith(_USUAL_END) and spki.raw[-6] & 1:
        return  # the last octet of the modulus stands before the exponent
    modulus, exponent = rsa_numbers(octets_of(spki))
    if exponent < 3 or exponent % 2 == 0:
        value = exponent if abs(exponent) < 1 << 64 else "even"
        yield finding("rsa-key-broken", number="exponent", value=value)
    elif exponent < 65537:
        yield finding("rsa-exponent-small", exponent=exponent)
    if modulus % 2 == 0:
        yield finding("rsa-key-broken", number="modulus", value="even")


def _ec(key: KeyFacts, spki: der.Element) -> Iterator[Finding]:
    if _writes_out_its_curve(spki.raw):
        yield finding("ec-parameters-explicit")
    elif key.curve in _USUAL_CURVES:
        return
    size, curve = key.size, key.curve or "that it writes out"
    if size is not None and size < 224:
        yield finding("ec-key-small", curve=curve, size=size)
    elif size is not None and size < 256:
        yield finding("ec-key-below-256", curve=curve, size=size)
    elif key.curve is not None and key.curve not in _USUAL_CURVES:
        yield finding("key-kind-rare", kind=f"EC on the curve {curve}")


def _writes_out_its_curve(spki: bytes) -> bool:
    """Whether the parameters behind the algorithm's name are a SEQUENCE, and not the name of a curve."""
    at = spki.find(_EC, 0, 32) + len(_EC)
    return spki[at : at + 1] == b"\x30"
