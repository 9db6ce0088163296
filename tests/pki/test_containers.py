"""What is read as certificates, what is refused, and under which name."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
    pkcs12,
)

from tests.pki import worst
from tests.pki.handmade import attribute, certificate
from tests.programs import need
from tests.tls_servers import Ca, new_key, self_signed
from trustyard.errors import InputRefused, TooLarge
from trustyard.pki import der
from trustyard.pki.containers import MAX_BYTES, MAX_CERTIFICATES, open_file, read_file, read_presented

CA = Ca.new("Test CA")
LEAF = CA.issue("leaf.test", dns=["leaf.test"])


def kind_alone(value: str | bytes) -> str:
    """A test's name holds no bytes: they differ from one process to the next."""
    return value if isinstance(value, str) else "-"


def code_of(data: bytes, password: str | None = None) -> str:
    """The code of the refusal of a file."""
    with pytest.raises(InputRefused) as refusal:
        read_file(data, password)
    return refusal.value.code


def pem(label: str, body: bytes) -> bytes:
    """A PEM block."""
    return f"-----BEGIN {label}-----\n{base64.encodebytes(body).decode()}-----END {label}-----\n".encode()


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("pem", CA.cert_pem),
        ("pem", b"\xef\xbb\xbf" + CA.cert_pem.replace(b"\n", b"\r\n")),
        ("pem", b"subject=CN=Test CA\n\n" + CA.cert_pem + b"\ntrailing words"),
        ("pem", pem("X509 CERTIFICATE", CA.cert_der)),
        ("pem", pem("TRUSTED CERTIFICATE", CA.cert_der + b"\x30\x04\x0c\x02Hi")),
        ("der", CA.cert_der),
        ("base64", base64.b64encode(CA.cert_der)),
        ("base64", base64.encodebytes(CA.cert_der).replace(b"\n", b"\r\n  ")),
        ("pkcs7-pem", pkcs7.serialize_certificates([CA.certificate], Encoding.PEM)),
        ("pkcs7-pem", pem("CERTIFICATE", pkcs7.serialize_certificates([CA.certificate], Encoding.DER))),
        ("pkcs7-der", pkcs7.serialize_certificates([CA.certificate], Encoding.DER)),
    ],
    ids=kind_alone,
)
def test_every_form_of_one_certificate_gives_the_same_certificate(form: str, data: bytes) -> None:
    """S-11, S-12."""
    reading = read_file(data)
    assert (reading.format, reading.certificates[0].der, len(reading.certificates)) == (form, CA.cert_der, 1)


def test_that_openssl_is_told_to_reject_a_certificate_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(CA.cert_pem)
    command = [need("openssl", package="openssl"), "x509", "-in", str(tmp_path / "ca.pem"), "-addreject", "serverAuth"]
    reading = read_file(subprocess.run([*command, "-trustout"], check=True, capture_output=True).stdout)
    assert reading.certificates[0].der == CA.cert_der
    assert [n.code for n in reading.notices] == ["passed-over"]
    assert "told to reject" in reading.notices[0].message


def test_a_pkcs7_structure_of_indefinite_lengths_is_read() -> None:
    """Java and old openssl write BER."""
    inner = der.read_all(pkcs7.serialize_certificates([CA.certificate, LEAF.certificate], Encoding.DER))
    kind, content = inner.children()
    loose = b"\x30\x80" + kind.raw + b"\xa0\x80" + content.body + b"\x00\x00" + b"\x00\x00"
    reading = read_file(loose)
    assert reading.format == "pkcs7-der"
    assert {c.der for c in reading.certificates} == {CA.cert_der, LEAF.cert_der}


def test_a_bundle_keeps_the_order_of_the_file_and_drops_doubles() -> None:
    """I-10."""
    reading = read_file(LEAF.cert_pem + CA.cert_pem + LEAF.cert_pem)
    assert reading.format == "pem-bundle"
    assert [c.der for c in reading.certificates] == [LEAF.cert_der, CA.cert_der]


