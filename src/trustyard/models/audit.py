"""The audit chain: each event names the hash of the one before it."""

from __future__ import annotations

from django.db import models


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
