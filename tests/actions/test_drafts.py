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
from trustyard.errors import NotFound, Refused
from trustyard.pki.certificates import read_certificate

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


def test_a_certificate_is_kept_with_the_others_of_the_source_that_it_was_taken_from(ada: Actor, ca: Ca) -> None:
    draft, renewed, beside = drafts.begin(ada, stored(ca.issue("acme"))), ca.issue("acme"), ca.issue("beside")
    source = Paste("BASE64PEM", (renewed.cert_pem + beside.cert_pem).decode())
    seen = sources.look_at(ada, source)
    with drafts.changing(ada, draft.pk) as now:
        draft_window.open_row(now, now.content["rows"][0]["key"])
        draft_window.saw(now, source, seen)
        draft_window.choose(now, renewed.sha256)
        draft_window.apply(ada, now)
    drafts.save(ada, draft.pk, deploy=False)
    entry = models.Entry.objects.get()
    assert (entry.x509_id, set(entry.chain)) == (renewed.sha256, {renewed.sha256, beside.sha256})


def test_the_window_of_a_row_shows_its_own_certificate_and_the_kind_of_its_source(ada: Actor, ca: Ca) -> None:
    draft = drafts.begin(ada, in_both(ca))
    for place in ("test", "production"):
        with drafts.changing(ada, draft.pk) as now:
            row = next(row for row in now.content["rows"] if row["environment"] == place)
            draft_window.open_row(now, row["key"])
            shown = draft_window.chosen_in(now, draft_window.seen_in(ada, now))
            assert (shown.sha256 if shown else None) == row["sha256"]
            assert draft_window.window_of(now)["source"] == "file"
            assert not draft_window.is_touched(now)
            draft_window.keep(now, {"alias": "another"})
            assert draft_window.is_touched(now), "closing it asks first"


def test_a_text_whose_encoding_is_taken_back_is_not_applied_any_more(ada: Actor, ca: Ca) -> None:
    source = Paste("BASE64PEM", ca.issue("acme").cert_pem.decode())
    with drafts.changing(ada, drafts.begin(ada).pk) as now:
        draft_window.open_new(now)
        draft_window.keep(now, {"source": "paste", "environments": ["test"], "alias": "acme"})
        draft_window.saw(now, source, sources.look_at(ada, source))
        draft_window.wait_for_encoding(now)
        with pytest.raises(Refused, match="Choose the encoding type of the text"):
            draft_window.apply(ada, now)


def test_leaving_a_form_asks_once_something_was_typed_in_it(ada: Actor) -> None:
    draft = drafts.begin(ada)
    assert not draft.content["changed"]
    with drafts.changing(ada, draft.pk) as now:
        assert not drafts.define(now, "", "")
        assert not now.content["changed"]
        assert drafts.define(now, "a", "")
        assert now.content["changed"]


def in_both(ca: Ca) -> models.Certificate:
    """A certificate with an entry in test and another in production."""
    given = [EntryGiven((place,), place, pem(ca.issue(place))) for place in ("test", "production")]
    return certificates.create(LOCAL, [Definition("acme", "", given)]).certificates[0]


def saved() -> dict[str, str]:
    """The alias of each environment's entry."""
    return dict(models.Entry.objects.order_by("environment").values_list("environment__name", "alias"))


def replaced(*given: EntryGiven) -> None:
    """Somebody else saves that the certificate has just these entries."""
    certificates.update(LOCAL, "acme", if_match="*", entries=given, replace=True)


def test_what_is_removed_goes_and_what_nobody_touched_stays_as_another_saved_it(ada: Actor, ca: Ca) -> None:
    draft = drafts.begin(ada, in_both(ca))
    with drafts.changing(ada, draft.pk) as now:
        drafts.remove_row(now, now.content["rows"][0]["key"])
        assert [row["environment"] for row in now.content["rows"]] == ["production"]
    certificates.update(LOCAL, "acme", if_match="*", entries=[EntryGiven(("production",), "theirs")])
    now = drafts.rebase(ada, draft.pk)
    assert ([row["alias"] for row in now.content["rows"]], now.content["removed"]) == (["theirs"], ["test"])
    drafts.save(ada, draft.pk, deploy=False)
    assert saved() == {"production": "theirs"}


