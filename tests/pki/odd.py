"""Certificates that break a rule, by name: those that Envoy reads, those that it does not, and those left out too."""

from __future__ import annotations

from tests.pki.handmade import RSA_WITH_SHA256, VERSION_3, attribute, certificate, extension, key, name
from trustyard.pki import der

SKI = extension("2.5.29.14", der.encode(der.OCTET_STRING, b"a"))
CONSTRAINTS = der.encode(der.SEQUENCE)
UTF8, NUMERIC, PRINTABLE, TELETEX, IA5, UNIVERSAL, BMP = 0x0C, 0x12, 0x13, 0x14, 0x16, 0x1C, 0x1E
GENERALIZED = 0x18


def called(tag: int, body: bytes) -> bytes:
    """With a common name of this type of string."""
    return certificate(subject=name(attribute("2.5.4.3", der.encode(tag, body))))


def begins(tag: int, text: bytes) -> bytes:
    return certificate(begins=der.encode(tag, text))


def of_version(number: int) -> bytes:
    return certificate(version=der.encode(0xA0, der.encode(der.INTEGER, bytes([number]))))


def indefinite(data: bytes) -> bytes:
    """The same in BER, its outermost length left open."""
    return b"\x30\x80" + der.read(data).body + b"\x00\x00"


def long_length(data: bytes) -> bytes:
    """The same in BER, its outermost length in more octets than it needs."""
    body = der.read(data).body
    return b"\x30\x84" + len(body).to_bytes(4) + body


READ = {
    "in order": certificate(),
    "NUL in a name": called(UTF8, b"a\x00b"),
    "NUL in a PrintableString": called(PRINTABLE, b"a\x00b"),
    "a PrintableString with an @": called(PRINTABLE, b"a@b"),
    "a PrintableString in Latin 1": called(PRINTABLE, b"\xe9"),
    "an IA5String in Latin 1": called(IA5, b"\xe9"),
    "a TeletexString": called(TELETEX, b"\xe9"),
    "a NumericString of letters": called(NUMERIC, b"abc"),
    "a BMPString": called(BMP, "Müller".encode("utf-16-be")),
    "a UniversalString": called(UNIVERSAL, "Müller".encode("utf-32-be")),
    "no subject": certificate(subject=der.encode(der.SEQUENCE)),
    "a negative serial number": certificate(serial=b"\xff"),
    "the serial number zero": certificate(serial=b"\x00"),
    "a long serial number": certificate(serial=b"\x01" * 30),
    "version 1": certificate(version=b""),
    "version 1, written": of_version(0),
    "version 2": of_version(1),
    "two algorithms": certificate(outer=RSA_WITH_SHA256),
    "a UTCTime with an offset": begins(der.UTC_TIME, b"260101000000+0100"),
    "the year zero": begins(GENERALIZED, b"00000101000000Z"),
    "a GeneralizedTime too early": begins(GENERALIZED, b"20260101000000Z"),
    "an extension twice": certificate(extensions=(SKI, SKI)),
    "an extension that is broken": certificate(extensions=(extension("2.5.29.19", b"\x01"),)),
    "a default that is written": certificate(
        extensions=(extension("2.5.29.19", CONSTRAINTS, critical=b"\x01\x01\x00"),)
    ),
    "a broken key": certificate(spki=key("1.3.101.112", bits=b"\x01" * 5)),
    "a key of nobody": certificate(spki=key("1.2.3.4")),
}
UNREAD = {
    "UTF-8 that is none": called(UTF8, b"\xff\xfe"),
    "UTF-8 of a surrogate": called(UTF8, b"\xed\xa0\x80"),
    "UTF-8 that is too long": called(UTF8, b"\xc0\x80"),
    "UTF-8 beyond Unicode": called(UTF8, b"\xf4\x90\x80\x80"),
    "UTF-8 of no character": called(UTF8, b"\xef\xbf\xbf"),
    "UTF-8 of the first that are no characters": called(UTF8, "\ufdd0".encode()),
    "a BMPString with half a character": called(BMP, b"\x00a\x00"),
    "a BMPString with a surrogate": called(BMP, b"\xd8\x00\x00a"),
    "a BMPString with a pair of surrogates": called(BMP, b"\xd8\x3d\xde\x00"),
    "a BMPString of no character": called(BMP, b"\xff\xff"),
    "a UniversalString beyond Unicode": called(UNIVERSAL, b"\x00\x11\x00\x00"),
    "a UniversalString with half a character": called(UNIVERSAL, b"\x00\x00\x00"),
    "an empty relative name": certificate(subject=der.encode(der.SEQUENCE, der.encode(der.SET))),
    "version 9": of_version(8),
    "extensions in version 1": certificate(version=b"", extensions=(SKI,)),
    "a time without seconds": begins(der.UTC_TIME, b"2601010000Z"),
    "a time with a fraction": begins(GENERALIZED, b"20260101000000.5Z"),
    "a time with a fraction, after sixty odd names": certificate(
        subject=name(*[attribute(f"1.2.3.{number}", der.encode(der.NULL)) for number in range(60)]),
        ends=der.encode(GENERALIZED, b"20270101000000.5Z"),
    ),
    "a UTCTime without Z": begins(der.UTC_TIME, b"260101000000"),
    "a UTCTime with a century": begins(der.UTC_TIME, b"20260101000000Z"),
    "a GeneralizedTime with an offset": begins(GENERALIZED, b"20260101000000+0100"),
    "a time that is none": begins(der.UTC_TIME, b"hello"),
    "a month that is none": begins(der.UTC_TIME, b"261301000000Z"),
    "BER, an open length": indefinite(certificate()),
    "BER, a long length": long_length(certificate()),
    "BER, a number with a zero before it": certificate(serial=b"\x00\x01"),
    "BER, a string in pieces": certificate(
        subject=name(attribute("2.5.4.3", b"\x2c\x80" + der.encode(UTF8, b"ab") + b"\x00\x00"))
    ),
}
# Envoy would read these. They are left out all the same: what is not DER is not told apart any further, and names that
# OpenSSL cannot read would keep all clients out that are sent them.
LEFT_OUT_TOO = {
    "octets for a name": called(der.OCTET_STRING, b"abc"),
    "a number for a name": called(der.INTEGER, b"\x01"),
    "BER, a boolean of another value": certificate(
        version=VERSION_3, extensions=(extension("2.5.29.19", CONSTRAINTS, critical=b"\x01\x01\x01"),)
    ),
}
