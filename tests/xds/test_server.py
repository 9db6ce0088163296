"""The ADS server over a real connection: who may speak, many at once, news and poll, and a stop without delay."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import grpc
import pytest
from structlog.testing import capture_logs

from tests.authority import Authority
from tests.live.envoy import eventually
from tests.xds.client import Client
from tests.xds.memory import ControlPlane, MemoryStore, loop
from trustyard.actions import strangers
from trustyard.errors import Refused
from trustyard.gateways.envoy.resources import EXTENSION
from trustyard.pki.content import Material
from trustyard.xds import ledger, server
from trustyard.xds.server import start
from trustyard.xds.store import EVERYTHING

ONE, TWO = (Authority(name).der for name in ("one", "two"))


class SlowStore(MemoryStore):
    """While `answers` is not set, who asks what is wanted waits, which `asked` says."""

    def __init__(self) -> None:
        super().__init__()
        self.answers, self.asked = threading.Event(), threading.Event()
        self.answers.set()

    def wanted(self, environment: str) -> Material | None:
        if not self.answers.is_set():
            self.asked.set()
            self.answers.wait(60)
        return super().wanted(environment)


class LateStore(MemoryStore):
    """Once `late` is set, who asks what is wanted hears what was wanted then, but only after `go_on`."""

    def __init__(self) -> None:
        super().__init__()
        self.late, self.read, self.go_on = threading.Event(), threading.Event(), threading.Event()

    def wanted(self, environment: str) -> Material | None:
        found = super().wanted(environment)
        if self.late.is_set():
            self.late.clear()
            self.read.set()
            self.go_on.wait(60)
        return found


def words(store: MemoryStore) -> str:
    """What the node said last."""
    word = store.last("client")
    assert word is not None
    return word.detail


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as plane:
        yield plane


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_without_the_token_of_a_gateway_the_stream_ends_unauthenticated(plane: ControlPlane, token: str | None) -> None:
    plane.store.add()
    with Client(plane.port, token) as client:
        client.subscribe("used")
        assert client.end() == (grpc.StatusCode.UNAUTHENTICATED, "This is not the token of a gateway.")


def test_who_is_refused_has_a_line_in_the_log_that_says_who_and_why_and_not_a_line_for_each_try(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never the token; and who says nothing is refused all the same."""
    with capture_logs() as lines:
        for _ in range(3):
            with Client(plane.port, "a secret", node="\x1b[31mred") as client:
                client.subscribe("used")
                client.end()
        monkeypatch.setattr(strangers, "QUIET_SECONDS", 0)
        with Client(plane.port, plane.store.add(), cluster="test/other") as client:
            client.subscribe("used")
            client.end()
        monkeypatch.setattr(server, "NAME_SECONDS", 0.01)
        with Client(plane.port, None) as client:
            client.end()
    said = [line for line in lines if line["event"] == "xds.refused"]
    assert [(line["node"], line["cluster"], line["count"]) for line in said] == [
        ("\\x1b[31mred", "test/edge", 1),
        ("client", "test/other", 3),
        ("", "", 1),
    ]
    assert {line["address"] for line in said} == {"127.0.0.1"}
    assert said[0]["reason"] == "8 letters of nobody."
    assert said[1]["reason"].endswith("but node.cluster says test/other.")
    assert "a secret" not in str(lines)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_the_address_of_who_is_refused_is_told_of_both_families(plane: ControlPlane) -> None:
    running = loop().run(server.start(("::1", 0), None, store=plane.store))
    with capture_logs() as lines, Client(running.port, "wrong", host="[::1]") as client:
        client.subscribe("used")
        client.end()
    loop().run(running.stop())
    assert [line["address"] for line in lines if line["event"] == "xds.refused"] == ["::1"]


