"""Answers of a sign-in provider are taken within bounds of time and size, and from nowhere else than was asked."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.journeys.liar import Asked, Liar
from trustyard.sources import provider

SECONDS = 0.5


@pytest.fixture
def liar() -> Iterator[Liar]:
    made = Liar()
    yield made
    made.stop()


def get(url: str, seconds: float = SECONDS) -> requests.Response:
    with provider.session(seconds) as session:
        return session.get(url)


def drip(begin: bytes) -> Callable[[Asked], None]:
    """Something at every moment, and never the end."""

    def answer(asked: Asked) -> None:
        asked.wfile.write(begin)
        with contextlib.suppress(OSError):  # until it was heard enough
            while True:
                asked.wfile.write(b" ")
                asked.wfile.flush()
                time.sleep(SECONDS / 10)

    return answer


@pytest.mark.parametrize(
    "begin",
    [b"HTTP/1.0 200 OK\r\nX-Header: ", b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 9999\r\n\r\n"],
)
def test_an_answer_that_never_ends_is_waited_for_so_long_and_no_longer(liar: Liar, begin: bytes) -> None:
    liar.answers["/"] = drip(begin)
    began = time.monotonic()
    with pytest.raises(requests.Timeout):
        get(f"{liar.url}/")
    assert time.monotonic() - began < 10 * SECONDS


def test_a_handshake_that_never_ends_is_waited_for_no_longer_either() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_shake_hands, args=(listener,))
        thread.start()
        began = time.monotonic()
        with pytest.raises(requests.Timeout):
            get(f"https://127.0.0.1:{listener.getsockname()[1]}/")
        assert time.monotonic() - began < 10 * SECONDS
        thread.join()


def _shake_hands(listener: socket.socket) -> None:
    """The head of a record of TLS, and then a byte of it now and then (RFC 8446, section 5.1)."""
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
        while True:
            connection.sendall(b"\x03")
            time.sleep(SECONDS / 10)


@pytest.mark.parametrize(
    "answer",
    [
        lambda asked: asked.say(b"x" * (provider.MAX_ANSWER + 1)),
        lambda asked: asked.say(gzip.compress(b"x" * 50 * provider.MAX_ANSWER), Content_Encoding="gzip"),
    ],
    ids=["as it is", "packed"],
)
def test_no_more_is_read_than_an_answer_may_hold(liar: Liar, answer: Any) -> None:
    liar.answers["/"] = answer
    with pytest.raises(provider.Unreliable, match="1000000 bytes"):
        get(f"{liar.url}/", 20)


def test_what_is_within_the_bounds_comes_whole(liar: Liar) -> None:
    liar.answers["/"] = lambda asked: asked.say(b"x" * provider.MAX_ANSWER)
    assert len(get(f"{liar.url}/", 20).content) == provider.MAX_ANSWER
    liar.answers["/"] = lambda asked: asked.say(gzip.compress(b'{"a": "\xc3\xa9"}'), Content_Encoding="gzip")
    assert get(f"{liar.url}/", 20).json() == {"a": "é"}


@pytest.mark.parametrize("address", ["http://login.example.org/", "http://127.0.0.1.example.org/", "ftp://localhost/"])
def test_nothing_is_asked_where_others_could_listen(address: str) -> None:
    with pytest.raises((provider.Unreliable, requests.exceptions.InvalidSchema)):
        get(address)


def test_what_was_answered_in_time_says_nothing_of_the_next_request(liar: Liar) -> None:
    liar.answers["/"] = {}
    with provider.session(SECONDS) as session:
        for _ in range(2):
            assert session.get(f"{liar.url}/").json() == {}
            time.sleep(SECONDS * 1.2)


def test_where_nobody_listens_that_is_what_is_raised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with pytest.raises(requests.ConnectionError):
        get(address)
