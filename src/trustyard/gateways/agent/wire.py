"""A release on its way to an agent: plain JSON values, and how they are judged when they arrive."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trustyard.gateways.receipts import MOST_WORDS
from trustyard.pki.content import Content, Material

RELEASE, RECEIPT = "/agents/v1/release", "/agents/v1/receipt"  # addresses, below that of the server
LONGEST_WAIT = 60.0  # seconds that a request for a release may stay open
EDITION = "x-trustyard-edition"  # of the answers: when it is another, what was said before is to be said again
WORDS = MOST_WORDS  # characters of it


class Unreadable(ValueError):
    """What arrived is no release, or not the one that it says it is."""


@dataclass(frozen=True)
class Given:
    """A release as an agent has received it, and whether it may replace a newer one."""

    material: Material
    allow_older: bool


def version(number: int, digest: str) -> str:
    """How agent and server name a release to each other: `<number>.<digest>`."""
    return f"{number}.{digest}"


def packed(material: Material, *, allow_older: bool) -> bytes:
    """The release as JSON: content, number, moment, and DER by SHA-256."""
    value = {
        "number": material.number,
        "digest": material.content.digest(),
        "created_at": material.created_at.isoformat(),
        "allow_older": allow_older,
        "content": material.content.canonical(),
        "certificates": {sha256: base64.b64encode(der).decode() for sha256, der in material.ders.items()},
    }
    return json.dumps(value, separators=(",", ":")).encode()


def unpacked(data: bytes) -> Given:
    """The release, if the content has the digest it says and each certificate is there. Raises Unreadable."""
    try:
        value: dict[str, Any] = json.loads(data)
        content = Content.from_json(value["content"])
        ders = {sha256: base64.b64decode(text, validate=True) for sha256, text in value["certificates"].items()}
        moment = datetime.fromisoformat(value["created_at"])
        material = Material(content, int(value["number"]), moment, ders)
        allow_older = value["allow_older"] is True
        told = str(value["digest"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Unreadable("The answer is no release.") from None
    _judge(material, told)
    return Given(material, allow_older)


def _judge(material: Material, told: str) -> None:
    if material.created_at.tzinfo is None or material.number < 1:
        raise Unreadable("The release has no number or no moment.")
    if material.content.digest() != told:
        raise Unreadable(f"Release {material.number} is not what its digest says.")
    needed = {entry.sha256 for entry in material.content.entries} | set(material.content.roots)
    for sha256 in needed:
        if hashlib.sha256(material.ders.get(sha256, b"")).hexdigest() != sha256:
            raise Unreadable(f"Release {material.number} lacks the certificate {sha256}, or another stands there.")
