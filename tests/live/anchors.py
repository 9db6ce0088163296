"""Anchors of every sort that gateways meet, each with somebody whose certificate ends in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from cryptography.x509.oid import NameOID

from tests.authority import Authority, Issued

NOW = datetime.now(UTC).replace(microsecond=0)
_DAY = timedelta(days=1)
_NO_HASH = (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey, mldsa.MLDSA65PrivateKey)


def _key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def _made(name: str, key: Any, issuer: Issued | None, ca: bool | None, first: int, last: int) -> Issued:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + first * _DAY)
        .not_valid_after(NOW + last * _DAY)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    signer = issuer.key if issuer else key
    return Issued(builder.sign(signer, None if isinstance(signer, _NO_HASH) else hashes.SHA256()), key)


def root(name: str, key: Any, *, ca: bool | None = True, first: int = -1, last: int = 365) -> Issued:
    """A certificate that issued itself, valid from `first` to `last` days from now."""
    return _made(name, key, None, ca, first, last)


def client_of(anchor: Issued) -> Issued:
    """A client with a certificate by this anchor."""
    return _made("client", _key(), anchor, False, -1, 90)


def pairs() -> dict[str, Callable[[], tuple[Issued, Issued]]]:
    """Trait to a maker of an anchor and of whoever belongs to it."""
    own = {
        "expired": lambda: root("An expired CA", _key(), first=-400, last=-10),
        "not yet valid": lambda: root("A CA of tomorrow", _key(), first=10, last=100),
        "no CA mark": lambda: root("A CA without a mark", _key(), ca=None),
        "Ed25519": lambda: root("An Ed25519 CA", ed25519.Ed25519PrivateKey.generate()),
        "Ed448": lambda: root("An Ed448 CA", ed448.Ed448PrivateKey.generate()),
        "ML-DSA": lambda: root("An ML-DSA CA", mldsa.MLDSA65PrivateKey.generate()),
        "unusual curve": lambda: root("A brainpool CA", ec.generate_private_key(ec.BrainpoolP256R1())),
        "short RSA": lambda: root("A short CA", rsa.generate_private_key(65537, 1024)),
    }
    made: dict[str, Callable[[], tuple[Issued, Issued]]] = {
        trait: lambda maker=maker: (anchor := maker(), client_of(anchor))  # type: ignore[misc]
        for trait, maker in own.items()
    }
    made["intermediate"] = lambda: (inner := Authority("An intermediate", Authority("Its root")), client_of(inner))
    made["pin"] = lambda: (pin := Issued(*_pinned()), pin)
    return made


def _pinned() -> tuple[x509.Certificate, Any]:
    issued = Authority("Somebody's root").issue("A pinned client")
    return issued.certificate, issued.key
