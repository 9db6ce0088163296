"""The connection of one thread, kept between requests."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Looks at the socket before each request, where Django would ask the database and wait for its answer.

    A server that ended the connection has said so there; silence is what a good connection has. Only where something is
    to be read is the database asked, as Django does.
    """

    health_check_done: bool

    def close_if_health_check_failed(self) -> None:
        """Once for each request, before its first statement."""
        if self.connection is not None and not self.health_check_done and self._is_silent():
            self.health_check_done = True
        super().close_if_health_check_failed()

    def _is_silent(self) -> bool:
        connection = self.connection
        if connection is None or connection.closed:
            return False
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return not poll.poll(0)
