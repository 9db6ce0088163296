"""Public keys of every kind: type, size, curve, and whether what they signed verifies."""

from __future__ import annotations

import hashlib
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.oracles import node
from tests.pki.handmade import RSA_WITH_SHA256, attribute, certificate, key, name
from tests.programs import need
from tests.tls_servers import new_key, self_signed
from trustyard.pki import der, signatures
from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.containers import read_file
from trustyard.pki.curves import CURVES
from trustyard.pki.jwkfields import b64url
from trustyard.pki.jwks import jwk_from_certificate
from trustyard.pki.oids import SLH_DSA

EC, P_256 = "1.2.840.10045.2.1", der.encode_oid("1.2.840.10045.3.1.7")


def number(value: int) -> bytes:
    """A positive INTEGER."""
    return der.encode(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def openssl(folder: Path, *arguments: str) -> Certificate:
    """A self-signed certificate made by openssl with these arguments of `req`."""
    command = [
        need("openssl", package="openssl"),
        "req",
        "-x509",
        "-nodes",
        "-subj",
        "/CN=made",
        "-days",
        "30",
        *arguments,
    ]
    subprocess.run(
        [*command, "-keyout", str(folder / "key"), "-out", str(folder / "cert")], check=True, capture_output=True
    )
    return read_file((folder / "cert").read_bytes()).certificates[0]


@pytest.mark.parametrize(
    ("expected", "oid", "parameters"),
    [
        (("EC", 256, "P-256"), EC, P_256),
        (("EC", 281, "sect283k1"), EC, der.encode_oid("1.3.132.0.16")),
        (("EC", 320, "brainpoolP320t1"), EC, der.encode_oid("1.3.36.3.3.2.8.1.1.10")),
        (("EC", 256, "SM2"), EC, der.encode_oid("1.2.156.10197.1.301")),
        (("EC", None, "1.2.3.4"), EC, der.encode_oid("1.2.3.4")),
        (("EC", None, None), EC, b""),
        (("EC", None, None), EC, der.encode(der.NULL)),
        (("DSA", 1024, None), "1.2.840.10040.4.1", der.encode(der.SEQUENCE, number(1 << 1023))),
        (("DSA", None, None), "1.2.840.10040.4.1", b""),
        (("DH", 2048, None), "1.2.840.113549.1.3.1", der.encode(der.SEQUENCE, number(1 << 2047))),
        (("DH", 2048, None), "1.2.840.10046.2.1", der.encode(der.SEQUENCE, number(1 << 2047))),
        (("X25519", 253, None), "1.3.101.110", b""),
        (("X448", 448, None), "1.3.101.111", b""),
        (("Ed448", 456, None), "1.3.101.113", b""),
        (("GOST R 34.10-2001", 256, None), "1.2.643.2.2.19", b""),
        (("GOST R 34.10-2012", 256, None), "1.2.643.7.1.1.1.1", b""),
        (("GOST R 34.10-2012", 512, None), "1.2.643.7.1.1.1.2", b""),
        (("ML-DSA-65", None, None), "2.16.840.1.101.3.4.3.18", b""),
        (("SLH-DSA-SHA2-128s", None, None), "2.16.840.1.101.3.4.3.20", b""),
        (("SLH-DSA-SHAKE-256f", None, None), "2.16.840.1.101.3.4.3.31", b""),
        (("ML-KEM-1024", None, None), "2.16.840.1.101.3.4.4.3", b""),
        (("RSA", None, None), "1.2.840.113549.1.1.1", b""),
        (("1.2.3.4.5", None, None), "1.2.3.4.5", b""),
    ],
)
def test_a_key_says_what_it_is(expected: tuple[str, int | None, str | None], oid: str, parameters: bytes) -> None:
    assert read_certificate(certificate(spki=key(oid, parameters))).facts.key == expected


def test_every_named_curve_has_a_name_of_its_own() -> None:
    assert len({name for name, _size in CURVES.values()}) == len(CURVES)


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "brainpoolP224r1", "brainpoolP384t1"])
@pytest.mark.parametrize("form", ["uncompressed", "compressed", "hybrid"])
def test_a_curve_that_is_written_out_has_no_name_and_its_signature_verifies(
    tmp_path: Path, curve: str, form: str
) -> None:
    option = f"ec_param_enc:explicit -pkeyopt ec_paramgen_curve:{curve} -pkeyopt point-format:{form}"
    made = openssl(tmp_path, "-newkey", "ec", "-pkeyopt", *option.split())
    assert (made.facts.key.type, made.facts.key.curve, made.facts.self_signed) == ("EC", None, True)
    assert made.facts.key.size == dict(CURVES.values()).get(
        {"prime256v1": "P-256", "secp384r1": "P-384"}.get(curve, curve)
    )


