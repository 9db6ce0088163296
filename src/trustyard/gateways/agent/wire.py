"""A release on its way to an agent: plain JSON values, and how they are judged when they arrive."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trustyard.gateways.receipts import MOST_WORDS
from trustyard.pki.content import Content, Material
from trustyard.pki.names import MAX_LENGTH

RELEASE, RECEIPT = "/agents/v1/release", "/agents/v1/receipt"  # addresses, below that of the server
MOST = 999_999_999  # the last number of a release
FIRST_YEAR, LAST_YEAR = 2000, 9999  # keystores count time from 1970
LONGEST_WAIT = 60.0  # seconds that a request for a release may stay open
EDITION = "x-trustyard-edition"  # of the answers: when it is another, what was said before is to be said again
MOST_EDITION = 64  # characters of one
WORDS = MOST_WORDS  # characters of it
MAX_VALUES = 2_000_000  # of a release, beyond any of 64 MB: what is read of them takes far more memory than their text


class Unreadable(ValueError):
    """What arrived is not a release, or its content does not have the digest that it names."""


@dataclass(frozen=True)
class Given:
    """A release as an agent has received it, and whether it may replace a newer one."""

    material: Material
    allow_older: bool

    @property
    def version(self) -> str:
        """How it is named to the server."""
        return version(self.material.number, self.material.content.digest())


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
    if data.count(b",") > MAX_VALUES:
        raise Unreadable("The answer has more values than any release.")
    try:
        value: dict[str, Any] = json.loads(data)
        content = Content.from_json(value["content"])
        ders = {sha256: base64.b64decode(text, validate=True) for sha256, text in value["certificates"].items()}
        moment = datetime.fromisoformat(value["created_at"])
        material = Material(content, int(value["number"]), moment, ders)
        allow_older = value["allow_older"] is True
        told = str(value["digest"])
        _judge_text(content)
        year = moment.astimezone(UTC).year
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise Unreadable("The answer is no release.") from None
    if moment.tzinfo is None or not FIRST_YEAR <= year < LAST_YEAR or not 0 < material.number <= MOST:
        raise Unreadable("The release has no number or no moment.")
    _judge(material, told)
    return Given(material, allow_older)


def _judge_text(content: Content) -> None:
    """Names are text, such as files and keystores can hold. Raises TypeError, ValueError."""
    names = [content.environment, *content.roots, *(jwk.name for jwk in content.jwks)]
    names += [part for entry in content.entries for part in (entry.alias, entry.certificate, entry.sha256)]
    if not all(isinstance(name, str) for name in names) or max(map(len, names)) > MAX_LENGTH:
        raise TypeError
    # Python reads half a surrogate pair, which UTF-8 cannot hold, and numbers that are none.
    json.dumps(content.canonical(), ensure_ascii=False, allow_nan=False).encode()


def _judge(material: Material, told: str) -> None:
    if material.content.digest() != told:
        raise Unreadable(f"Release {material.number} is not what its digest says.")
    for sha256 in material.content.certificates():
        if hashlib.sha256(material.ders.get(sha256, b"")).hexdigest() != sha256:
            raise Unreadable(f"Release {material.number} lacks the certificate {sha256}, or another stands there.")
