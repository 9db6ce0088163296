"""Certificates: created whole or not at all, changed under a version, removed with what hangs on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import QuerySet
from pytest_django import DjangoAssertNumQueries

from tests.actions.conftest import ADMIN, OPERATOR, TEST_OPERATOR, VIEWER, fresh, pem
from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import audit, certificates, certificates_read, environments, gateways, releases, sources
from trustyard.actions.actors import Actor
from trustyard.actions.certificates import Definition, EntryGiven, Saved
from trustyard.actions.sources import FileGiven
from trustyard.api.paging import Paging, page
from trustyard.errors import (
    ChoiceNeeded,
    Conflict,
    EnvironmentInUse,
    NotAllowed,
    NotFound,
    Refused,
    StaleVersion,
    TrustyardError,
    VersionMissing,
)

Add = Callable[..., Saved]


def find(sort: str = "name", **filters: Any) -> QuerySet[models.Certificate]:
    return certificates_read.in_order(certificates_read.fitting(ADMIN, **filters).rows, sort)


def entry(saved: Saved, environment: str = "test") -> models.Entry:
    return saved.certificate.entries.get(environment__name=environment)


def test_a_certificate_is_stored_deployed_and_audited_together(add: Add) -> None:
    """S-04, S-07, S-14, S-17, S-41: one alias and certificate for each environment, one release for each."""
    saved = add("partner-acme", "test", "production")
    assert [r.environment.name for r in saved.releases] == ["test", "production"]
    shown = certificates.certificate_json(fresh(saved.certificate))
    assert [(e["environment"], e["alias"], e["in_force"]) for e in shown["entries"]] == [
        ("test", "partner-acme", True),
        ("production", "partner-acme", True),
    ]
    actions = [event.action for event in audit.find(ADMIN)]
    assert actions[:3] == ["release.deploy", "release.deploy", "certificate.create"]
    assert audit.verify().ok


def test_the_answer_to_a_new_certificate_needs_no_further_query(
    ca: Ca, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """What is around it is asked in its own transaction, and says the same as a look afterwards."""
    source = pem(ca.issue("double"))
    first = [Definition("first", "", [EntryGiven(("test",), "first", source)])]
    certificates.create(ADMIN, first, deploy=True)
    second = [Definition("second", "", [EntryGiven(("test", "production"), "second", source)])]
    saved = certificates.create(ADMIN, second, deploy=True)
    assert saved.around is not None
    around = saved.around()
    asked = certificates.certificate_json(fresh(saved.certificate))  # what its releases hold is remembered from here on
    with django_assert_num_queries(0):
        shown = certificates.certificate_json(saved.certificate, around)
    assert shown == asked
    assert [e["in_force"] for e in shown["entries"]] == [True, True]
    assert ["duplicate" in {one["code"] for one in e["findings"]} for e in shown["entries"]] == [True, False]


def test_without_deploy_it_waits_and_no_environment_is_touched(ca: Ca) -> None:
    """D-26, D-21: saved, in no release yet."""
    saved = certificates.create(
        ADMIN, [Definition("quiet", "", [EntryGiven(("test",), "quiet", pem(ca.issue("quiet")))])]
    )
    assert saved.releases == []
    assert not models.Release.objects.exists()
    assert certificates.certificate_json(saved.certificate)["entries"][0]["in_force"] is False


@pytest.mark.parametrize(
    ("name", "places", "alias", "code"),
    [
        ("", ("test",), "a", "bad-name"),
        (" padded", ("test",), "a", "bad-name"),
        ("..", ("test",), "a", "bad-name"),
        ("ok", ("nowhere",), "a", "unknown-environment"),
        ("ok", ("test", "test"), "a", "environment-twice"),
        ("ok", ("test",), "", "bad-name"),
        ("ok", ("test",), "root-0123456789abcdef", "bad-alias"),
        ("ok", ("test",), None, "entry-incomplete"),
    ],
)
def test_what_is_incomplete_or_unknown_is_refused_and_nothing_is_stored(
    ca: Ca, name: str, places: tuple[str, ...], alias: str | None, code: str
) -> None:
    """S-04, S-08, S-17, D-01, D-09, D-10."""
    given = [EntryGiven(places, alias, pem(ca.issue("x")))]
    with pytest.raises(Refused) as caught:
        certificates.create(ADMIN, [Definition(name, "", given)], deploy=True)
    assert caught.value.code == code
    assert caught.value.fields, "the field at fault is named"
    assert not models.Certificate.objects.exists()
    assert not models.Release.objects.exists()


def test_of_two_faults_every_database_names_the_same(add: Add, ca: Ca) -> None:
    """SQLite says at once that a name or an alias is taken, PostgreSQL at the end of what travels together."""
    add("first", "test")
    add("second", "production")
    environments.create(ADMIN, name="late")
    taken = EntryGiven(("test",), "FIRST", pem(ca.issue("x")))
    incomplete = EntryGiven(("production",), "lonely")
    for name in ("first", "third"):
        with pytest.raises(Refused) as caught:
            certificates.create(ADMIN, [Definition(name, "", [taken, incomplete])])
        assert caught.value.code == "entry-incomplete"
    with pytest.raises(Refused) as caught:
        certificates.update(ADMIN, "second", if_match="*", entries=[taken, incomplete, EntryGiven(("late",), "late")])
    assert caught.value.code == "entry-incomplete"
    assert caught.value.sentence == "A new entry in late needs a source."


def test_no_entry_is_refused() -> None:
    """S-17."""
    with pytest.raises(Refused, match="at least one entry"):
        certificates.create(ADMIN, [Definition("empty")])


def test_an_unknown_environment_is_named_in_the_message(ca: Ca) -> None:
    """S-08."""
    with pytest.raises(Refused, match="staging"):
        certificates.create(ADMIN, [Definition("x", "", [EntryGiven(("staging",), "x", pem(ca.issue("x")))])])


def test_an_alias_is_taken_whatever_its_case_and_a_name_too(add: Add) -> None:
    """I-12, D-09, D-10: `CA1` and `ca1` are one alias of an environment, but two environments may each have it."""
    add("first", alias="CA1")
    with pytest.raises(Conflict) as caught:
        add("second", alias="ca1")
    assert caught.value.code == "alias-taken"
    assert "first" in caught.value.sentence
    assert not models.Certificate.objects.filter(name="second").exists()
    with pytest.raises(Conflict):
        add("FIRST", alias="other")
    add("third", "production", alias="ca1")


def test_several_certificates_of_which_none_is_clear_need_a_choice(ca: Ca) -> None:
    """I-10, D-08: the list comes with the refusal, and `choose` decides."""
    one, two = ca.issue("one"), ca.issue("two")
    bundle = sources.FileGiven("b.pem", one.cert_pem + two.cert_pem)
    with pytest.raises(ChoiceNeeded) as caught:
        certificates.create(ADMIN, [Definition("b", "", [EntryGiven(("test",), "b", bundle)])])
    assert {c["sha256"] for c in caught.value.extra["certificates"]} == {one.sha256, two.sha256}
    saved = certificates.create(ADMIN, [Definition("b", "", [EntryGiven(("test",), "b", bundle, two.sha256)])])
    assert entry(saved).x509_id == two.sha256
    chain = sources.FileGiven("c.pem", ca.cert_pem + one.cert_pem)
    saved = certificates.create(ADMIN, [Definition("c", "", [EntryGiven(("test",), "c", chain)])])
    assert entry(saved).x509_id == one.sha256, "the one end-entity certificate is meant"


def test_others_of_a_source_become_certificates_of_their_own_in_one_transaction(ca: Ca) -> None:
    """D-08, *Add the others too*: all or none."""
    one, two = ca.issue("one"), ca.issue("two")
    definitions = [
        Definition("one", "", [EntryGiven(("test",), "one", pem(one))]),
        Definition("two", "", [EntryGiven(("test",), "ONE", pem(two))]),
    ]
    with pytest.raises(Conflict):
        certificates.create(ADMIN, definitions)
    assert not models.Certificate.objects.exists()


def test_others_that_come_with_a_change_are_deployed_with_it_and_a_fault_says_in_which(add: Add, ca: Ca) -> None:
    """D-08: their environments are touched by the change too."""
    add("main")
    other = Definition("other", "", [EntryGiven(("production",), "other", pem(ca.issue("other")))])
    bad = Definition("bad", "", [EntryGiven(("nowhere",), "bad", pem(ca.issue("bad")))])
    with pytest.raises(Refused) as caught:
        certificates.update(ADMIN, "main", if_match="*", also=[other, bad])
    assert [error.field for error in caught.value.fields] == ["others.1.entries.0.environment"]
    made = certificates.update(ADMIN, "main", if_match="*", also=[other], deploy=True)
    assert [(release.environment.name, release.number) for release in made.releases] == [("production", 1)]
    assert [one.name for one in made.certificates] == ["main", "other"]


def test_what_was_seen_is_what_is_saved_for_its_own_user_alone(ca: Ca) -> None:
    """I-02: the token of an inspection; nobody else's, and it stores no certificate."""
    issued = ca.issue("seen")
    seen = sources.look_at(ADMIN, pem(issued))
    assert not models.StoredCertificate.objects.exists()
    given = [EntryGiven(("test",), "seen", sources.Inspected(seen.token))]
    with pytest.raises(Refused) as caught:
        certificates.create(OPERATOR, [Definition("seen", "", given)])
    assert caught.value.code == "inspection-unknown"
    saved = certificates.create(ADMIN, [Definition("seen", "", given)])
    assert entry(saved).x509_id == issued.sha256
    assert entry(saved).source_kind == "file"


