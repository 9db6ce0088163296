"""Findings in their words: the names, numbers and reasons that they tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.pki.test_findings import MODULUS, MOMENT, P192, PIN, codes, dns_tree, ec_spki
from trustyard.pki import der
from trustyard.pki.certificates import read_certificate
from trustyard.pki.der import encode
from trustyard.pki.findings import findings, passing

from .made import (
    CODE,
    ISSUER,
    SERVER,
    TRUE,
    basic,
    constraints,
    dns,
    integer,
    leaf,
    plain_spki,
    purposes,
    root,
    rsa_spki,
    utc,
)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (encode(der.SEQUENCE, encode(0x87, bytes([10, 1, 0, 0, 255, 255, 0, 0]))), "addresses in 10.1.0.0/16"),
        (encode(der.SEQUENCE, encode(0x87, bytes([10, 1, 2, 3, 255, 255, 0, 0]))), "addresses in 10.1.0.0/16"),
        (encode(der.SEQUENCE, encode(0x88, b"\x2a\x03")), "registered IDs"),
        (b"".join(dns_tree(f"{at}.a") for at in range(6)), "DNS names below 0.a, 1.a, 2.a, 3.a, 4.a, 5.a"),
        (b"".join(dns_tree(f"{at}.a") for at in range(7)), "DNS names below 0.a, 1.a, 2.a, 3.a, 4.a, 5.a and 1 more"),
        (encode(der.SEQUENCE, encode(0x81, b"partner.example")), "e-mail addresses of partner.example"),
        (encode(der.SEQUENCE, encode(0xA4, ISSUER)), "directory names under CN=Another CA"),
        (dns_tree(""), "DNS names below (all)"),
    ],
)
def test_name_constraints_are_said_in_words(tree: bytes, words: str) -> None:
    [found] = findings(read_certificate(root(constraints(tree, tag=0xA1))), MOMENT)
    assert found.message == f"It may issue for some names only: excluded {words}."


@pytest.mark.parametrize(
    ("extension", "reason"),
    [
        (constraints(), "their list of permitted names is empty"),
        (("2.5.29.30", True, encode(der.SEQUENCE)), "they constrain nothing"),
        (("2.5.29.30", True, b"\x04"), "they cannot be read"),
        (
            constraints(encode(der.SEQUENCE, encode(0x87, bytes([10, 0, 0, 0, 255, 0, 255, 0])))),
            "an address mask in them has a hole",
        ),
        (constraints(encode(der.SEQUENCE, encode(0x87, bytes(5)))), "an address range in them has a wrong length"),
        (constraints(dns_tree("*.example")), "a name in them is none"),
        (constraints(dns_tree("ex\u00e4mple")), "a name in them is not ASCII"),
        (constraints(encode(der.SEQUENCE, encode(0x9F, b"x"[:0]))), "they cannot be read"),
        (constraints(encode(der.SEQUENCE, encode(0x89, b"x"))), "they are of a kind of name that does not exist"),
        (constraints(dns_tree("x"), tag=0xA5), "there is something in them that does not belong there"),
    ],
)
def test_name_constraints_that_cannot_be_applied_are_malformed(extension: tuple[str, bool, bytes], reason: str) -> None:
    [found] = findings(read_certificate(root(extension)), MOMENT)
    assert found.code == "name-constraints-malformed"
    assert found.message == f"Its name constraints cannot be applied: {reason}."


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("https://partner.example/", "it is a URL"),
        ("10.0.0.1", "it is an IP address, which has a kind of its own"),
        ("many.example.", "it has a dot at an end"),
        ("x" * 64 + ".example", "it is too long"),
        (".".join(["x" * 62] * 4) + ".a", None),
        (".".join(["x" * 62] * 4) + ".ab", "it is too long"),
        ("two words", "a host name has letters, digits, hyphens and dots"),
        ("my_host.two words", "a host name has letters, digits, hyphens and dots"),
    ],
)
def test_a_name_that_is_no_host_name_has_its_reason(odd: str, reason: str | None) -> None:
    found = findings(read_certificate(leaf(dns(odd))), MOMENT)
    said = [one.message.rpartition(": ")[2] for one in found if one.code == "host-name-odd"]
    assert said == ([f"{reason}."] if reason else [])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("good.example\0.evil.example", "name-with-nul"),
        ("*.-a.example", "wildcard-misplaced"),
        ("*.example", "wildcard-misplaced"),
    ],
)
def test_a_name_that_leads_astray_is_told_by_its_kind(name: str, code: str) -> None:
    assert codes(leaf(dns(name))) == {code} | PIN


@pytest.mark.parametrize(("count", "more"), [(5, ""), (6, " and 1 more")])
def test_of_many_wildcards_five_are_named(count: int, more: str) -> None:
    found = findings(read_certificate(leaf(dns(*(f"*.{at}.example" for at in range(count))))), MOMENT)
    [said] = [one.message for one in found if one.code == "wildcard"]
    assert f"“*.4.example”{more}" in said


def test_names_with_a_wrong_form_are_named_with_the_reason() -> None:
    odd = ["", "10.0.0.1", "b\u00fccher.example", ".example", "x" * 64 + ".example", "two words"]
    found = findings(read_certificate(leaf(dns(*odd, "many.example."))), MOMENT)
    said = [one.message for one in found if one.code == "host-name-odd"]
    assert len(said) == 5, "a certificate with thousands of them does not fill the screen"
    for reason in ("empty", "IP address", "xn--", "dot at an end", "too long"):
        assert any(reason in one for one in said), reason


@pytest.mark.parametrize(
    ("oid", "value", "named"),
    [
        ("2.5.29.19", b"\x30\x03\x04\x01\x00", "basicConstraints (2.5.29.19)"),
        ("2.5.29.15", b"\x04\x01\x80", "keyUsage (2.5.29.15)"),
        ("2.5.29.37", b"\x30\x00", "extKeyUsage (2.5.29.37)"),
        ("2.5.29.31", b"\x30", "cRLDistributionPoints (2.5.29.31)"),
        ("2.5.29.31", b"\x30\x81\x80" + bytes(127), "cRLDistributionPoints (2.5.29.31)"),
        ("2.5.29.31", encode(der.SEQUENCE, bytes(300)), None),
        ("1.2.3.4", b"\x30", None),
    ],
)
def test_an_extension_that_is_known_and_cannot_be_read_is_named(oid: str, value: bytes, named: str | None) -> None:
    found = findings(read_certificate(leaf((oid, False, value))), MOMENT)
    said = [one.message for one in found if one.code == "extension-unreadable"]
    assert said == ([f"Its extension {named} cannot be read."] if named else [])


@pytest.mark.parametrize(
    ("oid", "said"),
    [("1.2.3", "1.2.3"), ("2.5.29.1", "(2.5.29.1)"), ("1.2" + ".1" * 60, "1.2" + ".1" * 38 + "…")],
)
def test_an_unknown_critical_extension_is_named_by_its_number(oid: str, said: str) -> None:
    found = findings(read_certificate(root((oid, True, encode(der.NULL)))), MOMENT)
    [message] = [one.message for one in found if one.code == "extension-unknown-critical"]
    assert said in message


@pytest.mark.parametrize(
    ("spki", "code", "said"),
    [
        (rsa_spki((1 << 2046) + 1, 65537), "rsa-key-small", "Its RSA key has 2047 bits"),
        (rsa_spki(1 << 2047, 65537), "rsa-key-broken", "The modulus of its RSA key is even"),
        (rsa_spki(MODULUS, 1), "rsa-key-broken", "The exponent of its RSA key is 1"),
        (rsa_spki(MODULUS, 1 << 70), "rsa-key-broken", "The exponent of its RSA key is even"),
        (ec_spki(P192, 192), "ec-key-small", "Its key on the curve P-192 has 192 bits"),
    ],
)
def test_what_is_wrong_with_a_key_is_told_in_numbers(spki: bytes, code: str, said: str) -> None:
    [message] = [one.message for one in findings(read_certificate(leaf(spki=spki)), MOMENT) if one.code == code]
    assert message.startswith(said)


def test_a_key_bound_to_pss_is_held_against_the_limits_of_rsa() -> None:
    numbers = encode(der.SEQUENCE, integer((1 << 1023) + 1), integer(65537))
    short = plain_spki("1.2.840.113549.1.1.10", octets=numbers)
    assert codes(leaf(spki=short)) == PIN | {"key-kind-rare", "rsa-key-small"}


def test_a_path_length_above_zero_is_no_finding() -> None:
    assert codes(root(basic(TRUE, integer(1)))) == set()


@pytest.mark.parametrize(
    ("given", "said", "missing"),
    [
        (SERVER, "TLS server", "TLS client"),
        (CODE, "code signing", "TLS server or TLS client"),
        ("1.2.3", "1.2.3", "TLS"),
    ],
)
def test_a_ca_for_some_purposes_is_told_with_what_it_cannot_issue(given: str, said: str, missing: str) -> None:
    [found] = findings(read_certificate(root(purposes(given))), MOMENT)
    assert found.message == f"It is a CA for these purposes only: {said}."
    assert found.advice.startswith(f"Many verifiers refuse a {missing}")


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (-2, "It is valid from 2026-12-01 on, in 2 days."),
        (-1, "It is valid from 2026-12-01 on, in 1 day."),
        (0, ""),
        (1, ""),
        (2, "It expires on 2026-12-04, in 1 day."),
        (2.5, "It expires on 2026-12-04, within a day."),
        (3, "It expires on 2026-12-04, within a day."),
        (3.5, "It expired on 2026-12-04, less than a day ago."),
        (4, "It expired on 2026-12-04, 1 day ago."),
    ],
)
def test_the_distance_to_a_date_is_told_in_days(day: float, said: str) -> None:
    made = read_certificate(root(begins=utc("261201000000Z"), ends=utc("261204000000Z")))
    found = passing(made, datetime(2026, 12, 1, tzinfo=UTC) + timedelta(days=day))
    assert "".join(one.message for one in found) == said
