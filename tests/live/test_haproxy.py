"""A real HAProxy is given releases over its Runtime API (facts on gateways, section 2)."""

from __future__ import annotations

import ast
import contextlib
import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authority import Authority, Issued
from tests.gateways.releases import material, place
from tests.live.envoy import REFUSED, client_context, request
from tests.live.haproxy import HAProxy
from tests.tls_servers import Ca
from trustyard.gateways import haproxy as haproxy_kind
from trustyard.gateways.haproxy import deliver
from trustyard.gateways.haproxy.runtime import Runtime
from trustyard.gateways.receipts import Receipt
from trustyard.pki.certificates import pem
from trustyard.pki.content import Material
from trustyard.pki.denyall import deny_all_der

DOCUMENTED = ast.FunctionDef | ast.ClassDef | ast.Module


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[HAProxy]:
    with HAProxy(tmp_path) as running:
        yield running


def bring(haproxy: HAProxy, release: Material, **options: str) -> Receipt:
    """Delivers a release to it."""
    return deliver(release, {**haproxy.options, **options}, place(haproxy.folder, haproxy.folder))


def answer(haproxy: HAProxy, client: Issued | None) -> int | str:
    """What a client with this certificate is told."""
    return request(haproxy.port, client.written(haproxy.folder) if client else None)


def test_a_release_lets_a_partner_in_without_a_reload_and_the_next_keeps_another_out(haproxy: HAProxy) -> None:
    a, b = Authority("Partner A"), Authority("Partner B")
    at_a, at_b = a.issue("client a"), b.issue("client b")
    pid = haproxy.process.pid if haproxy.process else 0
    assert answer(haproxy, at_a) == REFUSED
    receipt = bring(haproxy, material(1, {"a": a.der}))
    assert (receipt.state, receipt.detail) == ("accepted", "release 1 committed, 1 certificate read back")
    assert [answer(haproxy, client) for client in (at_a, at_b, None)] == [200, REFUSED, REFUSED]
    assert bring(haproxy, material(2, {"b": b.der})).state == "accepted"
    assert [answer(haproxy, client) for client in (at_a, at_b, None)] == [REFUSED, 200, REFUSED]
    assert haproxy.process is not None
    assert haproxy.process.pid == pid


@pytest.mark.parametrize("key", ["ed25519", "ml-dsa-44"])
def test_an_authority_whose_key_haproxy_cannot_print_is_read_back_among_others(haproxy: HAProxy, key: str) -> None:
    """HAProxy 2.6 lists it without a fingerprint."""
    odd, usual, other = Ca.new("odd", key=key), Authority("usual"), Ca.new("other", key=key)
    receipt = bring(haproxy, material(1, {"odd": odd.cert_der, "usual": usual.der}))
    assert (receipt.state, receipt.detail) == ("accepted", "release 1 committed, 2 certificates read back")
    assert answer(haproxy, usual.issue("client")) == 200
    second = material(2, {"odd": other.cert_der, "usual": usual.der})
    assert bring(haproxy, second).detail == "release 2 committed, 2 certificates read back"
    Runtime(str(haproxy.socket)).replace(str(haproxy.ca_file), [odd.cert_der, usual.der])  # somebody else
    assert "committed again" in bring(haproxy, second).detail
    assert bring(haproxy, second).detail == "release 2 is in force"


def test_a_partner_of_an_authority_with_an_ed25519_key_comes_in(haproxy: HAProxy) -> None:
    authority = Ca.new("Ed", key="ed25519")
    cert, key = authority.issue("client").write(haproxy.folder, "client")
    assert bring(haproxy, material(1, {"ed": authority.cert_der})).state == "accepted"
    assert request(haproxy.port, (str(cert), str(key))) == 200
    assert bring(haproxy, material(2, {"usual": Authority("usual").der})).state == "accepted"
    assert request(haproxy.port, (str(cert), str(key))) == REFUSED


def test_over_tcp_on_loopback_it_is_the_same(haproxy: HAProxy) -> None:
    a = Authority("Partner A")
    assert bring(haproxy, material(1, {"a": a.der}), socket=f"127.0.0.1:{haproxy.admin}").state == "accepted"
    assert answer(haproxy, a.issue("client a")) == 200


def test_a_restart_keeps_what_was_committed(haproxy: HAProxy) -> None:
    a = Authority("Partner A")
    bring(haproxy, material(1, {"a": a.der}))
    haproxy.stop()
    haproxy.start()
    assert answer(haproxy, a.issue("client a")) == 200
    assert bring(haproxy, material(1, {"a": a.der})).detail == "release 1 is in force"


