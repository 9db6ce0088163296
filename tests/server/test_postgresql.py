"""Statements that travel together: what waits is stored with what follows, or taken back with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import (
    DataError,
    IntegrityError,
    InternalError,
    ProgrammingError,
    close_old_connections,
    connection,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from tests.authority import Authority
from trustyard import models
from trustyard.server.postgresql.kept import MOST

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
INSERT = "INSERT INTO said VALUES (%s) RETURNING word"
PREPARED = "SELECT statement FROM pg_prepared_statements ORDER BY prepare_time"


@pytest.fixture(autouse=True)
def table(transactional_db: None) -> Iterator[None]:
    connection.close()  # and with it what others prepared
    ask("CREATE TEMPORARY TABLE said (word text PRIMARY KEY)")
    yield
    ask("DROP TABLE said")


def ask(statement: str, *values: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def kept(statement: str, *values: str) -> list[tuple[Any, ...]]:
    """As a statement that is asked often."""
    rows: list[tuple[Any, ...]] = connection.ask(statement, values, prepared=True)  # type: ignore[attr-defined]
    return rows


def later(word: str, told: Any = None) -> None:
    connection.later(INSERT, [word], told)  # type: ignore[attr-defined]  # of our own backend


def change(*words: str, broken_off: bool = False) -> None:
    """The first of the words is stored at once, the others wait."""
    with transaction.atomic():
        ask(INSERT, words[0])
        for word in words[1:]:
            later(word)
        if broken_off:
            raise LookupError


def said() -> list[str]:
    return [word for (word,) in ask("SELECT word FROM said ORDER BY word")]


def test_what_waits_is_there_for_the_next_statement_and_says_so_in_its_order() -> None:
    told: list[list[tuple[Any, ...]]] = []
    with transaction.atomic():
        later("100 % %s; ' one", told.append)
        later("two", told.append)
        assert told == []
        assert said() == ["100 % %s; ' one", "two"]
        assert told == [[("100 % %s; ' one",)], [("two",)]]


def test_what_waits_last_goes_with_the_commit_in_one_way() -> None:
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        later("one")
    assert [query["sql"] for query in captured if query["sql"]] == ["BEGIN", "COMMIT"]
    assert said() == ["one"]


def test_a_statement_that_waits_and_fails_takes_the_change_back_with_the_next() -> None:
    with pytest.raises(IntegrityError):
        change("one", "one")
    assert said() == []
    assert connection.get_autocommit()


def test_a_statement_that_waits_fails_where_the_next_one_is_made() -> None:
    with suppress(LookupError), transaction.atomic():
        ask(INSERT, "one")
        later("one")
        with pytest.raises(IntegrityError):
            ask("SELECT 1")
        raise LookupError
    assert said() == []


def test_a_change_that_is_broken_off_sends_nothing_of_what_waits() -> None:
    with pytest.raises(LookupError):  # and not what "one" twice would be
        change("one", "one", broken_off=True)
    assert said() == []


def test_what_waits_within_a_savepoint_is_taken_back_with_it_alone() -> None:
    with transaction.atomic():
        later("before")
        with pytest.raises(LookupError):
            change("within", "within", broken_off=True)  # and not what "within" twice would be
        later("after")
    assert said() == ["after", "before"]


def test_a_savepoint_whose_last_statement_waits_and_fails_leaves_the_rest_as_it_was() -> None:
    with transaction.atomic():
        later("one")
        with pytest.raises(IntegrityError):
            change("two", "one")
        later("three")
    assert said() == ["one", "three"]


def test_outside_a_transaction_nothing_waits() -> None:
    told: list[list[tuple[Any, ...]]] = []
    later("one", told.append)
    assert told == [[("one",)]]
    with connection.cursor() as cursor:
        cursor.connection.cursor().execute("INSERT INTO said VALUES ('two')")  # by another cursor, behind Django's back
    assert said() == ["one", "two"]


def test_many_at_once_and_rows_read_in_portions_come_after_what_waits() -> None:
    with transaction.atomic():
        later("one")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO said VALUES (%s)", [["three"], ["two"]])
        later("four")
        with connection.chunked_cursor() as portions:
            portions.execute("SELECT word FROM said ORDER BY word")
            assert portions.fetchmany(3) == [("four",), ("one",), ("three",)]
    with connection.chunked_cursor() as portions:  # and outside a transaction
        portions.execute("SELECT word FROM said ORDER BY word")
        assert portions.fetchmany(9) == [("four",), ("one",), ("three",), ("two",)]


def test_what_the_database_cannot_hold_is_refused_where_it_is_given_and_as_django_says_it() -> None:
    with transaction.atomic(), pytest.raises(DataError):
        later("a NUL \x00")


def test_what_waits_for_a_connection_that_is_gone_is_not_sent_over_the_next() -> None:
    with suppress(LookupError), transaction.atomic():
        later("one")
        connection.close()
        raise LookupError
    ask("CREATE TEMPORARY TABLE said (word text PRIMARY KEY)")  # the one before is gone with its connection
    assert said() == []


@pytest.mark.parametrize("first", [ask, kept])
def test_a_connection_that_the_server_ended_is_made_anew_and_a_good_one_is_not_asked(
    first: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the begin of a request, whatever it asks first."""
    [(number,)] = ask("SELECT pg_backend_pid()")
    with monkeypatch.context() as patched:
        patched.setattr(connection, "is_usable", None)  # which asks the database
        close_old_connections()
        first("SELECT 1")
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [number])
    other.close()
    close_old_connections()
    first("SELECT 1")
    ask("CREATE TEMPORARY TABLE said (word text PRIMARY KEY)")  # the one before is gone with its connection


