"""Thousands of distinct certificates in little time: each of a key of its own, with the extensions of real ones.

To sign takes a private key, to be signed does not: of RSA there are two pairs, the other public keys are numbers that
nobody knows the factors of, so that thousands take no minutes to find.
"""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

SIGNERS = 2  # of each kind
SMALL = math.prod(number for number in range(3, 1000) if all(number % other for other in range(2, number)))
AUTHORITIES = 10  # one in so many certificates is a CA's, one in ten of these a root's
_POLICY = x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.2"), None)
_SIGNING = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
_ISSUING = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


def certificates(count: int) -> list[bytes]:
    """DER of so many, no two alike: EC P-256 and RSA 2048 in turn, end entities and authorities."""
    kinds = [
        [ec.generate_private_key(ec.SECP256R1()) for _ in range(SIGNERS)],
        [rsa.generate_private_key(65537, 2048) for _ in range(SIGNERS)],
    ]
    return [made.public_bytes(Encoding.DER) for made in itertools.islice(_made(kinds), count)]


def _made(kinds: list[list[Any]]) -> Iterator[x509.Certificate]:
    now = datetime.now(UTC).replace(microsecond=0)
    for number in itertools.count():
        signer = kinds[number % 2][number // 2 % SIGNERS]
        issuer = _name(f"Issuing CA {number % 20}", "Trust Services")
        ca = number % AUTHORITIES == 0
        root = number % (AUTHORITIES * 10) == 0
        public = signer.public_key() if root else _ec() if number % 2 == 0 else _rsa()
        subject = _name(f"Authority {number}" if ca else f"partner-{number}.example.org", f"Partner {number % 500}")
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if root else issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1 + number % 90))
            .not_valid_after(now + timedelta(days=3650 if ca else 30 + number % 360))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca and not root else None), critical=True)
            .add_extension(_ISSUING if ca else _SIGNING, critical=True)
        )
        if not root:
            builder = _issued(builder, signer)
        if not ca:
            builder = _end_entity(builder, number)
        yield builder.sign(signer, hashes.SHA256())


def _ec() -> ec.EllipticCurvePublicKey:
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def _rsa() -> rsa.RSAPublicKey:
    modulus = 3
    while math.gcd(modulus, SMALL) != 1:
        modulus = secrets.randbits(2048) | 1 << 2047 | 1
    return rsa.RSAPublicNumbers(65537, modulus).public_key()


def _issued(builder: x509.CertificateBuilder, signer: Any) -> x509.CertificateBuilder:
    places = [
        (AuthorityInformationAccessOID.OCSP, "http://ocsp.example.org"),
        (AuthorityInformationAccessOID.CA_ISSUERS, "http://ca.example.org/issuing.cer"),
    ]
    access = [x509.AccessDescription(kind, x509.UniformResourceIdentifier(url)) for kind, url in places]
    crl = x509.UniformResourceIdentifier("http://crl.example.org/issuing.crl")
    return (
        builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.AuthorityInformationAccess(access), critical=False)
        .add_extension(x509.CRLDistributionPoints([x509.DistributionPoint([crl], None, None, None)]), critical=False)
        .add_extension(x509.CertificatePolicies([_POLICY]), critical=False)
    )


def _end_entity(builder: x509.CertificateBuilder, number: int) -> x509.CertificateBuilder:
    names = [x509.DNSName(f"partner-{number}.example.org"), x509.DNSName(f"www.partner-{number}.example.org")]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return builder.add_extension(x509.SubjectAlternativeName(names), critical=False).add_extension(
        x509.ExtendedKeyUsage(purposes), critical=False
    )


def _name(common: str, organisation: str) -> x509.Name:
    parts = {
        NameOID.COUNTRY_NAME: "DE",
        NameOID.ORGANIZATION_NAME: organisation,
        NameOID.ORGANIZATIONAL_UNIT_NAME: "Gateways",
        NameOID.COMMON_NAME: common,
    }
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts.items()])
