"""A million distinct certificates in a minute: a few hundred are signed, the others are these with parts exchanged.

What is exchanged has its width: serial, dates, the number in the names, the public key and its identifier. So each is
a certificate of its own that any reader reads; only the signatures are those of the patterns, and nobody checks the
signature of a certificate whose issuer he does not hold.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from made import _ISSUING, _SIGNING, _issued

ROOTS, AUTHORITIES = 20, 280
COUNTRIES = ("DE", "FR", "NL", "AT", "CH", "US", "SE", "PL")
WORDS = ("Harbour", "Nordic", "Atlas", "Meridian", "Orchard", "Summit", "Delta", "Beacon", "Cobalt", "Juniper")
TRADES = ("Logistics", "Bank", "Insurance", "Payments", "Energy", "Telecom", "Health", "Retail")
LIVES = (90, 90, 398, 398, 398, 398, 398, 398, 825, 3650)  # days
_SERIAL = bytes.fromhex("40" + "5a" * 15)
_FROM, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
_NUMBER = "0000000"


@dataclass(frozen=True)
class Pattern:
    """A signed certificate and the parts of it that are exchanged."""

    der: bytes
    key: bytes  # the subject's public key as the BIT STRING holds it
    variable: bytes  # of that: an RSA modulus, or the whole point

    def with_parts(self, number: int, chance: random.Random, now: datetime) -> bytes:
        """Another certificate; the same number, chance and moment give the same one, but for its key."""
        begins = now + timedelta(seconds=chance.randrange(-430 * 86_400, 2 * 86_400))
        ends = begins + timedelta(days=chance.choice(LIVES))
        serial = bytes([0x40 + chance.randrange(0x40)]) + chance.randbytes(15)
        key = self.key.replace(self.variable, self._fresh(chance))
        der = self.der.replace(hashlib.sha1(self.key).digest(), hashlib.sha1(key).digest())
        der = der.replace(self.key, key).replace(_SERIAL, serial).replace(_NUMBER.encode(), b"%07d" % number)
        return der.replace(_time(_FROM), _time(begins)).replace(_time(_UNTIL), _time(ends))

    def _fresh(self, chance: random.Random) -> bytes:
        if len(self.variable) == 65:
            return _point(ec.generate_private_key(ec.SECP256R1()).public_key())
        modulus = bytearray(chance.randbytes(256))
        modulus[0] |= 0x80
        modulus[-1] |= 1
        return bytes(modulus)


def authorities() -> tuple[list[bytes], list[tuple[x509.Name, Any]]]:
    """DER of the roots and the authorities below them, and the authorities' names and keys."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(ROOTS + AUTHORITIES)]
    names = [_name(f"{_company(n)} Root CA {n}", n) for n in range(ROOTS)]
    names += [_name(f"{_company(n)} Issuing CA {n}", n) for n in range(AUTHORITIES)]
    ders = []
    for n, (name, key) in enumerate(zip(names, keys, strict=True)):
        at = n if n < ROOTS else n % ROOTS
        builder = _begun(name, names[at], key.public_key(), x509.random_serial_number())
        builder = builder.add_extension(x509.BasicConstraints(True, None if n < ROOTS else 0), critical=True)
        builder = builder.add_extension(_ISSUING, critical=True)
        ders.append(builder.sign(keys[at], hashes.SHA256()).public_bytes(Encoding.DER))
    return ders, list(zip(names, keys, strict=True))[ROOTS:]


def patterns(issuers: list[tuple[x509.Name, Any]]) -> list[Pattern]:
    """Two of each authority: one with an EC key, one with an RSA key."""
    made = []
    for n, (issuer, signer) in enumerate(issuers):
        for key in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)):
            host = f"partner-{_NUMBER}.{_company(n + 3).lower().replace(' ', '-')}.example"
            names = [x509.DNSName(host), x509.DNSName(f"www.{host}")]
            builder = _begun(_name(host, n + 3), issuer, key.public_key(), int.from_bytes(_SERIAL, "big"))
            builder = _issued(builder, signer).add_extension(x509.BasicConstraints(False, None), critical=True)
            builder = builder.add_extension(_SIGNING, critical=True)
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
            purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            made.append(_pattern(builder.sign(signer, hashes.SHA256()), key.public_key()))
    return made


def certificates(numbers: range, known: list[Pattern], now: datetime) -> Iterator[bytes]:
    """DER of the certificates of these numbers."""
    for number in numbers:
        chance = random.Random(number)
        yield known[number % len(known)].with_parts(number, chance, now)


def _pattern(certificate: x509.Certificate, key: Any) -> Pattern:
    if isinstance(key, rsa.RSAPublicKey):
        variable = key.public_numbers().n.to_bytes(256, "big")
        return Pattern(
            certificate.public_bytes(Encoding.DER), key.public_bytes(Encoding.DER, PublicFormat.PKCS1), variable
        )
    return Pattern(certificate.public_bytes(Encoding.DER), _point(key), _point(key))


def _point(key: Any) -> bytes:
    point: bytes = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return point


def _begun(subject: x509.Name, issuer: x509.Name, key: Any, serial: int) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key).serial_number(serial)
    builder = builder.not_valid_before(_FROM).not_valid_after(_UNTIL)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _company(n: int) -> str:
    return f"{WORDS[n % len(WORDS)]} {TRADES[n // len(WORDS) % len(TRADES)]}"


def _name(common: str, n: int) -> x509.Name:
    parts = {NameOID.COUNTRY_NAME: COUNTRIES[n % len(COUNTRIES)], NameOID.ORGANIZATION_NAME: f"{_company(n)} AG"}
    parts |= {NameOID.ORGANIZATIONAL_UNIT_NAME: f"Unit {n}", NameOID.COMMON_NAME: common}
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts.items()])


def _time(moment: datetime) -> bytes:
    return moment.strftime("%y%m%d%H%M%SZ").encode()  # UTCTime, as all of ours lie before 2050
