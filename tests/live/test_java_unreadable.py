"""What Java cannot read is left out of its truststores, for one such certificate costs all others: with a real Java."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.authority import Authority
from tests.gateways.releases import MOMENT
from tests.pki.handmade import attribute, certificate, compressed, extension, key, name
from tests.programs import need
from trustyard.gateways.looks import look
from trustyard.pki import der, oids, pss
from trustyard.pki.truststores import fits_pkcs12, jks, pkcs12

GOOD = Authority("A good CA").der
SEQUENCE, NULL, UTC, GENERALIZED = der.SEQUENCE, der.encode(der.NULL), der.UTC_TIME, 0x18
NOTHING = der.encode(SEQUENCE)
SKI = extension("2.5.29.14", der.encode(der.OCTET_STRING, b"a"))
CRITICAL = b"\x01\x01\xff"
ENDS_2027 = b"20270101000000"


def number(value: int) -> bytes:
    return der.encode(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def rsa(bits: int, exponent: int = 65537) -> bytes:
    numbers = der.encode(SEQUENCE, number(1 << (bits - 1) | 1), number(exponent))
    return certificate(spki=key(oids.RSA, NULL, bits=numbers))


def point(curve: str, octets: int) -> bytes:
    return certificate(spki=key(oids.EC, der.encode_oid(curve), bits=b"\x04" + b"\x01" * octets))


def critical(oid: str, value: bytes) -> bytes:
    return certificate(extensions=(extension(oid, value, critical=CRITICAL),))


def alternative(*names: bytes, mark: bytes = CRITICAL, subject: bytes | None = None) -> bytes:
    value = der.encode(SEQUENCE, *names)
    return certificate(subject=subject, extensions=(extension("2.5.29.17", value, critical=mark),))


def signed_with(oid: str, *parameters: bytes) -> bytes:
    algorithm = der.encode(SEQUENCE, der.encode_oid(oid), *parameters)
    return certificate(inner=algorithm, outer=algorithm)


def bound(*parameters: bytes) -> bytes:
    numbers = der.encode(SEQUENCE, number(1 << 2047 | 1), number(65537))
    return certificate(spki=key(pss.OID, *parameters, bits=numbers))


def of_version(version: int, *extensions: bytes) -> bytes:
    return certificate(version=der.encode(0xA0, der.encode(der.INTEGER, bytes([version]))), extensions=extensions)


def without_issuer() -> bytes:
    whole = certificate()
    signed, *rest = der.read_all(whole).children()
    nobody = name(attribute("2.5.4.3", der.encode(0x0C, b"nobody")))
    parts = [NOTHING if part.raw == nobody else part.raw for part in signed.children()]
    return der.encode(SEQUENCE, der.encode(SEQUENCE, *parts), *[part.raw for part in rest])


DNS, URI = der.encode(0x82, b"a.test"), der.encode(0x86, b"https://a.test/%20?b=c")
TRAILER = der.encode(SEQUENCE, der.encode(0xA3, number(2)))
MASK = der.encode(SEQUENCE, der.encode(0xA1, der.encode(SEQUENCE, der.encode_oid("1.2.3.4"), NOTHING)))
READ = {
    "in order": certificate(),
    "a key of nobody": certificate(spki=key("1.2.3.4")),
    "a point on P-521": point("1.3.132.0.35", 132),
    "a point on secp160r1": point("1.3.132.0.8", 40),
    "a point on sect233k1": point("1.3.132.0.26", 60),
    "a point on brainpoolP256r1": point("1.3.36.3.3.2.8.1.1.7", 64),
    "RSA of 512 bits": rsa(512),
    "RSA of 16384 bits": rsa(16_384),
    "RSA with a large exponent": rsa(2048, (1 << 70) + 1),
    "DSA without parameters": certificate(spki=key(oids.DSA, bits=number(5))),
    "an extension of nobody, broken and critical": certificate(
        extensions=(extension("1.2.3", b"", critical=CRITICAL),)
    ),
    "a broken extension": certificate(extensions=(extension("2.5.29.19", b"\x01"),)),
    "no subject and no extension": certificate(subject=NOTHING),
    "no subject, but a critical name": alternative(DNS, URI, subject=NOTHING),
    "a broken address": alternative(der.encode(0x87, b"abc"), mark=b""),
    "version 1": certificate(version=b""),
    "version 2": of_version(1),
    "version 9": of_version(8),
    "RSASSA-PSS without parameters": signed_with(pss.OID),
    "RSASSA-PSS with all that is usual": signed_with(pss.OID, NOTHING),
    "a key for RSASSA-PSS": bound(),
    "ECDSA with parameters": signed_with("1.2.840.10045.4.3.2", NULL),
    "a UTCTime with an offset": certificate(begins=der.encode(UTC, b"260101000000+0100")),
    "a UTCTime without seconds": certificate(begins=der.encode(UTC, b"2601010000Z")),
    "a GeneralizedTime with a fraction": certificate(ends=der.encode(GENERALIZED, ENDS_2027 + b".5Z")),
    "a GeneralizedTime with an offset": certificate(ends=der.encode(GENERALIZED, ENDS_2027 + b"+0100")),
}
UNREAD = {
    "a curve that is written out": certificate(spki=key(oids.EC, der.encode(SEQUENCE, number(1)), bits=b"\x04" * 65)),
    "a curve of nobody": point("1.2.3.4", 64),
    "a point on SM2": point("1.2.156.10197.1.301", 64),
    "a point on brainpoolP256t1": point("1.3.36.3.3.2.8.1.1.8", 64),
    "a point that is compressed": compressed(),
    "a point that is too short": point("1.2.840.10045.3.1.7", 20),
    "a point that is too long": point("1.3.132.0.8", 42),
    "RSA of 384 bits": rsa(384),
    "RSA of 16400 bits": rsa(16_400),
    "RSA with the exponent 2": rsa(2048, 2),
    "large RSA with a large exponent": rsa(4096, (1 << 64) + 1),
    "RSA without numbers": certificate(spki=key(oids.RSA, NULL, bits=b"\x01\x02")),
    "Ed25519, an octet too long": certificate(spki=key("1.3.101.112", bits=b"\x01" * 33)),
    "X448, an octet too short": certificate(spki=key("1.3.101.111", bits=b"\x01" * 55)),
    "DSA without a number": certificate(spki=key(oids.DSA, bits=b"\x09")),
    "two algorithms": certificate(outer=der.encode(SEQUENCE, der.encode_oid("1.2.840.113549.1.1.11"), NULL)),
    "an extension twice": certificate(extensions=(SKI, SKI)),
    "a key usage that is broken and critical": critical("2.5.29.15", NOTHING),
    "constraints that are broken and critical": critical("2.5.29.19", b"\x01"),
    "policies that are broken and critical": critical("2.5.29.32", b"\x05\x00"),
    "a critical address that is broken": alternative(der.encode(0x87, b"abc")),
    "a critical URI with a space": alternative(der.encode(0x86, b"http://a b")),
    "critical names, and none there": alternative(),
    "no issuer": without_issuer(),
    "no subject in version 1": certificate(version=b"", subject=NOTHING),
    "no subject, and no other name": certificate(subject=NOTHING, extensions=(SKI,)),
    "no subject, and names not critical": alternative(DNS, mark=b"", subject=NOTHING),
    "extensions in version 1": certificate(version=b"", extensions=(SKI,)),
    "extensions in version 2": of_version(1, SKI),
    "extensions in version 9": of_version(8, SKI),
    "RSASSA-PSS with another trailer": signed_with(pss.OID, TRAILER),
    "RSASSA-PSS with another mask": signed_with(pss.OID, MASK),
    "a key for RSASSA-PSS with another trailer": bound(TRAILER),
    "a signature of RSAES-OAEP": signed_with("1.2.840.113549.1.1.7", der.encode(SEQUENCE, number(3))),
    "a UTCTime without Z": certificate(begins=der.encode(UTC, b"260101000000")),
    "a UTCTime with a century": certificate(begins=der.encode(UTC, b"20260101000000Z")),
    "a GeneralizedTime without Z": certificate(ends=der.encode(GENERALIZED, ENDS_2027)),
    "a time that is none": certificate(begins=der.encode(UTC, b"hello")),
}  # fmt: skip


def test_java_refuses_a_truststore_for_one_certificate_exactly_where_we_leave_it_out(tmp_path: Path) -> None:
    """D-19."""
    stores: dict[Path, str] = {}
    for at, (said, data) in enumerate({**READ, **UNREAD}.items()):
        entries = [("good", GOOD), ("odd", data)]
        made = {"jks": jks(entries, "changeit", MOMENT)}
        if fits_pkcs12(data):
            made["p12"] = pkcs12(entries, "changeit")
        for form, store in made.items():
            stores[path := tmp_path / f"{at}.{form}"] = said
            path.write_bytes(store)
    java = need("java", package="default-jdk-headless")
    command = [java, str(Path(__file__).with_name("Load.java")), *map(str, stores)]
    answers = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout.split()
    refused = {said for said, answer in zip(stores.values(), answers, strict=True) if answer == "refused"}
    assert refused == UNREAD.keys()
    assert {said for said, answer in zip(stores.values(), answers, strict=True) if answer == "2"} == READ.keys()
    assert {said for said, data in {**READ, **UNREAD}.items() if not look(data).by_java} == refused
