"""What nodes said of a release, and the releases that are remembered with their certificates."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from trustyard import models
from trustyard.actions import delivery, environments, gateways
from trustyard.actions.certificates import Saved
from trustyard.gateways.receipts import Receipt, State

from .conftest import ADMIN

Add = Callable[..., Saved]


@pytest.fixture
def edge() -> models.Gateway:
    return gateways.create(ADMIN, "test", name="edge", kind="envoy")


def said(release: models.Release) -> list[str]:
    return [row.state for row in delivery.rows_of(release)]


def seen(release: models.Release) -> list[tuple[str, str]]:
    return [(row.gateway, row.state) for row in delivery.rows_of(release)]


@pytest.mark.parametrize("found", ["observed", "drifted", "open"])
def test_what_a_look_found_outlasts_an_acceptance_that_is_said_again_and_no_refusal(
    add: Add, edge: models.Gateway, found: State
) -> None:
    (release,) = add("acme").releases
    delivery.record(edge.pk, release.number, Receipt("n", "accepted"))
    models.Receipt.objects.update(state=found)
    delivery.record(edge.pk, release.number, Receipt("n", "accepted"))
    assert said(release) == [found]
    delivery.record(edge.pk, release.number, Receipt("n", "refused"))
    assert said(release) == ["refused"]


def test_what_a_node_never_answered_is_superseded_by_its_word_on_a_newer_release_and_no_other_nodes(
    add: Add, edge: models.Gateway
) -> None:
    (old,), (new,) = add("acme").releases, add("globex").releases
    for node in ("n", "other"):
        delivery.record(edge.pk, old.number, Receipt(node, "sent"))
    delivery.record(edge.pk, 99, Receipt("n", "accepted"))  # there is none
    assert said(old) == ["sent", "sent"]
    delivery.record(edge.pk, new.number, Receipt("n", "accepted", "as the node says", 7))
    assert said(old) == ["superseded", "sent"]
    row = delivery.rows_of(new)[0]
    assert (row.node, row.state, row.detail, row.milliseconds) == ("n", "accepted", "as the node says", 7)


def test_a_release_counts_no_gateway_that_was_made_after_the_next_one(add: Add, edge: models.Gateway) -> None:
    """It was never given it. One that was there, and said nothing or gave up what it said with its options, counts."""
    (first,) = add("acme").releases
    later = gateways.create(ADMIN, "test", name="later", kind="envoy")
    (second,) = add("globex").releases
    gateways.create(ADMIN, "test", name="latest", kind="envoy")
    gateways.create(ADMIN, "production", name="elsewhere", kind="envoy")
    for release in (first, second):
        delivery.record(edge.pk, release.number, Receipt("n", "accepted"))
    (third,) = add("initech").releases
    assert seen(first) == [("edge", "accepted"), ("later", "superseded")]
    assert seen(second) == [("edge", "accepted"), ("later", "superseded"), ("latest", "superseded")]
    assert seen(third) == [("edge", "pending"), ("later", "pending"), ("latest", "pending")]
    gateways.update(ADMIN, "test", "edge", if_match="*", options={"issuers": [{"issuer": "https://idp.example"}]})
    assert seen(first) == [("edge", "superseded"), ("later", "superseded")]
    gateways.delete(ADMIN, "test", "later", if_match=later.etag)
    gateways.create(ADMIN, "test", name="later", kind="envoy")  # another one of the name
    assert seen(first) == [("edge", "superseded")]


def test_the_word_of_a_gateway_on_a_release_counts_whenever_it_was_made(add: Add) -> None:
    """Clocks are set, and servers have several."""
    (first,), _ = add("acme").releases, add("globex").releases
    late = gateways.create(ADMIN, "test", name="late", kind="envoy")
    delivery.record(late.pk, first.number, Receipt("n", "accepted"))
    assert seen(first) == [("late", "accepted")]


def test_a_release_that_was_replaced_before_there_was_a_gateway_waits_for_none(add: Add) -> None:
    (first,) = add("acme").releases

    def state(release: models.Release) -> str:
        return str(delivery.deployment([release.pk])["environments"][0]["state"])

    assert (seen(first), state(first)) == ([], "pending")
    (second,) = add("globex").releases
    gateways.create(ADMIN, "test", name="edge", kind="envoy")
    assert (seen(first), state(first)) == ([], "superseded")
    assert (seen(second), state(second)) == ([("edge", "pending")], "pending")


@pytest.mark.parametrize("state", delivery.WORST_FIRST)
def test_who_waits_for_receipts_waits_for_those_alone_that_are_still_to_come(
    add: Add, edge: models.Gateway, state: State
) -> None:
    (release,) = add("acme").releases
    delivery.record(edge.pk, release.number, Receipt("n", state))
    assert delivery.settled([release.pk]) == (state not in ("pending", "sent"))


def test_the_releases_that_were_asked_for_last_are_remembered_within_a_limit(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_materials", {})
    environments.create(ADMIN, name="third")
    add("acme", "test", "production", "third")

    def read(environment: str) -> bool:
        """Whether it had to be read."""
        with CaptureQueriesContext(connection) as asked:
            assert delivery.wanted(environment) is not None
        return len(asked.captured_queries) > 1

    assert [read(place) for place in ("test", "production", "test")] == [True, True, False]
    room = sum(one.weight for one in delivery._materials.values()) + 100
    monkeypatch.setattr(delivery, "MOST_OCTETS", room)  # for two of them
    assert [read(place) for place in ("third", "test", "production")] == [True, False, True]
    monkeypatch.setattr(delivery, "MOST_OCTETS", 1)
    assert [read(place) for place in ("third", "third", "test")] == [True, False, True]
