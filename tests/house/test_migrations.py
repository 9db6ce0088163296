"""From 0005 on a node of the version before goes on working while the database is migrated under it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.migrations import operations
from django.db.models import NOT_PROVIDED

from trustyard.migrations._indexes import Index, Superfluous, Trigrams
from trustyard.server.opening import ENDS_OLDER

from .repository import PACKAGE

FIRST = 5  # those before were never released
ADDING = (
    operations.CreateModel,
    operations.AddIndex,
    operations.AddConstraint,
    operations.AlterModelOptions,  # says nothing to the database
    operations.AlterModelManagers,
    AddIndexConcurrently,
    Index,
    Superfluous,
    Trigrams,
)


def operations_of(path: Path) -> list[Any]:
    return list(importlib.import_module(f"trustyard.migrations.{path.stem}").Migration.operations)


def survived(operation: Any) -> bool:
    """Whether a program that knows nothing of it can still read and write every table."""
    if isinstance(operation, operations.SeparateDatabaseAndState):
        return all(map(survived, operation.database_operations))
    if isinstance(operation, operations.AddField):
        field = operation.field
        # What leaves it out of an INSERT needs a default that the database itself knows.
        return bool(field.null or field.db_default is not NOT_PROVIDED or field.many_to_many)
    if isinstance(operation, operations.RunPython | operations.RunSQL):
        return True  # rows alone, and extensions; a statement that changes a table is for the reviewer
    return isinstance(operation, ADDING)


def test_a_node_of_the_version_before_survives_each_migration_or_its_name_says_that_it_does_not() -> None:
    lost = [
        f"{path.stem}: {operation.describe()}"
        for path in sorted((PACKAGE / "migrations").glob("[0-9]*.py"))
        if int(path.stem[:4]) >= FIRST and not path.stem.endswith(ENDS_OLDER)
        for operation in operations_of(path)
        if not survived(operation)
    ]
    assert not lost, f"name it …{ENDS_OLDER}, or make it in two versions"


def test_what_an_older_node_does_not_survive_is_seen() -> None:
    from django.db.models import CharField

    bare, known = CharField(max_length=1, default=""), CharField(max_length=1, default="", db_default="")
    assert not survived(operations.AddField("jwk", "word", bare))
    assert survived(operations.AddField("jwk", "word", known))
    assert not survived(operations.RemoveField("jwk", "use"))
    assert not survived(operations.AlterField("jwk", "use", bare))
    assert not survived(operations.RenameField("jwk", "use", "purpose"))
