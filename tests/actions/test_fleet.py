"""All gateways at once."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from trustyard import models
from trustyard.actions import fleet, gateways, receipts, releases
from trustyard.gateways.receipts import Receipt

from .conftest import ADMIN


def test_what_many_gateways_said_costs_no_more_queries_than_what_one_said() -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            shown = fleet.gateways_json(list(fleet.find(ADMIN)))
        assert {one["state"] for one in shown} == {"accepted"}
        assert {len(one["nodes"]) for one in shown} == {2}
        return len(queries)

    def add(environment: str, name: str) -> None:
        row = gateways.create(ADMIN, environment, name=name, kind="envoy")
        receipts.record_all((row.pk, 1, Receipt(node, "accepted")) for node in ("a", "b"))

    for place in ("test", "production"):
        releases.deploy(ADMIN, place)
    add("test", "first")
    one = asked()
    for name in ("second", "third", "fourth"):
        add("test", name)
        add("production", name)
    assert asked() == one


def test_what_was_said_of_a_release_before_is_no_word_on_the_newest() -> None:
    edge = gateways.create(ADMIN, "test", name="edge", kind="envoy")
    releases.deploy(ADMIN, "test")
    receipts.record_all([(edge.pk, 1, Receipt("a", "refused"))])
    models.Environment.objects.filter(name="test").update(root_set="mozilla")
    releases.deploy(ADMIN, "test")
    assert fleet.gateway_json(edge)["state"] == "pending"
    receipts.record_all([(edge.pk, 2, Receipt("a", "accepted"))])
    assert fleet.gateway_json(edge)["state"] == "accepted"
