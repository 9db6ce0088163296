"""Several real nodes of Trustyard on one PostgreSQL: each with a data directory of its own, all with one secret key."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import httpx

from tests.databases import BEGUN, settings_of

from .serving import Serving


class Nodes:
    """One database; every node of it is ended with it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.key = folder / "secret-key"
        self.key.write_text(secrets.token_urlsafe(48))
        self.settings = {
            "DATABASE_URL": settings.get("DATABASE_URL") or settings_of(folder, BEGUN)["TRUSTYARD_DATABASE_URL"],
            "SECRET_KEY_FILE": str(self.key),
            **settings,
        }
        self.running: list[Serving] = []

    def __enter__(self) -> Nodes:
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.running:
            if node.process.poll() is None:
                node.kill()

    def start(self, name: str, command: str = "serve", **settings: str) -> Serving:
        """A node, started and ready."""
        node = Serving(self.folder / name, command, **{**self.settings, **settings})
        node.share_token(self.running)
        self.running.append(node)
        return node


def gateway_nodes(client: httpx.Client, environment: str, gateway: str) -> dict[str, bool]:
    """The nodes of a gateway, and whether each is connected."""
    found: dict[str, Any] = client.get(f"/api/v1/environments/{environment}/gateways/{gateway}").json()
    return {node["node"]: node["connected"] for node in found["nodes"]}
