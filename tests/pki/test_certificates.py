"""Facts of certificates: names, status, and `cryptography` as an independent reader of the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from tests.pki import handmade
from tests.pki.moments import NOON
from tests.tls_servers import Ca, self_signed
from trustyard.pki.certificates import Certificate, facts_json, read_certificate, rfc3339, status
from trustyard.pki.containers import read_file
from trustyard.pki.der import encode
from trustyard.pki.readable import content

CA = Ca.new("Test CA", key="p384")


def read(certificate: x509.Certificate) -> Certificate:
    """Our reading of a certificate that `cryptography` made."""
    return read_certificate(certificate.public_bytes(Encoding.DER))


def named(*attributes: tuple[x509.ObjectIdentifier, str, _ASN1Type], dns: tuple[str, ...] = ()) -> Certificate:
    """A certificate with a subject of these attributes."""
    subject = x509.Name([x509.NameAttribute(oid, value, kind) for oid, value, kind in attributes])
    return read(CA.issue(subject, dns=dns).certificate)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # one real root has the serial number 0
def test_the_root_set_of_mozilla_is_read_as_cryptography_reads_it() -> None:
    """D-16: every root of certifi, with the same names, dates, keys and signatures."""
    pem = Path(certifi.where()).read_bytes()
    theirs = x509.load_pem_x509_certificates(pem)
    ours = read_file(pem).certificates
    assert len(ours) == len(theirs) > 100
    for our, their in zip(ours, theirs, strict=True):
        facts = our.facts
        assert (facts.not_before, facts.not_after) == (their.not_valid_before_utc, their.not_valid_after_utc)
        assert int(facts.serial_hex, 16) == their.serial_number
        assert facts.signature_algorithm_oid == their.signature_algorithm_oid.dotted_string
        assert [e.oid for e in facts.extensions] == [e.oid.dotted_string for e in their.extensions]
        assert facts.key.size == their.public_key().key_size  # type: ignore[union-attr]
        assert facts.is_ca
        assert facts.self_signed


@pytest.mark.parametrize("kind", [_ASN1Type.UTF8String, _ASN1Type.BMPString])
@pytest.mark.parametrize(
    "text", ["ışğİÖÜç", "Ağ Güvenliği A.Ş.", "日本", 'naïve, "quoted" <a;b>', " edge ", "#1", "a+b\\c"]
)
def test_names_of_every_script_come_out_as_rfc_4514_writes_them(text: str, kind: _ASN1Type) -> None:
    """I-15."""
    facts = named((NameOID.COUNTRY_NAME, "TR", _ASN1Type.PrintableString), (NameOID.COMMON_NAME, text, kind)).facts
    assert facts.certificate_name == " ".join(text.split())
    assert facts.subject.endswith(",C=TR")
    parsed = x509.Name.from_rfc4514_string(facts.subject)
    assert parsed.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == text


@pytest.mark.parametrize(
    ("kind", "octets", "subject"),
    [
        (0x12, b"42", "CN=42"),
        (0x13, b"Acme", "CN=Acme"),
        (0x16, "Ağ".encode(), "CN=Ağ"),
        (0x1A, b"Acme", "CN=Acme"),
        (0x1C, "Ağ".encode("utf-32-be"), "CN=Ağ"),
        (0x1C, b"Acme!", "CN=#1c0541636d6521"),
        (0x1E, b"Acme!", "CN=Acme!"),
        (0x02, b"\x01", "CN=#020101"),
    ],
)
def test_each_kind_of_string_is_read_and_what_is_none_is_shown_in_hex(kind: int, octets: bytes, subject: str) -> None:
    """RFC 4514, section 2.4."""
    name = handmade.name(handmade.attribute("2.5.4.3", encode(kind, octets)))
    assert read_certificate(handmade.certificate(subject=name)).facts.subject == subject


def test_a_name_in_t61_is_read_as_latin_1() -> None:
    """I-15."""
    attribute = (NameOID.ORGANIZATION_NAME, "Müller", _ASN1Type.T61String)
    try:
        facts = named(attribute).facts
    except (ValueError, TypeError) as error:  # pragma: no cover - depends on what cryptography agrees to write
        pytest.skip(f"cryptography does not write T61: {error}")
    assert facts.subject in ("O=Müller", "O=MÃ¼ller")  # the bytes say which


CN, OU, ORG = NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME
U = _ASN1Type.UTF8String


def test_the_certificate_name_is_the_first_thing_that_names_it() -> None:
    """S-16, D-11."""
    assert named((ORG, "Org", U), (CN, "common", U), dns=("a.test",)).facts.certificate_name == "common"
    assert named((ORG, "Org", U), dns=("a.test", "b.test")).facts.certificate_name == "a.test"
    assert read(CA.issue(None, ip=["192.0.2.1"]).certificate).facts.certificate_name == "192.0.2.1"
    assert named((ORG, "Org", U), (OU, "unit", U)).facts.certificate_name == "unit"
    assert named((ORG, "Org", U)).facts.certificate_name == "Org"
    bare = read(CA.issue(None).certificate).facts
    assert bare.certificate_name == bare.serial_hex


def test_a_name_of_spaces_and_control_characters_is_passed_over() -> None:
    """D-11: never empty."""
    assert named((CN, "   ", U), (ORG, "Org", U)).facts.certificate_name == "Org"
    assert named((CN, "a\x00b\nc", U)).facts.certificate_name == "a\ufffdb\ufffdc"


BEGIN, END = NOON, NOON + timedelta(days=90)
MICRO = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("moment", "end", "expected"),
    [
        (BEGIN - MICRO, END, "not yet valid"),
        (BEGIN, END, "valid"),
        (END - timedelta(days=30) - MICRO, END, "valid"),
        (END - timedelta(days=30), END, "expiring"),
        (END, END, "expiring"),
        (END + MICRO, END, "expired"),
        (BEGIN + timedelta(days=3), BEGIN + timedelta(days=6), "valid"),
        (BEGIN + timedelta(days=4), BEGIN + timedelta(days=6), "expiring"),
        (BEGIN, BEGIN + timedelta(days=3650), "valid"),
    ],
)
def test_the_status_follows_the_moment(moment: datetime, end: datetime, expected: str) -> None:
    """I-11, D-12."""
    assert status(BEGIN, end, moment) == expected
    assert status(BEGIN, end, moment, revoked=True) == "revoked"


def test_the_facts_have_the_members_of_the_contract() -> None:
    issued = CA.issue("partner.test", dns=["partner.test"], ip=["192.0.2.7"], key="rsa")
    certificate = read_certificate(issued.cert_der)
    said = facts_json(certificate, certificate.facts.not_before)
    expected = (
        "certificate_name sha256 sha1 serial_hex version subject issuer not_before not_after status key"
        " signature_algorithm signature_algorithm_oid sans is_ca path_len self_issued self_signed ski aki"
        " extensions findings content pem"
    )
    assert " ".join(said) == expected
    assert said["key"] == {"type": "RSA", "size": 2048, "curve": None}
    assert said["sans"] == [{"type": "dns", "value": "partner.test"}, {"type": "ip", "value": "192.0.2.7"}]
    assert (said["self_issued"], said["self_signed"]) == (False, False)
    assert said["not_before"].endswith("Z")
    assert said["pem"].encode() == issued.cert_pem
    assert said["aki"] == read_certificate(CA.cert_der).facts.ski


def test_the_content_says_what_people_look_for() -> None:
    """S-15."""
    text = content(read_certificate(CA.issue("partner.test", dns=["partner.test"]).cert_der))
    for line in ("Subject: CN=partner.test", "Issuer: CN=Test CA", "Public key: EC P-256 256 bit",
                 "Signature algorithm: ecdsa-with-SHA256", "Alternative name: dns: partner.test",
                 "Purposes: TLS server, TLS client"):  # fmt: skip
        assert line in text.splitlines()


def test_a_signature_that_does_not_verify_is_told() -> None:
    data = bytearray(self_signed("x.test", key="rsa").cert_der)
    data[-1] ^= 1
    assert read_certificate(bytes(data)).facts.self_signed is False


def test_times_are_written_in_utc_with_a_z() -> None:
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, 999, tzinfo=UTC)) == "2026-01-02T03:04:05Z"
    assert rfc3339(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) == "9999-12-31T23:59:59Z"
