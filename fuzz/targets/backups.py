"""Files that somebody restores."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

from trustyard.errors import Refused
from trustyard.server.backup.archive import Reader
from trustyard.server.backup.values import FOREIGN, read


def prepare() -> None:
    """The models; no database."""
    django.setup()


def backup(data: bytes) -> None:
    """A backup: its manifest, its parts and their digests, or a refusal."""
    with suppress(Refused):
        reader = Reader(Path("it.backup"), io.BytesIO(data))
        assert reader.manifest.rows.keys() <= {part.table for part in reader.manifest.parts}
        assert all(isinstance(names, list) for names in reader.manifest.migrations.values())
        reader.verify()


def backup_row(data: bytes) -> None:
    """A row of a token, a release and an event: values of their columns, or what is refused as no row."""
    from trustyard import models
    from trustyard.server.backup.tables import columns

    for model in (models.Token, models.Release, models.AuditEvent):
        with suppress(*FOREIGN):
            names = columns(model)
            assert list(read(model, names, data)) == names
            model(**read(model, names, data))
