"""Audit events: written as the last statements of the change's transaction, chained by hash, read newest first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db import transaction as database
from django.db.models import QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.models.batches import batches
from trustyard.pki.certificates import rfc3339

from . import requests
from .actors import Actor
from .permissions import require

GENESIS = "0" * 64


@dataclass(frozen=True)
class Verdict:
    """What a walk of the chain found: how many events, and the first that does not fit (None: all fit)."""

    ok: bool
    events: int
    broken_at: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Event:
    """What a change did to which object: names and fingerprints, never key material or pasted text."""

    action: str
    object_kind: str
    object_name: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


_waiting: ContextVar[list[tuple[Actor, Event]] | None] = ContextVar("audit_waiting", default=None)


@contextmanager
def transaction() -> Iterator[None]:
    """One transaction of a change: what is recorded in it is written as its last statements.

    So the head of the chain is the last lock of every change, and held for a moment only. Within another one this is a
    savepoint whose events wait for the end of the outer one; what is taken back writes no event.
    """
    outer = _waiting.get()
    own: list[tuple[Actor, Event]] = []
    token = _waiting.set(own)
    try:
        with database.atomic():
            yield
            if database.get_rollback():
                own.clear()
            elif outer is None:
                _write(own)
    finally:
        _waiting.reset(token)
    if outer is not None:
        outer += own


def record(
    actor: Actor,
    action: str,
    object_kind: str,
    object_name: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Adds one event to the chain. Call it inside the change's `transaction`."""
    record_all(actor, [Event(action, object_kind, object_name, before, after)])


def record_all(actor: Actor, events: Iterable[Event]) -> None:
    """As `record`, for many changes of one transaction."""
    waiting = _waiting.get()
    with_actor = [(actor, event) for event in events]
    if waiting is None:  # inside a plain database transaction: at once
        _write(with_actor)
    else:
        waiting += with_actor


def _write(waiting: Sequence[tuple[Actor, Event]]) -> None:
    if not waiting:
        return
    now = timezone.now()
    if connection.vendor == "postgresql" and len(waiting) <= models.audit.FEW:
        few = [_event(actor, one, now) for actor, one in waiting]
        models.AuditHead.follow([(event, _text(event)) for event in few], GENESIS)
        return
    head = models.AuditHead.locked(GENESIS)
    previous = head.hash
    for some in batches(waiting):
        events = [_event(actor, one, now) for actor, one in some]
        for event in events:
            event.prev_hash = previous
            event.hash = previous = _hash(event)
        head.append(events)


def _event(actor: Actor, event: Event, now: datetime) -> models.AuditEvent:
    request = requests.current_id()
    return models.AuditEvent(
        at=now, actor=actor.name, via=actor.via, address=actor.address, request_id=request, **vars(event)
    )


def find(
    actor: Actor,
    *,
    by: str = "",
    object_name: str = "",
    action: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    request_id: str = "",
) -> QuerySet[models.AuditEvent]:
    """Events, newest first, filtered by exact actor, object, action or request and by time (both ends included)."""
    require(actor, "audit.read")
    events = models.AuditEvent.objects.order_by("-pk")
    if by:
        events = events.filter(actor=by)
    if object_name:
        events = events.filter(object_name=object_name)
    if action:
        events = events.filter(action=action)
    if since:
        events = events.filter(at__gte=since)
    if until:
        events = events.filter(at__lte=until)
    if request_id:
        events = events.filter(request_id=request_id)
    return events


def deletion(actor: Actor, kind: str, name: str, since: datetime) -> models.AuditEvent | None:
    """Who deleted what had this name at that moment, whatever it was called when it went."""
    events = find(actor, since=since).filter(object_kind=kind, action__in=[f"{kind}.update", f"{kind}.delete"])
    for event in events.order_by("pk").iterator():
        if event.action == f"{kind}.delete" and event.object_name == name:
            return event
        if event.action == f"{kind}.update" and (event.before or {}).get("name") == name:
            name = event.object_name
    return None


def deletion_of(actor: Actor, kind: str, number: int) -> models.AuditEvent | None:
    """Who deleted what had this number in the console's addresses; None where that was before such were recorded.

    The last of several: a database that was restored from a backup may give a number anew.
    """
    return find(actor).filter(action=f"{kind}.delete", object_kind=kind, before__id=number).first()


def verify() -> Verdict:
    """Walks the whole chain. An event changed, taken out or put in breaks it there; a cut end shows by the head."""
    previous, count = GENESIS, 0
    for event in models.AuditEvent.objects.order_by("pk").iterator(chunk_size=1000):
        if event.prev_hash != previous:
            return Verdict(False, count, event.pk, "the event before it is missing or another")
        if event.hash != _hash(event):
            return Verdict(False, count, event.pk, "the event was changed after it was written")
        previous, count = event.hash, count + 1
    head = models.AuditHead.objects.filter(pk=1).first()
    if (head.hash, head.events) != (previous, count) if head else count > 0:
        return Verdict(False, count, None, "events are missing at the end")
    return Verdict(True, count)


def event_json(event: models.AuditEvent) -> dict[str, Any]:
    """One event as REST and the command line show it."""
    return {
        "id": event.pk,
        "at": rfc3339(event.at),
        "actor": event.actor,
        "via": event.via,
        "address": event.address,
        "request_id": event.request_id,
        "action": event.action,
        "object_kind": event.object_kind,
        "object": event.object_name,
        "before": event.before,
        "after": event.after,
        "hash": event.hash,
        "prev_hash": event.prev_hash,
    }


def _hash(event: models.AuditEvent) -> str:
    """SHA-256 (hex) over the previous event's hash and this event's text; `AuditHead.follow` does it in PostgreSQL."""
    return hashlib.sha256(f'["{event.prev_hash}",{_text(event)}'.encode()).hexdigest()


def _text(event: models.AuditEvent) -> str:
    """What is hashed of an event, but for its first member: a JSON array in ASCII, members of objects in order."""
    value = [
        event.at.isoformat(),
        event.actor,
        event.via,
        event.address,
        event.action,
        event.object_kind,
        event.object_name,
        event.before,
        event.after,
    ]
    if event.request_id:  # events of an older Trustyard, and of the schedule, have none
        value.append(event.request_id)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).removeprefix("[")
