"""Promote: from one environment into another, aliases kept, asked about JWKs, all of it or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.actions.conftest import ADMIN, OPERATOR, TEST_OPERATOR, VIEWER, pem
from tests.live.anchors import root
from tests.tls_servers import Ca, Issued
from trustyard import models
from trustyard.actions import (
    audit,
    certificates,
    differences,
    entries,
    environments,
    jwks,
    promotion,
    releases,
    restoring,
)
from trustyard.actions.certificates import Definition, EntryGiven, JwkAnswer, Saved
from trustyard.actions.sources import FileGiven
from trustyard.errors import Conflict, JwkConnection, Moved, NotAllowed, Refused, Restored

Add = Callable[..., Saved]


def held(place: str) -> dict[str, tuple[str, str]]:
    """Alias to definition and certificate of what is saved there."""
    rows = models.Entry.objects.filter(environment__name=place).values_list("alias", "certificate__name", "x509_id")
    return {alias: (name, sha256) for alias, name, sha256 in rows}


def renewed_in_test(ca: Ca, name: str, issued: Issued | None = None) -> str:
    """Gives this certificate a new one in test; its SHA-256."""
    issued = issued or ca.issue(name)
    given = [EntryGiven(("test",), None, pem(issued))]
    certificates.update(ADMIN, name, if_match="*", entries=given)
    return issued.sha256


def test_entries_go_over_with_their_aliases_and_what_is_there_gets_the_new_certificate(add: Add, ca: Ca) -> None:
    add("new", alias="new-alias")
    add("old", "test", "production")
    sha256 = renewed_in_test(ca, "old")
    add("elsewhere", "production")
    done = promotion.promote(OPERATOR, "production", source="test", deploy=True)
    assert [(step.name, step.change) for step in done.steps] == [("new", "add"), ("old", "replace")]
    assert held("production") == {**held("test"), "elsewhere": held("production")["elsewhere"]}
    assert held("production")["old"] == ("old", sha256)
    assert [entry["alias"] for entry in done.releases[0].content["entries"]] == ["elsewhere", "new-alias", "old"]
    events = models.AuditEvent.objects.order_by("-pk").values_list("action", "object_kind", "object_name")[:4]
    assert list(events)[::-1] == [
        ("certificate.update", "certificate", "new"),
        ("certificate.update", "certificate", "old"),
        ("environment.promote", "environment", "production"),
        ("release.deploy", "release", "production/3"),
    ]


def test_it_goes_the_other_way_too(add: Add, ca: Ca) -> None:
    add("acme", "test", "production")
    certificates.update(ADMIN, "acme", if_match="*", entries=[EntryGiven(("production",), None, pem(ca.issue("acme")))])
    promotion.promote(ADMIN, "test", source="production")
    assert held("test") == held("production")


def test_the_target_keeps_the_alias_that_its_gateways_know(add: Add, ca: Ca) -> None:
    add("acme", "test", "production")
    given = [EntryGiven(("test",), "acme-new", pem(ca.issue("acme")))]
    certificates.update(ADMIN, "acme", if_match="*", entries=given)
    promotion.promote(ADMIN, "production", source="test")
    assert held("production") == {"acme": held("test")["acme-new"]}


def test_some_names_are_some_certificates_and_unknown_ones_are_refused(add: Add) -> None:
    add("one")
    add("two")
    done = promotion.promote(ADMIN, "production", source="test", names=["ONE"])
    assert list(held("production")) == ["one"]
    assert done.releases == [], "saved, and in force with the next release"
    with pytest.raises(Refused) as refused:
        promotion.promote(ADMIN, "production", source="test", names=["one", "nobody"])
    assert [error.field for error in refused.value.fields] == ["certificates.1"]
    with pytest.raises(Refused, match="itself"):
        promotion.promote(ADMIN, "test", source="test")


def test_a_preview_shows_the_difference_and_writes_nothing(add: Add, ca: Ca) -> None:
    add("acme", "test", "production")
    jwks.create(ADMIN, name="sign", source=jwks.FromCertificate("acme", "production"))
    sha256 = renewed_in_test(ca, "acme")
    add("bank")
    before = (held("production"), models.AuditEvent.objects.count())
    shown = promotion.preview(OPERATOR, "production", source="test").json()
    assert [row["alias"] for row in shown["difference"]["added"]] == ["bank"]
    assert [row["sha256"] for row in shown["difference"]["changed"]] == [sha256]
    assert [jwk["name"] for jwk in shown["jwk_connection"][0]["jwks"]] == ["sign"]
    assert [key["name"] for key in shown["waiting"]["jwks"]["added"]] == ["sign"], "was saved there and waits"
    assert (held("production"), models.AuditEvent.objects.count()) == before


def test_every_alias_that_is_taken_is_named_and_nothing_goes_over(add: Add) -> None:
    for name in ("one", "two", "free"):
        add(name)
    add("other one", "production", alias="ONE")
    add("other two", "production", alias="two")
    before = held("production")
    with pytest.raises(Conflict) as refused:
        promotion.promote(ADMIN, "production", source="test")
    assert refused.value.code == "alias-taken"
    assert [error.field for error in refused.value.fields] == ["certificates.one", "certificates.two"]
    assert held("production") == before


@pytest.mark.parametrize(("count", "rest"), [(6, ""), (9, " So are 4 others.")])
def test_of_many_aliases_that_are_taken_the_sentence_names_the_first_and_the_fields_all(
    add: Add, count: int, rest: str
) -> None:
    for number in range(count):
        add(f"ours {number}", alias=f"a{number}")
        add(f"theirs {number}", "production", alias=f"a{number}")
    with pytest.raises(Conflict) as refused:
        promotion.promote(ADMIN, "production", source="test")
    assert len(refused.value.fields) == count
    assert refused.value.detail.partition(" by the certificate theirs 4.")[2].partition(" Nothing was")[0] == (
        rest or " The alias a5 is taken in production by the certificate theirs 5."
    )


def test_jwks_of_what_changes_in_the_target_need_an_answer_for_each_certificate(add: Add, ca: Ca) -> None:
    """D-02, D-14."""
    for name in ("acme", "bank"):
        add(name, "test", "production")
        jwks.create(ADMIN, name=f"{name}-jwk", source=jwks.FromCertificate(name, "production"), deploy=True)
    jwks.create(ADMIN, name="of-test", source=jwks.FromCertificate("acme", "test"))
    renewed = {name: renewed_in_test(ca, name) for name in ("bank",)}
    certificates.update(
        ADMIN, "acme", if_match="*", entries=[EntryGiven(("test",), None, pem(ca.issue("acme")))],
        answer=JwkAnswer("disconnect", {}, "acme"),
    )  # fmt: skip
    before = held("production")
    with CaptureQueriesContext(connection) as looked:
        shown = promotion.preview(ADMIN, "production", source="test")
    assert [one["certificate"] for one in shown.questions] == ["acme", "bank"]
    assert [query["sql"] for query in looked.captured_queries if "FOR NO KEY UPDATE" in query["sql"]] == []
    with pytest.raises(JwkConnection) as asked:
        promotion.promote(ADMIN, "production", source="test")
    questions = {one["certificate"]: [jwk["name"] for jwk in one["jwks"]] for one in asked.value.extra["certificates"]}
    assert questions == {"acme": ["acme-jwk"], "bank": ["bank-jwk"]}
    assert asked.value.sentence == "2 certificates are used in 2 JWK(s). What would you like to do?"
    assert (asked.value.extra["options"], asked.value.extra["moved"]) == (["update", "disconnect"], False)
    assert [jwk["name"] for jwk in asked.value.extra["jwks"]] == ["acme-jwk", "bank-jwk"]
    older = {"acme": JwkAnswer("update", {}, "acme", "an older version"), "bank": JwkAnswer("disconnect", {}, "bank")}
    with pytest.raises(JwkConnection) as moved:
        promotion.promote(ADMIN, "production", source="test", answers=older)
    assert moved.value.extra["moved"], "what is said of one of them is of another time"
    assert [one["certificate"] for one in moved.value.extra["certificates"]] == ["acme"]
    with pytest.raises(JwkConnection) as half:
        promotion.promote(ADMIN, "production", source="test", answers={"acme": JwkAnswer("update", {}, "acme")})
    assert [one["certificate"] for one in half.value.extra["certificates"]] == ["bank"]
    assert half.value.sentence == "This Certificate is used in 1 JWK(s). What would you like to do?"
    assert held("production") == before
    with pytest.raises(Refused) as wrong:
        promotion.promote(ADMIN, "production", source="test", answers={"acme": JwkAnswer("update", {}, "ACME")})
    assert [error.field for error in wrong.value.fields] == ["jwk_connection.acme.confirm"]
    answers = {"acme": JwkAnswer("update", {}, "acme"), "bank": JwkAnswer("disconnect", {}, "bank")}
    done = promotion.promote(ADMIN, "production", source="test", answers=answers, deploy=True)
    assert {change.name: change.change for change in done.jwks} == {"acme-jwk": "updated", "bank-jwk": "disconnected"}
    assert held("production")["bank"][1] == renewed["bank"]
    assert models.Jwk.objects.get(name="bank-jwk").entry is None


def test_a_preview_lists_by_name_and_is_another_once_a_certificate_was_changed(add: Add) -> None:
    for name in ("b", "C", "a"):
        add(name)
    shown = promotion.preview(ADMIN, "production", source="test")
    assert [step.name for step in shown.steps] == ["a", "b", "C"]
    certificates.update(ADMIN, "a", if_match="*", description="words")
    with pytest.raises(Moved):
        promotion.promote(ADMIN, "production", source="test", version=shown.version)
    assert held("production") == {}


def test_what_a_release_would_leave_out_is_not_taken_and_named(add: Add, ca: Ca) -> None:
    """D-19: an expired certificate of test must not take the place of a valid one in production."""
    add("expired", "test", "production")
    good = held("production")["expired"]
    sha256 = renewed_in_test(ca, "expired")
    models.StoredCertificate.objects.filter(pk=sha256).update(not_after=timezone.now() - timedelta(days=1))
    add("revoked")
    certificates.revoke(ADMIN, "revoked", "test", reason="stolen")
    add("revoked there", "test", "production")
    certificates.revoke(ADMIN, "revoked there", "production", reason="stolen")
    done = promotion.promote(ADMIN, "production", source="test")
    assert done.steps == []
    assert {row.certificate for row in done.left_behind} == {"expired", "revoked", "revoked there"}
    assert all(row.reason for row in done.left_behind)
    assert held("production")["expired"] == good
    assert models.Entry.objects.get(environment__name="production", alias="revoked there").revoked
    assert not models.AuditEvent.objects.filter(action="environment.promote").exists()


def test_what_a_policy_leaves_out_is_not_taken_from_there_and_named_where_it_goes() -> None:
    for name, place in (("short", "test"), ("of production alone", "production")):
        short = FileGiven("short.pem", root(name, rsa.generate_private_key(65537, 1024)).pem.encode())
        certificates.create(ADMIN, [Definition(name, "", [EntryGiven((place,), name, short)])])
    environments.update(ADMIN, "production", if_match="*", policy={"weak": "leave out"})
    seen = promotion.preview(ADMIN, "production", source="test").json()
    assert [step["certificate"] for step in seen["certificates"]] == ["short"]
    assert seen["difference"]["added"] == []
    (left,) = seen["left_out"]
    assert left["reason"].startswith("The policy of production leaves it out: ")
    environments.update(ADMIN, "test", if_match="*", policy={"weak": "leave out"})
    seen = promotion.preview(ADMIN, "production", source="test").json()
    assert (seen["certificates"], seen["left_out"]) == ([], [])
    (left,) = seen["left_behind"]
    assert left["reason"].startswith("In test: The policy of test leaves it out: ")


def test_what_was_shown_and_is_another_by_now_is_refused(add: Add, ca: Ca) -> None:
    add("acme")
    seen = promotion.preview(ADMIN, "production", source="test")
    renewed_in_test(ca, "acme")
    with pytest.raises(Moved):
        promotion.promote(ADMIN, "production", source="test", version=seen.version)
    seen = promotion.preview(ADMIN, "production", source="test")
    assert promotion.promote(ADMIN, "production", source="test", version=seen.version).steps


def test_promoting_twice_is_once(add: Add) -> None:
    add("acme")
    first = promotion.promote(ADMIN, "production", source="test", deploy=True)
    again = promotion.promote(ADMIN, "production", source="test", deploy=True)
    assert (again.steps, again.releases) == ([], first.releases)


def test_a_restored_target_asks_before_it_is_deployed_over(add: Add) -> None:
    """D-22."""
    add("one", "test", "production")
    add("two", "test", "production")
    add("three")
    restoring.restore(ADMIN, "production", 1)
    with pytest.raises(Restored):
        promotion.promote(ADMIN, "production", source="test", deploy=True)
    assert "three" not in held("production")
    done = promotion.promote(ADMIN, "production", source="test", deploy=True, confirm_restored=True)
    assert len(done.releases[0].content["entries"]) == 3
    assert not releases.deploy(ADMIN, "production").created


def test_who_may_not_write_in_the_target_promotes_nothing(add: Add) -> None:
    """D-24: the source is only read."""
    add("acme")
    for actor in (VIEWER, TEST_OPERATOR):
        with pytest.raises(NotAllowed):
            promotion.promote(actor, "production", source="test")
        with pytest.raises(NotAllowed):
            promotion.preview(actor, "production", source="test")
    add("there", "production")
    assert promotion.promote(TEST_OPERATOR, "test", source="production").steps


def with_jwk(add: Add, *names: str) -> dict[str, JwkAnswer]:
    """Certificates in test and production, with a JWK of production each; the answers that update all of them."""
    for name in names:
        add(name, "test", "production")
        jwks.create(ADMIN, name=f"{name}-jwk", source=jwks.FromCertificate(name, "production"), deploy=True)
    return {name: JwkAnswer("update", {}, name) for name in names}


def test_what_is_shown_is_what_is_done_and_what_the_next_release_then_says(add: Add, ca: Ca) -> None:
    answers = with_jwk(add, "acme", "bank", "disabled", "revoked") | {"bank": JwkAnswer("disconnect", {}, "bank")}
    jwks.update(ADMIN, "disabled-jwk", if_match="*", state="disabled", deploy=True)
    certificates.revoke(ADMIN, "revoked", "production", reason="stolen")
    add("new")
    for name in answers:
        renewed_in_test(ca, name)
    seen = promotion.preview(OPERATOR, "production", source="test", answers=answers)
    done = promotion.promote(
        OPERATOR, "production", source="test", answers=answers, version=seen.version, deploy=True, note="as shown"
    )
    assert seen.json() == done.json()
    assert done.releases[0].note == "as shown"
    assert [row["alias"] for row in seen.json()["difference"]["added"]] == ["new", "revoked"], "trusted again"
    number = done.releases[0].number
    assert differences.compare(ADMIN, "production", number).difference.json() == seen.json()["difference"]
    assert {key["name"] for key in seen.json()["difference"]["jwks"]["added"]} == {"acme-jwk", "revoked-jwk"}
    disabled = models.Jwk.objects.filter(state="disabled").values_list("name", flat=True)
    assert list(disabled) == ["disabled-jwk"], "a person's word stays"


def test_each_certificate_is_changed_and_recorded_as_by_a_save_of_its_own(add: Add, ca: Ca) -> None:
    answers = with_jwk(add, "acme", "bank") | {"bank": JwkAnswer("disconnect", {}, "bank")}
    add("new")
    for name in answers:
        renewed_in_test(ca, name)
    before = entries.fingerprint(models.Entry.objects.get(certificate__name="acme", environment__name="production"))
    add("of production alone", "production")
    versions = dict(models.Certificate.objects.values_list("name", "version"))
    last = models.AuditEvent.objects.latest("pk").pk
    promotion.promote(OPERATOR, "production", source="test", answers=answers)
    assert dict(models.Certificate.objects.values_list("name", "version")) == {
        name: version + (name != "of production alone") for name, version in versions.items()
    }
    events = models.AuditEvent.objects.filter(pk__gt=last).order_by("-pk")
    said = [(event.action, event.object_name) for event in reversed(events)]
    assert said == [
        ("certificate.update", "acme"),
        ("jwk.update", "acme-jwk"),
        ("jwk.disconnect", "bank-jwk"),
        ("certificate.update", "bank"),
        ("certificate.update", "new"),
        ("environment.promote", "production"),
    ]
    assert events[0].after == {"from": "test", "certificates": ["acme", "bank", "new"]}
    for event, old in zip([events[5], events[1]], [before, None], strict=True):
        entry = models.Entry.objects.get(certificate__name=event.object_name, environment__name="production")
        named = {"name": event.object_name, "description": ""}
        assert event.before == {**named, "entries": {"production": old}}
        assert event.after == {**named, "entries": {"production": entries.fingerprint(entry)}}
        of_test = models.Entry.objects.get(certificate__name=event.object_name, environment__name="test")
        assert (entry.chain, entry.x509_id) == (of_test.chain, of_test.x509_id)
    assert audit.verify().ok


def test_two_certificates_may_swap_their_keys_in_one_promotion(add: Add, ca: Ca) -> None:
    """D-23 is about what is stored in the end."""
    one, two = ca.issue("one"), ca.issue("two")
    for name, issued in (("acme", one), ("bank", two)):
        add(name, "test", "production", issued=issued)
        jwks.create(ADMIN, name=f"{name}-jwk", source=jwks.FromCertificate(name, "production"))
    kids = list(models.Jwk.objects.order_by("name").values_list("kid", flat=True))
    renewed_in_test(ca, "acme", two)
    renewed_in_test(ca, "bank", one)
    answers = {name: JwkAnswer("update", {}, name) for name in ("acme", "bank")}
    promotion.promote(ADMIN, "production", source="test", answers=answers)
    assert list(models.Jwk.objects.order_by("-name").values_list("kid", flat=True)) == kids


def test_two_jwks_that_would_get_one_key_are_refused_already_by_the_preview(add: Add, ca: Ca) -> None:
    """D-23."""
    answers, issued, before = with_jwk(add, "acme", "bank"), ca.issue("same"), held("production")
    for name in answers:
        renewed_in_test(ca, name, issued)
    for act in (promotion.preview, promotion.promote):
        with pytest.raises(Conflict) as refused:
            act(ADMIN, "production", source="test", answers=answers)
        assert refused.value.code == "kid-taken"
    assert held("production") == before


def test_a_key_that_would_take_anothers_id_is_refused_already_by_the_preview(add: Add, ca: Ca) -> None:
    """D-04, D-23."""
    answers = with_jwk(add, "acme")
    issued = ca.issue("acme")
    add("other", "production", issued=issued)
    jwks.create(ADMIN, name="other-jwk", source=jwks.FromCertificate("other", "production"))
    renewed_in_test(ca, "acme", issued)
    before = held("production")
    for act in (promotion.preview, promotion.promote):
        with pytest.raises(Refused, match="other-jwk") as refused:
            act(ADMIN, "production", source="test", answers=answers)
        assert refused.value.code == "jwk-does-not-fit"
    assert held("production") == before


def test_queries_do_not_grow_with_the_certificates(add: Add, ca: Ca) -> None:
    def counted(names: list[str]) -> tuple[int, int]:
        answers = with_jwk(add, *names)
        for name in names:
            renewed_in_test(ca, name)
            add(f"{name} is new")
        with CaptureQueriesContext(connection) as shown:
            promotion.preview(ADMIN, "production", source="test", answers=answers)
        with CaptureQueriesContext(connection) as done:
            promotion.promote(ADMIN, "production", source="test", answers=answers)
        return len(shown), len(done)

    # Each makes so many events that PostgreSQL no longer hashes them one by one.
    few = counted([f"few {number}" for number in range(4)])
    assert counted([f"many {number}" for number in range(12)]) == few


@pytest.mark.django_db(transaction=True)
def test_nobody_who_writes_waits_for_a_preview_and_it_shows_one_moment(add: Add, ca: Ca) -> None:
    add("acme")
    before = held("test")["acme"][1]
    writers: list[threading.Thread] = []

    def somebody_writes(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if sql.startswith("SELECT") and not writers:
            writers.append(threading.Thread(target=closing(lambda: renewed_in_test(ca, "acme"))))
            writers[0].start()
            writers[0].join(10)
        return result

    with connection.execute_wrapper(somebody_writes):
        seen = promotion.preview(ADMIN, "production", source="test")
    assert not writers[0].is_alive(), "it saved while the preview was at work"
    assert [step.entry.x509_id for step in seen.steps] == [before]
    assert held("test")["acme"][1] != before
    with pytest.raises(Moved):
        promotion.promote(ADMIN, "production", source="test", version=seen.version)


@pytest.mark.django_db(transaction=True)
def test_a_preview_waits_for_nobody_who_writes(add: Add, ca: Ca) -> None:
    add("acme")
    before = held("test")["acme"][1]
    seen: list[promotion.Promotion] = []
    preview = closing(lambda: seen.append(promotion.preview(ADMIN, "production", source="test")))
    with audit.transaction():
        renewed_in_test(ca, "acme")
        looking = threading.Thread(target=preview)
        looking.start()
        looking.join(10)
        assert [step.entry.x509_id for step in seen[0].steps] == [before], "what is not committed is nobody's business"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_an_alias_that_somebody_takes_at_this_moment_is_named_too(add: Add) -> None:
    add("acme")
    add("quicker")
    others: list[threading.Thread] = []

    def somebody_is_quicker(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "trustyard_entry"') and not others:
            others.append(threading.Thread(target=closing(lambda: add("third", "production", alias="ACME"))))
            others[0].start()
            others[0].join(10)
        return execute(sql, *rest)

    with connection.execute_wrapper(somebody_is_quicker), pytest.raises(Conflict) as refused:
        promotion.promote(ADMIN, "production", source="test")
    assert refused.value.code == "alias-taken"
    assert [error.field for error in refused.value.fields] == ["certificates.acme"]
    assert list(held("production")) == ["ACME"]


def closing(act: Callable[[], object]) -> Callable[[], None]:
    """For a thread of its own, whose connection goes with it."""

    def made() -> None:
        try:
            act()
        finally:
            connection.close()

    return made
