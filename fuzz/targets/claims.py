"""What the company's sign-in provider says of a person."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from importlib import import_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

from fuzz.counting import budget
from trustyard.pki.names import MAX_LENGTH
from trustyard.server.identity import Grant

_GRANTS = (Grant("admins", "admin"), Grant("ops", "operator", "test"), Grant("*", "viewer"))


def prepare() -> None:
    """The models of accounts; no database."""
    django.setup()
    import_module("trustyard.actions.provider_accounts")


def claims(data: bytes) -> None:
    """Claims of any form: texts, one of the roles that are granted, and names that an account can have, or none."""
    from trustyard.actions.provider_accounts import NAME_CLAIMS, _clean, granted, values

    with suppress(ValueError, RecursionError):  # what is no JSON object comes no further than to the library
        said = json.loads(data)
        if not isinstance(said, dict):
            return
        with budget(len(data)):
            for path in ("groups", "realm_access.roles", next(iter(said), "")):
                held = values(said, path)
                assert all(isinstance(one, str) for one in held)
                role = granted(held, _GRANTS, ["test"])
                assert role is not None
                assert role.role in ("admin", "operator", "viewer")
                assert role.role != "admin" or "admins" in held, "nobody comes in as more than the claim says"
            for claim in NAME_CLAIMS:
                name = _clean(said.get(claim))
                assert len(name) <= MAX_LENGTH
                assert name == name.strip()