def test_what_somebody_else_committed_is_seen_and_mended(haproxy: HAProxy) -> None:
    a, b = Authority("Partner A"), Authority("Partner B")
    bring(haproxy, material(1, {"a": a.der}))
    bring(haproxy, material(7, {"b": b.der}))  # as if an older Trustyard had come back
    assert bring(haproxy, material(1, {"a": a.der})).state == "accepted"
    assert [answer(haproxy, one.issue("client")) for one in (a, b)] == [200, REFUSED]


def test_a_release_that_trusts_nobody_keeps_the_door_shut(haproxy: HAProxy) -> None:
    """D-17: the deny-all anchor, never an empty file."""
    a = Authority("Partner A")
    bring(haproxy, material(1, {"a": a.der}))
    assert bring(haproxy, material(2)).state == "accepted"
    assert [answer(haproxy, client) for client in (a.issue("client a"), None)] == [REFUSED, REFUSED]
    assert haproxy.ca_file.read_text() == pem(deny_all_der())


def test_a_pin_is_left_out_and_named_and_an_intermediate_alone_is_said_to_trust_nobody(haproxy: HAProxy) -> None:
    """D-18."""
    root = Authority("Root")
    inner = Authority("Inner", root)
    pin, client = root.issue("pinned"), inner.issue("client")
    receipt = bring(haproxy, material(1, {"pin": pin.der, "inner": inner.der}))
    assert receipt.state == "accepted"
    assert "pin is left out: it is not a CA" in receipt.detail
    assert "inner trusts nobody" in receipt.detail
    assert [answer(haproxy, one) for one in (pin, client)] == [REFUSED, REFUSED]
    whole = bring(haproxy, material(2, {"inner": inner.der, "root": root.der}))
    assert whole.detail == "release 2 committed, 2 certificates read back"
    client.chain = ""  # the client sends its leaf alone: the set completes the chain
    assert answer(haproxy, Issued(client.certificate, client.key)) == 200


def test_a_self_signed_certificate_that_is_no_ca_is_honoured(haproxy: HAProxy) -> None:
    from tests.live.pins import self_signed

    pin = self_signed("device 7")
    assert bring(haproxy, material(1, {"pin": pin.der})).state == "accepted"
    assert answer(haproxy, pin) == 200


def test_two_certificates_that_are_one_are_sent_once(haproxy: HAProxy) -> None:
    a = Authority("Partner A")
    receipt = bring(haproxy, material(1, {"a": a.der, "again": a.der}))
    assert receipt.detail == "release 1 committed, 1 certificate read back"


@pytest.mark.parametrize("number", [40, 600])  # as much as the socket holds, and more: it is closed amid them
def test_more_than_its_buffer_holds_is_refused_and_nothing_changes(tmp_path: Path, number: int) -> None:
    many = {f"ca{one}": Authority(f"CA {one}").der for one in range(number)}
    first = Authority("First")
    with HAProxy(tmp_path, bufsize=16_384) as haproxy:
        bring(haproxy, material(1, {"first": first.der}))
        kept = haproxy.ca_file.read_bytes()
        receipt = bring(haproxy, material(2, many))
        assert receipt.state == "refused"
        assert "tune.bufsize is too small" in receipt.detail
        assert haproxy.ca_file.read_bytes() == kept
        assert answer(haproxy, first.issue("client")) == 200
        assert bring(haproxy, material(3, {"first": first.der})).state == "accepted"


def test_a_file_that_the_configuration_does_not_name_is_refused_in_haproxys_words(haproxy: HAProxy) -> None:
    other = haproxy.folder / "other.pem"
    receipt = bring(haproxy, material(1, {"a": Authority("A").der}), ca_file=str(other))
    assert receipt.state == "refused"
    assert receipt.detail.startswith("HAProxy: ")
    assert not other.exists()


def test_a_transaction_that_somebody_left_open_is_waited_for_not_ended(haproxy: HAProxy) -> None:
    haproxy.said("new ssl ca-file other.pem")
    haproxy.said(f"set ssl ca-file other.pem <<\n{Authority('Other').pem}")
    a = Authority("Partner A")
    kept = haproxy.ca_file.read_bytes()
    receipt = bring(haproxy, material(1, {"a": a.der}))
    assert receipt.state == "unreachable", "it is worth another try"
    assert "The ongoing transaction is about 'other.pem'" in receipt.detail
    assert haproxy.ca_file.read_bytes() == kept
    haproxy.said("abort ssl ca-file other.pem")
    assert bring(haproxy, material(1, {"a": a.der})).state == "accepted"


