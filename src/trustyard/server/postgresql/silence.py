"""A database that accepts statements and never answers: its host is paused, or a disk does not return."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

import psycopg

SECONDS = 5.0  # of silence, until the server is asked over another connection whether it still answers
Steps = Generator[Any, Any, Any]  # what psycopg waits for, step by step


class Connection(psycopg.Connection[Any]):
    """psycopg's connection, which waits for an answer only as long as the server is alive.

    TCP ends a connection whose packets nobody confirms. One whose packets the system confirms while the server sleeps
    would be waited for without end, and with it everybody whom its thread should serve. A statement that takes long is
    no silence: a server that works on it takes new connections meanwhile.
    """

    lives: Callable[[], bool] = staticmethod(lambda: True)

    def wait(self, gen: Steps, *args: Any, **options: Any) -> Any:
        """As psycopg's. Raises `OperationalError`, with the connection closed, where the server fell silent."""
        return super().wait(self._heard(gen), *args, **options)

    def _heard(self, steps: Steps) -> Steps:
        asked = time.monotonic()
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() - asked > SECONDS:
                    if not self.lives():
                        self.pgconn.finish()
                        raise psycopg.OperationalError("the server does not answer")
                    asked = time.monotonic()
                wanted = steps.send(ready)
        except StopIteration as end:
            return end.value


def connect(**params: Any) -> Connection:
    """A connection that asks with the same parameters whether its server still answers."""
    connection = Connection.connect(**params)
    connection.lives = lambda: answers(params)
    return connection


def answers(params: dict[str, Any]) -> bool:
    """Whether the server takes a connection within its `connect_timeout`; to be refused is an answer too."""
    try:
        psycopg.connect(**params).close()
    except psycopg.errors.ConnectionTimeout:
        return False
    except psycopg.OperationalError:
        pass
    return True
