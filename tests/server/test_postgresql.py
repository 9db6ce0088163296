"""Statements that travel together: what waits is stored with what follows, or taken back with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.authority import Authority

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
INSERT = "INSERT INTO said VALUES (%s) RETURNING word"


@pytest.fixture(autouse=True)
def table(transactional_db: None) -> Iterator[None]:
    ask("CREATE TEMPORARY TABLE said (word text PRIMARY KEY)")
    yield
    ask("DROP TABLE said")


def ask(statement: str, *values: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


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
            change("within", "within too", broken_off=True)
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
    later("one")
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


def test_a_statement_that_is_asked_often_is_planned_once() -> None:
    for word in ("one", "two", "three"):
        with connection.prepared_cursor() as cursor:  # type: ignore[attr-defined]  # of our own backend
            cursor.execute("SELECT upper(%s::text)", [word])
            assert cursor.fetchall() == [(word.upper(),)]
    assert ask("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT upper(%'") == [(1,)]


def test_a_new_certificate_is_stored_in_three_ways_to_the_database() -> None:
    from trustyard import models
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
    assert sent == ["SELECT", "BEGIN", "INSERT", "COMMIT"]
    assert models.AuditEvent.objects.count() == 2