def test_what_another_removed_meanwhile_is_gone_but_for_what_its_author_gave(ada: Actor, ca: Ca) -> None:
    draft = drafts.begin(ada, in_both(ca))
    with drafts.changing(ada, draft.pk) as now:
        drafts.remove_row(now, now.content["rows"][0]["key"])
    apply(ada, draft, Paste("BASE64PEM", ca.issue("mine").cert_pem.decode()), alias="mine")
    replaced(EntryGiven(("production",)))
    assert drafts.rebase(ada, draft.pk).content["removed"] == [], "there is nothing to remove any more"
    replaced(EntryGiven(("test",), "again", pem(ca.issue("again"))))
    assert [row["alias"] for row in drafts.rebase(ada, draft.pk).content["rows"]] == ["again", "mine"]
    drafts.save(ada, draft.pk, deploy=False)
    assert saved() == {"test": "again", "production": "mine"}


def test_a_row_that_was_not_touched_goes_with_the_entry_that_another_removed(ada: Actor, ca: Ca) -> None:
    draft = drafts.begin(ada, in_both(ca))
    replaced(EntryGiven(("test",)))
    assert [row["environment"] for row in drafts.rebase(ada, draft.pk).content["rows"]] == ["test"]


def test_a_draft_is_thrown_away_by_its_author_alone_and_not_once_it_was_saved(ada: Actor, ca: Ca) -> None:
    other = of_user(users.create(LOCAL, "eve", password="a long and quiet night", role="operator"), "")
    draft = drafts.begin(ada, in_both(ca))
    drafts.discard(other, draft.pk)
    assert drafts.get(ada, draft.pk) == draft
    drafts.save(ada, draft.pk, deploy=False)
    drafts.discard(ada, draft.pk)
    assert drafts.get(ada, draft.pk) == draft, "a second press finds what the first one made"
    second = drafts.begin(ada)
    drafts.discard(ada, second.pk)
    assert not models.Draft.objects.filter(pk=second.pk).exists()


def test_all_that_a_draft_lacks_is_said_at_once(ada: Actor, ca: Ca) -> None:
    new, old = drafts.begin(ada), drafts.begin(ada, in_both(ca))
    for draft, name, fields, code in (
        (new, " ", ["name", "entries"], "no-entry"),
        (new, "fine", ["entries"], "no-entry"),
        (old, "", ["name"], "bad-name"),
    ):
        with drafts.changing(ada, draft.pk) as now:
            drafts.define(now, name, "")
        with pytest.raises(Refused) as refused:
            drafts.save(ada, draft.pk, deploy=False)
        assert ([field.field for field in refused.value.fields], refused.value.code) == (fields, code)


def test_a_draft_of_what_another_deleted_says_so_and_becomes_that_of_a_new_one(ada: Actor, ca: Ca) -> None:
    """What its author did not take in again stays deleted: it may have been revoked."""
    draft, new = drafts.begin(ada, in_both(ca)), ca.issue("new")
    source = Paste("BASE64PEM", new.cert_pem.decode())
    seen = sources.look_at(ada, source)
    with drafts.changing(ada, draft.pk) as now:
        drafts.define(now, "acme", "mine")
        [row] = [row for row in now.content["rows"] if row["environment"] == "test"]
        draft_window.open_row(now, row["key"])
        draft_window.saw(now, source, seen)
        draft_window.apply(ada, now)
    certificates.delete(LOCAL, "acme", if_match="*")
    with pytest.raises(NotFound, match="deleted this certificate meanwhile"):
        drafts.save(ada, draft.pk, deploy=False)
    drafts.rebase(ada, draft.pk)
    made = drafts.save(ada, draft.pk, deploy=False).certificate
    assert (made.name, made.description) == ("acme", "mine")
    assert [(one.environment.name, one.x509_id) for one in made.entries.all()] == [("test", new.sha256)]