def test_a_private_key_in_the_file_is_never_kept(ca: Ca) -> None:
    """I-09, D-07."""
    issued = ca.issue("leaky")
    seen = sources.look_at(ADMIN, sources.FileGiven("leaky.pem", issued.cert_pem + issued.key_pem))
    assert [n.code for n in seen.notices] == ["private-key-dropped"]
    row = models.Inspection.objects.get()
    assert "PRIVATE" not in str(vars(row))
    with pytest.raises(Refused, match="private key"):
        sources.look_at(ADMIN, sources.FileGiven("k.pem", issued.key_pem))


def test_a_change_needs_the_version_that_was_read(add: Add) -> None:
    """D-05: `If-Match` is judged first, even before what is given."""
    certificate = add("versioned").certificate
    with pytest.raises(VersionMissing):
        certificates.update(ADMIN, "versioned", if_match=None, new_name="..")
    before = certificate.etag
    certificates.update(ADMIN, "versioned", if_match=before, description="new")
    with pytest.raises(StaleVersion):
        certificates.update(ADMIN, "versioned", if_match=before, new_name="..")
    assert fresh(certificate).description == "new"


def test_patch_keeps_what_is_not_given_and_replace_removes_it(add: Add, ca: Ca) -> None:
    """S-20, S-21: entries are matched by environment."""
    saved = add("two-places", "test", "production")
    old = entry(saved, "production").x509_id
    new = ca.issue("renewed")
    given = [EntryGiven(("test",), None, pem(new))]
    certificates.update(ADMIN, "two-places", if_match=saved.certificate.etag, entries=given, deploy=True)
    assert entry(saved).x509_id == new.sha256
    assert entry(saved).alias == "two-places"
    assert entry(saved, "production").x509_id == old, "I-03: the other environment is not touched"
    etag = fresh(saved.certificate).etag
    made = certificates.update(
        ADMIN, "two-places", if_match=etag, entries=[EntryGiven(("test",))], replace=True, deploy=True
    )
    assert [r.environment.name for r in made.releases] == ["production"]
    assert list(saved.certificate.entries.values_list("environment__name", flat=True)) == ["test"]


