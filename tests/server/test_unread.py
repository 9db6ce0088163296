"""Answers that wait: how much of them one sender has, and all together, before more is refused."""

from __future__ import annotations

from contextlib import ExitStack

from trustyard.server.bodies import MEGABYTE
from trustyard.server.unread import HELD, HELD_EACH, Unread


def test_who_lets_much_wait_gets_nothing_more_until_it_was_read() -> None:
    unread, body = Unread(), bytes(HELD_EACH + 1)
    with unread.counted("ada", [{"type": "http.response.body", "body": body[:HELD_EACH]}]):
        assert not unread.is_too_much("ada")
    with unread.counted("ada", [{"type": "http.response.body", "body": body}]):
        assert unread.is_too_much("ada")
        assert not unread.is_too_much("vic")
    assert not unread.is_too_much("ada")


def test_where_all_let_much_wait_who_has_something_waiting_gets_no_more_and_who_has_nothing_does() -> None:
    unread, body = Unread(), bytes(100 * MEGABYTE)
    senders = [f"sender {number}" for number in range(HELD // len(body) + 1)]
    with ExitStack() as waiting:
        for sender in senders:
            assert not unread.is_too_much(sender)
            waiting.enter_context(unread.counted(sender, [{"type": "http.response.body", "body": body}]))
        assert all(unread.is_too_much(sender) for sender in senders)
        assert not unread.is_too_much("somebody else")
    assert not any(unread.is_too_much(sender) for sender in senders)
