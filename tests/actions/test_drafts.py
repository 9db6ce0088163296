"""Drafts of the certificate form: what *Apply* takes, what others save meanwhile, and *Add the others too*."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.authority import Authority
from tests.tls_servers import Ca, Issued, TlsServer
from trustyard import models
from trustyard.actions import certificates, draft_window, drafts, sources, users
from trustyard.actions.actors import LOCAL, Actor, of_user
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.imports import Given, Import
from trustyard.actions.sources import Connection, Paste

from .conftest import pem

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Actor:
    return of_user(users.create(LOCAL, "ada", password="a long and quiet night", role="operator"), "")


def stored(issued: Issued) -> models.Certificate:
    """A certificate with an entry in test."""
    entry = EntryGiven(("test",), "acme", pem(issued))
    return certificates.create(LOCAL, [Definition("acme", "", [entry])]).certificates[0]


def apply(ada: Actor, draft: models.Draft, source: Connection | Paste | None = None, **typed: str) -> None:
    """Opens the window on the one row, shows what stands in the source, and presses Apply."""
    seen = sources.look_at(ada, source) if source else None
    with drafts.changing(ada, draft.pk) as now:
        (row,) = now.content["rows"]
        draft_window.open_row(now, row["key"])
        draft_window.keep(now, typed)
        if source and seen:
            draft_window.saw(now, source, seen)
        draft_window.apply(ada, now)


def test_the_same_certificate_received_from_another_address_comes_from_there(ada: Actor, ca: Ca, settings: Any) -> None:
    settings.TRUSTYARD = replace(settings.TRUSTYARD, fetch_allow=(ip_network("127.0.0.0/8"),))
    issued = ca.issue("acme", ip=["127.0.0.1"])
    draft = drafts.begin(ada, stored(issued))
    with TlsServer(issued) as server:
        apply(ada, draft, Connection(server.url))
    drafts.save(ada, draft.pk, deploy=False)
    entry = models.Entry.objects.get()
    assert (entry.x509_id, entry.source_kind, entry.source_url) == (issued.sha256, "connection", server.url)


def test_whose_alias_alone_was_changed_sees_and_saves_the_certificate_that_another_saved(ada: Actor, ca: Ca) -> None:
    draft, renewed, own = drafts.begin(ada, stored(ca.issue("acme"))), ca.issue("renewed"), ca.issue("own")
    apply(ada, draft, alias="mine")
    certificates.update(LOCAL, "acme", if_match="*", entries=[EntryGiven(("test",), "theirs", pem(renewed))])
    (row,) = drafts.rebase(ada, draft.pk).content["rows"]
    assert (row["alias"], row["sha256"]) == ("mine", renewed.sha256)
    apply(ada, draft, Paste("BASE64PEM", own.cert_pem.decode()))
    certificates.update(LOCAL, "acme", if_match="*", description="theirs")
    (row,) = drafts.rebase(ada, draft.pk).content["rows"]
    assert (row["alias"], row["sha256"]) == ("mine", own.sha256)
    drafts.save(ada, draft.pk, deploy=False)
    assert models.Entry.objects.values_list("alias", "x509_id").get() == ("mine", own.sha256)


def test_many_others_of_a_name_that_many_have_are_named_without_a_question_for_each_number(
    ada: Actor,
) -> None:
    """D-08. The questions are asked while everybody else waits to write."""
    authority = Authority("Drafts CA")
    issued = [authority.issue("same") for _ in range(61)]
    running = Import(LOCAL, ["production"], [Given("many", "".join(one.pem for one in issued).encode())], None)
    list(running.read())
    running.store(deploy=False)
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
    draft = drafts.begin(ada)
    with drafts.changing(ada, draft.pk) as open_draft:
        others = [{**one, "name": "same", "environments": ["test"]} for one in rest]
        open_draft.content |= {"name": "first", "rows": [row], "others": others}
    with CaptureQueriesContext(
        connection,
    ) as asked:
        drafts.save(ada, draft.pk, deploy=False)
    stored = models.Entry.objects.filter(environment__name="test").order_by("pk")
    named = list(stored.values_list("certificate__name", "alias"))
    assert named[:3] == [("first", "Same 2"), ("same 62", "same"), ("same 63", "same 3")]
    assert named[-1] == ("same 91", "same 31")
    assert len(asked) < 1_000