def test_a_new_name_is_deployed_wherever_the_certificate_is_or_was_until_now(add: Add) -> None:
    add("old", "test", "production")
    stays = [EntryGiven(("test",))]
    made = certificates.update(
        ADMIN, "old", if_match="*", new_name="new", entries=stays, replace=True, deploy=True
    ).releases
    assert [[line["certificate"] for line in release.content["entries"]] for release in made] == [["new"], []]
    event = audit.find(ADMIN, action="certificate.update").get()
    assert [(said or {})["name"] for said in (event.before, event.after)] == ["old", "new"]


def test_a_save_without_a_change_makes_no_version_no_event_and_no_release(add: Add) -> None:
    """Twice is once: what is in force already is answered as it is."""
    saved = add("same")
    events = models.AuditEvent.objects.count()
    again = certificates.update(ADMIN, "same", if_match=saved.certificate.etag, description="", deploy=True)
    assert again.releases == saved.releases
    assert certificates.update(ADMIN, "same", if_match=saved.certificate.etag, description="").releases == []
    assert fresh(saved.certificate).version == saved.certificate.version
    assert models.AuditEvent.objects.count() == events


def test_other_certificates_beside_the_same_one_are_a_change(add: Add, ca: Ca) -> None:
    """The chain of an entry is of what its source held: it is stored, so its version is another."""
    issued = ca.issue("leaf")
    certificate = add("chained", issued=issued).certificate
    with_issuer = EntryGiven(("test",), None, FileGiven("chain.pem", issued.cert_pem + ca.cert_pem))
    for etag, version in ((certificate.etag, 2), ("*", 2)):
        saved = certificates.update(ADMIN, "chained", if_match=etag, entries=[with_issuer], deploy=True)
        assert fresh(certificate).version == version
        assert saved.releases[0].number == 1, "releases hold no chains"
    assert entry(saved).chain == [issued.sha256, ca.sha256]
    event = audit.find(ADMIN, action="certificate.update").get()
    assert (event.before or {})["entries"]["test"] != (event.after or {})["entries"]["test"]


