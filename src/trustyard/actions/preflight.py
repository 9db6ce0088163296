"""A release judged before it leaves: what it changes, what its gateways will make of it, and what the policy says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from trustyard import models
from trustyard.errors import Preflight
from trustyard.gateways import policies
from trustyard.gateways.policies import Policy
from trustyard.gateways.preflight import Judged, Note, judge, read, takes_roots
from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.content import Material

from . import environments, findings, releases, roots
from .actors import Actor
from .permissions import require
from .restored import Waiting, check_version, version_of

_NAMED = 3  # gateways that are named one by one, where a note is about many
_MOST_NEW = 1000  # certificates that the answer to a deploy looks at: a thousand cost a second


@dataclass(frozen=True)
class OfGateway:
    """What one gateway would be given, and what it would make of it."""

    gateway: str
    kind: str
    judged: Judged

    def json(self) -> dict[str, Any]:
        """As REST shows it."""
        return {
            "gateway": self.gateway,
            "kind": self.kind,
            "certificates": self.judged.certificates,
            "bytes": self.judged.octets,
            "notes": [note.json() for note in self.judged.notes],
        }


@dataclass(frozen=True)
class Told:
    """A note once, with all the gateways that it is about; often they are of one kind, or all."""

    note: Note
    gateways: tuple[str, ...]

    @property
    def whom(self) -> str:
        """Their names, the first of them where there are many: `edge`, `edge and files`, `a, b, c and 37 others`."""
        first, rest = self.gateways[:_NAMED], len(self.gateways) - _NAMED
        if rest > 1:
            return f"{', '.join(first)} and {rest} others"
        *names, last = self.gateways
        return f"{', '.join(names)} and {last}" if names else last


@dataclass(frozen=True)
class Preview:
    """The next release of an environment, judged; `blocked` are the sentences for which the policy stops it."""

    waiting: Waiting
    policy: Policy
    weak: tuple[Note, ...]
    gateways: tuple[OfGateway, ...]

    @property
    def blocked(self) -> list[str]:
        """Why it would not leave; empty where it would."""
        found = [note.sentence for note in self.weak] if self.policy.weak == "block" else []
        if self.policy.unhonoured == "block":
            found += [f"{one.whom}: {one.note.sentence}" for one in self.notes if one.note.code.startswith("anchor-")]
        return list(dict.fromkeys(found))

    @property
    def notes(self) -> list[Told]:
        """What there is to know of the gateways, each note once."""
        whom: dict[Note, list[str]] = {}
        for one in self.gateways:
            for note in dict.fromkeys(one.judged.notes):
                whom.setdefault(note, []).append(one.gateway)
        return [Told(note, tuple(names)) for note, names in whom.items()]

    @property
    def asks(self) -> bool:
        """Whether the policy wants the environment's name typed, because a certificate goes."""
        return _asks(self.waiting, self.policy)

    @property
    def version(self) -> str:
        """Names just this, for the deploy."""
        return version_of([self.waiting])

    def json(self) -> dict[str, Any]:
        """As REST and the command line show it."""
        newest = self.waiting.newest
        return {
            "environment": self.waiting.environment.name,
            "from": newest.number if newest else None,
            "changed": not self.waiting.is_in_force,
            "difference": self.waiting.difference().json(),
            "left_out": self.waiting.left_out,
            "left_out_alone": self.waiting.left_out_alone,
            "findings": [note.json() for note in self.weak],
            "gateways": [one.json() for one in self.gateways],
            "policy": self.policy.model_dump(),
            "blocked": self.blocked,
            "asks": self.asks,
        }


def preview(actor: Actor, environment: str) -> Preview:
    """What the next release would be; nothing is written. Raises `NotFound`."""
    return of(_waiting(actor, environment))


