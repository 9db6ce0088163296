"""Operators and tokens of one environment, when that environment goes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from trustyard import models
from trustyard.actions import actors, environments, tokens, users
from trustyard.errors import Refused, TrustyardError

from .conftest import ADMIN


def test_nobody_comes_to_be_for_all_because_the_only_environment_went() -> None:
    environments.create(ADMIN, name="staging")
    for name, places in (("sam", ["staging"]), ("kim", ["staging", "test"])):
        users.create(ADMIN, name, password="a long enough one", role="operator", environments=places)
        tokens.create(ADMIN, name, role="operator", environments=places)
    tokens.create(ADMIN, "lou", role="operator", environments=["staging"])
    tokens.revoke(ADMIN, "lou")
    tokens.create(ADMIN, "lou", role="operator", environments=["test"])  # another one, of the same name
    delete("staging")
    assert dict(models.User.objects.values_list("username", "role")) == {"sam": "viewer", "kim": "operator"}
    assert list(models.Token.objects.filter(revoked_at=None).values_list("name", flat=True)) == ["kim", "lou"]
    said = list(models.AuditEvent.objects.order_by("-pk").values_list("action", "object_name")[:3])
    assert said == [("environment.delete", "staging"), ("token.revoke", "sam"), ("user.update", "sam")]


def delete(name: str) -> None:
    environments.delete(ADMIN, name, if_match="*")


def meanwhile(act: Callable[[], object], seconds: float = 10) -> threading.Thread:
    """Somebody else does this while `staging` is being deleted, after those who are bound to it were looked at."""

    def made() -> None:
        try:
            with suppress(TrustyardError):
                act()
        finally:
            connection.close()

    other = threading.Thread(target=made)

    def look(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "trustyard_release" in sql and not other.ident:
            other.start()
            other.join(seconds)
        return execute(sql, *rest)

    with connection.execute_wrapper(look):
        delete("staging")
    other.join(10)
    return other


def bound_to(holder: models.User | models.Token | None) -> set[str] | None:
    """The environments that an operator is for, None for all."""
    if holder is None or holder.role != "operator" or getattr(holder, "revoked_at", None):
        return set()
    actor = actors.of_user(holder, "") if isinstance(holder, models.User) else actors.of_token(holder, "")
    return None if actor.environments is None else set(actor.environments)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_token_that_is_made_for_an_environment_while_it_goes_is_for_nothing() -> None:
    environments.create(ADMIN, name="staging")
    meanwhile(lambda: tokens.create(ADMIN, "late", role="operator", environments=["staging"]))
    assert not models.Environment.objects.filter(name="staging").exists()
    assert bound_to(models.Token.objects.filter(name="late").first()) == set()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_person_who_is_bound_to_an_environment_while_it_goes_is_for_nothing() -> None:
    environments.create(ADMIN, name="staging")
    users.create(ADMIN, "sam", password="a long enough one", role="operator", environments=["test"])
    meanwhile(lambda: users.update(ADMIN, "sam", environments=["staging"]))
    sam = models.User.objects.get(username="sam")
    assert (sam.role, bound_to(sam)) == ("viewer", set())


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_who_is_for_two_environments_that_go_at_the_same_time_is_for_nothing() -> None:
    for name in ("staging", "preview"):
        environments.create(ADMIN, name=name)
    users.create(ADMIN, "sam", password="a long enough one", role="operator", environments=["staging", "preview"])
    tokens.create(ADMIN, "sam", role="operator", environments=["staging", "preview"])
    meanwhile(lambda: delete("preview"), seconds=1)  # it waits for whoever is bound to both
    assert not models.Environment.objects.filter(name__in=("staging", "preview")).exists()
    sam = models.User.objects.get(username="sam")
    assert (sam.role, bound_to(sam), bound_to(models.Token.objects.get(name="sam"))) == ("viewer", set(), set())


def test_a_token_is_not_made_for_an_environment_that_is_gone() -> None:
    with pytest.raises(Refused) as refused:
        tokens.create(ADMIN, "late", role="operator", environments=["staging"])
    assert refused.value.code == "unknown-environment"
