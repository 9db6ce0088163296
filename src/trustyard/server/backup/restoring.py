"""`trustyard restore`: a backup into an empty database and data directory, of either database, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.apps.registry import Apps
from django.db import DatabaseError, connection, transaction
from django.db.models import DateTimeField, Model

from trustyard.errors import Conflict, Refused
from trustyard.server.configuration import Configuration
from trustyard.server.datadir import make_folder, one_server, secret_of, write_secret
from trustyard.server.opening import Executor, alone, applied, behind, in_words, migrate, refuse_other_encoding, set_up

from .archive import SECRET, Manifest, Part, Reader, newer
from .inputs import opened
from .numbers import go_on_after
from .tables import CARRIED_APPS, RESET, carried, label
from .values import FOREIGN, read

MOVE = "Restore without TRUSTYARD_SECRET_KEY_FILE, and move the file secret-key of the data directory there."
AGAIN = "No row was written. Make room for it, or set TRUSTYARD_DATA_DIR to another folder, and restore again."
BATCH_ROWS, BATCH_BYTES = 500, 4_000_000


@dataclass(frozen=True)
class Restored:
    """What was restored, and what a walk of its audit chain found (empty: each event fits)."""

    manifest: Manifest
    secret_key: bool
    events: int
    broken: str


def restore(configuration: Configuration, file: Path, *, secret_key: bool) -> Restored:
    """Reads the whole file, or standard input (`-`), before anything is written.

    Raises Refused (`backup-unreadable`, `backup-newer`, `database`), Conflict (`restore-not-empty`,
    `restore-secret-key`, `already-running`), Refused (`secret-key-file`).
    """
    # 1. The file is whole.
    with ExitStack() as stack:
        reader = Reader(*stack.enter_context(opened(file)))
        stack.callback(reader.close)
        reader.verify()
        key = _key(reader) if secret_key else b""
        # 2. There is nothing where it goes, and nobody begins anything there meanwhile.
        make_folder(configuration)
        stack.enter_context(one_server(configuration))
        set_up()
        stack.enter_context(_told())
        stack.enter_context(alone(configuration))
        _refuse_what_is_there(configuration, key)
        # 3. Tables as they were when the backup was made; an older version's rows then go the way of an upgrade.
        apps = _tables_of(reader)
        if key and key != secret_of(configuration):
            write_secret(configuration, key, otherwise=MOVE if configuration.given_secret_key_file else AGAIN)
        return _fill(reader, apps, secret_key=bool(key))


def _fill(reader: Reader, apps: Apps, *, secret_key: bool) -> Restored:
    # 4. All rows, and the event that tells of them, in one transaction.
    with transaction.atomic():
        _load(reader, apps)
        restored = None if behind() else _tell(reader, secret_key=secret_key)
    if restored is None:
        restored = _brought_up(reader, secret_key=secret_key)
    return restored


def _brought_up(reader: Reader, *, secret_key: bool) -> Restored:
    try:
        migrate()
        with transaction.atomic():
            return _tell(reader, secret_key=secret_key)
    except DatabaseError as error:
        raise Refused(
            f"All of the backup is stored, but could not be brought up to this version: {in_words(error)}",
            code="database",
            advice="Put that right and start Trustyard, which goes on from there. Do not restore again.",
        ) from error


def _tell(reader: Reader, *, secret_key: bool) -> Restored:
    from trustyard.actions import audit
    from trustyard.actions.actors import LOCAL

    verdict = audit.verify()
    manifest = reader.manifest
    after = {"made_at": manifest.made_at, "version": manifest.version, "rows": sum(manifest.rows.values())}
    audit.record(LOCAL, "backup.restore", "backup", reader.path.name[:250], after=after)
    where = f"at event {verdict.broken_at}" if verdict.broken_at else "at its end"
    return Restored(manifest, secret_key, verdict.events, "" if verdict.ok else f"{where}: {verdict.reason}")


def _key(reader: Reader) -> bytes:
    part = next((part for part in reader.manifest.parts if part.name == SECRET), None)
    return b"".join(reader.lines(part)) if part else b""


def _refuse_what_is_there(configuration: Configuration, key: bytes) -> None:
    folder = configuration.data_dir / "environments"
    if folder.is_dir() and any(folder.iterdir()):
        raise _not_empty(f"The data directory {configuration.data_dir} has environments already.")
    from django.apps import apps

    tables = set(connection.introspection.table_names())
    for model in carried(apps):
        if model._meta.db_table in tables and _has_rows(model):
            raise _not_empty(f"The database is not empty: it has rows of {label(model)}.")
    own = secret_of(configuration)
    if key and own and own != key:
        raise Conflict(
            f"{configuration.secret_key_file} holds another secret key than the backup.",
            code="restore-secret-key",
            advice="Remove that file, or keep it with --without-secret-key.",
        )


def _has_rows(model: type[Model]) -> bool:
    with connection.cursor() as cursor:
        # By hand: a table of an older version may lack columns that the model has.
        cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(model._meta.db_table)} LIMIT 1")  # noqa: S608 - ours
        return cursor.fetchone() is not None


def _tables_of(reader: Reader) -> Apps:
    """Migrates to the state of the backup; the models as they were then."""
    executor = Executor(connection)
    graph = executor.loader.graph
    wanted = {(app, name) for app, names in reader.manifest.migrations.items() for name in names}
    if unknown := wanted - graph.nodes.keys():
        raise newer(reader.path, f"{reader.manifest.version}; it has {'.'.join(min(unknown))}")
    there = {(app, name) for app, names in applied().items() for name in names if app in CARRIED_APPS}
    if there - wanted:
        raise _not_empty("The database has the tables of a newer version than the backup.")
    leaves = [node for node in sorted(wanted) if not wanted.intersection(graph.node_map[node].children)]
    if wanted - there:
        refuse_other_encoding()
        executor.migrate(leaves)
    apps: Apps = executor.loader.project_state(leaves).apps
    for model in carried(apps):
        for field in model._meta.concrete_fields:
            if isinstance(field, DateTimeField):
                field.auto_now = field.auto_now_add = False  # these models are this restore's own: times stay
    return apps


def _load(reader: Reader, apps: Apps) -> None:
    models = {label(model): model for model in carried(apps)}
    parts = {part.table: part for part in reader.manifest.parts if part.table}
    for name, model in models.items():
        part = parts.pop(name, None)
        if part is not None:
            reset = {column: value for column, value in RESET.get(name, {}).items() if column in part.columns}
            for batch in _batches(reader, part):
                try:
                    rows = [model(**{**read(model, part.columns, line), **reset}) for line in batch]
                except FOREIGN as error:
                    raise Refused(
                        f"{reader.path} cannot be restored: {part.name} holds what is no row of this table.",
                        code="backup-unreadable",
                        advice="No row was written. Take another copy.",
                    ) from error
                model._base_manager.bulk_create(rows)
            if part.last_number is not None:
                go_on_after(model, part.last_number)
    if parts:
        raise newer(reader.path, f"{reader.manifest.version}; it has {min(parts)}")


def _batches(reader: Reader, part: Part) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for line in reader.lines(part):
        batch.append(line)
        size += len(line)
        if len(batch) == BATCH_ROWS or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _not_empty(sentence: str) -> Conflict:
    return Conflict(
        sentence,
        code="restore-not-empty",
        advice="Restore into an empty database and a data directory that does not exist yet. Nothing was written.",
    )


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise Refused(
            f"The database did not take the backup: {in_words(error)}",
            code="database",
            advice="Nothing of it was kept. `trustyard check` says what is set.",
        ) from error
