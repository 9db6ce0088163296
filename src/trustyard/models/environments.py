"""Environments: where gateways run."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import models

from trustyard.pki.containers import Notice

from .versions import Versioned

TYPES = ("test", "production")
ROOT_SETS = ("none", "mozilla", "uploaded")


class Environment(Versioned):
    """A place with gateways, a root set and releases; its name never changes."""

    name = models.CharField(max_length=100)
    name_key = models.CharField(max_length=300, unique=True)
    type = models.CharField(max_length=20, default="test")
    description = models.TextField(blank=True, default="")
    root_set = models.CharField(max_length=20, default="none")
    uploaded_roots = models.JSONField(default=list)  # SHA-256 of each, in the order of the upload
    deny_list = models.JSONField(default=list)  # SHA-256 of roots that are left out
    policy = models.JSONField(default=dict)  # what was said of it; the rest follows from the type
    publish_truststore = models.BooleanField(default=False, db_default=False)  # for anybody: see docs/published.md
    last_number = models.PositiveIntegerField(default=0)  # the newest release's number; counted under this row's lock
    created_at = models.DateTimeField(auto_now_add=True)
    notices: Sequence[Notice] = ()  # of the upload that was just taken, for its answer alone

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(type__in=TYPES), name="environment_type_known"),
            models.CheckConstraint(condition=models.Q(root_set__in=ROOT_SETS), name="environment_root_set_known"),
        ]

    def __str__(self) -> str:
        return self.name
