"""Throw-away certificate authorities for tests: keys made here, used on loopback, forgotten."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass
class Issued:
    """A certificate with its key; `chain` is PEM of what a server would present after it."""

    certificate: x509.Certificate
    key: Any
    chain: str = ""
    files: dict[Path, tuple[str, str]] = field(default_factory=dict, repr=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def sha256(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def written(self, folder: Path) -> tuple[str, str]:
        """The paths of certificate (with chain) and key, written to this folder once."""
        if folder not in self.files:
            stem = folder / self.sha256[:16]
            cert, key = stem.with_suffix(".pem"), stem.with_suffix(".key")
            cert.write_text(self.pem + self.chain)
            key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            self.files[folder] = (str(cert), str(key))
        return self.files[folder]


class Authority(Issued):
    """A CA that issues certificates for clients and servers of 127.0.0.1; it is made at this `moment`, or now."""

    def __init__(self, name: str, issuer: Authority | None = None, *, moment: datetime | None = None) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(name, key, issuer, ca=True, moment=moment)
        super().__init__(made, key, "" if issuer is None else issuer.pem + issuer.chain)
        self.is_root = issuer is None

    def issue(self, name: str, key: Any = None) -> Issued:
        """A certificate for a client and a server, valid from yesterday for a year."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        return Issued(_certificate(name, key, self, ca=False), key, "" if self.is_root else self.pem)


def _certificate(
    name: str, key: Any, issuer: Issued | None, *, ca: bool, moment: datetime | None = None
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = (moment or datetime.now(UTC)).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer.key if issuer else key, hashes.SHA256())
