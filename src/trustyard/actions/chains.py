"""The chain of an entry: from its certificate up through what its source held, to the anchors of every environment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from trustyard import models
from trustyard.errors import NotFound
from trustyard.pki.certificates import Certificate, rfc3339, status
from trustyard.pki.chains import Anchor, Chain, Ending, Sought, anchored, chain_of, sought, words
from trustyard.pki.truststores import root_alias

from . import alias_files, findings, found, in_force, omissions, releases, roots
from .actors import Actor
from .permissions import require

_SIGNATURES = {True: "verified", False: "broken", None: "not-judged"}


def entry(actor: Actor, name: str, environment: str) -> models.Entry:
    """The entry of this certificate in this environment. Raises `NotFound`."""
    require(actor, "certificates.read")
    certificate = found.by_name(models.Certificate.objects.all(), name, "certificate")
    place = found.by_name(models.Environment.objects.all(), environment, "environment")
    row = certificate.entries.select_related("certificate", "environment", "x509").filter(environment=place).first()
    if row is None:
        raise NotFound(f"The certificate {certificate.name} has no entry in {place.name}.")
    return row


def of_entry(actor: Actor, name: str, environment: str) -> dict[str, Any]:
    """The chain of an entry as REST shows it. Raises `NotFound`."""
    row = entry(actor, name, environment)
    [chain] = of_entries(actor, [row])
    place = {"certificate": row.certificate.name, "environment": row.environment.name}
    return {**place, **chain_json(chain, timezone.now())}


def of_entries(actor: Actor, rows: Iterable[models.Entry]) -> list[Chain]:
    """The chain of each entry, with the anchors of every environment that end it. Nothing is fetched."""
    require(actor, "certificates.read")
    entries = list(rows)
    wanted = {sha256 for one in entries for sha256 in one.chain}
    stored = {sha256: row.read() for sha256, row in models.StoredCertificate.objects.in_bulk(wanted).items()}
    chains = [
        chain_of(one.x509.read(), [stored[sha256] for sha256 in one.chain if sha256 in stored]) for one in entries
    ]
    anchors = list(_anchors(sought(chains)))
    return [anchored(chain, anchors) for chain in chains]


def _anchors(wanted: Sought) -> Iterator[Anchor]:
    """What environments trust, or have saved as an anchor, and could end one of the chains."""
    now, places = timezone.now(), list(models.Environment.objects.all())
    # By its subject alone none is read but an issuer: thousands may be called localhost, each with a key of its own.
    twins = Q(subject__in=wanted.subjects, spki_sha256__in=wanted.keys)
    rows = models.StoredCertificate.objects.filter(twins | Q(subject__in=wanted.issuers))
    stored = {row.pk: row.read() for row in rows}
    weak = {row.pk: findings.error(row) for row in rows} if any(map(omissions.leaves_weak_out, places)) else {}
    # Of Mozilla's, those that no release ever held are stored nowhere.
    known = {root.sha256: root for root in roots.mozilla() if root.facts.subject in wanted.subjects} | stored
    newest = releases.latest_of_all()
    saved = _saved(stored)
    for place in places:
        release, own = newest.get(place.pk), saved.get(place.pk, {})
        held = in_force.held(release) if release else None
        present = held.aliases(stored, own) if held and stored else []
        yield from _entries(place, stored, own, dict.fromkeys(present), weak, now)
        yield from _roots(place, known, held.roots if held else frozenset(), now)


@dataclass(frozen=True)
class _Definition:
    name: str
    older: str  # the alias whose file name its own would have, empty where there is none


def _saved(stored: Iterable[str]) -> dict[int, dict[tuple[str, str], _Definition]]:
    """By environment: alias and SHA-256 of the entries that hold one of these, and their definitions."""
    found: dict[int, dict[tuple[str, str], _Definition]] = {}
    entries = models.Entry.objects.filter(x509__in=list(stored), revoked_at__isnull=True)
    rows = list(entries.values_list("pk", "environment", "alias", "alias_file", "x509", "certificate__name"))
    older = alias_files.older(pk for pk, _, _, file, *_ in rows if file is not None)
    for pk, place, alias, _, sha256, name in rows:
        found.setdefault(place, {})[alias, sha256] = _Definition(name, older.get(pk, ""))
    return found


def _entries(
    place: models.Environment,
    stored: dict[str, Certificate],
    definitions: dict[tuple[str, str], _Definition],
    present: Collection[tuple[str, str]],
    weak: dict[str, str],
    now: datetime,
) -> Iterator[Anchor]:
    for alias, sha256 in dict.fromkeys([*definitions, *present]):
        pair, own = (alias, sha256), stored[sha256]
        saved = definitions.get(pair)
        error = weak.get(sha256, "")
        why = omissions.why(place, own.facts, now, error, saved.older) if saved else None
        name = saved.name if saved else ""
        yield Anchor(place.name, alias, "certificate", own, name, saved is not None, pair in present, why)


def _roots(
    place: models.Environment, known: dict[str, Certificate], held: frozenset[str], now: datetime
) -> Iterator[Anchor]:
    for sha256, root in known.items():
        saved, released = roots.holds(place, sha256), sha256 in held
        if saved or released:
            why = omissions.passing(root.facts, now) if saved else None
            yield Anchor(place.name, root_alias(sha256), "root", root, "", saved, released, why)


def chain_json(chain: Chain, now: datetime) -> dict[str, Any]:
    """The *Chain* of the REST API."""
    return {
        "sentence": words.sentence(chain),
        "notes": words.notes(chain),
        "state": chain.state,
        "in_order": chain.in_order,
        "links": [
            {
                "certificate": brief(link.certificate, now),
                "position": link.position,
                "issuer": link.issuer,
                "signature": None if link.issuer == "missing" else _SIGNATURES[link.signature],
                "sentence": words.link_words(chain, at),
            }
            for at, link in enumerate(chain.links)
        ],
        "missing": [{**vars(one), "addresses": list(one.addresses)} for one in chain.missing],
        "cross_signs": [
            {
                "certificate": brief(cross.certificate, now),
                "position": cross.position,
                "of": cross.of,
                "sentence": words.cross_words(chain, cross),
            }
            for cross in chain.cross_signs
        ],
        "others": [
            {
                "certificate": brief(one.certificate, now),
                "position": one.position,
                "kind": one.kind,
                "sentence": one.sentence,
            }
            for one in chain.others
        ],
        "anchors": [_ending_json(chain, ending, now) for ending in chain.endings],
        "misses": [_ending_json(chain, ending, now) for ending in chain.misses],
    }


def _ending_json(chain: Chain, ending: Ending, now: datetime) -> dict[str, Any]:
    anchor = ending.anchor
    return {
        "environment": anchor.environment,
        "alias": anchor.alias,
        "origin": anchor.origin,
        "definition": anchor.definition or None,
        "certificate": brief(anchor.certificate, now),
        "saved": anchor.saved,
        "in_force": anchor.in_force,
        "left_out": anchor.left_out.sentence if anchor.left_out else None,
        "of": ending.of,
        "how": ending.how,
        "signature": _SIGNATURES[ending.signature] if ending.how in ("issuer", "namesake") else None,
        "sentence": words.ending_words(chain, ending),
    }


def brief(certificate: Certificate, now: datetime) -> dict[str, Any]:
    """What tells a certificate apart in a list: names, fingerprint, dates and status."""
    facts = certificate.facts
    return {
        "certificate_name": facts.certificate_name,
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial_hex": facts.serial_hex,
        "not_before": rfc3339(facts.not_before),
        "not_after": rfc3339(facts.not_after),
        "status": status(facts.not_before, facts.not_after, now),
        "is_ca": facts.is_ca,
        "sha256": facts.sha256,
    }
