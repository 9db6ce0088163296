"""Clients that save and deploy without a pause, and what became of all that they asked for."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from typing import Any

import httpx

from tests.authority import Authority
from tests.server.serving import Serving, eventually

CLIENTS = 3
_names = itertools.count(1)


class Savers:
    """Inside `with` they save new certificates at these servers in turn.

    `answers` has the status that each was answered with; 0 stands for no answer at all.
    """

    def __init__(self, *servers: Serving, clients: int = CLIENTS, environment: str = "test") -> None:
        self._environment = environment
        self.answers: dict[str, int] = {}
        self.unexpected: list[str] = []
        self._pem = Authority("Saved CA").pem
        self._ending = threading.Event()
        places = itertools.islice(itertools.cycle(servers), clients)
        self._threads = [threading.Thread(target=self._save, args=(server,)) for server in places]

    def __enter__(self) -> Savers:
        for thread in self._threads:
            thread.start()
        self.more()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a save hangs"

    def more(self, saves: int = CLIENTS) -> None:
        """Returns when so many more were answered with success."""
        wanted = self.statuses[201] + saves
        eventually(lambda: self.statuses[201] >= wanted, 60)

    @property
    def statuses(self) -> Counter[int]:
        return Counter(dict(self.answers).values())

    def _save(self, server: Serving) -> None:
        with server.client() as client:
            while not self._ending.is_set():
                name = f"saved-{next(_names)}"
                try:
                    answer = client.post("/api/v1/certificates?wait=0", json=self._definition(name))
                except httpx.TransportError:
                    self.answers[name] = 0
                    self._ending.wait(0.1)
                    continue
                self.answers[name] = answer.status_code
                if answer.status_code not in (201, 503):
                    self.unexpected.append(answer.text)
                if answer.status_code == 503:
                    assert answer.headers["Retry-After"]
                    self._ending.wait(0.1)

    def _definition(self, name: str) -> dict[str, Any]:
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": self._pem}
        entry = {"environment": self._environment, "alias": name, "source": source}
        return {"name": name, "entries": [entry], "deploy": True}

    def check(self, server: Serving) -> None:
        """What was answered as saved is there; the rest is there whole, or not at all; and all of it is deployed."""
        assert self.unexpected == []
        place = f"/api/v1/environments/{self._environment}"
        with server.client() as client:
            entries = _all(client, "/api/v1/certificates?q=saved-", "name")
            rows = _all(client, f"{place}/truststore?q=saved-&origin=certificate", "alias")
            releases = _all(client, f"{place}/releases", "number")
        lost = [name for name, status in self.answers.items() if status == 201 and name not in entries]
        assert not lost
        assert {name for name, row in rows.items() if row["pending"] is None} == set(entries)
        assert sorted(releases) == list(range(1, len(releases) + 1))


def _all(client: httpx.Client, path: str, key: str) -> dict[Any, dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = {}
    cursor = ""
    while cursor is not None:
        sign = "&" if "?" in path else "?"
        page = client.get(f"{path}{sign}limit=500{f'&cursor={cursor}' if cursor else ''}").json()
        found |= {row[key]: row for row in page["items"]}
        cursor = page["next"]
    return found
