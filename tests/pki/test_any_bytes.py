"""Whatever comes in, a value or one of our errors comes out."""

from __future__ import annotations

import base64
import contextlib
import json
import time
import tracemalloc
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fuzz.counting import Lines
from fuzz.mutator import mutate
from fuzz.targets import STRUCTURED, TARGETS
from tests.pki.moments import NOON
from tests.tls_servers import Ca
from trustyard.actions.imports import MAX_CERTIFICATES
from trustyard.api.bodies import read_json
from trustyard.api.schemas.releases import Promote
from trustyard.errors import TrustyardError
from trustyard.pki import der
from trustyard.pki.certificates import facts_json
from trustyard.pki.containers import Reading, read_file, read_paste
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.jwks import read_public_jwk
from trustyard.pki.names import MAX_LENGTH, fold, search_fold
from trustyard.pki.truststores import jks, pkcs7, pkcs12

_CA = Ca.new("Büro ğ")
_SEEDS = [
    deny_all_der(),
    _CA.cert_der,
    _CA.cert_pem,
    _CA.key_pem,
    pkcs7([_CA.cert_der, deny_all_der()]),
    pkcs12([("a", _CA.cert_der)], "changeit"),
    jks([("a", _CA.cert_der)], "changeit", NOON),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real input with some bytes changed, cut out, or put in."""
    data = bytearray(draw(st.sampled_from(_SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                del data[at : at + draw(st.integers(1, 40))]
            case 2:
                data[at:at] = draw(st.binary(max_size=8))
            case _:
                data[at:at] = data[at : at + 30]
    return bytes(data)


def nested(depth: int, tag: int = 0x30) -> bytes:
    """Elements within elements, of indefinite length: the classic way to exhaust a reader's stack."""
    return bytes([tag, 0x80]) * depth


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=4096), damaged()), st.one_of(st.none(), st.text(max_size=20)))
@example(nested(100_000), None)
@example(b"-----BEGIN CERTIFICATE-----" * 20_000, None)
@example(b"-----BEGIN " * 50_000, None)
def test_any_bytes_as_a_file_give_a_reading_or_a_refusal(data: bytes, password: str | None) -> None:
    with contextlib.suppress(TrustyardError):
        reading = read_file(data, password)
        assert isinstance(reading, Reading)
        for certificate in reading.certificates:
            assert facts_json(certificate, NOON)["certificate_name"]


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.text(max_size=2000), damaged().map(lambda d: base64.b64encode(d).decode())),
    st.sampled_from(["BASE64", "BASE64PEM", "OTHER"]),
)
def test_any_text_as_a_paste_gives_a_reading_or_a_refusal(text: str, encoding: str) -> None:
    with contextlib.suppress(TrustyardError):
        assert isinstance(read_paste(text, encoding), Reading)


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=60), st.lists(st.text(max_size=10), max_size=3),
    st.sampled_from(["RSA", "EC", "OKP", "AKP", "oct", "P-256", "Ed25519", "X25519", "ML-DSA-44", "AQAB", "sig"]),
)  # fmt: skip
_MEMBERS = st.sampled_from(
    ["kty", "crv", "x", "y", "n", "e", "pub", "alg", "use", "kid", "key_ops", "x5c", "d", "keys"]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.one_of(_MEMBERS, st.text(max_size=5)), _VALUES, max_size=8))
def test_any_json_object_as_a_jwk_gives_a_jwk_or_a_refusal(jwk: dict[str, Any]) -> None:
    with contextlib.suppress(TrustyardError):
        assert read_public_jwk(jwk)["kid"]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_what_the_der_reader_reads_is_never_more_than_there_is(data: bytes) -> None:
    with contextlib.suppress(der.DerError):
        assert len(der.read(data).raw) <= len(data)


@st.composite
def rebuilt(draw: st.DrawFn) -> bytes:
    """A real input whose DER was changed where it means something, and wrapped again (the mutator of `fuzz/`)."""
    data = draw(st.sampled_from(_SEEDS))
    for seed in draw(st.lists(st.integers(0, 2**32), min_size=1, max_size=4)):
        data = mutate(data, 100_000, seed)
    return data


@settings(max_examples=300, deadline=None)
@given(rebuilt())
def test_any_container_keeps_every_promise(data: bytes) -> None:
    """What was read is read again, after export in every form too; nothing but our errors; a counted amount of work."""
    TARGETS["file"](data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(_SEEDS[:2]), st.lists(st.integers(0, 2**32), min_size=1, max_size=3))
