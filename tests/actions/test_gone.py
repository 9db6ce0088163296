"""Nodes that are gone: a gateway's are bounded, who is connected stays, and no receipt says what nobody said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from trustyard import models
from trustyard.actions import delivery, fleet, gateways, gone
from trustyard.actions.certificates import Saved
from trustyard.gateways.receipts import Receipt
from trustyard.jobs import cleaning

from .conftest import ADMIN

Add = Callable[..., Saved]
KEPT = 3


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gone, "KEPT", KEPT)
    gone._moved.clear()


@pytest.fixture
def edge() -> models.Gateway:
    return gateways.create(ADMIN, "test", name="edge", kind="envoy")


def come(gateway: models.Gateway, *nodes: str) -> None:
    for node in nodes:
        delivery.seen_all([(gateway.pk, node, True)])


def go(gateway: models.Gateway, *nodes: str) -> None:
    for node in nodes:
        delivery.seen_all([(gateway.pk, node, False)])


def say(gateway: models.Gateway, release: models.Release, *nodes: str) -> None:
    for node in nodes:
        delivery.record(gateway.pk, release.number, Receipt(node, "accepted"))


def known(gateway: models.Gateway) -> list[str]:
    return [node["node"] for node in fleet.gateway_json(gateways.get(ADMIN, "test", gateway.name))["nodes"]]


def shown(release: models.Release) -> list[tuple[str, str]]:
    (place,) = delivery.deployment([release.pk])["environments"]
    return [(row["node"], row["state"]) for row in place["gateways"]]


PODS = [f"pod-{at}" for at in range(7)]


def test_the_newest_that_are_gone_are_kept_and_who_is_connected_however_long_ago_they_came(
    edge: models.Gateway,
) -> None:
    come(edge, "stays", *PODS)
    go(edge, *PODS)
    assert gone.forget_all() == len(PODS) - KEPT
    assert known(edge) == [*PODS[-KEPT:], "stays"]
    assert gone.forget_all() == 0


def test_a_node_that_answers_is_there_again(add: Add, edge: models.Gateway) -> None:
    (release,) = add("acme").releases
    come(edge, "pod")
    go(edge, "pod")
    assert shown(release) == [("pod", "unreachable")]
    delivery.record(edge.pk, release.number, Receipt("pod", "unreachable"))
    assert [node["connected"] for node in fleet.gateway_json(edge)["nodes"]] == [False], "that is no answer"
    say(edge, release, "pod")
    assert [node["connected"] for node in fleet.gateway_json(edge)["nodes"]] == [True]


def test_a_node_that_was_there_for_long_is_expected_back_for_a_day_from_when_it_went(
    add: Add, edge: models.Gateway
) -> None:
    (release,) = add("acme").releases
    come(edge, "pod")
    models.Node.objects.update(last_seen="2020-01-01T00:00:00Z")
    go(edge, "pod")
    assert shown(release) == [("pod", "unreachable")]


def test_another_gateway_s_nodes_are_nothing_to_it(edge: models.Gateway) -> None:
    other = gateways.create(ADMIN, "test", name="other", kind="envoy")
    come(other, *PODS[:KEPT])
    go(other, *PODS[:KEPT])
    come(edge, *PODS)
    go(edge, *PODS)
    gone.forget(edge.pk)
    assert known(other) == PODS[:KEPT]


def test_what_a_forgotten_node_said_goes_from_the_release_in_force_and_stays_with_older_ones(
    add: Add, edge: models.Gateway
) -> None:
    """So the receipts of the release in force are of nodes that are known, and history says what it said."""
    (old,) = add("acme").releases
    come(edge, "stays", *PODS)
    say(edge, old, "stays", *PODS)
    (new,) = add("more").releases
    say(edge, new, "stays", *PODS)
    go(edge, *PODS)
    before = shown(old)
    gone.forget(edge.pk)
    assert shown(new) == [(node, "accepted") for node in (*PODS[-KEPT:], "stays")]
    assert shown(old) == before
    assert len(before) == len(PODS) + 1


def test_a_node_that_came_back_while_others_were_forgotten_keeps_its_row_and_its_receipt(
    add: Add, edge: models.Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    (release,) = add("acme").releases
    come(edge, *PODS)
    say(edge, release, *PODS)
    go(edge, *PODS)
    forget = gone._forget

    def late(gateway_id: int, names: Sequence[str]) -> int:
        come(edge, PODS[0])
        return forget(gateway_id, names)

    monkeypatch.setattr(gone, "_forget", late)
    gone.forget(edge.pk)
    assert known(edge) == [PODS[0], *PODS[-KEPT:]]
    assert (PODS[0], "accepted") in shown(release)


def test_names_that_come_one_after_the_other_do_not_pile_up_until_the_next_clean_up(
    edge: models.Gateway,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    monkeypatch.setattr(gone, "EVERY", 4)
    most = 0
    with django_capture_on_commit_callbacks(execute=True):
        come(edge, "stays")
    for at in range(40):
        with django_capture_on_commit_callbacks(execute=True):
            go(edge, f"node-{at}")  # as it is written where it came just before
        most = max(most, len(known(edge)))
    assert most <= KEPT + 4 + 1
    assert "stays" in known(edge)


def test_the_clean_up_forgets_them_too(edge: models.Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "looked_after", nullcontext)  # the connection is this test's
    come(edge, *PODS)
    go(edge, *PODS)
    cleaning.clean()
    assert known(edge) == PODS[-KEPT:]


def test_a_gateway_whose_nodes_are_all_long_gone_is_not_said_to_have_had_none(add: Add, edge: models.Gateway) -> None:
    come(edge, "old")
    go(edge, "old")
    models.Node.objects.update(last_seen="2020-01-01T00:00:00Z")
    (release,) = add("acme").releases
    (row,) = delivery.deployment([release.pk])["environments"][0]["gateways"]
    assert (row["state"], row["detail"]) == ("pending", "No node of this gateway was connected within a day.")