def save_later(name: str, ca: Ca, change: str) -> None:
    """A change of the entry in test that is saved and not deployed."""
    if change == "revoke":
        certificates.revoke(ADMIN, name, "test", reason="lost", deploy=False)
    elif change == "remove":
        stays = EntryGiven(("production",))
        certificates.update(ADMIN, name, if_match="*", entries=[stays], replace=True)
    else:
        renewed = EntryGiven(("test",), None, pem(ca.issue("renewed")))
        certificates.update(ADMIN, name, if_match="*", entries=[renewed])


@pytest.mark.parametrize("change", ["revoke", "remove", "renew"])
def test_a_deploy_without_a_change_puts_in_force_what_was_saved_before(add: Add, ca: Ca, change: str) -> None:
    """D-21, D-26: a release is made where something waits, and elsewhere the newest is answered as it is."""
    old = add("later", "test", "production")
    save_later("later", ca, change)
    made = certificates.update(ADMIN, "later", if_match="*", description="words", deploy=True).releases
    assert [(release.environment.name, release.number) for release in made] == [("test", 2), ("production", 1)]
    assert entry(old, "production").x509_id not in str(made[0].content)
    assert bool(made[0].content["entries"]) is (change == "renew")
    again = certificates.update(ADMIN, "later", if_match="*", deploy=True).releases
    assert again == (made[1:] if change == "remove" else made), "an environment that it left is left alone"


def test_a_certificate_that_waits_is_deployed_by_a_save_that_changes_nothing(ca: Ca) -> None:
    definition = Definition("waits", "", [EntryGiven(("test", "production"), "waits", pem(ca.issue("waits")))])
    certificates.create(ADMIN, [definition])
    entries = [EntryGiven(("test",), "waits"), EntryGiven(("production",))]
    made = certificates.update(ADMIN, "waits", if_match="*", entries=entries, replace=True, deploy=True).releases
    assert [(release.environment.name, release.number) for release in made] == [("test", 1), ("production", 1)]


def test_a_deploy_without_a_change_leaves_the_environments_of_others_alone(add: Add, ca: Ca) -> None:
    """D-24."""
    add("later", "test", "production")
    save_later("later", ca, "renew")
    certificates.revoke(ADMIN, "later", "production", reason="lost", deploy=False)
    made = certificates.update(TEST_OPERATOR, "later", if_match="*", deploy=True).releases
    assert [(release.environment.name, release.number) for release in made] == [("test", 2)]
    elsewhere = Actor("sam", "operator", frozenset({"staging"}))
    for actor, description in ((TEST_OPERATOR, "words"), (elsewhere, None), (VIEWER, None)):
        with pytest.raises(NotAllowed):
            certificates.update(actor, "later", if_match="*", description=description, deploy=True)
    assert models.Release.objects.filter(environment__name="production").count() == 1


