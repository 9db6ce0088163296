"""A gateway that answers what a test says, in an environment with a release."""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from trustyard import models
from trustyard.actions import environments, gateways, releases
from trustyard.actions.actors import LOCAL
from trustyard.gateways.kinds import KINDS
from trustyard.gateways.places import Place, Root
from trustyard.gateways.receipts import Receipt
from trustyard.jobs.deliveries import Deliveries
from trustyard.jobs.probes import Probes
from trustyard.pki.content import Material

WAIT = 20
LISTENER = "127.0.0.1:8443"


def idle(work: Deliveries | Probes) -> None:
    """Until nothing is under way."""
    end = time.monotonic() + WAIT
    while work._busy:
        assert time.monotonic() < end
        threading.Event().wait(0.005)


class Folder:
    """What the gateway answers, else that it took the release, and every release that it was brought."""

    def __init__(self) -> None:
        self.answers: queue.SimpleQueue[Callable[[], str]] = queue.SimpleQueue()
        self.brought: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.moments: list[float] = []

    def deliver(self, material: Material, options: Mapping[str, Any], place: Place) -> Receipt:
        self.moments.append(time.monotonic())
        self.brought.put(material.number)
        state: Any = self.answers.get()() if not self.answers.empty() else "accepted"
        return Receipt("edge", state)

    def next(self) -> int:
        """The number of the release that it is brought next."""
        return self.brought.get(timeout=WAIT)


@pytest.fixture
def folder(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The only gateway, in `test`, to which its first release was not brought yet."""
    folder = Folder()
    monkeypatch.setitem(KINDS, "files", dataclasses.replace(KINDS["files"], deliver=folder.deliver))
    configuration = dataclasses.replace(settings.TRUSTYARD, data_dir=tmp_path / "data", files_roots=(Root(tmp_path),))
    monkeypatch.setattr(settings, "TRUSTYARD", configuration)
    environments.create(LOCAL, name="test")
    models.Gateway.objects.all().delete()
    options = {"directory": str(tmp_path / "edge"), "probes": [{"address": LISTENER}]}
    gateways.create(LOCAL, "test", name="edge", kind="files", options=options)
    releases.deploy(LOCAL, "test")
    return folder
