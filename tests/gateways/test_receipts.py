"""The words of a receipt, whoever they are from."""

from __future__ import annotations

import pytest

from trustyard.gateways.receipts import MOST_QUOTED, MOST_WORDS, Receipt, plain


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("No room.", "No room."),
        ("two\r\nlines and\ta tab", "two lines and a tab"),
        ("far  apart", "far apart"),
        ("\x1b[31mred\x00", "\ufffd[31mred\ufffd"),
        ("half \ud83d", "half \ufffd"),
        ("", ""),
    ],
)
def test_words_are_one_line_that_can_be_shown_anywhere(words: str, shown: str) -> None:
    assert plain(words) == shown
    assert Receipt("edge", "refused", words).detail == shown


def test_words_are_cut_and_say_so() -> None:
    assert plain(MOST_QUOTED * "a") == MOST_QUOTED * "a"
    assert plain((MOST_QUOTED + 1) * "a") == (MOST_QUOTED - 1) * "a" + "…"
    assert Receipt("edge", "refused", MOST_WORDS * "a").detail == MOST_WORDS * "a"
    assert Receipt("edge", "refused", 100_000 * "a\n").detail[-2:] == "a…"
    assert len(Receipt("edge", "refused", 100_000 * "ab").detail) == MOST_WORDS


def test_what_a_command_prints_of_a_private_key_is_not_kept() -> None:
    word = Receipt("edge", "refused", "check failed: -----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA")
    assert "MC4" not in word.detail
    assert "private key" in word.detail