@pytest.mark.parametrize(
    "typed",
    [
        [{"source": "paste", "url": "{}/b"}, {"source": "connection"}],
        [{"source": "paste"}, {"source": "connection", "url": "{}/b"}],
    ],
    ids=["with the turn away", "with the turn back"],
)
def test_what_an_address_presented_is_not_shown_under_another_one_that_was_typed_at_a_turn(
    ada: Actor, ca: Ca, settings: Any, typed: list[dict[str, str]]
) -> None:
    settings.TRUSTYARD = replace(settings.TRUSTYARD, fetch_allow=(ip_network("127.0.0.0/8"),))
    draft = drafts.begin(ada, stored(ca.issue("acme")))
    with TlsServer(ca.issue("other", ip=["127.0.0.1"])) as server, drafts.changing(ada, draft.pk) as now:
        source = Connection(server.url)
        draft_window.open_new(now)
        draft_window.keep(now, {"url": server.url})
        draft_window.saw(now, source, sources.look_at(ada, source))
        for fields in typed:
            draft_window.keep(now, {name: text.format(server.url) for name, text in fields.items()})
        window = draft_window.window_of(now)
        assert (window["token"], window["problem"]) == ("", "The address was changed: press Receive.")


def test_a_source_that_is_none_is_not_turned_to(ada: Actor) -> None:
    """However many are named, the draft keeps what three of them showed."""
    with drafts.changing(ada, drafts.begin(ada).pk) as now:
        draft_window.open_new(now)
        for source in ("paste", "a", "b", "file"):
            draft_window.keep(now, {"source": source})
        window = draft_window.window_of(now)
        assert (window["source"], set(window["away"])) == ("file", {"connection", "paste"})


def test_each_other_certificate_of_a_source_comes_along_once_wherever_that_is_taken(ada: Actor, ca: Ca) -> None:
    one, two = ca.issue("one"), ca.issue("two")
    source = Paste("BASE64PEM", (one.cert_pem + two.cert_pem).decode())
    draft, seen = drafts.begin(ada, in_both(ca)), sources.look_at(ada, source)
    for at in (0, 1):
        with drafts.changing(ada, draft.pk) as now:
            draft_window.open_row(now, now.content["rows"][at]["key"])
            draft_window.saw(now, source, seen)
            draft_window.choose(now, one.sha256)
            draft_window.keep(now, {"others": True})
            draft_window.apply(ada, now)
    (other,) = now.content["others"]
    assert (other["sha256"], other["name"]) == (two.sha256, "two")
    drafts.save(ada, draft.pk, deploy=False)
    taken = models.Entry.objects.filter(certificate__name="two").order_by("environment")
    assert list(taken.values_list("environment__name", "x509")) == [("test", two.sha256), ("production", two.sha256)]


def test_one_of_the_others_is_taken_back_alone(ada: Actor) -> None:
    with drafts.changing(ada, drafts.begin(ada).pk) as now:
        now.content["others"] = [{"sha256": "one"}, {"sha256": "two"}]
        drafts.remove_other(now, "one")
        assert now.content["others"] == [{"sha256": "two"}]


def test_others_of_the_same_name_get_names_and_aliases_beside_one_another(ada: Actor, ca: Ca) -> None:
    """D-08, also where their environments overlap."""
    certificates = [read_certificate(ca.issue("same").cert_der) for _ in range(3)]
    models.StoredCertificate.keep_all(certificates)
    one, two, three = (
        {"sha256": certificate.sha256, "kind": "file", "url": "", "chain": [], "name": "same", "environments": places}
        for certificate, places in zip(certificates, (["test"], ["test"], ["test", "production"]), strict=True)
    )
    draft = drafts.begin(ada)
    with drafts.changing(ada, draft.pk) as now:
        row = {"key": "n1", "environment": "test", "alias": "same", "stored": False, "changed": True, "new": True}
        now.content |= {"name": "same", "rows": [{**one, **row}], "others": [two, three]}
    drafts.save(ada, draft.pk, deploy=False)
    found = models.Entry.objects.order_by("pk").values_list("certificate__name", "environment__name", "alias")
    assert list(found) == [
        ("same", "test", "same"),
        ("same 2", "test", "same 2"),
        ("same 3", "test", "same 3"),
        ("same 3", "production", "same 3"),
    ]


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
