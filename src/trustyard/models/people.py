"""People and the tokens of programs."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

ROLES = ("admin", "operator", "viewer")


class UserManager(BaseUserManager["User"]):
    """Finds people by their user name."""

    def get_by_natural_key(self, username: str | None) -> User:
        """Sign-in looks people up exactly as they were created."""
        return self.get(username=username)


class User(AbstractBaseUser):
    """A person: a role, and for operators optionally the environments it is for (none named: all)."""

    username = models.CharField(max_length=150, unique=True)
    email = models.EmailField(blank=True, default="")  # allauth wants the column; Trustyard sends no mail
    role = models.CharField(max_length=20, default="viewer")
    environments = models.ManyToManyField("trustyard.Environment", blank=True, related_name="+")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        ordering = ["username"]
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_name_once_without_case"),
            models.CheckConstraint(condition=models.Q(role__in=ROLES), name="user_role_known"),
        ]

    def __str__(self) -> str:
        return self.username


class Token(models.Model):
    """A key to the API: shown once, kept as SHA-256."""

    name = models.CharField(max_length=100)
    name_key = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=20, default="operator")
    environments = models.ManyToManyField("trustyard.Environment", blank=True, related_name="+")
    made_by = models.CharField(max_length=150, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name_key", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name_key"], condition=models.Q(revoked_at__isnull=True), name="token_name_once"
            ),
            models.CheckConstraint(condition=models.Q(role__in=ROLES), name="token_role_known"),
        ]

    def __str__(self) -> str:
        return self.name
