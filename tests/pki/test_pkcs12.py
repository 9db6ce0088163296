"""PKCS#12 files as they are met: every derivation, cipher and check, and certificates that other readers refuse."""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from tests.pki.handmade import certificate
from tests.programs import need
from tests.tls_servers import Ca
from trustyard.errors import InputRefused
from trustyard.pki import der, passwords
from trustyard.pki.containers import read_file

CA = Ca.new("Test CA")
LEAF = CA.issue("leaf.test", dns=["leaf.test"])
ODD = certificate(serial=b"\xff", subject=der.encode(der.SEQUENCE, der.encode(der.SET)))  # `cryptography` refuses it

DATA, CERTIFICATE_BAG, X509 = "1.2.840.113549.1.7.1", "1.2.840.113549.1.12.10.1.3", "1.2.840.113549.1.9.22.1"
SHROUDED_KEY, CRL_BAG, SECRET_BAG, BAGS = (f"1.2.840.113549.1.12.10.1.{number}" for number in (2, 4, 5, 6))
PBMAC1, PBKDF2 = "1.2.840.113549.1.5.14", "1.2.840.113549.1.5.12"
HMAC_SHA256, SHA1 = "1.2.840.113549.2.9", "1.3.14.3.2.26"


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE."""
    return der.encode(der.SEQUENCE, *parts)


def octets(content: bytes) -> bytes:
    """An OCTET STRING."""
    return der.encode(der.OCTET_STRING, content)


def number(value: int) -> bytes:
    """A positive INTEGER."""
    return der.encode(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bag(kind: str, value: bytes) -> bytes:
    """A SafeBag."""
    return sequence(der.encode_oid(kind), der.encode(0xA0, value))


def certificate_bag(data: bytes) -> bytes:
    """A SafeBag with one certificate."""
    return bag(CERTIFICATE_BAG, sequence(der.encode_oid(X509), der.encode(0xA0, octets(data))))


def content_info(content: bytes) -> bytes:
    """A ContentInfo of plain data."""
    return sequence(der.encode_oid(DATA), der.encode(0xA0, octets(content)))


def safe(*bags: bytes) -> bytes:
    """An AuthenticatedSafe of one part in the open."""
    return sequence(content_info(sequence(*bags)))


def pfx(content: bytes, *mac: bytes) -> bytes:
    """A PFX."""
    return sequence(number(3), content_info(content), *mac)


def old_mac(content: bytes, password: str | None) -> bytes:
    """MacData with SHA-1 and two rounds."""
    key = passwords.pkcs12_key(passwords.MAC, "sha1", password, b"saltsalt", 2, 20, passwords.Work())
    digest = hmac.new(key, content, "sha1").digest()
    return sequence(sequence(sequence(der.encode_oid(SHA1)), octets(digest)), octets(b"saltsalt"), number(2))


def pbmac1(content: bytes, password: str, *, length: Sequence[bytes] = (number(32),)) -> bytes:
    """MacData with PBMAC1, PBKDF2 and SHA-256 (RFC 9579)."""
    hmac_sha256 = sequence(der.encode_oid(HMAC_SHA256), der.encode(der.NULL))
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), b"saltsalt", 2, 32)
    function = sequence(der.encode_oid(PBKDF2), sequence(octets(b"saltsalt"), number(2), *length, hmac_sha256))
    algorithm = sequence(der.encode_oid(PBMAC1), sequence(function, hmac_sha256))
    digest = hmac.new(key, content, "sha256").digest()
    return sequence(sequence(algorithm, octets(digest)), octets(b"unused"), number(1))


def read(data: bytes, password: str | None = None) -> list[bytes]:
    """DER of the certificates."""
    return [c.der for c in read_file(data, password).certificates]


def code_of(data: bytes, password: str | None = None) -> str:
    """The code of the refusal."""
    with pytest.raises(InputRefused) as refusal:
        read_file(data, password)
    return refusal.value.code


@pytest.mark.parametrize(
    "options",
    [
        "-legacy",
        "-legacy -certpbe PBE-SHA1-RC2-40",
        "-legacy -certpbe PBE-SHA1-RC2-128",
        "-legacy -certpbe PBE-SHA1-RC4-40",
        "-legacy -certpbe PBE-SHA1-RC4-128",
        "-certpbe PBE-SHA1-3DES -macalg sha1",
        "-certpbe PBE-SHA1-2DES -macalg sha512",
        "-certpbe AES-128-CBC",
        "-certpbe AES-256-CBC -macalg sha384 -iter 3",
        "-certpbe DES-EDE3-CBC",
        "-certpbe CAMELLIA-256-CBC",
        "-legacy -certpbe RC2-CBC",
        "-certpbe NONE",
        "-certpbe NONE -nomac",
        "-name friendly -caname other",
    ],
)
@pytest.mark.parametrize("password", ["", "secret", "şifre ğİı", "密码 🔑"])
def test_whatever_openssl_writes_is_read_with_its_password(tmp_path: Path, options: str, password: str) -> None:
    (tmp_path / "certs").write_bytes(LEAF.cert_pem + CA.cert_pem)
    command = [need("openssl", package="openssl"), "pkcs12", "-export", "-nokeys", "-in", str(tmp_path / "certs")]
    made = subprocess.run(
        [*command, "-passout", f"pass:{password}", *options.split()], check=True, capture_output=True
    ).stdout
    assert read(made, password or None) == [LEAF.cert_der, CA.cert_der]
    if password and "NONE -nomac" not in options:
        assert code_of(made, "wrong") == "password-wrong"
        assert code_of(made) == "password-needed"


def test_a_cipher_that_this_openssl_does_without_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "certs").write_bytes(LEAF.cert_pem)
    export = f"pkcs12 -export -nokeys -legacy -certpbe PBE-SHA1-RC4-40 -passout pass:secret -in {tmp_path}/certs"
    (tmp_path / "old.p12").write_bytes(
        subprocess.run([need("openssl", package="openssl"), *export.split()], check=True, capture_output=True).stdout
    )
    program = (
        "import sys; from trustyard.pki.containers import read_file; "
        "read_file(open(sys.argv[1], 'rb').read(), 'secret')"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "old.p12")],
        env={**os.environ, "CRYPTOGRAPHY_OPENSSL_NO_LEGACY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr.strip().endswith("InputRefused: This PKCS#12 file uses an unsupported encryption.")


def test_a_file_without_a_check_of_integrity_is_judged_by_its_encryption() -> None:
    encryption = BestAvailableEncryption(b"secret")
    whole = serialize_key_and_certificates(None, None, LEAF.certificate, None, encryption)
    version, content, _mac = der.read_all(whole).children()
    data = sequence(version.raw, content.raw)
    assert read(data, "secret") == [LEAF.cert_der]
    assert (code_of(data, "wrong"), code_of(data)) == ("password-wrong", "password-needed")


def test_a_certificate_that_other_readers_refuse_costs_nobody_anything() -> None:
    content = safe(certificate_bag(LEAF.cert_der), certificate_bag(ODD))
    assert read(pfx(content, old_mac(content, "secret")), "secret") == [LEAF.cert_der, ODD]


@pytest.mark.parametrize("password", [None, ""])
def test_no_password_may_be_written_as_none_and_as_the_empty_one(password: str | None) -> None:
    content = safe(certificate_bag(LEAF.cert_der))
    assert read(pfx(content, old_mac(content, password))) == [LEAF.cert_der]


def test_a_password_beyond_ascii_is_read_as_old_programs_wrote_it() -> None:
    content = safe(certificate_bag(LEAF.cert_der))
    assert read(pfx(content, old_mac(content, "ğ".encode().decode("latin-1"))), "ğ") == [LEAF.cert_der]


def test_a_check_by_pbmac1_is_read_and_one_without_a_length_is_not() -> None:
    content = safe(certificate_bag(LEAF.cert_der))
    assert read(pfx(content, pbmac1(content, "secret")), "secret") == [LEAF.cert_der]
    assert code_of(pfx(content, pbmac1(content, "secret")), "wrong") == "password-wrong"
    assert code_of(pfx(content, pbmac1(content, "secret", length=())), "secret") == "password-wrong"


def test_keys_lists_and_secrets_in_the_bags_are_passed_over() -> None:
    others = [bag(kind, sequence()) for kind in (CRL_BAG, SECRET_BAG)]
    reading = read_file(pfx(safe(*others, certificate_bag(LEAF.cert_der), bag(SHROUDED_KEY, sequence()))))
    assert [c.der for c in reading.certificates] == [LEAF.cert_der]
    assert [n.code for n in reading.notices] == ["private-key-dropped"]
    assert code_of(pfx(safe(*others))) == "no-certificate"
    assert code_of(pfx(safe(bag(SHROUDED_KEY, sequence())))) == "private-key"


def test_bags_within_bags_are_read_to_a_limit() -> None:
    inner = certificate_bag(LEAF.cert_der)
    for _ in range(3):
        inner = bag(BAGS, sequence(inner))
    assert read(pfx(safe(inner))) == [LEAF.cert_der]
    for _ in range(20):
        inner = bag(BAGS, sequence(inner))
    assert code_of(pfx(safe(inner))) == "bad-pkcs12"


def test_strings_in_pieces_and_lengths_left_open_are_read() -> None:
    content = safe(certificate_bag(LEAF.cert_der))
    pieces = b"\x24\x80" + octets(content[:50]) + octets(content[50:]) + b"\x00\x00"
    loose = b"\x30\x80" + der.encode_oid(DATA) + b"\xa0\x80" + pieces + b"\x00\x00" * 2
    assert read(sequence(number(3), loose, old_mac(content, "secret")), "secret") == [LEAF.cert_der]


@pytest.mark.parametrize("rounds", [3_000_001, 1 << 31, 1 << 70])
def test_a_file_that_asks_for_too_many_rounds_is_refused_at_once(rounds: int) -> None:
    digest = sequence(sequence(der.encode_oid(SHA1)), octets(b"x" * 20))
    greedy = sequence(digest, octets(b"saltsalt"), number(rounds))
    assert code_of(pfx(safe(certificate_bag(LEAF.cert_der)), greedy), "secret") == "bad-pkcs12"