def test_those_who_are_refused_have_a_few_lines_a_minute_however_many_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    many = strangers.Strangers()
    told = [many.count(f"10.0.0.{number}") for number in range(100)]
    assert told == [1] * strangers.MOST + [0] * (100 - strangers.MOST)
    monkeypatch.setattr(strangers, "QUIET_SECONDS", 0)
    assert many.count("10.0.0.1") == 100 - strangers.MOST + 1


@pytest.mark.parametrize("cluster", ["", "test/other", "production/edge", "test", "TEST/edge"])
def test_a_token_and_a_cluster_that_disagree_are_refused(plane: ControlPlane, cluster: str) -> None:
    with Client(plane.port, plane.store.add(), cluster=cluster) as client:
        client.subscribe("used")
        code, words = client.end()
        assert code == grpc.StatusCode.PERMISSION_DENIED
        assert words.endswith(f"to the gateway test/edge, but node.cluster says {cluster or 'nothing'}.")
    assert not plane.store.nodes


@pytest.mark.parametrize("node", ["", "n" * 201, "a\0b", "\x1b[31mred", "two\nlines", "\u202egde"])
def test_a_node_without_a_name_that_can_be_stored_and_shown_is_refused(plane: ControlPlane, node: str) -> None:
    with Client(plane.port, plane.store.add(), node=node) as client:
        client.subscribe("used")
        code, words = client.end()
        assert (code, "node.id must have" in words) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    assert not plane.store.nodes


def test_without_its_database_it_says_later_and_not_never(plane: ControlPlane) -> None:
    token = plane.store.add()
    plane.store.broken = True
    with Client(plane.port, token) as client:
        client.subscribe("used")
        assert client.end() == (grpc.StatusCode.UNAVAILABLE, "Trustyard cannot look this up now.")


def test_a_stream_that_ends_before_its_first_word_leaves_no_node(plane: ControlPlane) -> None:
    with Client(plane.port, plane.store.add()):
        pass
    with Client(plane.port, plane.store.add()) as client:
        client.hang_up()
        assert client.end() == (grpc.StatusCode.OK, "")
    with Client(plane.port, plane.store.add()) as client:
        client.subscribe("used")
        client.receive()
        eventually(lambda: plane.store.nodes == {(1, "client"): True})


def test_a_gateway_gets_its_own_environment_and_no_other(plane: ControlPlane) -> None:
    plane.store.release({"acme": ONE}, environment="test")
    plane.store.release({"acme": TWO}, environment="production")
    test, production = plane.store.add(), plane.store.add(environment="production")
    bodies = []
    for token, cluster in ((test, "test/edge"), (production, "production/edge")):
        with Client(plane.port, token, cluster=cluster, node=200 * "n") as client:
            client.subscribe("used")
            bodies.append(client.receive().resources[0].resource.value)
    assert bodies[0] != bodies[1]


def test_fifty_nodes_are_each_served_and_each_recorded(plane: ControlPlane) -> None:
    token = plane.store.add()
    plane.store.release({"acme": ONE})
    clients = [Client(plane.port, token, node=f"node-{at}") for at in range(50)]
    for client in clients:
        client.subscribe("used")
    for client in clients:
        client.confirm(client.receive())
    for der in (TWO, ONE):
        plane.store.release({"acme": der})
        for client in clients:
            client.confirm(client.receive())
        eventually(lambda: {plane.store.state(f"node-{at}") for at in range(50)} == {"accepted"})
    for client in clients:
        client.close()
    eventually(lambda: set(plane.store.nodes.values()) == {False})


def test_a_word_said_before_is_recorded_again_after_news(plane: ControlPlane) -> None:
    """The store forgets a gateway's receipts when its options change."""
    with Client(plane.port, plane.store.add()) as client:
        plane.store.release({"acme": ONE})
        client.subscribe("used")
        client.confirm(client.receive())
        eventually(lambda: plane.store.state("client") == "accepted")
        plane.store.receipts.clear()
        plane.store.tell("test")
        eventually(lambda: plane.store.state("client") == "accepted")


