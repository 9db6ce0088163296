"""Every finding has a certificate that has it and nothing else; an ordinary certificate has none."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from tests.tls_servers import Ca
from trustyard.errors import InputRefused
from trustyard.pki import der
from trustyard.pki.certificates import facts_json, read_certificate
from trustyard.pki.der import encode
from trustyard.pki.findings import CATALOGUE, MOST_OF_A_CODE, SEVERITIES, findings, lasting, passing

from .made import (
    CLIENT,
    CN,
    CODE,
    COUNTRY,
    ECDSA_SHA1,
    ISSUER,
    LEAF,
    OU,
    PRINTABLE,
    SERVER,
    TRUE,
    UTF8,
    authority_key,
    basic,
    certificate,
    constraints,
    dns,
    generalized,
    integer,
    leaf,
    name,
    plain_spki,
    purposes,
    root,
    rsa_key,
    rsa_spki,
    spki_of,
    subject_key,
    usage,
    utc,
)

MOMENT = datetime(2026, 11, 24, tzinfo=UTC)
PIN = {"not-a-ca"}  # every certificate of another CA that is none is a pin
IN_STORE = {"duplicate", "in-root-set", "same-key", "issuer-missing"}  # tests/actions/test_findings.py
SCTS = ("1.3.6.1.4.1.11129.2.4.2", False, encode(der.OCTET_STRING, bytes(8)))
P192 = "1.2.840.10045.3.1.1"
MODULUS = (1 << 2047) + 1


def ec_spki(oid: str, size: int) -> bytes:
    return plain_spki("1.2.840.10045.2.1", der.encode_oid(oid), b"\x04" + bytes(size // 4))


def _explicit() -> bytes:
    prime = (1 << 256) - 189
    field = encode(der.SEQUENCE, der.encode_oid("1.2.840.10045.1.1"), integer(prime))
    curve = encode(der.SEQUENCE, encode(der.OCTET_STRING, b"\x01"), encode(der.OCTET_STRING, b"\x02"))
    base = encode(der.OCTET_STRING, b"\x04" + bytes(64))
    parameters = encode(der.SEQUENCE, integer(1), field, curve, base, integer(prime))
    return plain_spki("1.2.840.10045.2.1", parameters, b"\x04" + bytes(64))


def dns_tree(text: str, *bounds: bytes) -> bytes:
    return encode(der.SEQUENCE, encode(0x82, text.encode()), *bounds)


def _long_length(certificate: bytes) -> bytes:
    """The same certificate behind a length of three octets where two are enough: BER, and no DER."""
    body = der.read_all(certificate).body
    return b"\x30\x83" + len(body).to_bytes(3, "big") + body


# By code: the certificate, and what an ordinary one of its kind has anyway.
MADE: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "expired": (lambda: root(ends=utc("260601000000Z")), set()),
    "not-yet-valid": (lambda: root(begins=utc("270101000000Z")), set()),
    "expiring": (lambda: root(ends=utc("261201000000Z")), set()),
    "validity-reversed": (lambda: root(ends=utc("250101000000Z")), set()),
    "lifetime-over-limit": (
        lambda: leaf(purposes(SERVER, CLIENT), begins=utc("260315000000Z"), ends=utc("271001000000Z")),
        PIN,
    ),
    "time-unreadable": (lambda: root(ends=utc("261399000000Z")), set()),
    "no-expiry": (lambda: root(ends=generalized("99991231235959Z")), set()),
    "time-wrong-type": (lambda: root(ends=generalized("20360101000000Z")), set()),
    "time-wrong-form": (lambda: root(ends=utc("3601010000Z")), set()),
    "rsa-key-small": (lambda: root(spki=spki_of(rsa_key(1024)), issuer=ISSUER), {"intermediate-as-anchor"}),
    "rsa-key-large": (lambda: leaf(spki=rsa_spki((1 << 9000) + 1, 65537)), PIN),
    "rsa-key-broken": (lambda: leaf(spki=rsa_spki(MODULUS, 1)), PIN),
    "rsa-exponent-small": (lambda: leaf(spki=rsa_spki(MODULUS, 3)), PIN),
    "key-unreadable": (lambda: leaf(spki=plain_spki("1.2.840.113549.1.1.1")), PIN),
    "ec-key-small": (lambda: leaf(spki=ec_spki(P192, 192)), PIN),
    "ec-key-below-256": (lambda: leaf(spki=ec_spki("1.3.132.0.33", 224)), PIN),
    "ec-parameters-explicit": (lambda: leaf(spki=_explicit()), PIN),
    "dsa-key": (lambda: leaf(spki=plain_spki("1.2.840.10040.4.1")), PIN),
    "key-small-order": (lambda: leaf(spki=plain_spki("1.3.101.112")), PIN | {"key-kind-rare"}),
    "key-cannot-sign": (lambda: leaf(spki=plain_spki("1.3.101.110", octets=b"\x09" + bytes(31))), PIN),
    "key-kind-rare": (lambda: leaf(spki=spki_of(ed25519.Ed25519PrivateKey.generate())), PIN),
    "weak-digest": (lambda: leaf(algorithm=ECDSA_SHA1), PIN),
    "weak-digest-anchor": (lambda: root(algorithm=ECDSA_SHA1), set()),
    "self-signature-bad": (lambda: root(broken=True), set()),
    "self-signature-unchecked": (lambda: root(algorithm="1.2.156.10197.1.501"), set()),
    "signature-algorithms-differ": (lambda: leaf(outer="1.2.840.10045.4.3.3"), PIN),
    "not-a-ca": (leaf, set()),
    "self-signed-not-ca": (lambda: certificate([usage(0x80), subject_key(), dns("partner.example")]), set()),
    "intermediate-as-anchor": (lambda: root(authority_key(), issuer=ISSUER), set()),
    "ca-mark-missing": (lambda: root(without="2.5.29.19"), set()),
    "ca-mark-not-critical": (lambda: root(basic(TRUE, critical=False)), set()),
    "key-usage-missing": (lambda: root(without="2.5.29.15"), set()),
    "cert-sign-missing": (lambda: root(usage(0x80)), set()),
    "path-length-zero": (lambda: root(basic(TRUE, integer(0))), set()),
    "path-length-negative": (lambda: root(basic(TRUE, integer(-8))), set()),
    "path-length-without-ca": (lambda: leaf(basic(integer(1))), PIN),
    "name-constraints": (lambda: root(constraints(dns_tree("partner.example"))), set()),
    "name-constraints-malformed": (lambda: root(constraints(dns_tree("x.example", encode(0x80, b"\x01")))), set()),
    "name-constraints-misplaced": (
        lambda: root(constraints(dns_tree("partner.example"), critical=False)),
        {"name-constraints"},
    ),
    "ca-purposes": (lambda: root(purposes(SERVER)), set()),
    "tls-purpose-missing": (lambda: leaf(purposes(CODE)), PIN),
    "server-purpose-missing": (lambda: leaf(purposes(CLIENT)), PIN),
    "client-purpose-missing": (lambda: leaf(purposes(SERVER), ends=utc("260720000000Z")), PIN | {"expired"}),
    "client-purpose-ends": (lambda: leaf(purposes(SERVER, CLIENT), SCTS, ends=utc("261231000000Z")), PIN),
    "issuer-empty": (lambda: certificate(LEAF, issuer=name()), PIN),
    "subject-empty": (lambda: certificate([*LEAF[:3]], subject=name(), issuer=ISSUER), PIN),
    "san-not-critical": (lambda: leaf(subject=name()), PIN),
    "san-missing": (lambda: certificate(LEAF[:3], subject=name((CN, UTF8, b"www.example.com")), issuer=ISSUER), PIN),
    "name-with-nul": (lambda: root(subject=name((CN, UTF8, b"good.example\x00.evil.example"))), set()),
    "name-with-control": (lambda: root(subject=name((CN, UTF8, b"up\x1b[2Jdown"))), set()),
    "name-string-type": (lambda: root(subject=name((OU, 0x14, b"Old"))), set()),
    "host-name-odd": (lambda: leaf(dns("https://partner.example/")), PIN),
    "host-name-underscore": (lambda: leaf(dns("my_host.example")), PIN),
    "wildcard": (lambda: leaf(dns("*.partner.example")), PIN),
    "wildcard-misplaced": (lambda: leaf(dns("a.*.example")), PIN),
    "version-old": (lambda: certificate([], version=1), set()),
    "version-unknown": (lambda: certificate([], version=4), {"self-signed-not-ca"}),
    "extensions-misplaced": (lambda: root(version=2), {"version-old"}),
    "serial-not-positive": (lambda: root(serial=-5), set()),
    "serial-long": (lambda: root(serial=1 << 170), set()),
    "precertificate": (lambda: leaf(("1.3.6.1.4.1.11129.2.4.3", True, encode(der.NULL))), PIN),
    "extension-unknown-critical": (lambda: root(("1.2.3.4", True, encode(der.NULL))), set()),
    "extension-doubled": (lambda: certificate([basic(TRUE), usage(0x06), subject_key(), subject_key()]), set()),
    "extension-unreadable": (lambda: root(("2.5.29.37", False, b"\x30\x05\x06")), set()),
    "extension-critical": (lambda: root(subject_key(critical=True)), set()),
    "key-identifier-missing": (lambda: root(without="2.5.29.14"), set()),
    "issuer-identifier-missing": (lambda: certificate([LEAF[0], *LEAF[3:]], issuer=ISSUER), PIN),
    "read-leniently": (lambda: _long_length(root()), set()),
    "unique-identifiers": (lambda: root(unique=encode(0x81, b"\x00\x01")), set()),
}
WITHOUT_IDENTIFIER = {"rsa-key-small"}


def codes(data: bytes) -> set[str]:
    return {one.code for one in findings(read_certificate(data), MOMENT)}


def test_an_ordinary_root_has_no_finding() -> None:
    assert codes(root()) == set()
    made = Ca.new("Ordinary", days=4000)
    assert findings(read_certificate(made.cert_der), datetime.now(UTC)) == ()
    for private in (rsa_key(2048), ec.generate_private_key(ec.SECP384R1())):
        algorithm = "1.2.840.113549.1.1.11" if isinstance(private, rsa.RSAPrivateKey) else "1.2.840.10045.4.3.2"
        assert codes(root(private=private, algorithm=algorithm)) == set()


def test_an_ordinary_server_certificate_is_only_told_that_it_is_a_pin() -> None:
    assert codes(leaf()) == PIN
    assert codes(leaf(purposes(SERVER, CLIENT), begins=utc("260901000000Z"), ends=utc("270315000000Z"))) == PIN
    assert codes(leaf(dns("xn--bcher-kva.example", "localhost", "a1.b2.example"))) == PIN


@pytest.mark.parametrize("code", MADE)
def test_each_finding_has_a_certificate_that_has_exactly_it(code: str) -> None:
    make, usual = MADE[code]
    extra = {"issuer-identifier-missing"} if code in WITHOUT_IDENTIFIER else set()
    assert codes(make()) == {code} | usual | extra
    [found] = [one for one in findings(read_certificate(make()), MOMENT) if one.code == code]
    assert found.severity == CATALOGUE[code].severity
    assert found.message[-1] in ".…"
    assert "{" not in found.message + found.advice


@pytest.mark.parametrize(
    "oid", ["2.5.29.9", "2.5.29.14", "2.5.29.35", "2.5.29.46", "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.11"]
)
def test_each_extension_that_must_not_be_critical_is_told_where_it_is(oid: str) -> None:
    """RFC 5280, sections 4.2.1.1, 4.2.1.2, 4.2.1.8, 4.2.1.15, 4.2.2.1 and 4.2.2.2."""
    value = encode(der.OCTET_STRING, b"key") if oid == "2.5.29.14" else encode(der.SEQUENCE, encode(0x80, b"key"))
    assert "extension-critical" in codes(root((oid, True, value)))


def test_every_code_of_the_catalogue_has_a_test_and_nothing_is_left_out() -> None:
    assert MADE.keys() | IN_STORE == CATALOGUE.keys()
    for code, kind in CATALOGUE.items():
        assert kind.severity in SEVERITIES, code
        assert all((kind.sentence, kind.advice, kind.source)), code
        assert all(field != "" for _, field, _, _ in string.Formatter().parse(kind.sentence)), code


@pytest.mark.parametrize(
    ("begins", "ends", "days"),
    [
        ("200831000000Z", "301001000000Z", None),
        ("200901000000Z", "211003235959Z", None),
        ("200901000000Z", "211004000000Z", "399"),
        ("260314235959Z", "270416000000Z", None),
        ("260315000000Z", "260930235959Z", None),
        ("260315000000Z", "261001000000Z", "201"),
        ("270315000000Z", "270622235959Z", None),
        ("270315000000Z", "270623000000Z", "101"),
        ("290315000000Z", "290430235959Z", None),
        ("290315000000Z", "290501000000Z", "48"),
    ],
)
def test_the_steps_of_the_browser_forum_count_from_the_day_of_issue(begins: str, ends: str, days: str | None) -> None:
    made = read_certificate(leaf(purposes(SERVER), begins=utc(begins), ends=utc(ends)))
    said = [one.message for one in lasting(made) if one.code == "lifetime-over-limit"]
    assert [days is not None and f"{days} days" in one for one in said] == ([True] if days else [])


@pytest.mark.parametrize(
    ("spki", "found"),
    [
        (rsa_spki(MODULUS >> 1 | 1, 65537), {"rsa-key-small"}),
        (rsa_spki((1 << 8191) + 1, 65537), set()),
        (rsa_spki((1 << 8192) + 1, 65537), {"rsa-key-large"}),
        (rsa_spki(MODULUS, 65535), {"rsa-exponent-small"}),
        (rsa_spki(MODULUS, 65539), set()),
        (rsa_spki(MODULUS + 1, 65537), {"rsa-key-broken"}),
        (ec_spki("1.3.132.0.10", 256), {"key-kind-rare"}),  # secp256k1
    ],
    ids=["2047 bits", "8192 bits", "8193 bits", "below F4", "above F4", "an even modulus", "a curve of few"],
)
def test_keys_at_the_edge_of_what_is_usual(spki: bytes, found: set[str]) -> None:
    assert codes(leaf(spki=spki)) == PIN | found


def test_a_server_without_alternative_names_is_told_by_its_purpose_or_by_a_host_for_a_name() -> None:
    def made(common: bytes, *extensions: tuple[str, bool, bytes]) -> set[str]:
        return codes(certificate([*LEAF[:3], *extensions], subject=name((CN, UTF8, common)), issuer=ISSUER)) - PIN

    assert made(b"Partner Ltd") == set()
    assert made(b"www.example.com") == {"san-missing"}
    assert "san-missing" not in made(b"www.example.com", purposes(CLIENT))
    assert "san-missing" in made(b"Partner Ltd", purposes(SERVER))


def test_a_ca_without_a_subject_is_told_so_whatever_other_names_it_has() -> None:
    made = read_certificate(root(dns("ca.example"), subject=name(), issuer=ISSUER))
    [said] = [one.message for one in findings(made, MOMENT) if one.code == "subject-empty"]
    assert "which a CA's must not be" in said


def test_a_key_identifier_that_is_none_is_no_extension_that_can_be_read() -> None:
    broken = ("2.5.29.14", False, encode(der.SEQUENCE))
    assert codes(certificate([basic(TRUE), usage(0x06), broken])) == {"extension-unreadable"}


def test_a_private_client_certificate_may_live_long() -> None:
    assert "lifetime-over-limit" not in codes(leaf(purposes(CLIENT), begins=utc("260401000000Z")))
    assert "lifetime-over-limit" not in codes(root(purposes(SERVER), begins=utc("260401000000Z")))


def test_a_self_issued_certificate_of_another_key_is_an_intermediate() -> None:
    """RFC 5280, section 3.2: a CA that changes its key issues the new one under its own name."""
    assert codes(root(authority_key(), broken=True)) == {"intermediate-as-anchor"}


def test_thousands_of_odd_extensions_are_named_by_a_few() -> None:
    odd = [(f"1.2.3.{number}", True, encode(der.NULL)) for number in range(3000)]
    found = findings(read_certificate(root(*odd, odd[0])), MOMENT)
    assert [one.code for one in found] == ["extension-unknown-critical"] * MOST_OF_A_CODE + ["extension-doubled"]


@pytest.mark.parametrize("attribute", [(COUNTRY, UTF8, b"DE"), (COUNTRY, PRINTABLE, b"DEU"), (CN, PRINTABLE, b"a@b")])
def test_strings_of_a_wrong_type_are_noticed(attribute: tuple[str, int, bytes]) -> None:
    assert codes(root(subject=name(attribute))) == {"name-string-type"}


@pytest.mark.parametrize(
    "attribute",
    [
        (COUNTRY, PRINTABLE, b"DE"),
        ("1.2.840.113549.1.9.1", 0x16, b"ops@partner.example"),
        ("0.9.2342.19200300.100.1.25", 0x16, b"example"),
        ("2.5.4.45", 0x03, b"\x00\x01"),
        (CN, UTF8, "a\u200bb".encode()),
    ],
    ids=["country", "mailbox", "domain component", "unique identifier", "a character without width"],
)
def test_strings_of_their_usual_types_are_no_finding(attribute: tuple[str, int, bytes]) -> None:
    assert codes(root(subject=name(attribute))) == set()


def test_the_strings_of_an_issuer_are_looked_at_where_it_is_another_one() -> None:
    old = name((OU, 0x14, b"Old"))
    assert codes(certificate(LEAF, issuer=old)) == PIN | {"name-string-type"}
    found = findings(read_certificate(root(subject=name((OU, 0x14, b"Old")))), MOMENT)
    assert [one.message for one in found] == ["OU is written as TeletexString."]


@pytest.mark.parametrize("text", [b"a" * 127, b"a" * 128, b"Acme (Partner) " * 50])
def test_a_long_printable_string_is_an_ordinary_one(text: bytes) -> None:
    assert codes(root(subject=name((OU, PRINTABLE, text)))) == set()
    assert codes(root(subject=name((OU, PRINTABLE, text + b"@")))) == {"name-string-type"}


def test_what_passes_with_time_is_kept_apart_from_what_lasts() -> None:
    made = read_certificate(root(without="2.5.29.14", ends=utc("261201000000Z")))
    assert [one.code for one in lasting(made)] == ["key-identifier-missing"]
    assert [one.code for one in passing(made, MOMENT)] == ["expiring"]
    assert [one.code for one in passing(made, MOMENT + timedelta(days=30))] == ["expired"]
    assert [one.code for one in findings(made, MOMENT)] == ["expiring", "key-identifier-missing"]


def test_a_certificate_of_one_moment_expires_after_it() -> None:
    moment = utc("261201000000Z")
    made = read_certificate(root(begins=moment, ends=moment))
    assert [one.code for one in passing(made, datetime(2026, 12, 2, tzinfo=UTC))] == ["expired"]


def test_findings_come_worst_first_and_stand_in_the_facts() -> None:
    made = read_certificate(root(serial=-1, algorithm=ECDSA_SHA1, ends=utc("260601000000Z")))
    said = facts_json(made, MOMENT)["findings"]
    assert [one["severity"] for one in said] == ["error", "warning", "notice"]
    assert said[0] == {
        "code": "expired",
        "severity": "error",
        "message": "It expired on 2026-06-01, 176 days ago.",
        "advice": CATALOGUE["expired"].advice,
        "source": "RFC 5280, section 4.1.2.5",
    }


SOUND = [root(), leaf(), root(constraints(dns_tree("a.example")))]  # once: each signature is another one


@given(st.data())
def test_no_change_of_a_certificate_makes_the_findings_fail(data: st.DataObject) -> None:
    """Whatever the reader takes, the findings take."""
    octets = bytearray(data.draw(st.sampled_from(SOUND)))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        made = read_certificate(bytes(octets))
    except InputRefused:
        return
    assert all(one.message and one.code in CATALOGUE for one in findings(made, MOMENT))
