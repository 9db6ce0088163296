"""Trustyard as one Django app."""

from __future__ import annotations

from django.apps import AppConfig


class TrustyardConfig(AppConfig):
    """One app, one label: models, migrations, templates and static files."""

    name = "trustyard"
    label = "trustyard"
    default_auto_field = "django.db.models.BigAutoField"
