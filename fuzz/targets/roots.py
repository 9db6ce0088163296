"""The root bundle that somebody uploads for an environment, down to the rows of the database."""

from __future__ import annotations

import os
from contextlib import suppress

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django
from django.core.management import call_command
from django.db import transaction

from trustyard.errors import TrustyardError
from trustyard.pki.containers import read_file


def prepare() -> None:
    """A database for a process of its own; tests have theirs."""
    django.setup()
    call_command("migrate", verbosity=0)


def roots(data: bytes) -> None:
    """`environments.create` with an uploaded root set: its rows say what was read, or a refusal."""
    from trustyard.actions import environments  # Django must be set up first
    from trustyard.actions import roots as root_sets
    from trustyard.actions.actors import SYSTEM

    with suppress(TrustyardError), transaction.atomic():
        place = environments.create(SYSTEM, name="fuzz", type="test", root_set=data)
        place.refresh_from_db()
        assert tuple(root_sets.of(place)) == read_file(data).certificates
        transaction.set_rollback(True)