def asks(actor: Actor, environment: str, version: str | None = None) -> tuple[bool, str | None]:
    """`Preview.asks` without judging anything, and the version of which that is said: the given one where none asks.

    Raises `NotFound`, and `Moved` where it is about another version than the given one.
    """
    if _policy(environments.get(actor, environment)).removal != "confirm":
        return False, version
    waiting = _waiting(actor, environment)
    check_version([waiting], version)
    return _asks(waiting, _policy(waiting.environment)), version_of([waiting])


def _waiting(actor: Actor, environment: str) -> Waiting:
    require(actor, "releases.read")
    place = environments.get(actor, environment)
    return Waiting(place, releases.latest(place.pk), releases.build(place, timezone.now()))


def _policy(place: models.Environment) -> Policy:
    return policies.of(place.policy, place.type)


def _asks(waiting: Waiting, policy: Policy) -> bool:
    return policy.removal == "confirm" and any(line.origin == "certificate" for line in waiting.difference().removed)


def of(waiting: Waiting) -> Preview:
    """Judges what an environment would hold next."""
    place = waiting.environment
    material, now = _material(waiting), timezone.now()
    certificates = read(material)
    own = certificates[: len({entry.sha256 for entry in material.content.entries})]  # the root set comes after them
    rows = models.Gateway.objects.filter(environment=place).order_by("name_key")
    alike = [(row.kind, takes_roots(row.kind, row.options)) for row in rows]
    judged = {(kind, roots): judge(certificates if roots else own, kind, now) for kind, roots in set(alike)}
    gateways = tuple(OfGateway(row.name, row.kind, judged[one]) for row, one in zip(rows, alike, strict=True))
    held = [(entry.alias, entry.sha256) for entry in material.content.entries]
    return Preview(waiting, _policy(place), _weak(held, dict(own).values()), gateways)


def check(waiting: Sequence[Waiting]) -> None:
    """Raises `Preflight` where the policy of an environment stops what it would hold next."""
    for one in waiting:
        stored = one.environment.policy
        if "block" not in stored.values():
            continue  # judging costs time, and nothing else can stop a release
        blocked = of(one).blocked
        if blocked:
            raise Preflight(
                f"The policy of {one.environment.name} stops this release: {blocked[0]}",
                advice="Mend what is named, or change the environment's policy.",
                extra={"environment": one.environment.name, "blocked": blocked},
            )


def _material(waiting: Waiting) -> Material:
    content = waiting.content
    needed = content.certificates()
    ders = models.StoredCertificate.ders(needed)
    if needed - ders.keys():  # roots are stored with the first release that holds them
        ders |= {root.sha256: root.der for root in roots.of(waiting.environment)}
    return Material(content, waiting.environment.last_number + 1, timezone.now(), ders)


def brought(release: models.Release) -> tuple[Note, ...]:
    """What is wrong with the certificates that came into force with a release made just now: errors, as in a preview.

    The newest release that a deploy found in force already brings none.
    """
    if release.before is None:
        return ()
    held = release.before.read().certificates()
    return weak([(entry.alias, entry.sha256) for entry in release.read().entries if entry.sha256 not in held])


def weak(new: Collection[tuple[str, str]], certificates: Iterable[Certificate] | None = None) -> tuple[Note, ...]:
    """What is wrong with what was stored just now, by alias and SHA-256: errors, as in a preview.

    Who has read the `certificates` gives them.
    """
    if len(new) > _MOST_NEW:
        sentence = f"{len(new)} certificates are new; a preview of the next release says what is wrong with them."
        return (Note("many-new", None, sentence),)
    if certificates is None:
        certificates = map(read_certificate, models.StoredCertificate.ders({sha256 for _, sha256 in new}).values())
    return _weak(new, certificates)


def _weak(entries: Iterable[tuple[str, str]], certificates: Iterable[Certificate]) -> tuple[Note, ...]:
    found = {certificate.sha256: findings.grave(certificate) for certificate in certificates}
    return tuple(Note(one.code, alias, f"{alias}: {one.message}") for alias, sha256 in entries for one in found[sha256])