def test_a_point_given_by_one_coordinate_verifies(tmp_path: Path) -> None:
    option = "ec_paramgen_curve:prime256v1 -pkeyopt point-format:compressed"
    assert openssl(tmp_path, "-newkey", "ec", "-pkeyopt", *option.split()).facts.self_signed is True


def test_a_signature_on_a_written_out_curve_that_was_changed_does_not_verify(tmp_path: Path) -> None:
    option = "ec_param_enc:explicit -pkeyopt ec_paramgen_curve:prime256v1"
    made = openssl(tmp_path, "-newkey", "ec", "-pkeyopt", *option.split())
    changed = made.der.replace(b"made", b"fake")
    assert read_certificate(changed).facts.self_signed is False


@pytest.mark.parametrize("digest", ["md5", "sha1", "sha256"])
def test_an_rsa_key_of_512_bits_is_read_and_its_signature_verifies(tmp_path: Path, digest: str) -> None:
    made = openssl(tmp_path, "-newkey", "rsa:512", f"-{digest}")
    assert (made.facts.key, made.facts.self_signed) == (("RSA", 512, None), True)
    assert read_certificate(made.der.replace(b"made", b"fake")).facts.self_signed is False


def test_what_opens_with_the_exponent_1_is_no_signature() -> None:
    """It is the padded digest itself, so anybody can make it, for any certificate."""
    numbers = der.encode(der.SEQUENCE, number((1 << 2048) - 159), number(1))
    made = partial(
        certificate,
        inner=RSA_WITH_SHA256,
        outer=RSA_WITH_SHA256,
        subject=name(attribute("2.5.4.3", der.encode(0x0C, b"nobody"))),
        spki=key("1.2.840.113549.1.1.1", der.encode(der.NULL), bits=numbers),
    )
    digest = hashlib.sha256(read_certificate(made()).structure().tbs).digest()
    sha256 = der.encode(der.SEQUENCE, der.encode_oid("2.16.840.1.101.3.4.2.1"), der.encode(der.NULL))
    info = der.encode(der.SEQUENCE, sha256, der.encode(der.OCTET_STRING, digest))
    forged = b"\x00\x01" + b"\xff" * (256 - 3 - len(info)) + b"\x00" + info
    facts = read_certificate(made(signature=der.encode(der.BIT_STRING, b"\x00", forged))).facts
    assert (facts.self_issued, facts.self_signed) == (True, None)


def test_a_modulus_without_its_leading_zero_is_the_number_that_was_meant() -> None:
    """It reads as a negative one; openssl and node take it so too."""
    made = new_key("rsa").public_key().public_numbers()
    octets = made.n.to_bytes(256, "big")
    numbers = der.encode(der.SEQUENCE, der.encode(der.INTEGER, octets), number(made.e))
    odd = read_certificate(certificate(spki=key("1.2.840.113549.1.1.1", der.encode(der.NULL), bits=numbers)))
    assert odd.facts.key.size == 2048
    assert jwk_from_certificate(odd)["n"] == b64url(octets)