def test_where_words_may_have_been_lost_every_node_is_said_to_be_there_and_what_it_said(plane: ControlPlane) -> None:
    """As after a time in which other servers took this one for dead."""
    with Client(plane.port, plane.store.add()) as client:
        plane.store.release({"acme": ONE})
        client.subscribe("used")
        client.confirm(client.receive())
        eventually(lambda: plane.store.state("client") == "accepted" and plane.store.nodes)
        plane.store.receipts.clear()
        plane.store.nodes.clear()
        plane.store.tell(EVERYTHING)
        eventually(lambda: plane.store.state("client") == "accepted")
        eventually(lambda: plane.store.nodes == {(1, "client"): True})


def test_of_two_streams_of_one_node_the_worse_word_counts_and_the_node_is_there_while_one_is_open(
    plane: ControlPlane,
) -> None:
    """As while an Envoy is restarted hot."""
    token = plane.store.add()
    plane.store.release({"acme": ONE})
    with Client(plane.port, token) as before:
        before.subscribe("used")
        before.confirm(before.receive())
        eventually(lambda: plane.store.state("client") == "accepted" and plane.store.nodes)
        after = Client(plane.port, token)
        after.subscribe("used")
        after.send(response_nonce=after.receive().nonce, error_detail={"message": "No room."})
        eventually(lambda: plane.store.state("client") == "refused")
        assert words(plane.store).startswith("2 streams are open under this node's name. used: No room.")
        after.close()
        eventually(lambda: plane.store.state("client") == "accepted")
        assert words(plane.store) == "Runs used."
        assert plane.store.nodes == {(1, "client"): True}
    eventually(lambda: plane.store.nodes == {(1, "client"): False})


def test_what_one_stream_says_of_a_release_is_not_taken_for_a_word_on_the_one_before() -> None:
    """A node opens another stream while a release is made, and that one is given the release before."""
    store = LateStore()
    with ControlPlane(store) as plane:
        token = store.add()
        store.release({"acme": ONE})
        with Client(plane.port, token) as before:
            before.subscribe("used")
            before.confirm(before.receive())
            eventually(lambda: store.state("client") == "accepted")
            store.late.set()
            with Client(plane.port, token) as after:
                after.subscribe("used")
                assert store.read.wait(30)
                store.release({"acme": TWO})
                before.send(response_nonce=before.receive().nonce, error_detail={"message": "No room."})
                eventually(lambda: store.state("client") == "refused")
                store.go_on.set()
                after.confirm(after.receive())
                eventually(lambda: "2 streams" in words(store))
                assert store.state("client", 1) == "accepted"


def test_a_release_whose_news_were_lost_is_found_by_looking(plane: ControlPlane) -> None:
    with Client(plane.port, plane.store.add()) as client:
        client.subscribe("used")
        client.confirm(client.receive())
        plane.store.release({"acme": ONE}, tell=False)
        client.confirm(client.receive())
        eventually(lambda: plane.store.state("client") == "accepted")


