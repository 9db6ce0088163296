"""Looks at a gateway's listener: what is kept of them, for which node, and which are in the audit."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from tests.tls_servers import Ca, Listener
from trustyard import models
from trustyard.actions import delivery, gateways, proofs
from trustyard.actions.certificates import Saved
from trustyard.gateways.receipts import Receipt

from .conftest import ADMIN

Add = Callable[..., Saved]
OURS, OTHER = Ca.new("Ours"), Ca.new("Other")
LEAF = OURS.issue("leaf.test", ip=["127.0.0.1"])


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.TRUSTYARD = replace(settings.TRUSTYARD, fetch_allow=(ip_network("127.0.0.0/8"),))


class Door(Listener):
    """Lets in whom this CA has certified, and asks for that by its name; without a CA it lets in everybody."""

    def __init__(self, trusted: Ca | None) -> None:
        super().__init__()
        self.trusted = trusted

    def serve(self, connection: socket.socket) -> None:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate(LEAF.certificate)
        context.use_privatekey(LEAF.key)
        if self.trusted:
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
            with tempfile.TemporaryDirectory() as folder:
                context.load_client_ca(bytes(self.trusted.write(Path(folder))[0]))
        tls = SSL.Connection(context, connection)
        tls.set_accept_state()
        with contextlib.suppress(SSL.Error):
            tls.recv(4096)
            tls.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


def edge(*probes: Door, **more: str) -> models.Gateway:
    """A gateway with these listeners."""
    options = {"probes": [{"address": f"127.0.0.1:{server.port}", **more} for server in probes]}
    return gateways.create(ADMIN, "test", name="edge", kind="envoy", options=options)


def look() -> dict[str, str]:
    """At each listener; the state of each node then."""
    for one in proofs.wanted():
        proofs.observe(one)
    newest = models.Release.objects.filter(environment__name="test").order_by("-number")[0]
    return {row.node or "": row.state for row in delivery.rows_of(newest) if row.gateway == "edge"}


def events() -> list[tuple[str | None, str, str]]:
    """What the audit has: the state before, the state after, and whose."""
    rows = models.AuditEvent.objects.filter(action="gateway.observe", object_name="test/edge").order_by("pk")
    return [(row.before["state"], row.after["state"], row.after["node"]) for row in rows]


def test_going_into_an_alarm_and_out_of_it_is_in_the_audit_and_nothing_else_is(add: Add) -> None:
    before = add("globex", "test", "production").releases[0]
    now = add("acme", issued=OURS).releases[0]
    add("later", "production")
    other = gateways.create(ADMIN, "test", name="other", kind="envoy")
    with Door(OURS) as door:
        gateway = edge(door)
        for pk, release in ((gateway.pk, before), (other.pk, now), (gateway.pk, now)):
            delivery.record(pk, release.number, Receipt("n", "accepted"))
        found = []
        for door.trusted in (OURS, OURS, OTHER, OTHER, None, OURS):
            found.append(look())
    assert found == [{"n": state} for state in ("observed", "observed", "drifted", "drifted", "open", "observed")]
    assert events() == [("observed", "drifted", "n"), ("drifted", "open", "n"), ("open", "observed", "n")]
    assert look() == {"n": "accepted"}, "nobody is there any more: what was observed is so no longer"
    assert "was not reached" in delivery.rows_of(now)[0].proof
    assert len(events()) == 3
    told = {(row.release.number, row.gateway.name): row.proof for row in models.Receipt.objects.all() if row.proof}
    assert set(told) == {(now.number, "edge")}, "of this release and this gateway alone"


def test_a_listener_of_several_nodes_has_a_row_of_its_own_and_its_alarm_is_in_the_audit_at_once(add: Add) -> None:
    number = add("acme", issued=OURS).releases[0].number
    with Door(OTHER) as door:
        gateway, name = edge(door), f"listener 127.0.0.1:{door.port}"
        for node in ("a", "b"):
            delivery.record(gateway.pk, number, Receipt(node, "sent"))
        assert look() == {"a": "sent", "b": "sent"}, "nobody has taken it yet"
        delivery.record(gateway.pk, number, Receipt("a", "accepted"))
        assert look() == look() == {"a": "accepted", "b": "sent", name: "drifted"}
    assert events() == [(None, "drifted", name)]
    assert look()[name] == "drifted", "an alarm stays until somebody has looked again"


@pytest.mark.parametrize("whose", [{}, {"node": "n"}])
def test_an_open_door_is_not_hidden_by_another_listener_of_the_node(add: Add, whose: dict[str, str]) -> None:
    number = add("acme", issued=OURS).releases[0].number
    with Door(None) as nobody:
        pass
    with Door(OURS) as ours, Door(None) as anybody:
        gateway = edge(ours, anybody, nobody, **whose)
        delivery.record(gateway.pk, number, Receipt("n", "accepted"))
        seen = {f"listener 127.0.0.1:{ours.port}": "observed", f"listener 127.0.0.1:{anybody.port}": "open"}
        assert look() == look() == {"n": "accepted", **seen}
    assert events() == [(None, "open", f"listener 127.0.0.1:{anybody.port}")]


@pytest.mark.parametrize("said", ["refused", "unreachable", "sent"])
def test_what_a_node_has_not_taken_stays_its_word_but_for_an_open_door(add: Add, said: Any) -> None:
    number = add("acme", issued=OURS).releases[0].number
    with Door(OURS) as door:
        gateway = edge(door, node="n")
        for node, word in (("n", said), ("other", "accepted")):
            delivery.record(gateway.pk, number, Receipt(node, word))
        assert look() == {"n": said, "other": "accepted"}
        door.trusted = None
        assert look() == {"n": "open", "other": "accepted"}
    assert events() == [(said, "open", "n")]


def test_a_look_for_an_older_release_and_at_a_gateway_that_said_nothing_keeps_nothing(add: Add) -> None:
    old = add("acme", issued=OURS).releases[0]
    with Door(None) as anybody:
        gateway = edge(anybody)
        assert proofs.wanted() == []
        delivery.record(gateway.pk, old.number, Receipt("n", "accepted"))
        (one,) = proofs.wanted()
        add("globex", issued=OTHER)
        assert proofs.wanted() == [], "the gateway said nothing of the newest release"
        assert proofs.observe(one) is None
    assert [row.state for row in delivery.rows_of(old)] == ["accepted"]
