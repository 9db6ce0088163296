"""Releases, which never change, and the receipts of the gateways' nodes."""

from __future__ import annotations

from django.db import models

from trustyard.pki.content import Content, LeftOut

from .environments import Environment
from .gateways import Gateway

STATES = (
    "pending", "sent", "accepted", "observed", "refused", "unreachable", "superseded", "drifted", "open"
)  # fmt: skip


class Release(models.Model):
    """An immutable, numbered snapshot of what an environment trusts and publishes."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    left_out = models.JSONField(default=list)
    made_by = models.CharField(max_length=150)
    note = models.TextField(blank=True, default="")
    restored_from = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    before: Release | None = None  # what was in force until this was made, for the answer to that alone

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["environment", "number"], name="release_number_once")]

    def __str__(self) -> str:
        return f"{self.environment} {self.number}"

    def read(self) -> Content:
        """The content as a value of `trustyard.pki`."""
        return Content.from_json(self.content, tuple(LeftOut(**row) for row in self.left_out))


class Receipt(models.Model):
    """What one node of a gateway said of one release."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="receipts")
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="receipts")
    node = models.CharField(max_length=200)
    state = models.CharField(max_length=20)
    detail = models.TextField(blank=True, default="")
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    proof = models.TextField(blank=True, default="")  # what the last look at its listener proved
    proof_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["gateway_id", "node", "-release_id"]
        constraints = [
            models.UniqueConstraint(fields=["release", "gateway", "node"], name="receipt_once"),
            models.CheckConstraint(condition=models.Q(state__in=STATES), name="receipt_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway}/{self.node}: {self.state}"
