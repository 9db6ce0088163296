"""Gateways and the nodes that they run as."""

from __future__ import annotations

from django.db import models

from .environments import Environment
from .servers import Server
from .versions import Versioned


class Gateway(Versioned):
    """Something in an environment that is given releases."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="gateways")
    name = models.CharField(max_length=100)
    name_key = models.CharField(max_length=300)
    kind = models.CharField(max_length=40)
    options = models.JSONField(default=dict)
    token_generation = models.PositiveIntegerField(default=1)  # another makes the derived token another
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["environment_id", "name_key"]
        constraints = [models.UniqueConstraint(fields=["environment", "name_key"], name="gateway_name_once")]

    def __str__(self) -> str:
        return self.name


class Node(models.Model):
    """A running process of a gateway, by the name that it gives itself."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="nodes")
    name = models.CharField(max_length=200)
    connected = models.BooleanField(default=False)
    last_seen = models.DateTimeField()
    # Who holds its connection; nobody where Trustyard pushes.
    server = models.ForeignKey(Server, on_delete=models.SET_NULL, null=True, blank=True, related_name="nodes")

    # Which agents spoke under this name last, and when one returned, by actions/twins.py; nothing of other kinds.
    instances = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["gateway_id", "name"]
        constraints = [models.UniqueConstraint(fields=["gateway", "name"], name="node_name_once")]

    def __str__(self) -> str:
        return self.name
