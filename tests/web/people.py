"""People at the console, signed in without its form."""

from __future__ import annotations

from django.test import Client

from trustyard import models


def sign_in(client: Client, user: models.User) -> Client:
    """The client, with a session of this user."""
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def signed_in(client: Client, name: str, role: str, *places: str) -> Client:
    """The client, with a session of a new user of this role, limited to these environments (none: all)."""
    user = models.User.objects.create(username=name, role=role)
    user.environments.set(models.Environment.objects.filter(name__in=places))
    return sign_in(client, user)