@pytest.mark.parametrize("key_first", [True, False])
def test_a_private_key_beside_certificates_is_dropped_with_a_notice(key_first: bool) -> None:
    """D-07, I-09."""
    parts = [CA.key_pem, CA.cert_pem] if key_first else [CA.cert_pem, CA.key_pem]
    reading = read_file(b"".join(parts))
    assert [n.code for n in reading.notices] == ["private-key-dropped"]
    assert "exposed" in reading.notices[0].message
    assert [c.der for c in reading.certificates] == [CA.cert_der]
    assert b"PRIVATE" not in repr(reading).encode()


def p12(password: str | None) -> bytes:
    """A PKCS#12 file as other programs make them."""
    encryption = BestAvailableEncryption(password.encode()) if password is not None else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"me", LEAF.key, LEAF.certificate, [CA.certificate], encryption)


@pytest.mark.parametrize("password", ["secret", "şifre ğİı", "密码", "a" * 100, " "])
def test_a_pkcs12_file_is_opened_with_its_password(password: str) -> None:
    reading = read_file(p12(password), password)
    assert reading.format == "pkcs12"
    assert [c.der for c in reading.certificates] == [LEAF.cert_der, CA.cert_der]
    assert [n.code for n in reading.notices] == ["private-key-dropped"]


@pytest.mark.parametrize("given", [None, ""])
def test_a_pkcs12_file_without_a_password_needs_none(given: str | None) -> None:
    assert len(read_file(p12(None), given).certificates) == 2


def test_a_pkcs12_file_says_that_it_needs_a_password_or_that_it_is_wrong() -> None:
    assert code_of(p12("secret")) == "password-needed"
    assert code_of(p12("secret"), "") == "password-needed"
    assert code_of(p12("secret"), "Secret") == "password-wrong"
    with pytest.raises(InputRefused) as caught:
        read_file(p12("secret"))
    assert "--" not in caught.value.detail, "screens and programs say it too, not the command line alone"


def test_a_pkcs12_file_of_a_key_alone_is_refused_as_a_private_key() -> None:
    """D-07."""
    assert code_of(pkcs12.serialize_key_and_certificates(None, LEAF.key, None, None, NoEncryption())) == "private-key"


def test_a_pkcs12_file_that_would_take_minutes_to_open_is_refused_at_once() -> None:
    rounds = der.encode(der.INTEGER, (2_000_000_000).to_bytes(4, "big"))
    data = p12("secret").replace(der.encode(der.INTEGER, b"\x4e\x20"), rounds)  # the 20 000 of `cryptography`
    broken = der.encode(der.SEQUENCE, *[e.raw for e in _lenient(data)])
    assert code_of(broken, "secret") in ("bad-pkcs12", "cut-off")


def _lenient(data: bytes) -> list[der.Element]:
    """Version, content and MAC rebuilt with a MAC that asks for two thousand million rounds."""
    version, content, mac = der.read(p12("secret")).children()
    digest, salt, *_ = mac.children()
    greedy = der.encode(der.SEQUENCE, digest.raw, salt.raw, der.encode(der.INTEGER, b"\x77\x35\x94\x00"))
    return [version, content, der.read(greedy)]


def request() -> x509.CertificateSigningRequest:
    """A certificate request."""
    return x509.CertificateSigningRequestBuilder().subject_name(CA.certificate.subject).sign(CA.key, hashes.SHA256())


