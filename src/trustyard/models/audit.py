"""The audit chain: each event names the hash of the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, models

from .asking import ask, database
from .inserting import parts_of, run_later, statement_of

# Deferred constraints are checked before the lock and not at the commit: a check that waits for another change would
# hold the head meanwhile, and that change may be waiting for the head.
_JUDGE = "SET CONSTRAINTS ALL IMMEDIATE"
_LOCK = "SELECT hash, events FROM trustyard_audithead WHERE id = 1 FOR UPDATE"
_MOVE = "UPDATE trustyard_audithead SET hash = %s, events = %s WHERE id = 1"
# The same without a round trip in between: the row is locked, created where it is missing, and the hash computed there.
_LOCK_OR_MAKE = """
    INSERT INTO trustyard_audithead (id, hash, events) VALUES (1, %s, 0)
    ON CONFLICT (id) DO UPDATE SET events = 0 WHERE false
"""
_HASHED = """encode(sha256(convert_to('["' || head.hash || '",' || %s, 'UTF8')), 'hex')"""
_FOLLOW = """
    UPDATE trustyard_audithead head SET hash = event.hash, events = head.events + 1
    FROM trustyard_auditevent event WHERE head.id = 1 AND event.prev_hash = head.hash
"""
FEW = 10  # events that are hashed by the database; of more it is quicker to hash them here


class AuditEvent(models.Model):
    """Who did what to which object, from where, and what it was before and after."""

    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=200, db_index=True)
    via = models.CharField(max_length=20)
    address = models.CharField(max_length=64, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="", db_default="")
    action = models.CharField(max_length=60, db_index=True)
    object_kind = models.CharField(max_length=40)
    object_name = models.CharField(max_length=250, db_index=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    prev_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["request_id"], name="audit_request")]


class AuditHead(models.Model):
    """One row: the newest event's hash. It is locked last, so that events have one order."""

    hash = models.CharField(max_length=64)
    events = models.PositiveBigIntegerField(default=0)

    @classmethod
    def locked(cls, genesis: str) -> AuditHead:
        """The head, locked until the transaction ends; before the first event it names `genesis`."""
        if connection.vendor == "postgresql":
            run_later(_JUDGE)
            rows = ask(_LOCK, prepared=True)
            head = cls(pk=1, hash=rows[0][0], events=rows[0][1]) if rows else None
        else:
            head = cls.objects.filter(pk=1).first()  # one writer at a time
        if head is None:
            cls.objects.get_or_create(pk=1, defaults={"hash": genesis})
            return cls.locked(genesis)
        return head

    @staticmethod
    def follow(events: Sequence[tuple[AuditEvent, str]], genesis: str) -> None:
        """Stores a few events in this order, on PostgreSQL, at the end of the transaction under way.

        Beside each stands what is hashed of it, as text of the JSON array without its first member, which is the hash
        of the event before. The head is locked when the transaction ends, so nothing travels while it is.
        """
        later = database().later
        later(_JUDGE)
        later(_LOCK_OR_MAKE, [genesis], prepared=True)
        for event, rest in events:
            statement, values = _following(event, rest)
            later(statement, values, prepared=True)
            later(_FOLLOW, prepared=True)

    def append(self, events: Sequence[AuditEvent]) -> None:
        """Stores these events, which follow in this order, and moves the head to the last of them."""
        self.hash, self.events = events[-1].hash, self.events + len(events)
        if connection.vendor != "postgresql":
            AuditEvent.objects.bulk_create(events)
            self.save(update_fields=["hash", "events"])
            return
        statement, values = statement_of(events)
        # One round trip together with the commit, since all other writers wait meanwhile.
        run_later(statement, values)
        run_later(_MOVE, [self.hash, self.events], prepared=True)


def _following(event: AuditEvent, rest: str) -> tuple[str, list[Any]]:
    """The INSERT of an event behind the head."""
    columns, places, values = parts_of([event], but=("prev_hash", "hash"))
    statement = f"""
        INSERT INTO trustyard_auditevent ({columns}, prev_hash, hash)
        SELECT {places}, head.hash, {_HASHED} FROM trustyard_audithead head WHERE head.id = 1
    """  # noqa: S608 - columns of the model
    return statement, [*values, rest]
