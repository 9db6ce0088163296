"""What is printed: nothing in it steers a terminal, JSON stays the same value, nothing is cut off."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustyard.cli.screen import alike, clean, day, json_text, same

from .conftest import Canned, Program

EVIL = "acme\x1b[2J\x1b]0;owned\x07\r\n\x9b31m\u202egnp.exe\u2028end"
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.text(alphabet=st.characters()))
def test_cleaned_text_holds_no_control_character(text: str) -> None:
    assert not [c for c in clean(text) if ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066\u2028"]


def test_cleaned_text_keeps_letters_of_every_script() -> None:
    """I-15."""
    assert clean("Şirket Ğ İ ı ñ 漢字 🔑") == "Şirket Ğ İ ı ñ 漢字 🔑"


def test_cleaned_lines_stay_lines() -> None:
    assert clean("Subject:\r\n\tCN=\x1b[31mx", lines=True) == "Subject:\n    CN=�[31mx"


@given(ANY_JSON)
def test_json_is_the_same_value_when_read_again(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert not [c for c in text.replace("\n", "") if ord(c) < 32 or 0x7F <= ord(c) < 0xA0]


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-11-24T10:00:00Z", "2026-11-24 (less than a day ago)"),
        ("2026-11-25T00:00:00Z", "2026-11-25 (within a day)"),
        ("2026-11-25T12:00:00Z", "2026-11-25 (in 1 day)"),
        ("2026-12-06T11:59:59Z", "2026-12-06 (in 11 days)"),
        ("2026-11-23T12:00:00Z", "2026-11-23 (1 day ago)"),
        ("2026-11-22T12:00:01Z", "2026-11-22 (1 day ago)"),
        ("9999-12-31T23:59:59Z", "9999-12-31 (in 2912115 days)"),
        ("0000-13-99", "0000-13-99"),
        (None, ""),
    ],
)
def test_a_date_shows_the_day_and_the_distance(moment: str | None, shown: str) -> None:
    assert day(moment, now=datetime(2026, 11, 24, 12, tzinfo=UTC)) == shown


def test_names_are_compared_by_their_letters_and_not_by_their_bytes() -> None:
    assert same("café", "cafe\u0301")
    assert not same("Acme", "acme")
    assert alike("Acme", "acme")


@pytest.mark.parametrize("as_json", [True, False])
def test_what_a_server_says_cannot_repaint_the_terminal(run: Program, canned: Canned, as_json: bool) -> None:
    one = {
        "name": EVIL,
        "type": "test",
        "description": EVIL,
        "root_set": "none",
        "roots": 0,
        "release": 1,
        "deny_list": [],
    }
    canned.answer("GET", "/api/v1/environments", {"items": [one], "next": None, "total": 1})
    result = run("env", "list", *(["--json"] if as_json else []))
    assert result.exit_code == 0
    assert not any(c in result.output for c in "\x1b\x07\r\x9b\u202e\u2028")
    if as_json:
        assert json.loads(result.stdout)["items"] == [one]


def test_an_error_cannot_repaint_the_terminal_either(run: Program, canned: Canned) -> None:
    canned.answer(
        "GET", "/api/v1/environments", {"detail": EVIL, "errors": [{"field": EVIL, "message": EVIL + "!"}]}, status=422
    )
    result = run("env", "list")
    assert result.exit_code == 1
    assert not any(c in result.output for c in "\x1b\x07\r\x9b\u202e\u2028")


def test_in_a_pipe_a_row_is_one_line_however_long(run: Program, canned: Canned) -> None:
    long = "x" * 400
    one = {
        "name": "a",
        "type": "test",
        "description": long,
        "root_set": "none",
        "roots": 0,
        "release": 1,
        "deny_list": [],
    }
    canned.answer("GET", "/api/v1/environments", {"items": [one], "next": None, "total": 1})
    lines = run("env", "list").stdout.splitlines()
    assert len(lines) == 2
    assert lines[1].endswith(long)


def test_json_is_ascii_where_the_output_cannot_show_more(run: Program, canned: Canned) -> None:
    from subprocess import run as start

    one = {
        "name": "Ğ",
        "type": "test",
        "description": "",
        "root_set": "none",
        "roots": 0,
        "release": 1,
        "deny_list": [],
    }
    canned.answer("GET", "/api/v1/environments", {"items": [one], "next": None, "total": 1})
    for arguments in (["--json"], []):
        done = start(
            ["trustyard", "env", "list", *arguments],
            capture_output=True,
            env=_environment(run, PYTHONIOENCODING="ascii"),
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()


def _environment(run: Program, **more: str) -> dict[str, str]:
    import os
    import sys
    from pathlib import Path

    here = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}", **run.environment, **more}
