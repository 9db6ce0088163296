"""The processes of Trustyard that share a database, and the secret key that it goes with."""

from __future__ import annotations

from django.db import models


class Server(models.Model):
    """A running `serve`, by its heartbeat: what it held is taken for gone a few seconds after the last one."""

    id = models.CharField(primary_key=True, max_length=32)  # drawn by the process itself
    edition = models.CharField(max_length=32)  # shared by servers that ran at the same time
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["started_at"]

    def __str__(self) -> str:
        return self.id


class SecretKey(models.Model):
    """The one row says which secret key the database goes with, by a fingerprint that tells nothing of the key."""

    fingerprint = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.fingerprint
