"""Reading the chain of real servers, and what is said of peers that have none."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_network
from time import monotonic

import pytest

from tests.live.envoy import eventually
from tests.programs import free_port
from tests.tls_servers import Ca, Listener, TlsServer, self_signed
from trustyard.errors import SourceDenied, SourceUnreachable
from trustyard.sources import resolving
from trustyard.sources.guard import Guard
from trustyard.sources.tls import fetch_chain

ROOT = Ca.new("Root")
SUB = ROOT.subordinate("Sub")
LEAF = SUB.issue("leaf.test", dns=["leaf.test", "localhost"], ip=["127.0.0.1"])
LOOPBACK = Guard(allow=(ip_network("127.0.0.0/8"), ip_network("::1/128")))


def seen(url: str, **limits: float) -> SourceUnreachable:
    """What is said of a peer that gives no certificate."""
    with pytest.raises(SourceUnreachable) as refusal:
        fetch_chain(
            url, LOOPBACK, seconds=limits.get("seconds", 5.0), max_bytes=int(limits.get("max_bytes", 1_000_000))
        )
    assert refusal.value.code == "source-unreachable"
    return refusal.value


@pytest.mark.parametrize("scheme", ["https", "ldaps"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("key", ["rsa", "ec", "ed25519"])
def test_the_chain_of_a_server_that_nobody_trusts_comes_in_its_order(
    scheme: str, version: ssl.TLSVersion, key: str
) -> None:
    """S-10."""
    leaf = SUB.issue("any.test", key=key)

    def pin(context: ssl.SSLContext) -> None:
        context.minimum_version = context.maximum_version = version

    with TlsServer(leaf, [SUB.cert_pem, ROOT.cert_pem], scheme=scheme, configure=pin) as server:
        presented = fetch_chain(server.url, LOOPBACK)
    assert presented.ders == (leaf.cert_der, SUB.cert_der, ROOT.cert_der)
    assert (presented.notice, presented.address) == (None, "127.0.0.1")


def test_the_name_of_the_address_is_asked_for_and_none_for_an_ip_address() -> None:
    with TlsServer(LEAF) as server:
        fetch_chain(f"https://localhost:{server.port}/path", LOOPBACK)
        fetch_chain(server.url, LOOPBACK)
    assert server.seen_names == ["localhost", None]


def test_what_was_presented_by_a_server_that_broke_off_is_read_with_a_notice() -> None:
    class HalfWay(TlsServer):
        def serve(self, connection: socket.socket) -> None:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = self.context.wrap_bio(incoming, outgoing, server_side=True)
            incoming.write(connection.recv(65_536))
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            connection.sendall(outgoing.read())
            connection.recv(65_536)
            connection.close()

    def old(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    with HalfWay(LEAF, configure=old) as server:
        presented = fetch_chain(server.url, LOOPBACK)
    assert presented.ders == (LEAF.cert_der,)
    assert presented.notice == (
        "The handshake did not end well, but the certificates had come by then. "
        f"127.0.0.1:{server.port} closed the connection during the TLS handshake."
    )


def test_a_server_is_told_that_the_connection_ends() -> None:
    """Else it writes into its log that somebody broke off."""
    ends: list[bytes | OSError] = []

    class Watching(TlsServer):
        def serve(self, connection: socket.socket) -> None:
            with self.context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as tls:
                try:
                    ends.append(tls.recv(4096))
                except OSError as error:
                    ends.append(error)

    with Watching(LEAF) as server:
        fetch_chain(server.url, LOOPBACK)
        eventually(lambda: bool(ends))
    assert ends == [b""]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_demands_a_client_certificate_is_read_with_a_notice(version: ssl.TLSVersion) -> None:
    def pin(context: ssl.SSLContext) -> None:
        context.minimum_version = context.maximum_version = version

    with TlsServer(LEAF, [SUB.cert_pem], demand_client=True, client_ca=ROOT.cert_pem, configure=pin) as server:
        presented = fetch_chain(server.url, LOOPBACK)
    assert presented.ders == (LEAF.cert_der, SUB.cert_der)
    assert "client certificate" in (presented.notice or "")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_an_old_server_with_a_weak_key_is_read() -> None:
    weak = self_signed("old.test", key="rsa1024")

    def old(context: ssl.SSLContext) -> None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1

    server = TlsServer.__new__(TlsServer)
    Listener.__init__(server)
    server.scheme, server.seen_names, server.context = "https", [], ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old(server.context)
    server.use(weak)
    with server:
        assert fetch_chain(server.url, LOOPBACK).ders == (weak.cert_der,)


def test_a_server_that_would_rather_show_no_certificate_shows_it() -> None:
    def anonymous(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AECDH-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0")
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE

    with TlsServer(LEAF, configure=anonymous) as server:
        assert fetch_chain(server.url, LOOPBACK).ders == (LEAF.cert_der,)


def test_a_server_with_a_key_on_a_brainpool_curve_is_read() -> None:
    """TLS 1.2 has the client name such curves (RFC 7027); whole trades have them, such as the German energy market."""
    leaf = SUB.issue("energy.test", key="brainpool")

    def pin(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    with TlsServer(leaf, [SUB.cert_pem], configure=pin) as server:
        assert fetch_chain(server.url, LOOPBACK).ders == (leaf.cert_der, SUB.cert_der)


def test_a_server_on_ipv6_is_read() -> None:
    try:
        server = TlsServer(LEAF, host="::1").__enter__()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    try:
        assert fetch_chain(server.url, LOOPBACK).address == "::1"
    finally:
        server.__exit__(None, None, None)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:{port}", "https://localhost:{port}", "https://[::ffff:127.0.0.1]:{port}"]
)
def test_a_denied_address_is_not_even_connected_to(url: str) -> None:
    """I-14."""
    accepted: list[int] = []

    class Counting(Listener):
        def serve(self, connection: socket.socket) -> None:
            accepted.append(1)

    with Counting() as listener, pytest.raises(SourceDenied, match="TRUSTYARD_FETCH_ALLOW"):
        fetch_chain(url.format(port=listener.port), Guard())
    assert accepted == []


def saying(*words: bytes, then: Callable[[socket.socket], None] = lambda s: None) -> type[Listener]:
    """A listener that says something at once, and then does something."""

    class Saying(Listener):
        def serve(self, connection: socket.socket) -> None:
            for word in words:
                connection.sendall(word)
            then(connection)

    return Saying


@pytest.mark.parametrize(
    ("words", "described"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "like a plain web server"),
        (b"<html>", "like a plain web server"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "like an SSH server"),
        (b"220 mail.test ESMTP\r\n", "like a mail or FTP server"),
        (b"421 Too many connections\r\n", "like a mail or FTP server"),
        (b"500 Command not understood\r\n", "like a mail or FTP server"),
        (b"* OK IMAP4rev1 ready\r\n", "like an IMAP server"),
        (b"+OK POP3 ready\r\n", "like a POP3 server"),
        (b"-ERR unknown command\r\n", "like a POP3 or Redis server"),
        (b"RFB 003.008\n", "like a VNC server"),
        (b"AMQP\x00\x00\x09\x01", "like an AMQP server"),
        (b"E\x00\x00\x00\x8cSFATAL", "like a PostgreSQL server"),
        (b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x02\x04\x00\x04\x00", "like an LDAP server"),
        (b"J\x00\x00\x00\n5.7.40-mysql_native_password", "like a MySQL server"),
        (b"n\x00\x00\x00\n5.5.5-10.11.6-MariaDB-0+deb12u1", "like a MySQL server"),
        (b"G\x00\x00\x00\xffj\x04Host is not allowed to connect to this MySQL server", "like a MySQL server"),
        (b"\x00\x01\x02", "with something else"),
    ],
)
def test_a_peer_without_tls_is_described_by_what_it_answered(words: bytes, described: str) -> None:
    """The sentence names host and port."""
    with saying(words)() as listener:
        sentence = seen(listener.url).sentence
    assert sentence.startswith(f"127.0.0.1:{listener.port} does not speak TLS: it answered {described}")


def test_a_silent_peer_is_given_up_at_the_deadline() -> None:
    """I-14."""
    began = monotonic()
    with Listener() as listener:
        sentence = seen(listener.url, seconds=0.3).sentence
    assert sentence == f"127.0.0.1:{listener.port} accepted the connection, but said nothing in time."
    assert monotonic() - began < 20
    with Listener() as listener:
        assert "said nothing in time" in seen(listener.url, seconds=0.0).sentence, "also where the name took all of it"


def test_a_dripping_peer_is_given_up_at_the_deadline() -> None:
    """I-14: each byte in time, the whole never."""
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while not stop.wait(0.02):
            connection.sendall(b"\x02")

    began = monotonic()
    with saying(then=drip)() as listener:
        sentence = seen(listener.url, seconds=0.5).sentence
        stop.set()
    assert "did not finish the TLS handshake in time" in sentence
    assert monotonic() - began < 20


def test_a_peer_that_pours_bytes_is_cut_off_at_the_cap() -> None:
    """I-14."""

    def pour(connection: socket.socket) -> None:
        body = b"\x00\x00\x00\x00" * 4000  # messages of the kind HelloRequest, which a client passes over
        while True:
            connection.sendall(b"\x16\x03\x03" + struct.pack(">H", len(body)) + body)

    with saying(then=pour)() as listener:
        sentence = seen(listener.url, max_bytes=100_000).sentence
    assert sentence == f"127.0.0.1:{listener.port} sent more than 100000 bytes in the TLS handshake."


def test_a_peer_that_hangs_up_is_told_so() -> None:
    with saying(then=lambda s: s.close())() as listener:
        assert seen(listener.url).sentence.startswith(f"127.0.0.1:{listener.port} closed the connection")


def test_a_port_where_nothing_listens_is_told_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert seen(f"https://127.0.0.1:{port}").sentence.startswith(f"127.0.0.1:{port} refused the connection")


def test_a_name_that_does_not_resolve_is_told_so() -> None:
    sentence = seen("https://does-not-exist.invalid:8443", seconds=8.0).sentence
    assert sentence.startswith("does-not-exist.invalid:8443 cannot be reached")


def test_a_name_that_is_not_resolved_in_time_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(10) and [])
    sentence = seen("https://slow.test", seconds=0.2).sentence
    over.set()
    assert sentence == "slow.test:443 cannot be reached: its name was not resolved in time."


@contextmanager
def swallowing(port: int) -> Iterator[None]:
    """At 127.0.0.2 nobody takes a connection, nor refuses one: as behind a firewall that drops packets."""
    with ExitStack() as opened:
        opened.enter_context(socket.create_server(("127.0.0.2", port), backlog=0))
        for _ in range(4):
            one = opened.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.2", port))
        yield


def test_an_address_that_swallows_packets_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "addresses_of", lambda *_: ["127.0.0.2", "127.0.0.1"])
    with TlsServer(LEAF) as server, swallowing(server.port):
        assert fetch_chain(f"https://localhost:{server.port}", LOOPBACK, seconds=2).address == "127.0.0.1"


def test_a_name_with_hundreds_of_addresses_that_swallow_packets_is_given_up_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """I-14: its name server may give any number of them."""
    monkeypatch.setattr(resolving, "addresses_of", lambda *_: ["127.0.0.2"] * 500)
    port, began = free_port(), monotonic()
    with swallowing(port):
        assert "did not accept a connection in time" in seen(f"https://many.test:{port}", seconds=0.5).sentence
    assert monotonic() - began < 10


def test_of_several_addresses_those_that_are_denied_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """I-14."""
    monkeypatch.setattr(resolving, "addresses_of", lambda *_: ["169.254.169.254", "127.0.0.1"])
    with TlsServer(LEAF) as server:
        assert fetch_chain(f"https://localhost:{server.port}", LOOPBACK).address == "127.0.0.1"


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        (["127.0.0.2"], "did not accept a connection in time."),
        (["127.0.0.2", "192.0.2.1"], "did not accept a connection in time."),
        (["192.0.2.1", "127.0.0.2"], "cannot be reached: 192.0.2.1 is outside: tests reach loopback only."),
        (["192.0.2.1", "127.0.0.1"], "refused the connection: nothing listens on port {port} there."),
        (["127.0.0.1", "127.0.0.2", "192.0.2.1"], "refused the connection: nothing listens on port {port} there."),
    ],
)
def test_of_several_addresses_that_do_not_answer_the_clearest_is_told(
    addresses: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolving, "addresses_of", lambda *_: addresses)
    port = free_port()
    with swallowing(port):
        sentence = seen(f"https://localhost:{port}", seconds=0.3).sentence
    assert sentence == f"localhost:{port} {said.format(port=port)}"


def test_a_peer_that_breaks_off_with_an_alert_is_told_so() -> None:
    for alert, reason in ((b"\x02\x28", "handshake failure"), (b"\x01\x00", "it failed without a reason")):
        with saying(b"\x15\x03\x03\x00\x02" + alert)() as listener:
            sentence = seen(listener.url).sentence
        assert sentence.startswith(f"127.0.0.1:{listener.port} and Trustyard did not agree on TLS")
        assert reason in sentence


def test_a_certificate_that_is_garbage_is_no_crash() -> None:
    """The server's bytes are hostile until proven otherwise."""
    garbage = (
        b"\x16\x03\x03\x00\x31\x02\x00\x00\x2d\x03\x03" + bytes(32) + b"\x00\x00\x2f\x00\x00\x05\xff\x01\x00\x01\x00"
    )
    certificate = b"\x0b\x00\x00\x0a\x00\x00\x07\x00\x00\x04\x30\x80\x00\x01"
    record = b"\x16\x03\x03" + struct.pack(">H", len(certificate)) + certificate
    with saying(garbage, record)() as listener:
        assert f"127.0.0.1:{listener.port}" in seen(listener.url).sentence


def test_many_servers_are_read_at_once() -> None:
    with TlsServer(LEAF) as server:
        results: list[int] = []
        threads = [
            threading.Thread(target=lambda: results.append(len(fetch_chain(server.url, LOOPBACK).ders)))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert results == [1] * 20


def test_the_deadline_covers_everything() -> None:
    """I-14: a server that is slow at each step has one budget, not one for each step."""

    class Slow(TlsServer):
        def serve(self, connection: socket.socket) -> None:
            time.sleep(0.7)
            super().serve(connection)

    with Slow(LEAF) as server:
        seen(server.url, seconds=0.3)
        assert fetch_chain(server.url, LOOPBACK, seconds=20).ders