def test_any_certificate_keeps_every_promise(data: bytes, seeds: list[int]) -> None:
    for seed in seeds:
        data = mutate(data, 100_000, seed)
    TARGETS["certificate"](data)
    TARGETS["certificate_jwk"](data)


_CONTAINERS = ("pkcs12", "keystore")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(_CONTAINERS), rebuilt())
def test_any_keystore_keeps_every_promise(target: str, data: bytes) -> None:
    TARGETS[target](data)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(set(TARGETS) - set(STRUCTURED))), st.one_of(st.binary(max_size=2000), damaged()))
def test_any_bytes_keep_the_promises_of_every_other_reader(target: str, data: bytes) -> None:
    """Pastes, presented chains, JWKs, chain order, addresses, JSON bodies, what a peer says in TLS, …"""
    TARGETS[target](data)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
@example("\u0f73" * 60)
@example("a" + "\u0315\u0300" * 20)
def test_folding_drops_no_mark_of_a_text_that_people_write(text: str) -> None:
    """Marks are cut only from the 31st on: what `fold` gives is what Unicode says, for every short text."""
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    assert fold(text) == plain or len(plain) > MAX_LENGTH


def test_a_hundred_thousand_marks_on_one_letter_are_folded_in_linear_time() -> None:
    for marks in ("\u0315\u0300", "\u0f73\u0f75"):
        with Lines(1_500_000):
            assert len(search_fold("a" + marks * 50_000)) < 100


def test_a_name_that_stands_twice_among_a_hundred_thousand_is_found_by_one_count() -> None:
    body = "{" + ",".join(f'"{n}":1' for n in range(100_000)) + ',"99999":1}'
    with pytest.raises(TrustyardError, match="99999"), Lines(1_000_000):
        read_json(body.encode())


def test_places_of_a_json_body_are_written_only_where_one_is_at_fault() -> None:
    """A long name around a long list would be copied for each item."""
    body = {"a" * 100_000: [0] * 100_000}
    with Lines(2_500_000):
        assert read_json(json.dumps(body).encode()) == body
    with pytest.raises(TrustyardError) as refusal:
        read_json(b'{"a":["","\\u0000"]}')
    assert [field.field for field in refusal.value.fields] == ["a.1"]


@pytest.mark.parametrize("value", ["[]", "{}", '""', "1", '{"a":1}'])
def test_a_json_body_of_millions_of_values_is_refused_before_it_is_read(value: str) -> None:
    """They take fifty times their text: of six requests of anybody's token, gigabytes."""
    body = f'{{"left":[{",".join([value] * (14_000_000 // (len(value) + 1)))}]}}'.encode()
    tracemalloc.start()
    with pytest.raises(TrustyardError, match="values"):
        read_json(body)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_a_long_text_may_have_any_number_of_commas() -> None:
    """As what `openssl x509 -text` prints of many certificates."""
    text = 'C = DE, O = "Example [AG]", {serial}\\\n' * 300_000
    assert read_json(json.dumps({"content": text}).encode()) == {"content": text}


@pytest.mark.parametrize("piece", ['\\",', "\\,", '\\\\",', ",", '",'])
def test_a_text_that_does_not_end_is_looked_through_once(piece: str) -> None:
    body = f'{{"content": "{piece * (14_000_000 // len(piece))}'.encode()
    started = time.process_time()
    with pytest.raises(TrustyardError):
        read_json(body)
    assert time.process_time() - started < 10  # where each quote begins a search, it does not end today


def test_an_import_of_as_many_certificates_as_there_may_be_is_read() -> None:
    one = {"name": "acme", "alias": None, "pem": "-----BEGIN", "der_base64": None}
    assert len(read_json(json.dumps({"certificates": [one] * MAX_CERTIFICATES}).encode())["certificates"]) == 20_000


def test_an_object_of_many_fields_is_at_fault_once() -> None:
    with pytest.raises(ValidationError) as refusal:
        Promote.model_validate({f"field {number}": 1 for number in range(100_000)})
    assert [fault["type"] for fault in refusal.value.errors()] == ["value_error"]


@pytest.mark.parametrize("depth", [65, 500, 5_000, 1_000_000])
def test_a_json_body_that_is_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(TrustyardError):
        read_json(b"[" * depth + b"]" * depth)
