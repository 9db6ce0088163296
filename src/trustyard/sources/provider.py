"""Speaks to the company's sign-in provider: in private, with nobody else, and for so long and so much."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from trustyard.pki.hosts import is_private

MAX_ANSWER = 1_000_000  # bytes of an answer


class Unreliable(ValueError):
    """What a provider says cannot be relied upon; the sentence says why."""


def session(seconds: float) -> requests.Session:
    """One whose requests end within so many seconds, whatever comes.

    They raise `Unreliable` for an address where others could listen, a redirect and an answer of more than `MAX_ANSWER`
    bytes, and `requests.RequestException` where no answer comes in time.
    """
    made = requests.Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Bounded(seconds))
    return made


def check_address(address: object) -> None:
    """Raises `Unreliable` unless it is an address to which what is secret may go."""
    if not (isinstance(address, str) and is_private(address)):
        raise Unreliable(f"{str(address)[:200]} is no https address.")


class _Bounded(HTTPAdapter):
    """One request at a time. The time limits of sockets are of silence, so that what drips would never end."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._late = threading.Event()
        self._twins: list[socket.socket] = []  # of the sockets of this request: they outlive a handshake over them

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        check_address(request.url)
        timer = threading.Timer(self._seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            answer = super().send(request, True, self._seconds, verify, cert, proxies)
            answer._content = _whole(answer)  # where requests itself keeps what it has read
        except requests.RequestException:
            if not self._late.is_set():
                raise
        finally:
            timer.cancel()
            while self._twins:
                self._twins.pop().close()
        if self._late.is_set():
            raise requests.Timeout(f"No whole answer came within {self._seconds:g} seconds.")
        return answer

    def get_connection_with_tls_context(self, *arguments: Any, **named: Any) -> Any:
        pool = super().get_connection_with_tls_context(*arguments, **named)
        pool.ConnectionCls = self._watched(pool.ConnectionCls)
        return pool

    def _watched(self, kind: Any) -> Any:
        class Watched(kind):  # type: ignore[misc]  # with TLS or without
            def _new_conn(connection) -> socket.socket:
                made: socket.socket = super()._new_conn()
                self._twins.append(made.dup())
                if self._late.is_set():
                    self._end()
                return made

        return Watched

    def _end(self) -> None:
        self._late.set()
        for twin in self._twins:
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)


def _whole(answer: requests.Response) -> bytes:
    """The body, no longer packed."""
    body = b""
    with answer:
        if answer.is_redirect:
            raise Unreliable(f"{answer.url} answers with a redirect, which is not followed.")
        for part in answer.iter_content(65_536):
            body += part
            if len(body) > MAX_ANSWER:
                raise Unreliable(f"{answer.url} answers with more than {MAX_ANSWER} bytes.")
    return body
