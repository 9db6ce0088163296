"""Whose turn it is at threads that many wait for: who has fewest comes next, and some are for who has none."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from django.conf import settings
from django.http.cookie import parse_cookie

from trustyard.actions import requests
from trustyard.api.headers import bearer
from trustyard.api.paths import ROOT

from .answers import Scope, client, header
from .connections import whose

REMEMBERED = 10_000


class Shares:
    """Turns at so many threads. The last ones that are free, `spare` of them, are for those who have none yet."""

    def __init__(self, count: int, spare: int) -> None:
        self._count, self._shared = count, count - spare
        self._taken: Counter[str] = Counter()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, sender: str) -> AsyncIterator[None]:
        """Waits for a turn, which lasts until this ends."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((sender, ready))
        self._give()
        try:
            await ready
            yield
        finally:
            if ready.cancelled():
                with suppress(ValueError):  # it was passed over meanwhile
                    self._waiting.remove((sender, ready))
            else:
                self._taken[sender] -= 1
                if not self._taken[sender]:
                    del self._taken[sender]
            self._give()

    def _give(self) -> None:
        while self._waiting and (taken := self._taken.total()) < self._count:
            sender, ready = min(self._waiting, key=lambda one: self._taken[one[0]])
            if self._taken[sender] and taken >= self._shared:
                return
            self._waiting.remove((sender, ready))
            if not ready.cancelled():
                self._taken[sender] += 1
                ready.set_result(None)


class Senders:
    """Names the sender of a request by what earlier ones with its token or session turned out to be.

    Until then a token counts by itself, since one that nobody has is refused at once, and all else by its address.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()

    def of(self, scope: Scope) -> str:
        """The name that the sender's turns are counted under."""
        mark = _mark(scope)
        if mark in self._known or mark.startswith("token"):
            return self._known.get(mark, mark)
        return whose(client(scope))

    def learn(self, scope: Scope) -> None:
        """Remembers who the request that is over was from."""
        mark, name = _mark(scope), requests.asker()
        if mark and name:
            self._known[mark] = name
            self._known.move_to_end(mark)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def shown(scope: Scope) -> tuple[str, str]:
    """`token` or `session`, and the one that counts here, whatever else is sent with it; empty where there is none.

    To the REST API a header `Authorization` is what counts. In one to the console a browser tells a proxy before it
    who it is.
    """
    if scope["path"].startswith(ROOT) and (authorization := header(scope, b"authorization")):
        return "token", bearer(authorization)
    return "session", parse_cookie(header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME, "")


def _mark(scope: Scope) -> str:
    """Stands for the token or session of a request; empty where there is none. It is no secret itself."""
    kind, secret = shown(scope)
    return f"{kind} {hash(secret)}" if secret else ""