def test_a_haproxy_that_is_away_is_unreachable_and_its_file_stays(tmp_path: Path) -> None:
    haproxy = HAProxy(tmp_path)
    kept = haproxy.ca_file.read_bytes()
    away = bring(haproxy, material(1, {"a": Authority("A").der}))
    assert (away.state, f"({haproxy.socket})." in away.detail) == ("unreachable", True), away.detail
    haproxy.start()
    haproxy.stop()
    assert bring(haproxy, material(1, {"a": Authority("A").der})).state == "unreachable"
    assert haproxy.ca_file.read_bytes() == kept


def test_a_delivery_that_was_killed_between_file_and_commit_is_finished_by_the_next(haproxy: HAProxy) -> None:
    a, b = Authority("Partner A"), Authority("Partner B")
    bring(haproxy, material(1, {"a": a.der}))
    haproxy.ca_file.write_text(b.pem)  # the file was replaced, and then the power went
    haproxy.said(f"set ssl ca-file {haproxy.ca_file} <<\n{b.pem}")  # or even the transaction was begun
    assert bring(haproxy, material(2, {"b": b.der})).state == "accepted"
    assert [answer(haproxy, one.issue("client")) for one in (a, b)] == [REFUSED, 200]


def test_resumed_sessions_of_a_removed_authority_are_refused_with_the_settings_of_the_manual(haproxy: HAProxy) -> None:
    """Facts, 2: `tune.ssl.cachesize 0` and `no-tls-tickets` together; the configuration of these tests has both."""
    a, b = Authority("Partner A"), Authority("Partner B")
    bring(haproxy, material(1, {"a": a.der}))
    context = client_context(a.issue("client").written(haproxy.folder))
    assert request(haproxy.port, context=context) == 200
    bring(haproxy, material(2, {"b": b.der}))
    assert [request(haproxy.port, context=context) for _ in range(3)] == [REFUSED] * 3


def test_forty_handshakes_right_after_the_receipt_are_judged_by_the_new_set(haproxy: HAProxy) -> None:
    a, b = Authority("Partner A"), Authority("Partner B")
    clients = [one.issue("client") for one in (a, b)]
    for number in range(1, 21):
        mine = number % 2
        bring(haproxy, material(number, {"one": (a, b)[mine].der}))
        assert [answer(haproxy, client) for client in clients] == [[200, REFUSED], [REFUSED, 200]][mine], number


def test_a_blank_line_ends_the_payload_and_what_follows_is_run_as_a_command(haproxy: HAProxy) -> None:
    """Why no text of a user is ever passed on: what is sent was encoded by Trustyard, from DER."""
    said = haproxy.said(f"set ssl ca-file {haproxy.ca_file} <<\n{Authority('A').pem}\nshow info desc")
    assert "Uptime" in said
    receipt = bring(haproxy, material(1, {"a": Authority("A").der}))
    assert receipt.state == "accepted", receipt.detail
    assert "\n\n" not in haproxy.ca_file.read_text()


def test_an_open_connection_outlives_the_trust_it_was_opened_with(haproxy: HAProxy) -> None:
    """Said in the manual, as of Envoy."""
    a, b = Authority("Partner A"), Authority("Partner B")
    at_a = a.issue("client a")
    bring(haproxy, material(1, {"a": a.der}))
    context = client_context(at_a.written(haproxy.folder))
    kept = http.client.HTTPSConnection("127.0.0.1", haproxy.port, timeout=20, context=context)
    with contextlib.closing(kept):
        kept.request("GET", "/")
        assert kept.getresponse().read() == b"ok"
        bring(haproxy, material(2, {"b": b.der}))
        assert answer(haproxy, at_a) == REFUSED
        kept.request("GET", "/")
        assert kept.getresponse().status == 200


def test_trustyard_speaks_of_ca_files_alone() -> None:
    """A `commit ssl cert` between two commits of a CA file ends HAProxy 2.6 (haproxy/haproxy#3165)."""
    trees = [ast.parse(path.read_text()) for path in Path(haproxy_kind.__file__).parent.glob("*.py")]
    texts = {str(n.value) for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    told = {text for tree in trees for n in ast.walk(tree) if isinstance(n, DOCUMENTED) and (text := _docstring(n))}
    commands = {text for text in texts - told if " ssl " in text}
    assert any("ssl ca-file" in text for text in commands)
    assert not [text for text in commands if "ssl cert" in text or "ssl crt" in text]


def _docstring(node: ast.FunctionDef | ast.ClassDef | ast.Module) -> str | None:
    return ast.get_docstring(node, clean=False)
