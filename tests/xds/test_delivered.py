"""The server on the real actions and database: a save is a push, an answer is a receipt, a rotated token is the end."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from tests.authority import Authority
from tests.live.envoy import eventually
from tests.xds.client import Client
from tests.xds.memory import loop
from trustyard import models
from trustyard.actions import certificates, delivery, environments, gateways, gone, releases
from trustyard.actions.actors import SYSTEM
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.gateway_tokens import XDS, token_of
from trustyard.actions.sources import FileGiven
from trustyard.xds.server import Running, start

ACME = Authority("Acme")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running() -> Iterator[Running]:
    running = loop().run(start(("127.0.0.1", 0), None, poll_seconds=0.2))
    yield running
    loop().run(running.stop())


@pytest.fixture
def token() -> str:
    environments.create(SYSTEM, name="test")
    return token_of(gateways.create(SYSTEM, "test", name="edge", kind="envoy"), XDS)


def save(name: str = "acme") -> models.Release:
    source = FileGiven(f"{name}.pem", ACME.pem.encode(), None)
    saved = certificates.create(SYSTEM, [Definition(name, "", [EntryGiven(("test",), name, source)])], deploy=True)
    return saved.releases[0]


def said(release: models.Release) -> list[tuple[str, str]]:
    return list(models.Receipt.objects.filter(release=release).values_list("node", "state"))


def test_save_and_deploy_reaches_the_node_and_its_answer_is_the_receipt(running: Running, token: str) -> None:
    """S-17, S-41."""
    with Client(running.port, token) as node:
        node.subscribe("used")
        node.confirm(node.receive())  # nobody, as long as there is no release
        eventually(lambda: models.Node.objects.filter(name="client", connected=True).exists())
        release = save()
        response = node.receive()
        secret = Secret.FromString(response.resources[0].resource.value)
        assert secret.validation_context.trusted_ca.inline_bytes.decode() == ACME.pem
        assert not delivery.settled([release.pk])
        node.confirm(response)
        eventually(lambda: delivery.settled([release.pk]))
        row = delivery.deployment([release.pk])["environments"][0]["gateways"][0]
        assert (row["gateway"], row["node"], row["state"], row["detail"]) == (
            "edge",
            "client",
            "accepted",
            "Runs used.",
        )
    eventually(lambda: models.Node.objects.filter(name="client", connected=False).exists())


def test_a_refusal_is_stored_in_the_nodes_own_words_and_tried_again_on_the_next_deploy(
    running: Running, token: str
) -> None:
    """D-06."""
    with Client(running.port, token) as node:
        node.subscribe("used")
        node.confirm(node.receive())
        release = save()
        node.send(response_nonce=node.receive().nonce, error_detail={"message": "No room."})
        node.confirm(node.receive())  # the last good one
        eventually(lambda: said(release) == [("client", "refused")])
        again = releases.deploy(SYSTEM, "test")
        assert not again.created
        node.confirm(node.receive())
        eventually(lambda: said(release) == [("client", "accepted")])


def test_a_rotated_token_ends_the_stream(running: Running, token: str) -> None:
    with Client(running.port, token) as node:
        node.subscribe("used")
        node.receive()
        gateways.rotate_token(SYSTEM, "test", "edge")
        assert node.end() == (grpc.StatusCode.UNAUTHENTICATED, "This gateway's token is no longer valid.")


def test_the_token_of_another_kind_of_gateway_opens_nothing(running: Running, token: str) -> None:
    other = token_of(gateways.create(SYSTEM, "test", name="folder", kind="files"), XDS)
    with Client(running.port, other, cluster="test/folder") as node:
        node.subscribe("used")
        assert node.end()[0] == grpc.StatusCode.UNAUTHENTICATED


def test_a_gateway_that_gives_itself_ever_new_names_does_not_fill_the_database(
    running: Running, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gone, "KEPT", 2)
    monkeypatch.setattr(gone, "EVERY", 3)
    release = save()
    with Client(running.port, token, node="stays") as stays:
        stays.subscribe("used")
        stays.confirm(stays.receive())
        eventually(lambda: said(release) == [("stays", "accepted")])
        for at in range(9):
            with Client(running.port, token, node=f"node-{at}") as node:
                node.subscribe("used")
                node.confirm(node.receive())
            eventually(lambda at=at: models.Node.objects.filter(name=f"node-{at}", connected=False).exists())  # type: ignore[misc] # bound at once
            assert models.Node.objects.count() <= 1 + 2 + 3
        eventually(lambda: len(said(release)) <= 1 + 2 + 3)
        assert ("stays", "accepted") in said(release)
        assert models.Node.objects.get(name="stays").connected
