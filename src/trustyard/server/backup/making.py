"""`trustyard backup`: everything of one moment into one file, while the server runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model
from django.utils import timezone

from trustyard import __version__
from trustyard.actions import audit
from trustyard.actions.actors import LOCAL
from trustyard.errors import Refused
from trustyard.models import SecretKey
from trustyard.models.moment import one_moment
from trustyard.pki.certificates import rfc3339
from trustyard.server import secretkey
from trustyard.server.configuration import Configuration
from trustyard.server.opening import ahead, applied, behind, ending

from .archive import SECRET, Manifest, Writer
from .numbers import last_number
from .outputs import output
from .tables import CARRIED_APPS, carried, columns, label
from .values import written

ROWS = 50  # read at a time; a release may have megabytes


@dataclass(frozen=True)
class Made:
    """A backup that was written."""

    file: str
    bytes: int
    sha256: str
    secret_key: bool
    manifest: Manifest
    newer: list[str] = field(default_factory=list)  # migrations of a newer version; what they added is left out


def make(configuration: Configuration, name: str, *, secret_key: bool, overwrite: bool) -> Made:
    """Writes the file: of a database that a newer version has added to, what this one knows.

    Raises Conflict (`backup-exists`), Refused (`backup-not-written`, `backup-version`, `secret-key`).
    """
    newer = ahead()
    if behind() or ending(newer):
        raise Refused(
            "The database is of another version of Trustyard than this program.",
            code="backup-version",
            advice="Make the backup with the version that runs on it.",
        )
    key = _key(configuration) if secret_key else b""
    with output(name, overwrite=overwrite) as out:
        made = write(out, name, key, carried(apps))
        # Before the file gets its name, so that no backup exists without its audit event.
        after = {"sha256": made.sha256, "rows": sum(made.manifest.rows.values()), "secret_key": made.secret_key}
        with audit.transaction():
            audit.record(LOCAL, "backup.create", "backup", Path(name).name[:250], after=after)
    return replace(made, newer=newer)


def _key(configuration: Configuration) -> bytes:
    if not configuration.secret_key and not SecretKey.objects.exists():
        return b""  # nothing was ever derived from one: no server has run yet
    secretkey.agree(configuration)  # with another one no gateway would be let in after a restore
    return configuration.secret_key_file.read_bytes()


def write(out: IO[bytes], name: str, key: bytes, models: Sequence[type[Model]]) -> Made:
    """These tables, as they are at one moment, and the key if there is one."""
    with Writer(out) as writer:
        with one_moment():
            # Those of a newer version are left out, as what they added is: this one could not restore them.
            known = MigrationLoader(None).disk_migrations
            migrations = {
                app: sorted(name for name in names if (app, name) in known)
                for app, names in applied().items()
                if app in CARRIED_APPS
            }
            for model in models:
                _add(writer, model)
        if key:
            writer.add(SECRET, iter(key.splitlines(keepends=True)))
        manifest = Manifest(__version__, rfc3339(timezone.now()), connection.vendor, migrations, writer.parts)
        size, digest = writer.finish(manifest)
    return Made(name, size, digest, bool(key), manifest)


def _add(writer: Writer, model: type[Model]) -> None:
    names = columns(model)
    writer.add(
        f"tables/{label(model)}.jsonl",
        _lines(model, names),
        table=label(model),
        columns=names,
        last_number=last_number(model),
    )


def _lines(model: type[Model], names: list[str]) -> Iterator[bytes]:
    rows = model._base_manager.order_by("pk").values_list(*names)
    for row in rows.iterator(chunk_size=ROWS):
        yield written(row)
