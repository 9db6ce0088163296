"""Pasted texts in the encoding that the person chose."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, urlencode

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


LINES = CA.cert_pem.decode().splitlines()
FROM_URL = base64.urlsafe_b64encode(CA.cert_der).decode()


def each_line(form: Callable[[int, str], str]) -> str:
    """The PEM of the CA, each of its lines in this form."""
    return "\n".join(form(number, line) for number, line in enumerate(LINES, 7)) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        each_line(lambda _, line: f"> {line}"),
        each_line(lambda _, line: f">> {line}"),
        each_line(lambda _, line: f"  | {line}"),
        each_line(lambda _, line: f"\t{line}"),
        each_line(lambda number, line: f"{number:6}\t{line}"),
        each_line(lambda number, line: f"{number}:{line}"),
        each_line(lambda number, line: f"{number}. {line}"),
        each_line(lambda _, line: f"+{line}"),
        each_line(lambda _, line: f"-{line}"),
        "".join(LINES),
        " ".join(LINES),
        "<br>\n".join(LINES),
        "&#10;".join(LINES),
        "\\\n  ".join(LINES),
        json.dumps({"pem": "\n".join(LINES)}),
        json.dumps({"pem": "\r\n".join(LINES)}, indent=2),
        json.dumps(json.dumps({"pem": "\n".join(LINES)})),
        json.dumps({"pem": "\n".join(LINES)}).replace("/", "\\/").replace("=", "\\u003d").replace("+", "\\u002B"),
        "\n".join(LINES).replace("/", "&#x2F;").replace("=", "&#61;").replace("+", "&amp;#43;"),
        quote("\n".join(LINES)),
        f'Hash=ab;Cert="{quote(CA.cert_pem.decode(), safe="")}";Subject="CN=x"',
        urlencode({"certificate": CA.cert_pem.decode()}),
        f"{LINES[0]}\n{FROM_URL}\n{LINES[-1]}",
    ],
)  # fmt: skip
def test_pem_is_read_as_it_was_before_it_was_copied(text: str) -> None:
    """S-12: out of mail, a listing, a patch, JSON, HTML, an address or a header of a gateway."""
    assert [one.der for one in read_paste(text, "BASE64PEM").certificates] == [CA.cert_der]


@pytest.mark.parametrize("text", ["C:\\temp\\new\\roots.pem", "a <br> and &#61;", "x\n > 1: y"])
def test_a_header_that_holds_what_looks_like_an_escape_changes_nothing(text: str) -> None:
    """RFC 1421, 4.6."""
    pem = "\n".join([LINES[0], f"Comment: {text}", "", *LINES[1:]])
    assert [one.der for one in read_paste(pem, "BASE64PEM").certificates] == [CA.cert_der]


def test_base64_for_addresses_is_base64() -> None:
    """RFC 4648, section 5."""
    made = (Ca.new(f"CA {number}").cert_der for number in range(1000))
    odd = next(one for one in made if {"-", "_"} <= set(base64.urlsafe_b64encode(one).decode()))
    text = base64.urlsafe_b64encode(odd).decode().rstrip("=")
    assert [one.der for one in read_paste(text, "BASE64").certificates] == [odd]
    assert read_paste(f"{LINES[0]}\n{text}\n{LINES[-1]}", "BASE64PEM").certificates[0].der == odd


def test_a_private_key_in_copied_text_is_dropped_with_a_notice() -> None:
    """D-07."""
    reading = read_paste(json.dumps({"key": CA.key_pem.decode(), "cert": CA.cert_pem.decode()}), "BASE64PEM")
    assert [notice.code for notice in reading.notices] == ["private-key-dropped"]


@pytest.mark.parametrize(
    "text",
    [
        each_line(lambda number, line: f"{number * 2} {line}"),
        each_line(lambda _, line: f"# {line}"),
        each_line(lambda _, line: line.replace("I", "\\I")),
    ],
)
def test_what_is_put_around_a_line_otherwise_is_damage(text: str) -> None:
    with pytest.raises(InputRefused):
        read_paste(text, "BASE64PEM")
