"""A release as each kind of gateway would take it; what the programs do is held by tests/live/test_anchor_rules.py."""

from __future__ import annotations

import pytest

from tests.authority import Authority
from tests.gateways.releases import material
from tests.pki import worst
from tests.pki.handmade import certificate, compressed
from tests.pki.moments import NOON
from trustyard.gateways.looks import look
from trustyard.gateways.preflight import judge, read
from trustyard.pki import der
from trustyard.pki.content import Material
from trustyard.pki.truststores import pem_bundle

GOOD, OTHER = Authority("A good CA", moment=NOON), Authority("Another good CA", moment=NOON)
ODD_TEXT = worst.with_text(b"\xff")
COMPRESSED = compressed()
VERSION_2 = certificate(version=der.encode(0xA0, der.encode(der.INTEGER, b"\x01")))


def told(release: Material, kind: str) -> list[tuple[str, str | None, str]]:
    """The notes that are not about how an anchor is made."""
    notes = judge(read(release), kind, NOON).notes
    return [(note.code, note.alias, note.sentence) for note in notes if not note.code.startswith("anchor-")]


def test_a_release_that_every_gateway_takes_is_counted_and_not_talked_about() -> None:
    release = material(1, {"a": GOOD.der}, (OTHER.der,))
    for kind in ("envoy", "haproxy", "files", "agent"):
        judged = judge(read(release), kind, NOON)
        assert judged.notes == ()
        assert (judged.certificates, judged.octets) == (2, len(pem_bundle([GOOD.der, OTHER.der])))


@pytest.mark.parametrize(
    ("kind", "odd", "code", "sentence"),
    [
        ("envoy", ODD_TEXT, "not-for-envoy", "Envoy or its clients cannot read odd; it is left out."),
        ("haproxy", ODD_TEXT, "not-for-openssl", "OpenSSL cannot load odd; it is left out where it reads."),
        ("files", ODD_TEXT, "not-for-openssl", "OpenSSL cannot load odd; it is left out where it reads."),
        (
            "files",
            COMPRESSED,
            "not-for-java",
            "Java cannot read odd; it is left out of truststore.p12 and truststore.jks.",
        ),
        (
            "agent",
            COMPRESSED,
            "not-for-java",
            "Java cannot read odd; it is left out of truststore.p12 and truststore.jks.",
        ),
        ("agent", VERSION_2, "not-for-pkcs12", "odd cannot be put into truststore.p12; truststore.jks holds it."),
    ],
)
def test_a_certificate_that_a_program_cannot_read_is_named(kind: str, odd: bytes, code: str, sentence: str) -> None:
    assert told(material(1, {"a": GOOD.der, "odd": odd}), kind) == [(code, "odd", sentence)]


def test_more_than_haproxy_takes_over_its_runtime_api_is_told_beforehand() -> None:
    many = {f"ca-{number}": Authority(f"CA {number}", moment=NOON).der for number in range(40)}
    octets = len(pem_bundle(many.values()))
    [(code, alias, sentence)] = told(material(1, many), "haproxy")
    assert (code, alias) == ("too-large", None)
    assert sentence.startswith(f"{octets} bytes of PEM; over its Runtime API HAProxy takes 16384, ")
    assert told(material(1, many), "files") == []


@pytest.mark.parametrize("data", [b"", b"\x30\x00"])
def test_what_is_no_certificate_to_us_is_not_judged(data: bytes) -> None:
    """It is never stored; a delivery must not end at it."""
    assert look(data) == (True, True, True, True)


def test_a_delivery_does_not_end_at_a_key_that_is_none() -> None:
    assert not look(certificate(spki=der.encode(der.SEQUENCE))).by_java
