"""Two certificates compared: what kind of change, which rows differ, and in what words."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from tests.pki.paths import make
from tests.tls_servers import Ca, Issued, new_key
from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.comparing import Comparison, Row, compare
from trustyard.pki.readable import content

CA = Ca.new("Compare CA")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
KEY = new_key()


def made(cn: str = "partner.test", *, ca: Ca = CA, days: float = 90, key: Any = KEY, dns: Any = ("a.test",)) -> Issued:
    return ca.issue(cn, dns=dns, days=days, start=START, private=key)


def read(issued: Issued) -> Certificate:
    return read_certificate(issued.cert_der)


def compared(left: Issued, right: Issued) -> Comparison:
    return compare(read(left), read(right))


def row(found: Comparison, field: str) -> Row:
    [one] = [row for row in found.rows if row.field == field]
    return one


OLD = made()


def test_a_certificate_is_the_same_as_itself_and_nothing_differs() -> None:
    found = compared(OLD, OLD)
    assert (found.kind, found.sentence, found.same, found.differences) == ("same", "The same certificate.", True, ())
    assert row(found, "Subject CN").left == "partner.test"


def test_a_renewal_keeps_key_issuer_and_names_and_says_how_much_longer() -> None:
    found = compared(OLD, made(days=180))
    assert (found.kind, found.sentence) == ("renewed", "Renewed: same key, same issuer, valid 90 days longer.")
    assert row(found, "Not after").note == "90 days later"
    assert row(found, "Not before").same
    assert (row(found, "Public key (SHA-256)").same, row(found, "Public key (SHA-256)").note) == (True, "")
    assert (row(found, "Lifetime").left, row(found, "Lifetime").right) == ("90 days", "180 days")


def test_differences_come_first() -> None:
    found = compared(OLD, made(days=30))
    marks = [row.same for row in found.rows]
    assert marks == sorted(marks)
    assert [row.field for row in found.differences] == ["Serial number", "Not after", "Lifetime", "SHA-256", "SHA-1"]
    assert found.sentence == "Renewed: same key, same issuer, ends 60 days earlier."


@pytest.mark.parametrize(
    ("hours", "note"),
    [(0.5, "less than an hour later"), (1, "1 hour later"), (-2, "2 hours earlier"), (24, "1 day later")],
)
def test_a_distance_of_less_than_a_day_is_told_in_hours(hours: float, note: str) -> None:
    assert row(compared(OLD, made(days=90 + hours / 24)), "Not after").note == note


def test_a_new_key_under_the_same_names_is_told() -> None:
    found = compared(OLD, made(key=new_key()))
    assert (found.kind, found.sentence) == (
        "new-key",
        "New key, same names: same issuer, valid until the same moment.",
    )
    assert row(found, "Public key (SHA-256)").note == "new key"
    assert not row(found, "Extension subjectKeyIdentifier 2.5.29.14").same


def test_alternative_names_are_added_removed_and_common() -> None:
    found = compared(made(dns=("a.test", "b.test")), made(dns=("a.test", "c.test")))
    sans = [(r.left, r.right, r.note) for r in found.rows if r.field == "Alternative name dns"]
    assert sans == [("b.test", "", "removed"), ("", "c.test", "added"), ("a.test", "a.test", "")]
    assert found.kind == "other-names"
    assert found.sentence == ("Other names: 1 added and 1 removed; same key, same issuer, valid until the same moment.")
    assert not [r for r in found.rows if r.field.startswith("Extension subjectAltName")]


def test_another_subject_is_told_by_both_names() -> None:
    found = compared(OLD, made("other.test", key=new_key()))
    assert (found.kind, found.sentence) == (
        "other-subject",
        "Another subject: other.test instead of partner.test; new key, same issuer.",
    )


def test_without_subjects_it_is_the_names_that_tell_two_apart() -> None:
    nameless = CA.issue(None, dns=["a.test"])
    assert compared(nameless, CA.issue(None, dns=["z.test"])).kind == "other-subject"
    assert compared(nameless, CA.issue(None, dns=["a.test"])).kind == "new-key"


def test_the_same_key_from_another_issuer_is_a_cross_sign() -> None:
    found = compared(OLD, made(ca=Ca.new("Another CA")))
    assert found.kind == "cross-signed"
    assert (row(found, "Issuer CN").left, row(found, "Issuer CN").right) == ("Compare CA", "Another CA")


def name(*attributes: tuple[x509.ObjectIdentifier, str], kind: _ASN1Type = _ASN1Type.UTF8String) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value, kind) for oid, value in attributes])


def test_names_are_compared_attribute_by_attribute() -> None:
    before = CA.issue(name((NameOID.ORGANIZATION_NAME, "Acme"), (NameOID.COMMON_NAME, "x")), private=KEY)
    after = CA.issue(name((NameOID.ORGANIZATION_NAME, "Acme Inc"), (NameOID.COMMON_NAME, "x")), private=KEY)
    found = compared(before, after)
    assert (row(found, "Subject O").left, row(found, "Subject O").right) == ("Acme", "Acme Inc")
    assert row(found, "Subject CN").same


def test_names_that_differ_in_order_or_string_type_alone_have_a_row_that_says_so() -> None:
    one, two = (NameOID.ORGANIZATION_NAME, "Acme"), (NameOID.COMMON_NAME, "x")
    first = CA.issue(name(one, two))
    assert row(compared(first, CA.issue(name(two, one))), "Subject, order").left == "O, CN"
    printable = CA.issue(name(one, two, kind=_ASN1Type.PrintableString))
    assert row(compared(first, printable), "Subject, string types").right == "PrintableString, PrintableString"


def without_extensions() -> x509.CertificateBuilder:
    """A certificate like `OLD`, still to be signed."""
    return (
        x509.CertificateBuilder()
        .subject_name(OLD.certificate.subject)
        .issuer_name(CA.certificate.subject)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(START + dt.timedelta(days=90))
    )


def test_a_signature_made_anew_over_the_same_is_told() -> None:
    """ECDSA signs with a random number."""
    builder = without_extensions()
    found = compared(*(Issued(builder.sign(CA.key, hashes.SHA256()), KEY) for _ in range(2)))
    assert found.kind == "changed"
    assert [r.field for r in found.differences] == ["Signature value", "SHA-256", "SHA-1"]


def test_another_signature_algorithm_is_told() -> None:
    builder = without_extensions()
    found = compared(*(Issued(builder.sign(CA.key, digest), KEY) for digest in (hashes.SHA256(), hashes.SHA384())))
    assert found.kind == "changed"
    told = row(found, "Signature algorithm")
    assert (told.left, told.right, told.same) == ("ecdsa-with-SHA256", "ecdsa-with-SHA384", False)


def test_extensions_are_compared_by_identifier_with_what_they_say() -> None:
    builder = without_extensions()
    bare = Issued(builder.sign(CA.key, hashes.SHA256()), KEY)
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    with_one = Issued(builder.add_extension(unknown, critical=True).sign(CA.key, hashes.SHA256()), KEY)
    added = row(compared(bare, with_one), "Extension 1.2.3.4")
    assert (added.left, added.right, added.note) == ("", "critical: 0500", "added")
    gone = row(compared(OLD, bare), "Extension extKeyUsage 2.5.29.37")
    assert (gone.left, gone.right, gone.note) == ("TLS server, TLS client", "", "removed")
    assert row(compared(OLD, made(days=1)), "Extension basicConstraints 2.5.29.19").left == "critical: not a CA"


def test_the_addresses_of_a_certificate_are_said_as_addresses() -> None:
    """RFC 5280, sections 4.2.2.1 and 4.2.1.13."""
    uri = x509.UniformResourceIdentifier
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, uri("http://ca.example/ca.cer")),
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, uri("http://ocsp.example")),
        ]
    )
    lists = x509.CRLDistributionPoints([x509.DistributionPoint([uri("http://ca.example/ca.crl")], None, None, None)])
    partner = make("Partner", extra=[(access, False), (lists, False)]).certificate
    text = content(partner)
    for line in ("CA issuers: http://ca.example/ca.cer", "OCSP: http://ocsp.example"):
        assert f"{line}\n" in text
    assert "Revocation list: http://ca.example/ca.crl\n" in text
    rows = {row.left for row in compare(partner, partner).rows}
    assert "CA issuers http://ca.example/ca.cer, OCSP http://ocsp.example" in rows
