"""Public JSON Web Keys."""

from __future__ import annotations

from django.db import models

from .certificates import Entry
from .environments import Environment
from .versions import Versioned

STATES = ("active", "disabled")


class Jwk(Versioned):
    """A public JWK; `entry` is the entry that it was created from, while that connection stands."""

    name = models.CharField(max_length=100)
    name_key = models.CharField(max_length=300, unique=True)
    description = models.TextField(blank=True, default="")
    kid = models.TextField(db_index=True)
    kid_given = models.BooleanField(default=False)  # given by hand: an update of the certificate keeps it
    use = models.CharField(max_length=10, blank=True, default="")
    alg = models.CharField(max_length=40, blank=True, default="")
    public = models.JSONField()
    entry = models.ForeignKey(Entry, null=True, blank=True, on_delete=models.RESTRICT, related_name="jwks")
    environments = models.ManyToManyField(Environment, related_name="jwks")
    state = models.CharField(max_length=20, default="active")
    # Disabled by the revocation of its entry, so it comes back with that; what a person disabled does not.
    disabled_with_entry = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name_key"]
        constraints = [models.CheckConstraint(condition=models.Q(state__in=STATES), name="jwk_state_known")]

    def __str__(self) -> str:
        return self.name
