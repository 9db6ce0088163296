"""The anchors of a trust check: what an environment's next release would hold, or what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.pki.certificates import Certificate
from trustyard.pki.content import Content
from trustyard.pki.filenames import safe_filename
from trustyard.pki.names import fold
from trustyard.pki.truststores import root_alias

from . import releases, truststore_rows

STATES = ("saved", "in force")


@dataclass(frozen=True)
class Anchor:
    """One certificate that is trusted, and under which alias."""

    certificate: Certificate
    alias: str
    root: bool


@dataclass(frozen=True)
class Anchors:
    """The anchors that were asked for and all of that state, the release in force, and what is left out, by alias."""

    asked: tuple[Anchor, ...]
    all: tuple[Anchor, ...]
    release: int | None
    left_out: Mapping[str, str]


def of(environment: models.Environment, trust: str, state: str, moment: datetime) -> Anchors:
    """`trust` is `all`, `used` (without the root set), or an alias, also as Envoy names it (`alias/<its file name>`).

    What is saved is what a release made at that moment would hold, so that a check for next year leaves out what has
    expired by then.

    Raises `Refused` for an unknown state or alias.
    """
    if state not in STATES:
        sentence = f"A state is one of {', '.join(STATES)}."
        raise Refused(sentence, code="bad-filter", fields=[FieldError("state", sentence)])
    newest = releases.latest(environment.pk) if state == "in force" else None
    if state == "saved":
        content = releases.build(environment, moment)
    else:
        content = newest.read() if newest else Content(environment.name)
    every = _anchors(content)
    asked = _chosen(every, trust, environment.name)
    left_out = {left.alias: left.reason for left in content.left_out}
    return Anchors(asked, every, newest.number if newest else None, left_out)


def _anchors(content: Content) -> tuple[Anchor, ...]:
    read = truststore_rows.stored(content.certificates())
    entries = [Anchor(read[entry.sha256], entry.alias, root=False) for entry in content.entries]
    roots = [Anchor(read[sha256], root_alias(sha256), root=True) for sha256 in content.roots]
    return (*entries, *roots)


def _chosen(every: tuple[Anchor, ...], trust: str, environment: str) -> tuple[Anchor, ...]:
    match trust:
        case "all":
            return every
        case "used":
            return tuple(anchor for anchor in every if not anchor.root)
    alias = trust.removeprefix("alias/")
    found = tuple(a for a in every if fold(a.alias) == fold(alias) or safe_filename(a.alias) == alias)
    if not found:
        sentence = f"{environment} trusts nothing under the alias {alias}."
        raise Refused(sentence, code="alias-unknown", fields=[FieldError("trust", sentence)])
    return found
