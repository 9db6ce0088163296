"""What a backup carries: each table is carried or named as left out, and the manual says which."""

from __future__ import annotations

import re

from django.apps import apps

from trustyard.server.backup.tables import CARRIED_APPS, LEFT_OUT, LEFT_OUT_APPS, RESET, carried, label

from .repository import page

ROW = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \| (carried|left out)\b[^|]*\|$", re.MULTILINE)


def test_each_app_is_carried_or_named_as_left_out() -> None:
    with_tables = {model._meta.app_label for model in apps.get_models()}
    assert with_tables <= CARRIED_APPS | LEFT_OUT_APPS.keys()
    assert not CARRIED_APPS & LEFT_OUT_APPS.keys()


def test_the_manual_has_a_line_for_each_table_that_says_whether_it_is_carried() -> None:
    """A new table turns this red until somebody has decided."""
    rows = dict(ROW.findall(page("docs/operations.md")))
    ours = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in CARRIED_APPS]
    kept = {label(model) for model in carried(apps)}
    assert {label(model): "carried" if label(model) in kept else "left out" for model in ours} == {
        name: word for name, word in rows.items() if name.partition(".")[0] in {model._meta.app_label for model in ours}
    }


def test_no_row_refers_to_one_that_was_left_out() -> None:
    kept = carried(apps)
    referred = {
        field.related_model
        for model in kept
        for field in model._meta.concrete_fields
        if field.related_model and field.attname not in RESET.get(label(model), {})
    }
    assert referred <= set(kept)


def test_what_is_reset_is_carried() -> None:
    assert RESET.keys() <= {label(model) for model in carried(apps)}
    assert not LEFT_OUT.keys() & RESET.keys()
