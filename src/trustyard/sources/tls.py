"""The certificates that a TLS server presents, read without trusting it (S-10).

A lax context on purpose: servers that nobody trusts, old versions, weak keys and servers that demand a client
certificate are what people want to look at. It reads and never sends anything of the user's.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from OpenSSL import SSL, crypto

# pyOpenSSL has no public call for groups; these are the bindings that it stands on.
from OpenSSL._util import lib

from trustyard.errors import SourceUnreachable
from trustyard.sources import peers, resolving
from trustyard.sources.addresses import Target, parse_url
from trustyard.sources.guard import Guard

_LEGACY_SERVER_CONNECT = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT: peers without secure renegotiation
# In TLS 1.2 a server with a key on a curve that is not named here shows no certificate (RFC 8422, section 5.1).
_GROUPS = b"DEFAULT:" + b":".join(
    b"?brainpoolP%dr1%s" % (bits, version) for version in (b"", b"tls13") for bits in (256, 384, 512)
)
_CHUNK = 16384
MAX_SECONDS = 8.0  # for name, TCP and TLS together
MAX_BYTES = 1_000_000  # of a handshake; a chain of ML-DSA certificates is about 50 kB


@dataclass(frozen=True)
class Presented:
    """What was presented: DER in the peer's order, a sentence about the handshake if there is one, the address used."""

    ders: tuple[bytes, ...]
    notice: str | None
    address: str


def fetch_chain(url: str, guard: Guard, *, seconds: float = MAX_SECONDS, max_bytes: int = MAX_BYTES) -> Presented:
    """The chain of the server at an `https://` or `ldaps://` address; `seconds` covers the name, TCP and TLS together.

    `Refused` (`bad-url`), `SourceDenied` (the guard), `SourceUnreachable` (names host and port and what was seen).
    A handshake that fails after the certificates came (a client certificate is demanded) is a result with a notice.
    """
    deadline = monotonic() + seconds
    target = parse_url(url)
    sock, address = resolving.connect(target, guard, deadline)
    with sock:
        handshake = Handshake(target, sock, deadline, max_bytes)
        failure = handshake.run()
        handshake.part()
    ders = handshake.chain()
    if not ders:
        raise failure or SourceUnreachable(f"{target} speaks TLS, but presented no certificate.")
    return Presented(ders, handshake.notice(failure), address)


class Handshake:
    """A handshake over memory BIOs, so that every byte of the peer is counted."""

    def __init__(self, target: Target, sock: socket.socket, deadline: float, max_bytes: int) -> None:
        self.target, self.sock, self.deadline, self.max_bytes = target, sock, deadline, max_bytes
        self.received = 0
        self.first = b""
        self.asked_for_client_certificate = False
        self.connection = SSL.Connection(_lax_context(self._watch), None)
        if target.sni is not None:
            self.connection.set_tlsext_host_name(target.sni.encode())
        self.connection.set_connect_state()

    def run(self) -> SourceUnreachable | None:
        """Runs the handshake to its end. A failure is returned, not raised: the chain may have arrived."""
        try:
            while not self._step():
                self.send()
                self.receive()
        except SourceUnreachable as failure:
            return failure
        except SSL.Error as error:
            return self._broken(error)
        except TimeoutError:
            return SourceUnreachable(f"{self.target} {self._silence()} in time.")
        except OSError as error:
            what = "closed the connection" if isinstance(error, ConnectionError) else (error.strerror or "failed")
            return SourceUnreachable(f"{self.target} {what} during the TLS handshake.")
        return None

    def chain(self) -> tuple[bytes, ...]:
        """DER of what was presented so far."""
        chain = self.connection.get_peer_cert_chain() or []
        return tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in chain)

    def notice(self, failure: SourceUnreachable | None) -> str | None:
        """A sentence on a request for a client certificate, or on a failure after the chain arrived; else None."""
        if self.asked_for_client_certificate:
            return "The server asks for a client certificate; its own certificates were read all the same."
        if failure is not None:
            return f"The handshake did not end well, but the certificates had come by then. {failure.sentence}"
        return None

    def _step(self) -> bool:
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            return False
        return True

    def send(self) -> None:
        """Sends what OpenSSL has written to the peer."""
        while True:
            try:
                data = self.connection.bio_read(_CHUNK)
            except SSL.WantReadError:
                return
            self.sock.settimeout(self._left())
            self.sock.sendall(data)

    def part(self) -> None:
        """Ends this side of the connection with a close_notify alert (RFC 8446, section 6.1); errors do not matter."""
        with contextlib.suppress(SSL.Error):
            self.connection.shutdown()
        with contextlib.suppress(OSError):
            self.send()

    def receive(self) -> None:
        """Reads from the peer, counts the bytes and passes them to OpenSSL. Raises OSError, `SourceUnreachable`."""
        self.sock.settimeout(self._left())
        data = self.sock.recv(_CHUNK)
        if not data:
            raise SourceUnreachable(f"{self.target} closed the connection during the TLS handshake.")
        self.received += len(data)
        if self.received > self.max_bytes:
            raise SourceUnreachable(f"{self.target} sent more than {self.max_bytes} bytes in the TLS handshake.")
        if not self.first:
            self.first = data[:256]
            if not peers.speaks_tls(self.first):
                raise SourceUnreachable(
                    f"{self.target} does not speak TLS: it answered {peers.description(self.first)}.",
                    advice="Check the port: TLS has one of its own.",
                )
        self.connection.bio_write(data)

    def _left(self) -> float:
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _silence(self) -> str:
        return "did not finish the TLS handshake" if self.received else "accepted the connection, but said nothing"

    def _broken(self, error: SSL.Error) -> SourceUnreachable:
        details = error.args[0] if error.args and isinstance(error.args[0], list) else []
        reason = next((entry[-1] for entry in details if entry[-1]), "it failed without a reason")
        return SourceUnreachable(f"{self.target} and Trustyard did not agree on TLS: {reason}.")

    def _watch(self, connection: SSL.Connection, where: int, _code: int) -> None:
        if where & SSL.SSL_CB_LOOP and b"certificate request" in connection.get_state_string():
            self.asked_for_client_certificate = True


def _lax_context(watch: Callable[[SSL.Connection, int, int], None]) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_cipher_list(b"ALL:COMPLEMENTOFALL:!aNULL:@SECLEVEL=0")
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_options(_LEGACY_SERVER_CONNECT)
    if lib.SSL_CTX_set1_curves_list(context._context, _GROUPS) != 1:  # an OpenSSL before 3.5
        lib.ERR_clear_error()
    context.set_info_callback(watch)
    return context
