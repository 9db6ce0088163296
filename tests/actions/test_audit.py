"""The audit chain and the ids of requests in it."""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction

from tests.server.serving import eventually
from trustyard import models
from trustyard.actions import audit, requests
from trustyard.models.audit import FEW

from .conftest import ADMIN

HASH = "117b30e6b72e8ba47a1436d63c765b20d77618b717d1b597e140f17677bbdcfb"


def test_events_with_and_without_an_id_make_one_chain_and_a_changed_id_breaks_it() -> None:
    def within() -> None:
        requests.begin("abc123")
        audit.record(ADMIN, "user.create", "user", "ida")

    contextvars.copy_context().run(within)
    audit.record(ADMIN, "user.create", "user", "otto")
    plain, traced = models.AuditEvent.objects.order_by("-pk")[:2]
    assert (traced.request_id, plain.request_id) == ("abc123", "")
    assert audit.verify().ok
    assert [event.pk for event in audit.find(ADMIN, request_id="abc123")] == [traced.pk]

    models.AuditEvent.objects.filter(pk=plain.pk).update(request_id="abc123")  # blame for what another request did
    assert audit.verify().broken_at == plain.pk
    models.AuditEvent.objects.filter(pk=plain.pk).update(request_id="")
    models.AuditEvent.objects.filter(pk=traced.pk).update(request_id="")
    assert audit.verify().broken_at == traced.pk


@pytest.mark.parametrize("count", [1, FEW, FEW + 1])
def test_events_of_one_change_follow_each_other_whatever_their_names_are(count: int) -> None:
    """On PostgreSQL the hashes of a few events are the database's, of many ours: both are checked by ours."""
    names = ["Zürich", 'a "quoted" \\ name', "\N{GRINNING FACE} %s", "line\nbreak", "' or ''"]
    with audit.transaction():
        for number in range(count):
            name = names[number % len(names)]
            after = {"number": number, "of": [name, None, 1.5], "ü": {"b": True, "a": name}}
            audit.record(ADMIN, "user.create", "user", name, after=after)
    audit.record(ADMIN, "user.create", "user", "last")
    events = list(models.AuditEvent.objects.order_by("pk"))
    assert events[-2].object_name == names[(count - 1) % len(names)]
    assert audit.verify() == audit.Verdict(True, len(events))


def test_an_event_of_an_earlier_version_still_fits_into_the_chain() -> None:
    """What is hashed, and how, is said to whoever checks it; an upgrade that changes it would break every chain."""
    models.AuditEvent.objects.all().delete()
    models.AuditEvent.objects.create(
        at=datetime(2026, 3, 3, 14, 0, 0, 123456, tzinfo=UTC), actor="Zoë", via="web", address="192.0.2.1",
        action="certificate.update", object_kind="certificate", object_name="Şirket",
        before={"name": "old", "entries": {}}, after={"name": "Şirket", "entries": {"b": None, "a": 1.5}},
        request_id="abc123", prev_hash=audit.GENESIS, hash=HASH,
    )  # fmt: skip
    models.AuditHead.objects.update_or_create(pk=1, defaults={"hash": HASH, "events": 1})
    assert audit.verify() == audit.Verdict(True, 1)


@pytest.mark.parametrize("count", [1, FEW + 1])
def test_the_first_event_of_all_begins_the_chain(count: int) -> None:
    models.AuditEvent.objects.all().delete()
    models.AuditHead.objects.all().delete()
    with audit.transaction():
        for number in range(count):
            audit.record(ADMIN, "user.create", "user", f"person {number}")
    assert models.AuditEvent.objects.earliest("pk").prev_hash == audit.GENESIS
    assert audit.verify() == audit.Verdict(True, count)


def somebody_waits(cursor: Any) -> bool:
    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(cursor.fetchone()[0])


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, FEW + 1])
def test_a_change_that_ends_while_another_one_does_follows_it_in_the_chain(count: int) -> None:
    def change(name: str) -> None:
        audit.record_all(ADMIN, [audit.Event("user.create", "user", name, None, None)] * count)

    def change_too() -> None:
        try:
            with transaction.atomic():
                change("later")
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            change("first")
            cursor.execute("SELECT 1")  # what was recorded goes before it
            changed = pool.submit(change_too)
            eventually(lambda: somebody_waits(cursor))
        changed.result()
    names = list(models.AuditEvent.objects.order_by("pk").values_list("object_name", flat=True))
    assert names[-2 * count :] == [*["first"] * count, *["later"] * count]
    assert audit.verify().ok


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, FEW + 1])
def test_a_change_that_waits_for_another_one_does_not_hold_the_head_of_the_chain_meanwhile(count: int) -> None:
    """Else the other one waits for the head, and both for ever."""
    place = models.Environment.objects.get(name="test")

    def add() -> None:
        try:
            with audit.transaction():
                models.Gateway.objects.create(environment=place, name="edge", name_key="edge", kind="envoy")
                for _ in range(count):
                    audit.record(ADMIN, "gateway.create", "gateway", "test/edge")
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        with audit.transaction(), connection.cursor() as cursor:
            models.Environment.objects.select_for_update().get(pk=place.pk)
            added = pool.submit(add)
            eventually(lambda: somebody_waits(cursor))
            audit.record(ADMIN, "environment.update", "environment", "test")
        added.result()
    actions = list(models.AuditEvent.objects.order_by("pk").values_list("action", flat=True))
    assert actions[-count - 1 :] == ["environment.update", *["gateway.create"] * count]
    assert audit.verify().ok
