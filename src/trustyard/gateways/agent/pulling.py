"""The agent's HTTP client: asks Trustyard for the next release, and sends receipts."""

from __future__ import annotations

import json
import secrets
import ssl
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx

from trustyard.errors import Refused
from trustyard.gateways.receipts import Receipt
from trustyard.pki.hosts import is_loopback

from . import wire
from .configuration import Configuration

MAX_ANSWER = 64_000_000  # bytes of an answer
SLACK = 15.0  # seconds more than the server was asked to wait
MOST_EARLY, EARLY_SECONDS = 5, 10.0  # early answers that nothing is new, and the time in which more are not Trustyard's


class Away(Exception):
    """Trustyard cannot be reached, or refuses; the message says so."""


class Trustyard:
    """The server of one agent. `ask` and `tell` raise Away."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._process = secrets.token_hex(8)
        self.edition = ""  # of the server's last answer
        self._early: deque[float] = deque(maxlen=MOST_EARLY)
        here = is_loopback(urlsplit(configuration.address).hostname or "")
        self._client = httpx.Client(
            verify=_trust(configuration.ca),
            trust_env=not here,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},  # nothing is unpacked: a few kB could be gigabytes
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, have: str, wait: float) -> wire.Given | None:
        """The newest release if it is another than `have`; None when nothing was new for `wait` seconds.

        None before they are over: with another `edition` it asks for the last receipt once more; else the release that
        is there was deployed again. Who says so again and again counts as away: it would be asked without a pause.
        """
        edition, started = self.edition, time.monotonic()
        query = {"node": self._configuration.node, "process": self._process, "wait": f"{wait:.3f}"}
        query |= {name: value for name, value in (("have", have), ("edition", self.edition)) if value}
        status, body = self._send("GET", wire.RELEASE, query, None, wait + SLACK)
        given = _unpacked(body) if status == 200 else None
        if given and given.version != have:
            return given
        if self.edition == edition and time.monotonic() - started < wait / 2:
            self._judge_early()
        return None

    def _judge_early(self) -> None:
        now = time.monotonic()
        if len(self._early) == MOST_EARLY and now - self._early[0] < EARLY_SECONDS:
            raise Away("Trustyard answers too early that nothing is new.")
        self._early.append(now)

    def tell(self, release: str, receipt: Receipt) -> bool:
        """Hands in a receipt; False when Trustyard does not know that release."""
        value = {
            "node": receipt.node,
            "release": release,
            "state": receipt.state,
            "words": receipt.detail,
            "milliseconds": receipt.milliseconds,
        }
        return self._send("POST", wire.RECEIPT, {}, value, SLACK, known=(204, 404))[0] == 204

    def _token(self) -> str:
        try:
            token = self._configuration.bearer()
        except OSError as error:
            raise Away(f"{self._configuration.token_file} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            token = ""
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise Away("The token is none: print a new bootstrap.")  # and is not repeated in a log
        return token

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        value: object,
        seconds: float,
        known: tuple[int, ...] = (200, 204),
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self._token()}"}
        url = self._configuration.address + path
        timeout = httpx.Timeout(10, read=seconds)
        try:
            with self._client.stream(method, url, params=query, json=value, headers=headers, timeout=timeout) as answer:
                body = _read(answer)
        except (httpx.HTTPError, ValueError) as error:
            raise Away(f"Trustyard cannot be reached: {str(error) or type(error).__name__}.") from None
        if answer.status_code not in known or (answer.status_code == 404 and not _unknown_release(body)):
            raise Away(_words(answer, body))
        self.edition = answer.headers.get(wire.EDITION, self.edition)[: wire.MOST_EDITION]
        return answer.status_code, body


def _read(answer: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in answer.iter_raw():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise ValueError(f"the answer is larger than {MAX_ANSWER // 1_000_000} MB")
    return bytes(body)


def _unpacked(body: bytes) -> wire.Given:
    try:
        return wire.unpacked(body)
    except wire.Unreadable as error:
        raise Away(str(error)) from None


def _problem(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _unknown_release(body: bytes) -> bool:
    return str(_problem(body).get("type")).endswith("/unknown-release")


def _words(answer: httpx.Response, body: bytes) -> str:
    detail = str(_problem(body).get("detail") or "")[:500]
    return f"Trustyard answered {answer.status_code}{f': {detail}' if detail else '.'}"


def _trust(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        why = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise Refused(f"{ca} cannot be used as `ca`: {why}.", code="agent-configuration") from None
