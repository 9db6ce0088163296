"""What the tests of faults do with a running Trustyard: add a gateway, save and deploy, read what its node said."""

from __future__ import annotations

from typing import Any

import httpx

from tests.authority import Authority
from tests.server.serving import Serving


def add(serving: Serving, kind: str, options: dict[str, Any], name: str = "edge") -> None:
    """A gateway in the environment test, which loses its root set, so that what is written is small."""
    with serving.client() as client:
        path = "/api/v1/environments/test"
        etag = client.get(path).headers["etag"]
        client.patch(path, json={"root_set": "none"}, headers={"if-match": etag}).raise_for_status()
        body = {"name": name, "kind": kind, "options": options}
        client.post(f"{path}/gateways", json=body).raise_for_status()


def post(serving: Serving, alias: str, pem: str, wait: float = 20) -> httpx.Response:
    """Asks for Save and Deploy of a new certificate in the environment test."""
    source = {"kind": "paste", "encoding": "BASE64PEM", "content": pem}
    body = {"name": alias, "entries": [{"environment": "test", "alias": alias, "source": source}], "deploy": True}
    with serving.client() as client:
        return client.post(f"/api/v1/certificates?wait={wait}", json=body, timeout=wait + 30)


def deploy(
    serving: Serving, alias: str, authority: Authority, wait: float = 20, gateway: str = "edge"
) -> dict[str, Any]:
    """The same, done; what the gateway's node said until the answer came."""
    answer = post(serving, alias, authority.pem, wait)
    assert answer.is_success, answer.text
    return _of(gateway, answer.json()["deployment"]["environments"][0]["gateways"])


def releases(serving: Serving) -> list[dict[str, Any]]:
    """The environment's releases, as the list shows them."""
    with serving.client() as client:
        items: list[dict[str, Any]] = client.get("/api/v1/environments/test/releases").json()["items"]
    return items


def said(serving: Serving, gateway: str = "edge") -> dict[str, Any]:
    """What the gateway's node says of the newest release."""
    return _of(gateway, releases(serving)[0]["gateways"])


def _of(gateway: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next(row for row in rows if row["gateway"] == gateway)
