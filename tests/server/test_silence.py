"""A server that is silent is not waited for; one that works on a statement for long is no silent one."""

from __future__ import annotations

import socket
import time

import pytest
from django.db import OperationalError, close_old_connections, connection

from trustyard.server.postgresql import silence

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "SECONDS", 0.2)


def ask(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_statement_that_takes_long_is_waited_for() -> None:
    ask("SELECT pg_sleep(1)")


def test_a_server_that_answers_no_new_connection_is_given_up_with_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask("SELECT 1")
    monkeypatch.setattr(silence, "answers", lambda params: False)
    began = time.monotonic()
    with pytest.raises(OperationalError, match="does not answer"):
        ask("SELECT pg_sleep(20)")
    assert time.monotonic() - began < 10
    assert connection.connection.closed
    close_old_connections()  # as after each request
    ask("SELECT 1")


def test_who_takes_connections_and_says_nothing_does_not_answer_and_who_refuses_them_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = {"host": "127.0.0.1", "port": listener.getsockname()[1], "connect_timeout": 2}
        assert not silence.answers(server)
    assert silence.answers(server)
    assert silence.answers({**connection.get_connection_params(), "dbname": "no_such_database"})
