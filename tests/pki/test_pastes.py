"""Pasted texts in the encoding that the person chose."""

from __future__ import annotations

import base64

import pytest

from tests.tls_servers import Ca
from trustyard.errors import InputRefused, Refused
from trustyard.pki.containers import read_paste

CA = Ca.new("Test CA")
LEAF = CA.issue("leaf.test")


def test_a_paste_is_read_in_the_chosen_encoding() -> None:
    """S-12, S-13."""
    assert read_paste(base64.encodebytes(CA.cert_der).decode(), "BASE64").certificates[0].der == CA.cert_der
    assert read_paste(CA.cert_pem.decode(), "BASE64PEM").certificates[0].der == CA.cert_der
    assert read_paste("\ufeff" + (CA.cert_pem + LEAF.cert_pem).decode(), "BASE64PEM").format == "pem-bundle"


@pytest.mark.parametrize(
    ("text", "encoding", "looks_like"),
    [
        (CA.cert_pem.decode(), "BASE64", "BASE64PEM"),
        (base64.b64encode(CA.cert_der).decode(), "BASE64PEM", "BASE64,"),
    ],
    ids=["pem as base64", "base64 as pem"],
)
def test_a_paste_of_the_other_encoding_says_what_it_looks_like(text: str, encoding: str, looks_like: str) -> None:
    """S-13."""
    with pytest.raises(InputRefused, match=f"looks like {looks_like}") as refusal:
        read_paste(text, encoding)
    assert refusal.value.code == "encoding-mismatch"


@pytest.mark.parametrize(
    ("text", "encoding", "code"),
    [
        ("", "BASE64", "empty-input"),
        (" \ufeff ", "BASE64PEM", "empty-input"),
        ("hello!", "BASE64", "no-certificate"),
        ("hello!", "BASE64PEM", "no-certificate"),
        ("x", "DER", "bad-encoding"),
    ],
)
def test_a_paste_that_is_nothing_is_refused(text: str, encoding: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_paste(text, encoding)
    assert refusal.value.code == code
