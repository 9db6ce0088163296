"""Two servers that are asked the same, one on each database: their answers are alike, and as the document says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx
from django.http import HttpResponse

from tests.api.rest import Answer, judge, path
from tests.server.serving import Serving, run

# What two servers may tell differently: moments, numbers of rows, and what is made of them.
OWN = {"at", "created_at", "hash", "id", "prev_hash", "request_id", "revoked_at"}


def alike(value: Any) -> Any:
    """What both servers must say of the same thing."""
    if isinstance(value, dict):
        kept = {name: alike(one) for name, one in value.items() if name not in OWN}
        return kept | ({"version": ""} if isinstance(value.get("version"), str) else {})
    return [alike(one) for one in value] if isinstance(value, list) else value


class Twins:
    """The same requests to both servers; each answer is held against the document, and against the other's."""

    def __init__(self, servers: Mapping[Serving, Mapping[str, str]]) -> None:
        """Servers, each with the settings that it was started with."""
        self.servers = servers
        self.clients = [self._client(server, settings) for server, settings in servers.items()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()

    def verify(self) -> None:
        """Walks both chains of the audit."""
        for server, settings in self.servers.items():
            run(server.data_dir, "audit", "verify", **settings)

    def ask(self, verb: str, address: str, body: Any = None, *, changes: bool = False, **query: Any) -> Answer:
        """The first server's answer; one that `changes` names what that server itself has stored."""
        answers = [self._one(client, verb, address, body, changes, query) for client in self.clients]
        told = [(one.status, one.media_type, alike(one.json)) for one in answers]
        assert told[0] == told[1], (verb, address, body, query)
        return answers[0]

    def published(self, environment: str) -> list[Any]:
        """The keys that anybody may fetch."""
        address = f"/published/{quote(environment, safe='')}/jwks.json"
        keys = [client.get(address).json()["keys"] for client in self.clients]
        assert keys[0] == keys[1]
        return list(keys[0])

    def all(self, *segments: str, **query: Any) -> list[Any]:
        """Every item of a list, page by page; sorted by names, a cursor of one server is good for the other."""
        items: list[Any] = []
        cursor = None
        while not items or cursor is not None:
            page = self.ask("GET", path(*segments), cursor=cursor, **query).json
            items, cursor = items + page["items"], page["next"]
            if not page["total"]:
                break
        assert page["total"] == len(items)
        return items

    def _client(self, server: Serving, settings: Mapping[str, str]) -> httpx.Client:
        # Not the server's own token: its name stands in the audit, and is another one each time.
        token = run(server.data_dir, "token", "create", "walker", "--role", "admin", **settings).stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=60)

    def _one(
        self, client: httpx.Client, verb: str, address: str, body: Any, changes: bool, query: dict[str, Any]
    ) -> Answer:
        headers = {}
        if changes:
            headers["If-Match"] = client.get(address).headers.get("ETag", "*")
        said = {name: one for name, one in query.items() if one is not None}
        given = {name: json.dumps(one) if isinstance(one, bool) else one for name, one in said.items()}
        response = client.request(verb, address, json=body, params=given, headers=headers)
        answer = Answer(HttpResponse(response.content, status=response.status_code, headers=dict(response.headers)))
        judge(verb, address, answer)
        return answer
