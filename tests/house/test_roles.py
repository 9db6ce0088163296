"""The permission table is the one that the manual prints: tests of the routes take it at its word."""

from __future__ import annotations

import pytest

from trustyard.actions.actors import Actor
from trustyard.actions.permissions import TABLE, allowed

from .repository import page

READS = ("certificates.read", "certificates.export", "jwks.read", "truststore.read", "environments.read")
# Each row of the manual, by how it begins, and what the program calls it. One's own password needs no permission.
ROWS = {
    "see certificates": (*READS, "gateways.read", "releases.read", "audit.read"),
    "compare stored certificates": ("certificates.read",),
    "look at a source": ("certificates.inspect", "trust.check"),
    "create, change and delete certificates": (
        "certificates.write",
        "certificates.delete",
        "jwks.write",
        "entries.revoke",
    ),
    "deploy;": ("releases.deploy", "gateways.write", "gateways.bootstrap"),
    "create, change and delete environments": ("environments.write",),
    "users,": ("users.manage", "tokens.manage"),
}


def told() -> dict[str, dict[str, str]]:
    """What the manual's table says: by row, each role and its yes or no."""
    lines = page("docs/roles.md").partition("\n| what |")[2].partition("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {what: dict(zip(rows[0][:3], words, strict=True)) for what, *words in rows[2:]}


@pytest.mark.parametrize(("begin", "permissions"), ROWS.items(), ids=str)
def test_each_role_may_what_the_manual_says(begin: str, permissions: tuple[str, ...]) -> None:
    [said] = [words for what, words in told().items() if what.startswith(begin)]
    for role in ("admin", "operator", "viewer"):
        for permission in permissions:
            assert allowed(Actor("somebody", role), permission) == (said[role] == "yes"), (role, permission)


def test_each_permission_has_its_row() -> None:
    assert {permission for row in ROWS.values() for permission in row} == TABLE.keys()
