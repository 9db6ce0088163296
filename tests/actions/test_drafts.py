"""Drafts of the certificate form: *Add the others too*."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.authority import Authority
from trustyard import models
from trustyard.actions import drafts, users
from trustyard.actions.actors import LOCAL, of_user
from trustyard.actions.imports import Given, Import

pytestmark = pytest.mark.django_db


def test_many_others_of_a_name_that_many_have_are_named_without_a_question_for_each_number() -> None:
    """D-08. The questions are asked while everybody else waits to write."""
    authority = Authority("Drafts CA")
    issued = [authority.issue("same") for _ in range(61)]
    running = Import(LOCAL, ["production"], [Given("many", "".join(one.pem for one in issued).encode())], None)
    list(running.read())
    running.store(deploy=False)
    actor = of_user(users.create(LOCAL, "ada", password="a long and quiet night", role="operator"), "")
    first, *rest = ({"sha256": one.sha256, "kind": "file", "url": "", "chain": []} for one in issued[:31])
    row = {
        **first,
        "key": "n1",
        "environment": "test",
        "alias": "Same 2",
        "stored": False,
        "changed": True,
        "new": True,
    }
    draft = drafts.begin(actor)
    with drafts.changing(actor, draft.pk) as open_draft:
        others = [{**one, "name": "same", "environments": ["test"]} for one in rest]
        open_draft.content |= {"name": "first", "rows": [row], "others": others}
    with CaptureQueriesContext(
        connection,
    ) as asked:
        drafts.save(actor, draft.pk, deploy=False)
    stored = models.Entry.objects.filter(environment__name="test").order_by("pk")
    named = list(stored.values_list("certificate__name", "alias"))
    assert named[:3] == [("first", "Same 2"), ("same 62", "same"), ("same 63", "same 3")]
    assert named[-1] == ("same 91", "same 31")
    assert len(asked) < 1_000
