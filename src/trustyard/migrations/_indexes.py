"""Indexes that each database has in its own way; on PostgreSQL they are built while others go on writing."""

from django.db import DatabaseError
from django.db.migrations.operations.base import Operation


class Index(Operation):
    """An index by its SQL behind the name (`ON table …`), for each database that has it. The migration is not atomic."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, name, *, postgresql="", sqlite="", both=""):
        self.name, self.postgresql, self.sqlite, self.both = name, postgresql, sqlite, both

    def state_forwards(self, app_label, state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        vendor = schema_editor.connection.vendor
        body = self.both or (self.postgresql if vendor == "postgresql" else self.sqlite)
        if not body:
            return
        if vendor != "postgresql":
            schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {self.name} {body}")
            return
        # One whose building was interrupted is there and of no use; it is begun anew.
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [self.name])
            found = cursor.fetchone()
        if found is not None and not found[0]:
            schema_editor.execute(f"DROP INDEX CONCURRENTLY {self.name}")
        schema_editor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {self.name} {body}")

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        schema_editor.execute(f"DROP INDEX IF EXISTS {self.name}")

    def describe(self):
        return f"Create the index {self.name}"


class Superfluous(Operation):
    """Drops an index that another serves as well, on the databases named. The migration is not atomic."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, name, *vendors):
        self.name, self.vendors = name, vendors

    def state_forwards(self, app_label, state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        vendor = schema_editor.connection.vendor
        if vendor in self.vendors:
            concurrently = "CONCURRENTLY " if vendor == "postgresql" else ""
            schema_editor.execute(f"DROP INDEX {concurrently}IF EXISTS {self.name}")

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        pass  # a version that wants it can do without

    def describe(self):
        return f"Drop the index {self.name}"


class Trigrams(Operation):
    """PostgreSQL's extension pg_trgm, for indexes that find text within text; the owner of the database may create it."""

    reduces_to_sql = True
    reversible = True

    def state_forwards(self, app_label, state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "postgresql":
            return
        try:
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except DatabaseError as error:
            raise DatabaseError(
                f"{str(error).strip()} Trustyard searches with PostgreSQL's own extension pg_trgm; let an administrator "
                "run CREATE EXTENSION pg_trgm in this database, then start again"
            ) from error

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        pass  # others may use it

    def describe(self):
        return "Make the extension pg_trgm"
