"""Names that people give, and file names made of them."""

from __future__ import annotations

import hashlib
import re
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trustyard.errors import Refused
from trustyard.pki.filenames import safe_filename
from trustyard.pki.names import clean_name, fold


@pytest.mark.parametrize(
    "name", ["a", "İstanbul ğüş", "a/b", "100%", "名前", "x" * 100, "inspect", "...", "a  b", "🔒"]
)
def test_names_of_any_script_are_taken(name: str) -> None:
    """D-10."""
    assert clean_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " a",
        "a ",
        "\ta",
        "a\nb",
        "a\x00b",
        "\x7f",
        ".",
        "..",
        "x" * 101,
        "a\u202eb",
        "a\u2028b",
        "a\u200bb",
        "a\u200eb",
        "a\u200fb",
        "a\u061cb",
        "a\u00adb",
        "a\u034fb",
        "a\u3164b",
        "ad\ufe00min",
        "admin\ufe0f",
        "\ufe0fadmin",
        "\u2764\ufe0f\ufe0f",
        "admin\U000e0101",
        "to\U000e0041ken:ci",
        "a\ufff9b",
        "a\u2065b",
        "a\u17b4b",
        "a\u180bb",
        "a\U0001d173b",
        "token\u200d:ci",
        "\u200dtoken",
        "token\u200d",
        "token\u200d\U0001f4bb",
        "\u0915\u094d\u200d",
        "command\u200cline",
        "\u0430\u0434\u200d\u043c\u0438\u043d",
        "\ufeffa",
        "\ud800",
    ],
)
def test_names_that_would_mislead_are_refused_at_their_field(name: str) -> None:
    """D-10."""
    with pytest.raises(Refused) as refusal:
        clean_name(name, "alias")
    assert refusal.value.fields[0].field == "alias"


def test_a_name_is_kept_in_one_normal_form() -> None:
    """D-10: ş typed as a letter and a mark is the same ş."""
    assert clean_name("s\u0327") == "ş"


@pytest.mark.parametrize(("one", "other"), [("CA1", "ca1"), ("Straße", "STRASSE"), ("s\u0327", "Ş"), ("ǰ", "J\u030c")])
def test_names_that_differ_in_case_alone_are_the_same(one: str, other: str) -> None:
    """I-12, D-09."""
    assert fold(one) == fold(other)


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("name", ["partner-acme", "A.b_c-1", "0"])
def test_a_plain_name_is_its_own_file_name(name: str) -> None:
    """I-13."""
    assert safe_filename(name) == name


def test_other_names_become_a_slug_with_a_digest() -> None:
    """I-13: a slug, `~`, 8 hex digits of the name's SHA-256."""
    assert safe_filename("a/b") == "a-b~" + hashlib.sha256(b"a/b").hexdigest()[:8]
    assert safe_filename("Ağ Güvenliği").startswith("Ag-Guvenligi~")
    assert safe_filename("..").startswith("name~")
    assert re.fullmatch(r"name~[0-9a-f]{8}", safe_filename("名前"))
    assert safe_filename(f"({'x' * 60})").startswith("x" * 60 + "~")
    assert safe_filename(f"{'x' * 59} (old)").startswith("x" * 59 + "~")


@given(st.text(min_size=1, max_size=120))
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    """I-13."""
    assume(not any("\ud800" <= c <= "\udfff" for c in name))
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(~[0-9a-f]{8})?", safe_filename(name))


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_two_names_never_share_a_file(one: str, other: str) -> None:
    """I-13: `a/b` and `a_b`."""
    assume(not any("\ud800" <= c <= "\udfff" for c in one + other))
    assume(unicodedata.normalize("NFC", one) != unicodedata.normalize("NFC", other))
    assert safe_filename(one) != safe_filename(other)


@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with the joiner that its spelling wants
        "\u0915\u094d\u200d\u0937",  # Devanagari, after a virama
        "\U0001f469\u200d\U0001f4bb",  # a picture of two
        "\u2764\ufe0f",  # a heart in colours
        "1\ufe0f\u20e3",  # the picture of a key
        "\u182d\u180b",  # Mongolian, with the form of a letter
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",  # the same with a colour of the skin
    ],
)
def test_joiners_are_taken_where_their_script_wants_them(name: str) -> None:
    assert clean_name(name) == name
