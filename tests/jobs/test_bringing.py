"""A delivery during which the gateway itself is changed: what is said then is of another place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from structlog.testing import capture_logs

from trustyard import models
from trustyard.actions import delivery, environments, gateways, releases
from trustyard.actions.actors import LOCAL
from trustyard.gateways.files import deliver
from trustyard.gateways.kinds import KINDS
from trustyard.gateways.places import Place, Root
from trustyard.gateways.receipts import Receipt
from trustyard.jobs.bringing import bring
from trustyard.pki.content import Material

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> models.Gateway:
    """A gateway of kind `files` in an environment with a release, which goes into the folder `before`."""
    configuration = dataclasses.replace(settings.TRUSTYARD, data_dir=tmp_path / "data", files_roots=(Root(tmp_path),))
    monkeypatch.setattr(settings, "TRUSTYARD", configuration)
    environments.create(LOCAL, name="test")
    row = gateways.create(LOCAL, "test", name="edge", kind="files", options={"directory": str(tmp_path / "before")})
    releases.deploy(LOCAL, "test")
    return row


def during_the_next_delivery(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    """`change` is made once, while a release is written."""
    changes = [change]

    def slow(material: Material, options: Mapping[str, Any], place: Place) -> Receipt:
        if changes:
            changes.pop()()
        return deliver(material, options, place)

    monkeypatch.setitem(KINDS, "files", dataclasses.replace(KINDS["files"], deliver=slow))


def test_a_word_on_the_place_before_is_not_taken_for_one_on_the_new_one(
    gateway: models.Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def move() -> None:
        gateways.update(LOCAL, "test", "edge", if_match="*", options={"directory": str(tmp_path / "after")})

    during_the_next_delivery(monkeypatch, move)
    assert bring(gateway.pk) is None
    assert [one.options["directory"] for one in delivery.behind()] == [str(tmp_path / "after")]
    brought = bring(gateway.pk)
    assert brought is not None
    assert brought.accepted
    assert (tmp_path / "after" / "current").exists()
    assert not delivery.behind()


def test_a_gateway_that_was_removed_meanwhile_says_nothing(
    gateway: models.Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    during_the_next_delivery(monkeypatch, lambda: gateways.delete(LOCAL, "test", "edge", if_match="*"))
    assert bring(gateway.pk) is None
    assert bring(gateway.pk) is None


def test_an_environment_without_a_release_has_nothing_to_bring(gateway: models.Gateway) -> None:
    environments.create(LOCAL, name="empty")
    assert bring(gateways.create(LOCAL, "empty", name="edge", kind="files").pk) is None


def test_a_delivery_that_fails_in_a_way_nobody_foresaw_is_a_word_of_the_node_itself_and_gives_way_to_the_next(
    gateway: models.Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise LookupError

    during_the_next_delivery(monkeypatch, fail)
    brought = bring(gateway.pk)
    assert brought is not None
    assert brought.receipt.state == "unreachable"
    assert brought.receipt.detail.startswith("Trustyard itself failed; its log says more: ")
    assert [one.id for one in delivery.behind()] == [gateway.pk]
    bring(gateway.pk)
    rows = delivery.rows_of(models.Release.objects.get())
    assert [(row.node, row.state) for row in rows] == [("local", "accepted")]


def test_the_log_says_of_each_delivery_where_it_went_and_what_the_gateway_said(
    gateway: models.Gateway, tmp_path: Path
) -> None:
    place = {"environment": "test", "gateway": "edge", "release": 1}
    with capture_logs() as lines:
        brought = bring(gateway.pk)
    assert brought is not None
    accepted = {"event": "delivery.accepted", "log_level": "info", "detail": brought.receipt.detail, **place}
    assert accepted in lines
    gateways.update(LOCAL, "test", "edge", if_match="*", options={"directory": str(tmp_path / "file" / "in it")})
    (tmp_path / "file").write_text("no folder")
    with capture_logs() as lines:
        brought = bring(gateway.pk)
    assert brought is not None
    assert brought.receipt.detail
    refused = {"event": "delivery.not_accepted", "log_level": "warning", "state": brought.receipt.state}
    assert {**refused, "detail": brought.receipt.detail, **place} in lines
