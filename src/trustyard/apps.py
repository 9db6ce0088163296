"""Trustyard as one Django app."""

from __future__ import annotations

from django.apps import AppConfig


class TrustyardConfig(AppConfig):
    """Models, migrations, templates and static files."""

    name = "trustyard"
