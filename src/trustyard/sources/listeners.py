"""What a listener asks of its clients, seen from outside by somebody who has no certificate to show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from OpenSSL import SSL

from trustyard.errors import SourceUnreachable
from trustyard.sources import resolving
from trustyard.sources.addresses import parse_url
from trustyard.sources.guard import Guard
from trustyard.sources.tls import Handshake

MAX_BYTES = 1_000_000  # a list of names may have 64 KB, a chain somewhat more
_REQUEST = b"GET / HTTP/1.1\r\nHost: trustyard.invalid\r\nConnection: close\r\n\r\n"
_FIRST = 4096  # bytes of an answer, among which are the words of a refusal
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
# nginx ends the handshake well and refuses by HTTP: with 400 in these words; 495 and 496 are its own names for it.
_WORDS = b"SSL certificate"
_REFUSALS = frozenset({495, 496})
_UNCLEAR = frozenset({400, 401, 403})  # a program behind the gateway says so too, for reasons of its own

Stranger = Literal["refused", "let in", "unclear"]


@dataclass(frozen=True)
class Listener:
    """`asks`: a client certificate is asked for, of issuers of these `names` (DER of each, as advertised; maybe none).

    `stranger` is what became of a connection without a certificate, `words` how that was seen.
    """

    asks: bool
    names: tuple[bytes, ...]
    stranger: Stranger
    words: str


def look(address: str, guard: Guard, *, seconds: float = 5.0) -> Listener:
    """The listener at HOST:PORT as an unknown client sees it; `seconds` covers name, TCP, TLS and answer together.

    With TLS 1.3 a handshake "succeeds" before the server judges it, so an answer to a request is waited for.
    `Refused` (`bad-url`), `SourceDenied`, `SourceUnreachable` where nobody speaks TLS.
    """
    deadline = monotonic() + seconds
    target = parse_url(f"https://{address}")
    sock, _ = resolving.connect(target, guard, deadline)
    with sock:
        handshake = Handshake(target, sock, deadline, MAX_BYTES)
        failure = handshake.run()
        asks = handshake.asked_for_client_certificate
        if failure is not None and not asks:
            raise failure
        names = tuple(name.der() for name in handshake.connection.get_client_ca_list())
        stranger: Stranger = "refused"
        words = "the handshake was refused"
        if failure is None:
            stranger, words = _knock(handshake)
        elif monotonic() >= deadline:
            stranger, words = "unclear", "the handshake of a stranger did not end in time"
    if not asks:
        return Listener(False, (), "let in", "it asks nobody for a certificate")
    return Listener(True, names, stranger, words)


def _knock(handshake: Handshake) -> tuple[Stranger, str]:
    """Sends a request: only the answer tells whether a connection without a certificate got through."""
    try:
        handshake.connection.sendall(_REQUEST)
        answer = _answer(handshake)
    except (SSL.Error, SourceUnreachable, ConnectionError):
        return "refused", "the connection was ended"
    except OSError:
        return "unclear", "the connection of a stranger stayed open, and nothing came of it"
    status = _status(answer)
    if status in _REFUSALS or (status == 400 and _WORDS in answer):
        return "refused", f"it was answered with HTTP {status}"
    if status in _UNCLEAR:
        return "unclear", f"a stranger was answered with HTTP {status}, perhaps by a program behind the gateway"
    return "let in", f"it was answered with {f'HTTP {status}' if status else 'data'}"


def _status(answer: bytes) -> int:
    found = _STATUS.match(answer)
    return int(found[1]) if found else 0


def _answer(handshake: Handshake) -> bytes:
    """What came first; of a 400 what follows too, for its words tell more. Raises where nothing came."""
    answer = b""
    try:
        while not answer or (_status(answer) == 400 and _WORDS not in answer and len(answer) < _FIRST):
            answer += _piece(handshake)
    except (SSL.Error, SourceUnreachable, OSError):
        if not answer:
            raise
    return answer


def _piece(handshake: Handshake) -> bytes:
    while True:
        try:
            return bytes(handshake.connection.recv(_FIRST))
        except SSL.WantReadError:
            handshake.send()
            handshake.receive()