def test_a_key_that_is_bound_to_parameters_of_pss_verifies_nothing_else(tmp_path: Path) -> None:
    bound = "rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt rsa_pss_keygen_mgf1_md:sha256"
    strict = openssl(
        tmp_path, "-newkey", "rsa-pss", "-pkeyopt", *bound.split(), "-pkeyopt", "rsa_pss_keygen_saltlen:32"
    )
    assert (strict.facts.key, strict.facts.self_signed) == (("RSA-PSS", 2048, None), True)
    spki = strict.structure().spki
    plain = read_certificate(strict.der).structure()
    loose = key("1.2.840.113549.1.1.10", bits=spki.children()[1].bits())
    longer = spki.raw.replace(der.encode(0xA2, b"\x02\x01\x20"), der.encode(0xA2, b"\x02\x01\x30"))
    assert [signatures.verifies(plain, one) for one in (loose, spki.raw, longer)] == [True, True, False]


_SIGN = """
const { generateKeyPairSync, sign } = require("crypto");
const [name, message] = process.argv.slice(1);
const pair = generateKeyPairSync(name);
const key = pair.publicKey.export({ format: "der", type: "spki" }).toString("hex");
console.log(key, sign(null, Buffer.from(message, "hex"), pair.privateKey).toString("hex"));
"""


@pytest.mark.parametrize("number", [21, 23, 25, 27, 29, 31])  # those that sign quickly
def test_a_signature_of_slh_dsa_by_node_verifies_and_a_changed_one_does_not(number: int) -> None:
    oid = f"2.16.840.1.101.3.4.3.{number}"
    algorithm = der.encode(der.SEQUENCE, der.encode_oid(oid))
    tbs = der.read_all(certificate(inner=algorithm)).children()[0].raw
    command = [str(node()), "-e", _SIGN, SLH_DSA[oid].lower(), tbs.hex()]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    spki, signature = (bytes.fromhex(part) for part in answer.split())

    def verdict(signed: bytes, key: bytes = spki) -> bool | None:
        bits = der.encode(der.BIT_STRING, b"\x00" + signed)
        made = read_certificate(der.encode(der.SEQUENCE, tbs, algorithm, bits))
        return signatures.verifies(made.structure(), key)

    changed = [signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :] for at in (0, len(signature) // 2, -2)]
    assert [verdict(one) for one in (signature, *changed, signature[:-1])] == [True, False, False, False, False]
    assert verdict(signature, spki[:-1] + bytes([spki[-1] ^ 1])) is False


def test_an_algorithm_that_differs_inside_and_outside_never_verifies() -> None:
    made = self_signed("made.test", key="rsa")
    tbs, signature = made.certificate.tbs_certificate_bytes, made.certificate.signature
    without_null = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.113549.1.1.11"))
    mixed = der.encode(der.SEQUENCE, tbs, without_null, der.encode(der.BIT_STRING, b"\x00" + signature))
    assert read_certificate(made.cert_der).facts.self_signed is True
    assert read_certificate(mixed).facts.self_signed is False


@pytest.mark.parametrize(
    ("bits", "exponent", "verdict"), [(16_384, 65_537, False), (16_385, 65_537, None), (2048, 1 << 64, None)]
)
def test_a_signature_of_an_rsa_key_beyond_the_limits_is_not_checked(
    bits: int, exponent: int, verdict: bool | None
) -> None:
    numbers = der.encode(der.SEQUENCE, number((1 << bits - 1) + 1), number(exponent + (exponent + 1) % 2))
    spki = key("1.2.840.113549.1.1.1", der.encode(der.NULL), bits=numbers)
    data = certificate(spki=spki, inner=RSA_WITH_SHA256, outer=RSA_WITH_SHA256)
    made = read_certificate(data)
    assert made.facts.key.size == bits
    assert signatures.verifies(made.structure(), spki) is verdict


@pytest.mark.parametrize("kind", ["x25519", "x448"])
def test_a_key_for_agreement_signed_nothing(kind: str) -> None:
    spki = key(
        {"x25519": "1.3.101.110", "x448": "1.3.101.111"}[kind], bits=new_key(kind).public_key().public_bytes_raw()
    )
    assert signatures.verifies(read_certificate(certificate(spki=spki)).structure(), spki) is False
