"""What the database says: that it answers, takes writes, and fits this program, this host and its secret key."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from trustyard.errors import Refused
from trustyard.pki.sentences import plural
from trustyard.server.bridge import FETCHING_THREADS, IMPORTING_THREADS, LARGE_THREADS, THREADS
from trustyard.server.configuration import Configuration
from trustyard.server.passwords import AT_ONCE
from trustyard.server.secretkey import fingerprints

from .finding import Finding, note, wrong

# Of one node at its busiest. Besides those of requests: jobs 4, their queue 4, what looks for jobs and tells that the
# node lives 3, xDS 4, agents, published documents, waiting for receipts, figures, the start and who sends a body 2
# each, news and health 1 each.
BESIDES = 29
CONNECTIONS = THREADS + FETCHING_THREADS + IMPORTING_THREADS + LARGE_THREADS + AT_ONCE + BESIDES
APART_SECONDS, FAR_APART_SECONDS = 5, 300


def database(configuration: Configuration) -> Iterator[Finding]:
    """All findings about it; none where SQLite's file is not there yet, since opening it would create an empty one."""
    if configuration.sqlite and not configuration.sqlite_file.exists():
        return
    os.environ.setdefault("PGCONNECT_TIMEOUT", "10")  # an address that nobody answers at
    from trustyard.server.opening import in_words, set_up

    try:
        set_up()
        if not configuration.sqlite:
            yield from _postgresql()
        yield from _state(configuration)
    except Exception as error:  # noqa: BLE001 - whatever the database does, this is a report
        if not (isinstance(error, Refused) and error.code == "secret-key"):  # that was said already
            yield wrong(f"The database cannot be used: {in_words(error)}")


def _state(configuration: Configuration) -> Iterator[Finding]:
    from trustyard.server.opening import ahead, applied, behind, ending, unrecorded

    newer, missing = ahead(), behind()
    if ended := ending(newer):
        yield wrong(f"The database is of a newer Trustyard ({', '.join(ended)}): this version cannot work with it.")
    elif newer:
        yield note(f"The database is of a newer Trustyard ({', '.join(newer)}): upgrade this node too.")
    if missing:
        yield from to_come(missing, new=not applied())
        for there in unrecorded():
            yield note(
                f"A start was ended between {there} and its record. The next start adds the record, and goes on."
            )
    else:
        yield from _secret_key(configuration)


def to_come(missing: list[str], *, new: bool) -> Iterator[Finding]:
    """What the next start does to the database, by name, and whether nodes of the version before survive it."""
    from trustyard.server.opening import ending

    if new:
        yield note("The database lacks all tables: the next start makes them.")
        return
    yield note(
        f"The database lacks {plural(len(missing), 'migration')}, which the next start brings: {', '.join(missing)}."
    )
    if ended := ending(missing):
        yield note(f"The version before does not survive {', '.join(ended)}: stop all its nodes first.")


def _secret_key(configuration: Configuration) -> Iterator[Finding]:
    from trustyard.models import Gateway, SecretKey

    if not configuration.secret_key:
        if Gateway.objects.exists():
            yield wrong(
                "The data directory has no secret key, but the database is in use: with a new key no gateway's token "
                "opens anything. Copy the file secret-key of another node."
            )
        return
    kept = SecretKey.objects.filter(pk=1).first()
    if not configuration.sqlite and kept and kept.fingerprint not in fingerprints(configuration):
        yield wrong(f"The secret key in {configuration.secret_key_file} is not the one that this database goes with.")


def _postgresql() -> Iterator[Finding]:
    from trustyard.server.opening import other_encoding

    if sentence := other_encoding():
        yield wrong(sentence)
    standby, read_only = _row("SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on'")
    if standby or read_only:
        yield wrong("The database takes no writes: it is a standby, or set to read only.")
    may, schema, user = _row(
        "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), current_schema(), current_user"
    )
    if not may:
        yield wrong(f"The user {user} may not create tables in the schema {schema}: GRANT CREATE ON SCHEMA.")
    yield from _clock()
    yield from _connections()


def _clock() -> Iterator[Finding]:
    before = time.time()
    (there,) = _row("SELECT extract(epoch FROM clock_timestamp())::float8")
    apart = there - (before + time.time()) / 2
    if abs(apart) > APART_SECONDS:
        way = "ahead of" if apart > 0 else "behind"
        sentence = f"The clock of the database is {abs(apart):.0f} s {way} this host's: let NTP set both."
        yield wrong(sentence) if abs(apart) > FAR_APART_SECONDS else note(sentence)


def _connections() -> Iterator[Finding]:
    # The narrowest of three limits: the server's, the role's and the database's own, where -1 is none. Of the sessions
    # of other roles not everybody may see the backend_type; those that are no client's lack a user or a database.
    most, used = _row("""
        WITH used AS (
            SELECT usename, datname FROM pg_stat_activity
            WHERE usename IS NOT NULL AND datname IS NOT NULL AND pid <> pg_backend_pid()
        ), limits AS (
            SELECT current_setting('max_connections')::int
                - current_setting('superuser_reserved_connections')::int AS most, (SELECT count(*) FROM used) AS used
            UNION ALL SELECT nullif(rolconnlimit, -1), (SELECT count(*) FROM used WHERE usename = rolname)
            FROM pg_roles WHERE rolname = current_user
            UNION ALL SELECT nullif(datconnlimit, -1), (SELECT count(*) FROM used WHERE datname = pg_database.datname)
            FROM pg_database WHERE datname = current_database()
        )
        SELECT most, used FROM limits WHERE most IS NOT NULL ORDER BY most - used LIMIT 1
    """)
    if most - used < CONNECTIONS:
        yield note(
            f"The database allows {most} connections, {used} of which are in use; one more node may open "
            f"{CONNECTIONS} at its busiest. Raise max_connections, or the limit of the role or the database."
        )


def _row(statement: str) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()