def test_a_save_without_deploy_does_not_ask_what_waits(
    add: Add, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    add("quick")
    with django_assert_max_num_queries(12):
        certificates.update(ADMIN, "quick", if_match="*", description="words")


def test_revoke_takes_it_out_at_once_and_restore_brings_it_back(add: Add) -> None:
    """S-19, D-13, I-11: marked with reason, moment and person; out of the next release; undone by restore."""
    saved = add("revocable")
    with pytest.raises(Refused, match="reason"):
        certificates.revoke(ADMIN, "revocable", "test", reason="  ")
    gone = certificates.revoke(ADMIN, "revocable", "test", reason="key lost")
    assert gone.releases[0].content["entries"] == []
    assert gone.releases[0].left_out == [
        {"certificate": "revocable", "alias": "revocable", "reason": "Revoked in Trustyard."}
    ]
    shown = certificates.certificate_json(fresh(saved.certificate))["entries"][0]
    assert (shown["status"], shown["revoked"]["by"], shown["revoked"]["reason"]) == ("revoked", "ada", "key lost")
    back = certificates.restore(ADMIN, "revocable", "test")
    assert [e["alias"] for e in back.releases[0].content["entries"]] == ["revocable"]
    events = models.AuditEvent.objects.filter(object_kind="certificate").order_by("pk")
    said = [(one.action, moment_of(one.before), moment_of(one.after)) for one in events[1:]]
    at = shown["revoked"]["at"]
    assert said == [("certificate.revoke", None, at), ("certificate.restore", at, None)]


def moment_of(said: dict[str, Any] | None) -> object:
    """When the entry in test was revoked, as one side of an audit event says it."""
    return (said or {})["entries"]["test"]["revoked_at"]


def test_a_new_certificate_in_a_revoked_entry_clears_the_revocation(add: Add, ca: Ca) -> None:
    """S-19, D-13."""
    issued = ca.issue("renewable")
    saved = add("renewable", issued=issued)
    certificates.revoke(ADMIN, "renewable", "test", reason="lost")
    same = [EntryGiven(("test",), None, pem(issued))]
    certificates.update(ADMIN, "renewable", if_match="*", entries=same)
    assert entry(saved).revoked, "the same certificate once more is no new one"
    given = [EntryGiven(("test",), None, pem(ca.issue("renewable")))]
    certificates.update(ADMIN, "renewable", if_match=fresh(saved.certificate).etag, entries=given)
    assert not entry(saved).revoked


def test_a_deleted_certificate_is_gone_from_store_and_environments(add: Add) -> None:
    """S-36: without JWKs the deletion goes straight through and makes a release for every environment."""
    saved = add("leaving", "test", "production")
    with pytest.raises(VersionMissing):
        certificates.delete(ADMIN, "leaving", if_match=None)
    gone = certificates.delete(ADMIN, "leaving", if_match=saved.certificate.etag)
    assert [r.content["entries"] for r in gone.releases] == [[], []]
    with pytest.raises(NotFound):
        certificates.get(ADMIN, "leaving")


def test_who_only_looks_may_change_nothing(add: Add, ca: Ca) -> None:
    """D-24."""
    saved = add("guarded")
    etag = saved.certificate.etag
    given = [EntryGiven(("test",), "v", pem(ca.issue("v")))]
    for attempt in (
        lambda: certificates.create(VIEWER, [Definition("v", "", given)]),
        lambda: certificates.update(VIEWER, "guarded", if_match=etag, description="x"),
        lambda: certificates.delete(VIEWER, "guarded", if_match=etag),
        lambda: certificates.revoke(VIEWER, "guarded", "test", reason="x"),
        lambda: sources.look_at(VIEWER, pem(ca.issue("v"))),
        lambda: releases.deploy(VIEWER, "test"),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert certificates.get(VIEWER, "guarded") == saved.certificate


def test_an_operator_of_one_environment_stays_inside_it(add: Add, ca: Ca) -> None:
    """D-24: entries of its own only; name, description and deletion need all environments of the certificate."""
    saved = add("shared", "test", "production")
    new = pem(ca.issue("new"))
    certificates.update(
        TEST_OPERATOR,
        "shared",
        if_match=saved.certificate.etag,
        entries=[EntryGiven(("test",), None, new)],
        deploy=True,
    )
    etag = fresh(saved.certificate).etag
    stays = [EntryGiven(("test",), "mine"), EntryGiven(("production",))]
    certificates.update(TEST_OPERATOR, "shared", if_match=etag, entries=stays, replace=True)
    etag = fresh(saved.certificate).etag
    refused: list[Callable[[], object]] = [
        lambda: certificates.update(TEST_OPERATOR, "shared", if_match=etag, entries=[EntryGiven(("production",), "y")]),
        lambda: certificates.update(TEST_OPERATOR, "shared", if_match=etag, description="mine"),
        lambda: certificates.update(
            TEST_OPERATOR, "shared", if_match=etag, entries=[EntryGiven(("test",))], replace=True
        ),
        lambda: certificates.delete(TEST_OPERATOR, "shared", if_match=etag),
        lambda: certificates.revoke(TEST_OPERATOR, "shared", "production", reason="x"),
        lambda: certificates.revoke(TEST_OPERATOR, "shared", "production", reason="x", deploy=False),
        lambda: certificates.restore(TEST_OPERATOR, "shared", "production", deploy=False),
        lambda: releases.deploy(TEST_OPERATOR, "production"),
        lambda: environments.update(TEST_OPERATOR, "test", if_match="*", description="x"),
    ]
    for attempt in refused:
        with pytest.raises(NotAllowed):
            attempt()


def test_the_list_finds_by_every_field_and_filters_by_state(add: Add, ca: Ca) -> None:
    """S-04, S-05, I-11, D-12."""
    issued = ca.issue("Ünver Şirketi", dns=["ldap.bank.test"])
    add("bank", issued=issued, alias="Bank-Alias")
    add("other", issued=ca.issue("brief", days=10))
    add("old", issued=ca.issue("old", days=1 / 48))
    for text in ("BANK", "bank-alias", "ünver", "ldap.bank", issued.sha256, issued.sha256[:12]):
        assert [c.name for c in find(q=text)] == ["bank"], text
    assert find(q="actions test ca").count() == 3, "by their issuer"
    given = EntryGiven(("test",), "x", pem(issued))
    certificates.create(ADMIN, [Definition("Würzburg", "On the Main", [given])])
    for text in ("würz", "ON THE MAIN"):
        assert [c.name for c in find(q=text)] == ["Würzburg"], text
    certificates.update(ADMIN, "Würzburg", if_match="*", description="On a river")
    assert ([c.name for c in find(q="river")], list(find(q="main"))) == (["Würzburg"], [])
    certificates.delete(ADMIN, "Würzburg", if_match="*")
    assert [c.name for c in find(expires_within=12)] == ["other"]
    assert [c.name for c in find(status="expired")] == ["old"]
    assert next(iter(find(sort="-valid_until"))).name == "bank"
    with pytest.raises(Refused):
        find(status="fine")


@pytest.mark.parametrize("sort", certificates_read.SORTS)
def test_each_certificate_stands_once_in_each_order_by_the_end_that_comes_first(add: Add, ca: Ca, sort: str) -> None:
    short, long = ca.issue("short", days=20), ca.issue("long", days=300)
    add("same in both", "test", "production", issued=long)
    add("other", issued=ca.issue("other", days=100))
    differs = add("differs", issued=long, alias="differs").certificate
    later = EntryGiven(("production",), "differs", pem(short))
    certificates.update(ADMIN, differs.name, if_match="*", entries=[later])
    expected = {
        "name": ["differs", "other", "same in both"],
        "valid_until": ["differs", "other", "same in both"],
        "changed": ["same in both", "other", "differs"],
    }[sort.lstrip("-")]
    expected = expected[::-1] if sort.startswith("-") else expected
    assert [c.name for c in find(sort)] == expected
    within = [c.name for c in find(sort, environment="production")]
    assert within == [name for name in expected if name != "other"]
    paged = page("/certificates", find(sort), Paging(limit=2), lambda row: row.name)
    rest = page("/certificates", find(sort), Paging(limit=2, cursor=paged["next"]), lambda row: row.name)
    assert [*paged["items"], *rest["items"]] == expected
    assert (paged["total"], rest["next"]) == (3, None)


def test_names_of_any_script_are_kept_as_typed(add: Add) -> None:
    """I-15."""
    add("Şirket ğüvenlik İ/ı", alias="takma ad ş")
    row = certificates.get(ADMIN, "Şirket ğüvenlik İ/ı")
    for text in ("ŞİRKET", "şirket", "GÜVENLİK", "güvenlik"):
        assert find(q=text.replace("G", "Ğ").replace("g", "ğ")).get() == row
    assert row.name == "Şirket ğüvenlik İ/ı"


def test_an_environment_in_use_is_not_removed_and_says_by_what(add: Add) -> None:
    add("holder")
    for number in range(22):
        gateways.create(ADMIN, "test", name=f"edge-{number:02}", kind="envoy")
    with pytest.raises(
        EnvironmentInUse, match=r"by the certificate holder, .*, the gateway edge-19, 2 more gateways\.$"
    ):
        environments.delete(ADMIN, "test", if_match="*")
    environments.delete(ADMIN, "production", if_match="*")
    with pytest.raises(TrustyardError):
        environments.get(ADMIN, "production")
