"""An agent and what answers in Trustyard's place: it costs the host neither memory nor time."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.gateways.agent.test_host import configuration, release
from tests.gateways.releases import ders
from trustyard.gateways.agent import wire
from trustyard.gateways.agent.pulling import MOST_EARLY, Away, Trustyard

RELEASE = wire.packed(release(1, ders()[0]), allow_older=False)
Answer = Callable[[BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]]


@contextmanager
def answering(folder: Path, answer: Answer) -> Iterator[Trustyard]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with Trustyard(configuration(folder, address=f"http://127.0.0.1:{server.server_port}")) as trustyard:
                yield trustyard
        finally:
            server.shutdown()
            thread.join()


def test_nothing_is_unpacked_that_could_be_gigabytes(tmp_path: Path) -> None:
    asked: list[str | None] = []

    def packed(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        asked.append(request.headers["Accept-Encoding"])
        return 200, {"Content-Encoding": "gzip, gzip"}, gzip.compress(gzip.compress(RELEASE))

    with answering(tmp_path, packed) as trustyard, pytest.raises(Away, match="The answer is no release"):
        trustyard.ask("", 0)
    assert asked == ["identity"]


@pytest.mark.parametrize("answer", [(204, {}, b""), (200, {}, RELEASE)], ids=["nothing", "what is there"])
def test_who_answers_at_once_that_nothing_is_new_is_not_asked_without_a_pause(
    tmp_path: Path, answer: tuple[int, dict[str, str], bytes]
) -> None:
    have = wire.unpacked(RELEASE).version
    with answering(tmp_path, lambda _: answer) as trustyard:
        assert [trustyard.ask(have, 60) for _ in range(MOST_EARLY)] == MOST_EARLY * [None]  # what is deployed again
        with pytest.raises(Away, match="answers too early that nothing is new"):
            trustyard.ask(have, 60)
        assert trustyard.ask(have, 0) is None  # who does not wait may be told so at once


def test_an_edition_that_no_trustyard_gives_does_not_keep_the_next_one_from_answering(tmp_path: Path) -> None:
    told: list[str] = []

    def odd(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        told.extend(parse_qs(urlsplit(request.path).query).get("edition", []))
        return 204, {wire.EDITION: 1000 * "e"}, b""

    with answering(tmp_path, odd) as trustyard:
        assert [trustyard.ask("", 0), trustyard.ask("", 0)] == [None, None]
    assert told == [wire.MOST_EDITION * "e"]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"[" * 100_000], ids=["a page", "a list", "no end of lists"])
def test_whatever_a_proxy_says_in_trustyards_place_is_told_by_its_status(tmp_path: Path, body: bytes) -> None:
    with answering(tmp_path, lambda _: (502, {}, body)) as trustyard, pytest.raises(Away, match=r"answered 502\.$"):
        trustyard.ask("", 0)
