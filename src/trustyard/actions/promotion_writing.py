"""A promotion written: the rows and the events that a save of each certificate would write, with few statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from trustyard import models
from trustyard.models.batches import BATCH, batches

from . import audit, entries, jwk_connection
from .actors import Actor
from .promotion_deciding import Change
from .promotion_plan import TAKEN, Promotion


def write(actor: Actor, done: Promotion, changes: Sequence[Change]) -> None:
    """Writes all of it, under the locks of the certificates and of their JWKs. Raises `Conflict` for a key ID."""
    jwk_connection.keep([one for change in changes for one in change.jwks])
    added = [change.entry for change in changes if change.step.there is None]
    models.Entry.objects.bulk_create(added, batch_size=BATCH)
    _replace(done, [change.step.there.pk for change in changes if change.step.there is not None])
    certificates = models.Certificate.objects.order_by()
    for some in batches([change.entry.certificate_id for change in changes]):
        certificates.filter(pk__in=some).update(version=F("version") + 1, changed_at=timezone.now())
    audit.record_all(actor, (event for change in changes for event in _events(done.target, change)))


def _replace(done: Promotion, numbers: Sequence[int]) -> None:
    # The database takes it from the source's entries, which nobody changes while their certificates are locked.
    source = models.Entry.objects.filter(environment=done.source, certificate=OuterRef("certificate")).order_by()
    taken = {name.removesuffix("_id"): Subquery(source.values(name)) for name in TAKEN}
    trusted = {"revoked_at": None, "revoked_by": "", "revoked_reason": ""}
    for some in batches(numbers):
        models.Entry.objects.filter(pk__in=some).update(**taken, **trusted)


def _events(target: models.Environment, change: Change) -> Iterator[audit.Event]:
    """Those of a save: what leaves the certificate, the certificate, what comes along."""
    certificate, there = change.entry.certificate, change.step.there
    yield from (one.event for one in change.jwks if one.change.change != "updated")
    named = {"name": certificate.name, "description": certificate.description}
    before = entries.fingerprint(there) if there is not None else None
    yield audit.Event(
        "certificate.update",
        "certificate",
        certificate.name,
        before={**named, "entries": {target.name: before}},
        after={**named, "entries": {target.name: entries.fingerprint(change.entry)}},
    )
    yield from (one.event for one in change.jwks if one.change.change == "updated")
