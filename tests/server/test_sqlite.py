"""Who writes to SQLite comes when they asked, and nobody is passed by while they wait."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import OperationalError, connection, transaction

from tests.live.envoy import eventually
from trustyard import models
from trustyard.server.sqlite import base

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


def alone(name: str) -> None:
    """A statement that is a transaction by itself."""
    models.Environment.objects.create(name=name, name_key=name)


def together(name: str) -> None:
    with transaction.atomic():
        alone(name)


def written() -> list[str]:
    return list(models.Environment.objects.order_by("pk").values_list("name", flat=True))


def started(write: Callable[[str], None], name: str, refusals: list[str]) -> threading.Thread:
    def work() -> None:
        try:
            write(name)
        except OperationalError as error:
            refusals.append(str(error))
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_writers_have_their_turns_in_the_order_in_which_they_asked() -> None:
    names, refusals, threads = list("abcdef"), list[str](), []
    with transaction.atomic():
        alone("first")
        for place, name in enumerate(names):
            threads.append(started(together if place % 2 else alone, name, refusals))
            eventually(lambda place=place: len(base.TURNS._waiting) == place + 1)
        assert written() == ["first"]
    for thread in threads:
        thread.join()
    assert (written(), refusals) == (["first", *names], [])


def test_a_change_that_gets_no_turn_in_time_is_refused_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "SECONDS", 0.05)
    refusals: list[str] = []
    with transaction.atomic():
        alone("first")
        for write in (alone, together):
            started(write, "never", refusals).join()
    assert refusals == ["database is locked"] * 2
    alone("second")
    together("third")
    assert written() == ["first", "second", "third"]


def test_a_transaction_that_breaks_gives_its_turn_back() -> None:
    with pytest.raises(LookupError), transaction.atomic():
        raise LookupError
    with transaction.atomic():
        connection.close()  # as where taking back fails
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("UPDATE nothing SET nowhere = 1")
    together("first")
    alone("second")
    assert written() == ["first", "second"]
