"""What is counted of environments, gateways and certificates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import certificates, delivery, environments, figures, gateways
from trustyard.actions.certificates import Saved
from trustyard.gateways.receipts import Receipt

from .conftest import ADMIN

Add = Callable[..., Saved]


@pytest.fixture
def edge() -> models.Gateway:
    return gateways.create(ADMIN, "test", name="edge", kind="envoy", options={})


def ago(number: int, **time: float) -> None:
    """As if that release had been made so long ago."""
    models.Release.objects.filter(number=number).update(created_at=timezone.now() - timedelta(**time))


def test_entries_are_counted_by_how_soon_they_end_and_revoked_ones_not(ca: Ca, add: Add) -> None:
    long_ago = timezone.now() - timedelta(days=400)
    for name, days in (("long", 700), ("month", 420), ("week", 403), ("gone", 399), ("taken-back", 403)):
        add(name, "test", "production", issued=ca.issue(name, days=days, start=long_ago))
    for place in ("test", "production"):
        certificates.revoke(ADMIN, "taken-back", place, reason="Lost.", deploy=False)
    now = figures.ends()
    assert (now.expired["test"], now.expiring[7]["test"], now.expiring[30]["test"]) == (1, 1, 2)
    assert now.expired == now.expired | {"production": 1}


def test_a_gateway_is_behind_from_the_release_on_that_it_did_not_take(add: Add, edge: models.Gateway) -> None:
    for number, name in enumerate(("one", "two", "three"), start=1):
        add(name)
        ago(number, hours=4 - number)
    models.Gateway.objects.update(created_at=timezone.now() - timedelta(days=1))
    standing = figures.read().environments["test"]
    assert (standing.release, standing.behind, standing.gateways) == (3, 0, {"not joined": 1})
    delivery.record(edge.pk, 1, Receipt("n1", "accepted"))
    delivery.record(edge.pk, 3, Receipt("n1", "refused", "No."))
    standing = figures.read().environments["test"]
    assert (standing.behind, standing.gateways, standing.nodes) == (1, {"refused": 1}, {"refused": 1})
    assert 7190 < standing.undelivered_seconds < 7300  # release 2, two hours old
    delivery.record(edge.pk, 3, Receipt("n1", "accepted"))
    standing = figures.read().environments["test"]
    assert (standing.behind, standing.undelivered_seconds, standing.gateways) == (0, 0.0, {"accepted": 1})


def test_a_gateway_lacks_nothing_from_before_it_was_added(add: Add, edge: models.Gateway) -> None:
    """Else the first look at a new gateway would raise the alarm of an old release."""
    add("one")
    ago(1, days=400)
    delivery.record(edge.pk, 1, Receipt("n1", "sent"))
    standing = figures.read().environments["test"]
    assert standing.behind == 1
    assert standing.undelivered_seconds < 100
    models.Gateway.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert 3590 < figures.read().environments["test"].undelivered_seconds < 3700


def test_a_node_that_left_makes_nobody_late(add: Add, edge: models.Gateway) -> None:
    add("one")
    delivery.record(edge.pk, 1, Receipt("n1", "accepted"))
    delivery.record(edge.pk, 1, Receipt("n2", "accepted"))
    add("two")
    delivery.record(edge.pk, 2, Receipt("n1", "accepted"))
    assert figures.read().environments["test"].behind == 1  # n2 is there and said nothing yet
    delivery.seen_all([(edge.pk, "n2", False)])
    standing = figures.read().environments["test"]
    assert (standing.behind, standing.nodes) == (0, {"accepted": 1, "unreachable": 1})


def test_the_number_of_queries_does_not_grow_with_the_environments(add: Add) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            figures.read()
            figures.ends()
        return len(queries)

    def equip(place: str) -> None:
        add(f"of-{place}", place)
        row = gateways.create(ADMIN, place, name="edge", kind="envoy", options={})
        delivery.record(row.pk, 1, Receipt("n1", "accepted"))

    equip("test")
    before = asked()
    for number in range(5):
        environments.create(ADMIN, name=f"e{number}")
        equip(f"e{number}")
    assert asked() == before