def crl() -> x509.CertificateRevocationList:
    """A revocation list."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(CA.certificate.subject)
    begin, end = CA.certificate.not_valid_before_utc, CA.certificate.not_valid_after_utc
    return builder.last_update(begin).next_update(end).sign(CA.key, hashes.SHA256())


RSA = new_key("rsa")
PASSWORD = BestAvailableEncryption(b"secret")


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("empty-input", b""),
        ("empty-input", b" \r\n\t"),
        ("private-key", CA.key_pem),
        ("private-key", CA.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
        ("private-key", CA.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())),
        ("private-key", RSA.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())),
        ("private-key", RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())),
        ("private-key", base64.b64encode(RSA.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))),
        ("private-key", new_key("ed25519").private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())),
        ("encrypted-private-key", CA.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PASSWORD)),
        ("encrypted-private-key", CA.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, PASSWORD)),
        ("certificate-request", request().public_bytes(Encoding.PEM)),
        ("certificate-request", request().public_bytes(Encoding.DER)),
        ("revocation-list", crl().public_bytes(Encoding.PEM)),
        ("revocation-list", crl().public_bytes(Encoding.DER)),
        ("public-key", CA.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
        ("public-key", CA.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        ("ssh-key", RSA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)),
        ("pgp", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENB\n-----END PGP PUBLIC KEY BLOCK-----\n"),
        ("web-page", b"<!DOCTYPE html>\n<html><body>Not found</body></html>"),
        ("web-page", b"\n\n<HTML>"),
        ("utf-16", CA.cert_pem.decode().encode("utf-16")),
        ("utf-16", CA.cert_pem.decode().encode("utf-16-le")),
        ("json", b'{"kty":"RSA"}'),
        ("json", b'[{"kty":"RSA"}]'),
        ("no-certificate", b"[ req ]\ndistinguished_name = req_dn\n"),
        ("no-certificate", b"0a1b2c3d is the serial number\n"),
        ("no-certificate", b"\0\0\0\7\0\0\0\x14\xd0\x3f\0\0\0\x05\0\0\x01\x9e"),
        ("zip-archive", b"PK\x03\x04rest"),
        ("pdf", b"%PDF-1.7"),
        ("double-base64", base64.b64encode(CA.cert_pem)),
        ("trailing-bytes", CA.cert_der + b"\n"),
        ("trailing-bytes", pem("CERTIFICATE", CA.cert_der + b"\x00")),
        ("cut-off", CA.cert_der[:-1]),
        ("cut-off", pem("CERTIFICATE", CA.cert_der[:-20])),
        ("pem-no-end", CA.cert_pem[:-10]),
        ("pem-no-end", CA.cert_pem.split(b"-----END")[0] + CA.cert_pem),
        ("bad-base64", CA.cert_pem.replace(b"\nMII", b"\nM!I")),
        ("bad-base64", base64.b64encode(CA.cert_der)[:-3]),
        ("no-certificate", b"hello"),
        ("no-certificate", b"password"),
        ("no-certificate", base64.b64encode(b"hello world")),
        ("no-certificate", b"-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\n"),
        ("no-certificate", pkcs7.serialize_certificates([CA.certificate], Encoding.DER)[:0] + b"\x00\x01\x02"),
    ],
    ids=kind_alone,
)
def test_what_is_no_certificate_is_refused_by_name(code: str, data: bytes) -> None:
    """S-15, D-07."""
    assert code_of(data) == code


def test_a_refusal_never_repeats_what_was_in_the_input() -> None:
    """D-07: not a word of a key, nor of anything else."""
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"
    for data in (
        secret,
        f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----",
        f"{{{secret}",
        f"-----BEGIN X-----{secret}",
    ):
        with pytest.raises(InputRefused) as refusal:
            read_file(data.encode())
        assert secret not in refusal.value.detail


def test_a_file_over_ten_megabytes_is_refused_with_the_limit() -> None:
    with pytest.raises(TooLarge, match="10 MB"):
        read_file(b"\x30" * (MAX_BYTES + 1))


@pytest.mark.parametrize("label", ["CERTIFICATE", "ANY LABEL"])
def test_more_certificates_than_the_limit_are_refused_with_the_limit(label: str) -> None:
    many = pem(label, CA.cert_der) * (MAX_CERTIFICATES + 1)
    with pytest.raises(InputRefused, match=str(MAX_CERTIFICATES)) as refusal:
        read_file(many)
    assert refusal.value.code == "too-many-certificates"


def test_one_broken_certificate_of_a_bundle_is_named_by_its_place() -> None:
    broken = pem("CERTIFICATE", der.encode(der.SEQUENCE, b"\x05\x00"))
    with pytest.raises(InputRefused, match="Certificate 2 of 3") as of_many:
        read_file(CA.cert_pem + broken + LEAF.cert_pem)
    with pytest.raises(InputRefused) as alone:
        read_file(broken)
    assert of_many.value.code == alone.value.code == "unreadable-certificate"
    assert "Certificate 1 of 1" not in alone.value.detail


def test_an_unreadable_certificate_of_a_server_costs_itself_alone() -> None:
    reading = read_presented([LEAF.cert_der, b"\x30\x00", CA.cert_der])
    assert reading.format == "connection"
    assert [c.der for c in reading.certificates] == [LEAF.cert_der, CA.cert_der]
    assert [n.code for n in reading.notices] == ["unreadable-certificate"]


@pytest.mark.parametrize("ders", [[], [b"\x30\x00", CA.cert_der]])
def test_a_server_that_presents_nothing_readable_first_is_refused(ders: list[bytes]) -> None:
    with pytest.raises(InputRefused):
        read_presented(ders)


@pytest.mark.parametrize("kind", ["rsa", "p384", "p521", "secp256k1", "brainpool", "ed25519", "ed448", "ml-dsa-65"])
def test_certificates_of_every_kind_of_key_are_read_and_their_signature_verifies(kind: str) -> None:
    facts = read_file(self_signed("any.test", key=kind).cert_pem).certificates[0].facts
    assert (facts.self_signed, facts.certificate_name) == (True, "any.test")


def wrapped(data: bytes, width: int, end: bytes = b"\n") -> bytes:
    """Base64 in lines of this width."""
    text = base64.b64encode(data)
    return end.join(text[at : at + width] for at in range(0, len(text), width))


def block(body: bytes, label: str = "CERTIFICATE") -> bytes:
    """A PEM block around a body as it is."""
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label.encode(), body, label.encode())


BODY = wrapped(CA.cert_der, 64)


@pytest.mark.parametrize(
    "data",
    [
        block(wrapped(CA.cert_der, 76)),
        block(wrapped(CA.cert_der, 10_000)),
        block(wrapped(CA.cert_der, 1)),
        block(BODY).replace(b"\n", b"\r"),
        block(BODY).replace(b"\n", b"  \t\n"),
        block(BODY).replace(b"\n", b"\n    "),
        block(BODY).replace(b"\n", "\u00a0\n".encode()),
        block(BODY).replace(b"\n", "\u200b\n".encode()),
        block(BODY.rstrip(b"=")),
        block(b"\n\n" + BODY + b"\n\n"),
        block(b"Proc-Type: 4,CLEAR\nComment: one\n and two\n\n" + BODY),
        block(BODY, "NEW CERTIFICATE"),
        block(BODY, "ANY LABEL"),
        block(BODY).rstrip(),
        BODY.rstrip(b"="),
        b"\xef\xbb\xbf" + wrapped(CA.cert_der, 5, b"\r\n\t"),
    ],
    ids=range(16),
)
def test_armour_and_base64_are_read_in_every_wrapping(data: bytes) -> None:
    """S-11, S-12."""
    assert [c.der for c in read_file(data).certificates] == [CA.cert_der]


def test_what_has_another_label_beside_a_certificate_is_passed_over() -> None:
    others = block(b"AAAA", "DH PARAMETERS") + block(wrapped(LEAF.cert_der, 64), "SOME CERTIFICATE")
    reading = read_file(others + CA.cert_pem)
    assert (reading.format, [c.der for c in reading.certificates]) == ("pem", [CA.cert_der])


def test_what_follows_a_pkcs7_structure_is_passed_over() -> None:
    data = pkcs7.serialize_certificates([CA.certificate], Encoding.DER)
    assert [c.der for c in read_file(data + b"\n").certificates] == [CA.cert_der]
    assert [c.der for c in read_file(pem("PKCS7", data + b"\x00")).certificates] == [CA.cert_der]


OTHER = Ca.new("Other")


@pytest.mark.parametrize(
    "text",
    [OTHER.cert_pem, quote(OTHER.cert_pem).encode(), b"ustar" * 100, b"pp\0ustar" * 60, b"\napiVersion: v1", b"<html>"],
    ids=["PEM", "PEM of an address", "tar", "tar again", "Kubernetes", "HTML"],
)
def test_a_certificate_in_der_is_read_as_itself_whatever_text_stands_in_it(text: bytes) -> None:
    for pad in range(8):
        data = worst.with_text(b" " * pad + text)
        for given in (data, base64.b64encode(data)):
            assert [one.der for one in read_file(given).certificates] == [data]


def test_two_certificates_one_after_another_in_der_are_refused() -> None:
    assert code_of(CA.cert_der + LEAF.cert_der) == "trailing-bytes"
    assert code_of(CA.cert_der + LEAF.cert_pem) == "trailing-bytes", "and not read in part"


def test_a_pkcs7_structure_with_content_lists_and_signers_gives_its_certificates(tmp_path: Path) -> None:
    """As e-mail and code are signed."""
    for name, data in (("key", CA.key_pem), ("cert", CA.cert_pem), ("leaf", LEAF.cert_pem), ("text", b"words")):
        (tmp_path / name).write_bytes(data)
    files = ["-signer", "cert", "-inkey", "key", "-certfile", "leaf", "-in", "text", "-nodetach", "-binary", "-stream"]
    for form in ("DER", "PEM"):
        command = [need("openssl", package="openssl"), "cms", "-sign", *files, "-outform", form]
        made = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout
        assert {c.der for c in read_file(made).certificates} == {CA.cert_der, LEAF.cert_der}


def test_a_bundle_of_150_post_quantum_anchors_is_read() -> None:
    """About 1.1 MB in PEM: no limit stands in its way."""
    anchors = [self_signed(f"anchor-{number}.test", key="ml-dsa-65").cert_pem for number in range(150)]
    data = b"".join(anchors)
    reading = read_file(data)
    assert (len(data) > 1_000_000, len(reading.certificates)) == (True, 150)
    assert {(c.facts.key.type, c.facts.self_signed) for c in reading.certificates} == {("ML-DSA-65", True)}


def test_a_name_without_end_is_refused() -> None:
    """Work and memory go with the number of attributes."""
    endless = der.encode(der.SET, attribute("2.5.4.3", der.encode(0x0C, b"a")))
    assert code_of(certificate(subject=der.encode(der.SEQUENCE, endless * 10_001))) == "unreadable-certificate"
    assert len(read_file(certificate(subject=der.encode(der.SEQUENCE, endless * 100))).certificates) == 1


@pytest.mark.parametrize("data", [b"\x1f\x81\x01\x00", b"\x04\x85\x00\x00\x00\x00\x01a", b"\x24\x80\x04\x01a\x00\x00"])
def test_high_tags_long_lengths_and_pieces_are_elements(data: bytes) -> None:
    """X.690, 8.1: all of them are BER, and openssl reads them."""
    assert der.read_all(data).raw == data


def test_a_file_can_be_taken_apart_with_each_damaged_block_in_its_place() -> None:
    """For imports of many: one bad block costs itself alone."""
    whole, der = CA.cert_pem, CA.cert_der
    damaged = whole.replace(b"MII", b"M!!")
    endless = whole.replace(b"-----END CERTIFICATE-----\n", b"")
    opened = open_file(damaged + whole + endless + whole)
    assert [part if isinstance(part, bytes) else part.code for part in opened.parts] == [
        "bad-base64",
        der,
        "pem-no-end",
        der,
    ]
    with pytest.raises(InputRefused, match="block 1 is damaged"):
        read_file(damaged + whole)
    with pytest.raises(InputRefused, match="at most 2"):
        open_file(whole * 3, most=2)
