"""What was read although it breaks the rules is told, and nothing is told of what keeps them."""

from __future__ import annotations

import pytest

from tests.pki.handmade import RSA_WITH_SHA256, attribute, certificate, extension, key, name
from tests.tls_servers import Ca
from trustyard.pki import der
from trustyard.pki.certificates import read_certificate
from trustyard.pki.oddities import oddities_of

NOT_BEFORE, NOT_AFTER = "notBefore", "notAfter"


def oddities(data: bytes) -> list[tuple[str, str]]:
    """Codes and details."""
    return list(oddities_of(read_certificate(data).structure()))


def utc(text: str) -> bytes:
    """A UTCTime, whatever stands in it."""
    return der.encode(der.UTC_TIME, text.encode())


def general(text: str) -> bytes:
    """A GeneralizedTime, whatever stands in it."""
    return der.encode(der.GENERALIZED_TIME, text.encode())


def common_name(tag: int, value: bytes) -> bytes:
    """A subject of one common name."""
    return name(attribute("2.5.4.3", der.encode(tag, value)))


def padded(data: bytes) -> bytes:
    """The same element with its length in three octets where one would do."""
    return data[:1] + b"\x83\x00\x00" + data[1:]


def test_nothing_is_said_of_a_certificate_that_keeps_the_rules() -> None:
    assert oddities(Ca.new("Test CA").issue("leaf.test", dns=["leaf.test"]).cert_der) == []
    assert oddities(certificate(extensions=(extension("2.5.29.14", b"\x04\x02ab"),))) == []


@pytest.mark.parametrize(
    ("code", "detail", "data"),
    [
        ("negative-serial", "", certificate(serial=b"\xff")),
        ("zero-serial", "", certificate(serial=b"\x00")),
        ("long-serial", "", certificate(serial=b"\x01" * 21)),
        ("unknown-version", "4", certificate(version=der.encode(0xA0, der.encode(der.INTEGER, b"\x03")))),
        ("extensions-need-version-3", "1", certificate(version=b"", extensions=(extension("1.2.3", b""),))),
        ("signature-algorithms-differ", "", certificate(inner=RSA_WITH_SHA256)),
        ("unreadable-key", "", certificate(spki=key("1.2.840.113549.1.1.1", der.encode(der.NULL)))),
        ("duplicate-extension", "1.2.3", certificate(extensions=(extension("1.2.3", b""),) * 2)),
        ("unreadable-extension", "2.5.29.19", certificate(extensions=(extension("2.5.29.19", b"nonsense"),))),
        ("unreadable-extension", "2.5.29.17", certificate(extensions=(extension("2.5.29.17", b"\x30\x02\x88\x00"),))),
        ("bad-string", "2.5.4.3", certificate(subject=common_name(0x0C, b"\xff"))),
        ("bad-string", "2.5.4.3", certificate(subject=common_name(0x13, b"a@b"))),
        ("bad-string", "2.5.4.3", certificate(subject=common_name(0x16, b"\xe4"))),
        ("bad-string", "2.5.4.3", certificate(subject=common_name(0x1E, b"odd"))),
        ("not-text", "2.5.4.3", certificate(subject=common_name(der.BIT_STRING, b"\x00a"))),
        ("empty-relative-name", "subject", certificate(subject=der.encode(der.SEQUENCE, der.encode(der.SET)))),
        ("unreadable-date", NOT_AFTER, certificate(ends=utc("269901000000Z"))),
        ("year-zero", NOT_BEFORE, certificate(begins=general("00000101000000Z"))),
        ("time-without-seconds", NOT_BEFORE, certificate(begins=utc("2601010000Z"))),
        ("time-with-fraction", NOT_AFTER, certificate(ends=general("20270101000000.5Z"))),
        ("time-with-offset", NOT_AFTER, certificate(ends=utc("270101000000+0100"))),
        ("utc-time-with-century", NOT_BEFORE, certificate(begins=utc("20260101000000Z"))),
        ("ber-encoding", "", certificate(begins=padded(utc("260101000000Z")))),
        ("ber-encoding", "", certificate(serial=b"\x00\x01")),
    ],
)
def test_what_breaks_a_rule_is_read_and_named(code: str, detail: str, data: bytes) -> None:
    assert (code, detail) in oddities(data)
    assert read_certificate(data).der == data


def test_a_certificate_without_end_of_oddities_is_told_of_fifty() -> None:
    repeated = [extension(f"1.2.3.{number}", b"") for number in range(200)]
    assert len(oddities(certificate(extensions=(*repeated, *repeated)))) == 50
