"""Certificates for tests of the trust check: right in every way, but for the one that a test asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.trust import Purpose, Question

MOMENT = datetime(2026, 6, 1, tzinfo=UTC)
START, END = MOMENT - timedelta(days=30), MOMENT + timedelta(days=60)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
HOST = "partner.test"
NONE: Any = object()  # leaves an extension out


@dataclass(frozen=True)
class Made:
    """A certificate, its key, and its name for those that it issues."""

    certificate: Certificate
    key: Any
    subject: x509.Name
    x509: x509.Certificate


def name(text: str | x509.Name | None) -> x509.Name:
    if isinstance(text, x509.Name):
        return text
    return x509.Name([] if text is None else [x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(*, sign: bool = False, cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(sign, False, False, False, False, cert_sign, cert_sign, False, False)


def make(
    subject: str | x509.Name | None,
    issuer: Made | None = None,
    *,
    ca: bool = False,
    key: Any = None,
    start: datetime = START,
    end: datetime = END,
    serial: int | None = None,
    critical: dict[type[x509.ExtensionType], bool] | None = None,
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
    issuer_name: str | None = "",
    version: x509.Version = x509.Version.v3,
    **changed: Any,
) -> Made:
    """A CA or an end entity. `changed` replaces extensions by their class, `NONE` leaves one out; `extra` adds more."""
    private = key or ec.generate_private_key(ec.SECP256R1())
    said = issuer.subject if issuer else name(subject)
    signer = issuer.key if issuer else private
    wanted: dict[str, Any] = {
        "BasicConstraints": x509.BasicConstraints(ca, None),
        "KeyUsage": usage(sign=not ca, cert_sign=ca),
        "SubjectKeyIdentifier": x509.SubjectKeyIdentifier.from_public_key(private.public_key()),
    }
    if issuer:
        wanted["AuthorityKeyIdentifier"] = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    if not ca:
        wanted["ExtendedKeyUsage"] = x509.ExtendedKeyUsage([SERVER, CLIENT])
        wanted["SubjectAlternativeName"] = x509.SubjectAlternativeName([x509.DNSName(HOST)])
    wanted |= changed
    builder = x509.CertificateBuilder(
        issuer_name=said if issuer_name == "" else name(issuer_name),
        subject_name=name(subject),
        public_key=private.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=end,
    )
    usual = {x509.BasicConstraints: True, x509.NameConstraints: True} | (critical or {})
    pairs = [(value, usual.get(type(value), False)) for value in wanted.values() if value is not NONE]
    # Set past the builder, which would refuse what tests are about.
    builder._extensions = [x509.Extension(value.oid, flag, value) for value, flag in (*pairs, *extra)]
    builder._version = version
    builder._serial_number = builder._serial_number if serial is None else serial
    made = builder.sign(signer, hashes.SHA256())
    return Made(read_certificate(made.public_bytes(Encoding.DER)), private, name(subject), made)


def ask(
    leaf: Made,
    *,
    anchors: Sequence[Made],
    others: Sequence[Made] = (),
    purpose: Purpose = "server",
    host: str = HOST,
    moment: datetime = MOMENT,
    **more: Any,
) -> Question:
    """The question about these."""
    return Question(
        leaf.certificate,
        tuple(o.certificate for o in others),
        tuple(a.certificate for a in anchors),
        purpose,
        host,
        moment,
        **more,
    )
