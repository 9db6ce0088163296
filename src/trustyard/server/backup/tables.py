"""Which tables a backup carries, in an order in which each row finds those that it refers to."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Any

from django.apps.registry import Apps
from django.db.models import Model

# Of these apps every table is carried but those named below; docs/operations.md has a line for each, held by a test.
CARRIED_APPS = frozenset({"trustyard", "account", "mfa", "socialaccount"})
LEFT_OUT = {
    "trustyard.draft": "people's unfinished forms, which are kept for a day",
    "trustyard.server": "processes that run now",
    "trustyard.secretkey": "the fingerprint of the key, which the first node leaves anew",
    "trustyard.inspection": "what was seen in a source and is kept for an hour",
    "account.emailconfirmation": "Trustyard sends no mail",
    "socialaccount.socialtoken": "keys to somebody else's service, which a sign-in brings anew",
}
LEFT_OUT_APPS = {
    "auth": "Django's own groups and permissions, which Trustyard does not use",
    "contenttypes": "Django's own list of tables, which it makes itself",
    "sessions": "people sign in again",
    "usersessions": "people sign in again",
    "procrastinate": "jobs: what is wanted is compared with what is there at each start",
}
# Nobody is connected to a server that was restored just now.
RESET: dict[str, dict[str, Any]] = {"trustyard.node": {"connected": False, "server_id": None}}


def carried(apps: Apps) -> list[type[Model]]:
    """The tables of this state of the models, those that others refer to first."""
    found = {label(model): model for model in apps.get_models(include_auto_created=True) if _is_carried(model)}
    graph = {name: _referred(model) & found.keys() - {name} for name, model in sorted(found.items())}
    return [found[name] for name in TopologicalSorter(graph).static_order()]


def label(model: type[Model]) -> str:
    """`app.model` in lower case: the name of a table whatever the database."""
    return model._meta.label_lower


def columns(model: type[Model]) -> list[str]:
    """The names of its values, as a row of the backup has them."""
    return [field.attname for field in model._meta.concrete_fields]


def _is_carried(model: type[Model]) -> bool:
    meta = model._meta
    return meta.app_label in CARRIED_APPS and label(model) not in LEFT_OUT and meta.managed and not meta.proxy


def _referred(model: type[Model]) -> set[str]:
    fields = model._meta.concrete_fields
    return {label(field.related_model) for field in fields if isinstance(field.related_model, type)}