def test_what_was_refused_is_tried_again_by_itself(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """D-06: the reason may have been a passing one."""
    monkeypatch.setattr(ledger, "PATIENCE_SECONDS", 0.3)
    with Client(plane.port, plane.store.add()) as client:
        plane.store.release({"acme": ONE})
        client.subscribe("used")
        refused = client.receive()
        client.send(response_nonce=refused.nonce, error_detail={"message": "No room."})
        client.confirm(client.receive())  # the deny-all anchor, for it has no good one
        again = client.receive()
        assert again.resources[0].version == refused.resources[0].version
        client.confirm(again)
        eventually(lambda: plane.store.state("client") == "accepted")


def test_an_environment_that_was_made_anew_counts_from_one_and_is_not_mistaken_for_the_old_one(
    plane: ControlPlane,
) -> None:
    token = plane.store.add()
    plane.store.release({"a": ONE})
    with Client(plane.port, token) as client:
        client.subscribe("used")
        first = client.receive()
        client.confirm(first)
        del plane.store.material["test"]
        assert plane.store.release({"b": TWO}) == 1
        second = client.receive()
    assert first.resources[0].version != second.resources[0].version


def test_gateways_that_want_the_same_are_given_the_same_and_options_make_a_difference(plane: ControlPlane) -> None:
    tokens = [plane.store.add("one"), plane.store.add("two")]
    tokens.append(plane.store.add("three", issuers=[{"issuer": "https://issuer.example"}]))
    plane.store.release({"a": ONE})
    versions = []
    for name, token in zip(("one", "two", "three"), tokens, strict=True):
        with Client(plane.port, token, cluster=f"test/{name}") as client:
            client.subscribe("jwks", type_url=EXTENSION)
            versions.append(client.receive().resources[0].version)
    assert versions[0] == versions[1] != versions[2]


def test_nothing_is_sent_while_nothing_changes(plane: ControlPlane) -> None:
    with Client(plane.port, plane.store.add()) as client:
        plane.store.release({"acme": ONE})
        client.subscribe("used")
        client.confirm(client.receive())
        eventually(lambda: plane.store.state("client") == "accepted")
        plane.store.tell("test")
        plane.store.release({"other": ONE})
        client.subscribe("truststore")
        assert client.receive().resources[0].name == "truststore"


def test_who_leaves_while_the_store_is_asked_is_not_brought_back_by_its_answer() -> None:
    """A receipt says that its node is there."""
    store = SlowStore()
    with ControlPlane(store) as plane:
        store.release({"acme": ONE})
        client = Client(plane.port, store.add())
        client.subscribe("used")
        client.confirm(client.receive())
        eventually(lambda: store.state("client") == "accepted")
        store.answers.clear()
        store.release({"acme": TWO})
        assert store.asked.wait(30)
        client.close()
        eventually(lambda: store.nodes == {(1, "client"): False})
        store.answers.set()
        with Client(plane.port, store.add(), node="another") as another:
            another.subscribe("used")
            another.confirm(another.receive())
            eventually(lambda: store.state("another") == "accepted")
        assert store.last("client", 2) is None


def test_what_nobody_foresaw_does_not_end_the_looks_for_good(plane: ControlPlane) -> None:
    plane.store.release({"acme": ONE})
    token = plane.store.add()
    with Client(plane.port, token) as client:
        client.subscribe("used")
        client.confirm(client.receive())
        sound = plane.store.gateways[token]
        plane.store.gateways[token] = replace(sound, options=None)  # type: ignore[arg-type]  # a fault of ours
        before = plane.store.looks
        plane.store.tell("test")
        eventually(lambda: plane.store.looks > before + 3)  # those on news, and those without
        plane.store.gateways[token] = sound
        plane.store.release({"acme": TWO})
        client.confirm(client.receive())
        eventually(lambda: plane.store.state("client") == "accepted")


def test_it_stops_in_time_with_streams_open(plane: ControlPlane) -> None:
    with Client(plane.port, plane.store.add()) as client:
        client.subscribe("used")
        client.receive()
        begun = time.monotonic()
        plane.stop()
        assert time.monotonic() - begun < 10
        assert client.end() == (grpc.StatusCode.UNAVAILABLE, "Trustyard is stopping.")
        assert plane.store.nodes == {(1, "client"): False}


def test_a_port_that_is_taken_is_refused_by_name(plane: ControlPlane) -> None:
    with pytest.raises(Refused, match=f"xDS cannot listen on 127.0.0.1:{plane.port}"):
        loop().run(start(("127.0.0.1", plane.port), None, store=plane.store))
    assert len(plane.store._callbacks) == 1, "nothing of it is left"


def test_without_tls_files_only_loopback_is_listened_on(plane: ControlPlane) -> None:
    with pytest.raises(Refused, match="loopback"):
        loop().run(start(("0.0.0.0", 0), None, store=plane.store))
