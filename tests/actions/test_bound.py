"""Operators and tokens of one environment, when that environment goes."""

from __future__ import annotations

from trustyard import models
from trustyard.actions import environments, tokens, users

from .conftest import ADMIN


def test_nobody_comes_to_be_for_all_because_the_only_environment_went() -> None:
    environments.create(ADMIN, name="staging")
    for name, places in (("sam", ["staging"]), ("kim", ["staging", "test"])):
        users.create(ADMIN, name, password="a long enough one", role="operator", environments=places)
        tokens.create(ADMIN, name, role="operator", environments=places)
    environments.delete(ADMIN, "staging", if_match=environments.get(ADMIN, "staging").etag)
    assert dict(models.User.objects.values_list("username", "role")) == {"sam": "viewer", "kim": "operator"}
    assert list(models.Token.objects.filter(revoked_at=None).values_list("name", flat=True)) == ["kim"]
    said = list(models.AuditEvent.objects.order_by("-pk").values_list("action", "object_name")[:3])
    assert said == [("environment.delete", "staging"), ("token.revoke", "sam"), ("user.update", "sam")]