def test_a_statement_that_is_asked_often_is_planned_once() -> None:
    for word in ("one", "two", "three"):
        assert kept("SELECT upper(%s::text)", word) == [(word.upper(),)]
    assert ask(PREPARED) == [("PREPARE trustyard_0 AS SELECT upper($1::text)",)]


def test_a_statement_that_is_prepared_says_what_it_says_otherwise() -> None:
    values = ("100 % %s; ' one", "two")
    statement = "SELECT %s::text, '%%s%%', 5 %% 3, %s::text"
    assert kept(statement, *values) == ask(statement, *values) == [(values[0], "%s%", 2, values[1])]


def test_a_statement_stays_prepared_when_its_first_transaction_is_taken_back() -> None:
    with suppress(LookupError), transaction.atomic():
        assert kept(INSERT, "one") == [("one",)]
        raise LookupError
    with transaction.atomic():
        later("before")
        assert kept(INSERT, "two") == [("two",)]
    assert said() == ["before", "two"]
    assert len(ask(PREPARED)) == 1


def test_a_prepared_statement_that_fails_is_refused_as_any_other_and_asked_again() -> None:
    kept(INSERT, "one")
    with pytest.raises(IntegrityError):
        kept(INSERT, "one")
    with pytest.raises(ProgrammingError, match="no_such_table"):
        kept("SELECT * FROM no_such_table WHERE word = %s", "one")
    assert kept(INSERT, "two") == [("two",)]


def test_a_connection_that_was_made_anew_prepares_its_statements_anew() -> None:
    assert kept("SELECT %s::text", "one") == [("one",)]
    connection.close()
    assert kept("SELECT %s::text", "two") == [("two",)]
    ask("CREATE TEMPORARY TABLE said (word text PRIMARY KEY)")  # the one before is gone with its connection


def test_a_connection_that_was_begun_while_nothing_could_be_written_is_made_anew() -> None:
    reset = f"ALTER DATABASE {connection.ops.quote_name(connection.settings_dict['NAME'])} RESET ALL"
    ask(reset.replace("RESET ALL", "SET default_transaction_read_only = on"))
    connection.close()
    try:
        with pytest.raises(InternalError, match="read-only"):
            models.Environment.objects.create(name="one", name_key="one")
    finally:
        ask("SET default_transaction_read_only = off")
        ask(reset)
        ask("SET default_transaction_read_only = on")  # as it was begun with
    close_old_connections()  # as after each request
    models.Environment.objects.create(name="one", name_key="one")
    ask("CREATE TEMPORARY TABLE said (word text PRIMARY KEY)")  # the one before is gone with its connection


def test_a_connection_keeps_a_bounded_number_of_statements() -> None:
    for number in range(MOST + 5):
        assert kept(f"SELECT {number}, %s::text", "one") == [(number, "one")]
    assert len(ask(PREPARED)) == MOST


def test_a_new_certificate_is_stored_in_one_way_to_the_database() -> None:
    from trustyard.actions.actors import LOCAL
    from trustyard.actions.certificates import Definition, EntryGiven, create
    from trustyard.actions.sources import Paste

    models.Environment.objects.get_or_create(name="test", name_key="test")
    for name in ("the first event of all", "partner"):
        source = Paste("BASE64PEM", Authority("Few ways CA").issue(name).pem)
        with CaptureQueriesContext(connection) as captured:
            create(LOCAL, [Definition(name, "", [EntryGiven(("test",), name, source)])])
    sent = [query["sql"].rpartition("; ")[2].split(" ")[0] for query in captured]
    # BEGIN only seems to go alone; nothing is asked between the lock of the audit chain's head and the commit.
    assert sent == ["SELECT", "BEGIN", "COMMIT"]
    assert models.AuditEvent.objects.count() == 2
