"""Points of small order on the curves of RFC 7748 and RFC 8032: public keys that need no private one."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

# Of the fields of Edwards curves (RFC 8032, section 5), and of the points of order 8 on the first the smaller y.
_PRIMES = {"Ed25519": 2**255 - 19, "Ed448": 2**448 - 2**224 - 1}
_Y_OF_ORDER_8 = 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_AGREEING: dict[str, tuple[int, Any, Any]] = {
    "X25519": (32, X25519PrivateKey, X25519PublicKey),
    "X448": (56, X448PrivateKey, X448PublicKey),
}


def harm(kind: str, octets: bytes) -> str:
    """What anybody can do with this public key, in words that follow a colon, where it is such a point; else nothing.

    `kind` is Ed25519, Ed448, X25519 or X448. The zeros of a key that was never filled in are such a point. NIST SP
    800-186, sections D.1.2 and D.1.3; RFC 7748, section 6.
    """
    if kind in _PRIMES and _edwards(octets, _PRIMES[kind]):
        return "anybody can sign with it"
    if kind in _AGREEING and _montgomery(octets, *_AGREEING[kind]):
        return "everybody knows the secret that it agrees on"
    return ""


def _edwards(octets: bytes, prime: int) -> bool:
    if not octets:
        return False
    y = int.from_bytes(octets, "little") % (1 << 8 * len(octets) - 1) % prime  # the last bit is the sign of x
    return min(y, prime - y) in (0, 1, _Y_OF_ORDER_8)


def _montgomery(octets: bytes, size: int, private: Any, public: Any) -> bool:
    if len(octets) != size:
        return False
    try:
        private.from_private_bytes(bytes(size)).exchange(public.from_public_bytes(octets))
    except ValueError:  # the secret is all zeros, as with any private key
        return True
    return False
