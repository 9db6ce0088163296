"""What is deleted while somebody asks for it is something that does not exist, and no fault of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from trustyard import models
from trustyard.actions import agents, delivery, in_force, jwks, proofs, published, releases, truststores
from trustyard.actions.certificates import Saved
from trustyard.errors import NotFound, Refused
from trustyard.gateways.proof import Probe
from trustyard.gateways.receipts import Receipt
from trustyard.sources.listeners import Listener

from .conftest import ADMIN

Add = Callable[..., Saved]


@pytest.fixture(autouse=True)
def _released(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_materials", {})
    add("acme")
    add("globex")


@contextmanager
def releases_go_once_found() -> Iterator[None]:
    """As the deletion of their environment removes them, between the query that finds one and that which reads it."""
    seen: list[str] = []

    def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and 'FROM "trustyard_release"' in sql:
            seen.append(sql)
            if len(seen) == 2:
                models.Release.objects.all().delete()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run):
        yield
    assert not models.Release.objects.exists()


@pytest.mark.parametrize(
    "read",
    [
        lambda: delivery.wanted("test"),
        lambda: delivery.material_of("test", before=2),
        lambda: published.edition("test", published.JWKS),
        lambda: agents.packed(agents.Standing(1, 1, "test", 1, False, "2." + "0" * 64)),
    ],
    ids=["wanted", "before", "published", "packed for agents"],
)
def test_what_is_delivered_and_published_of_it_is_nothing(read: Callable[[], object]) -> None:
    with releases_go_once_found():
        assert read() is None


def test_its_truststore_is_not_found() -> None:
    place = models.Environment.objects.get(name="test")
    assert releases.latest_known(place) is not None
    with releases_go_once_found(), pytest.raises(NotFound):
        truststores.rows(ADMIN, "test")


def test_nothing_is_in_force_there_any_more() -> None:
    newest = releases.latest_known(models.Environment.objects.get(name="test"))
    assert newest is not None
    models.Release.objects.all().delete()
    sha256 = models.Entry.objects.values_list("x509_id", flat=True)[0]
    held = in_force.held(newest)
    assert not held.holds("acme", sha256)
    assert held.aliases([sha256], [("acme", sha256)]) == []
    assert held.roots == frozenset()


@pytest.mark.parametrize("gone", ["release", "gateway"])
def test_a_look_at_a_listener_that_ends_after_it_keeps_nothing(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = models.Gateway.objects.create(
        environment=models.Environment.objects.get(name="test"), name="edge", name_key="edge", kind="files",
        options={"probes": [{"address": "127.0.0.1:1"}]},
    )  # fmt: skip
    delivery.record(row.pk, 2, Receipt("local", "accepted"))
    (one,) = proofs.wanted()
    assert one.probe == Probe(address="127.0.0.1:1")
    assert (proofs.wanted(row.pk), proofs.wanted(row.pk + 1)) == ([one], []), "a job reads those of its gateway alone"

    def look(*_: object) -> Listener:
        (models.Release if gone == "release" else models.Gateway).objects.all().delete()
        return Listener(False, (), "let in", "it asks nobody for a certificate")

    monkeypatch.setattr(proofs.listeners, "look", look)
    assert proofs.observe(one) is None
    assert not models.Receipt.objects.exists()


def test_a_jwk_of_a_certificate_that_goes_meanwhile_is_refused_as_of_one_that_never_was() -> None:
    locks: list[str] = []

    def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if (
            not locks and sql.startswith("SELECT") and 'FROM "trustyard_certificate"' in sql
        ):  # the entry is found by then
            locks.append(sql)
            models.Certificate.objects.filter(name="acme").delete()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run), pytest.raises(Refused) as refusal:
        jwks.create(ADMIN, name="late", source=jwks.FromCertificate("acme", "test"))
    assert (refusal.value.code, refusal.value.fields[0].field) == ("unknown-certificate", "source.certificate")
