"""A deploy of a certificate reaches the environments that it left without one, whatever it was called then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import certificates, drafts, jwks, releases, waiting
from trustyard.actions.actors import of_user
from trustyard.actions.certificates import Definition, EntryGiven, Saved

from .conftest import ADMIN, TEST_OPERATOR, fresh, pem

Add = Callable[..., Saved]
STAYS = [EntryGiven(("production",))]


def leave_test(name: str, new: str | None = None) -> None:
    """Removes the entry in test without a deploy, on request under another name."""
    certificates.update(ADMIN, name, if_match="*", new_name=new, entries=STAYS, replace=True)


def rename(name: str, new: str) -> None:
    certificates.update(ADMIN, name, if_match="*", new_name=new)


def deploy(name: str) -> list[tuple[str, int]]:
    """A save that changes nothing; the environments and the numbers of their newest releases."""
    made = certificates.update(ADMIN, name, if_match="*", deploy=True).releases
    return [(release.environment.name, release.number) for release in made]


def trusted(environment: str) -> list[str]:
    newest = models.Release.objects.filter(environment__name=environment).order_by("-number")[0]
    return [entry.certificate for entry in newest.read().entries]


@pytest.mark.parametrize(
    "steps",
    [("leave", "second", "third"), ("second", "leave", "third"), ("second", "third", "leave"), ("leave as second",)],
    ids=" ".join,
)
def test_a_deploy_takes_it_out_of_the_environment_that_it_left_whatever_it_was_called_then(
    add: Add, steps: Sequence[str]
) -> None:
    """A release bears the names of its time, and so does the audit, by which the environment is found."""
    add("first", "test", "production")
    name = "first"
    for step in steps:
        if step == "leave":
            leave_test(name)
        elif step.startswith("leave as "):
            leave_test(name, name := step.removeprefix("leave as "))
        else:
            rename(name, name := step)
    assert trusted("test") == ["first"]
    assert deploy(name) == [("test", 2), ("production", 2)]
    assert (trusted("test"), trusted("production")) == ([], [name])
    assert deploy(name) == [("production", 2)], "an environment that it left is left alone"


def test_the_release_of_the_environment_itself_takes_it_out_too(add: Add) -> None:
    add("first", "test", "production")
    leave_test("first")
    rename("first", "second")
    assert releases.deploy(ADMIN, "test").release.number == 2
    assert trusted("test") == []
    assert deploy("second") == [("production", 2)]


def test_save_and_deploy_of_it_does_not_count_its_own_removal_among_the_other_changes(add: Add) -> None:
    saved = add("first", "test", "production")
    add("other", "test")
    leave_test("first")
    rename("first", "second")
    ada = of_user(models.User.objects.create(username="ada", role="admin"), "")
    draft = drafts.begin(ada, fresh(saved.certificate))
    assert waiting.besides_draft(ada, draft) == []
    certificates.revoke(ADMIN, "other", "test", reason="lost", deploy=False)
    assert [(one.environment.name, one.count) for one in waiting.besides_draft(ada, draft)] == [("test", 1)]


def test_who_may_not_deploy_to_the_environment_that_it_left_deploys_the_others(add: Add) -> None:
    """D-24."""
    add("first", "test", "production")
    entries = [EntryGiven(("test",))]
    certificates.update(ADMIN, "first", if_match="*", entries=entries, replace=True)
    rename("first", "second")
    made = certificates.update(TEST_OPERATOR, "second", if_match="*", deploy=True).releases
    assert [release.environment.name for release in made] == ["test"]
    assert trusted("production") == ["first"]


def test_an_environment_where_another_has_its_name_of_before_is_nothing_to_it(add: Add) -> None:
    """Else a deploy of it would put in force whatever waits there."""
    add("first", "test", "production")
    leave_test("first")
    rename("first", "second")
    add("first", "test")
    add("waits", "test")
    certificates.revoke(ADMIN, "waits", "test", reason="lost", deploy=False)
    assert deploy("second") == [("production", 2)]
    assert trusted("test") == ["first", "waits"]


@pytest.mark.parametrize("alias", ["first", "another"])
def test_what_it_left_is_taken_out_though_another_of_its_name_waits_there(add: Add, ca: Ca, alias: str) -> None:
    issued = {"first": ca.issue("later"), "another": ca.issue("first")}
    add("first", "test", "production", issued=issued["another"])
    leave_test("first")
    rename("first", "second")
    entry = EntryGiven(("test",), alias, pem(issued[alias]))
    certificates.create(ADMIN, [Definition("first", "", [entry])])
    assert deploy("second") == [("test", 2), ("production", 2)]


def test_what_others_left_is_nothing_to_it(add: Add) -> None:
    add("first", "test", "production")
    leave_test("first")
    deploy("first")
    add("other", "test", "production")
    leave_test("other")
    assert deploy("first") == [("production", 2)]
    rename("first", "second")
    assert deploy("second") == [("production", 3)]


def test_its_deletion_takes_it_out_of_the_environment_that_it_left_too_whatever_it_was_called_then(add: Add) -> None:
    add("first", "test", "production")
    leave_test("first")
    rename("first", "second")
    made = certificates.delete(ADMIN, "second", if_match="*").releases
    assert [(release.environment.name, release.number) for release in made] == [("test", 2), ("production", 2)]
    assert (trusted("test"), trusted("production")) == ([], [])


def test_who_may_not_deploy_to_the_environment_that_it_left_deletes_it_and_leaves_that_alone(add: Add) -> None:
    """D-24, as a deploy of it."""
    saved = add("first", "test", "production")
    certificates.update(ADMIN, "first", if_match="*", entries=[EntryGiven(("test",))], replace=True)
    assert waiting.going(TEST_OPERATOR, fresh(saved.certificate)).left == []
    made = certificates.delete(TEST_OPERATOR, "first", if_match="*").releases
    assert [release.environment.name for release in made] == ["test"]
    assert trusted("production") == ["first"]


def test_its_deletion_makes_no_release_where_it_is_out_by_now_and_none_at_all_without_a_deploy(add: Add) -> None:
    for name in ("kept", "gone"):
        add(name, "test", "production")
    for name in ("kept", "gone"):
        leave_test(name)
    assert certificates.delete(ADMIN, "kept", if_match="*", deploy=False).releases == []
    assert trusted("test") == ["gone", "kept"]
    releases.deploy(ADMIN, "test")
    made = certificates.delete(ADMIN, "gone", if_match="*").releases
    assert [release.environment.name for release in made] == ["production"]


def test_the_dialog_of_its_deletion_counts_what_waits_in_the_environment_that_it_left_and_not_itself(add: Add) -> None:
    saved = add("first", "test", "production")
    add("other", "test")
    leave_test("first")
    rename("first", "second")
    certificates.revoke(ADMIN, "other", "test", reason="lost", deploy=False)
    going = waiting.going(ADMIN, fresh(saved.certificate))
    assert [entry.environment.name for entry in going.entries] == ["production"]
    assert [place.name for place in going.left] == ["test"]
    assert [(one.environment.name, one.count) for one in going.besides] == [("test", 1)]


def test_the_dialogs_ask_the_audit_once(add: Add) -> None:
    saved = add("first", "test", "production")
    leave_test("first")
    ada = of_user(models.User.objects.create(username="ada", role="admin"), "")
    draft = drafts.begin(ada, fresh(saved.certificate))
    for ask in (lambda: waiting.besides_draft(ada, draft), lambda: waiting.going(ada, saved.certificate)):
        with CaptureQueriesContext(connection) as asked:
            ask()
        assert sum('FROM "trustyard_auditevent"' in query["sql"] for query in asked.captured_queries) == 1


def test_a_new_certificate_does_not_answer_for_one_that_had_its_name_before(add: Add, ca: Ca) -> None:
    add("first", "test", "production")
    leave_test("first")
    rename("first", "second")
    given = [EntryGiven(("production",), "another", pem(ca.issue("another")))]
    certificates.create(ADMIN, [Definition("first", "", given)])
    assert deploy("first") == [("production", 2)]
    assert trusted("test") == ["first"]
    assert [place for place, _ in deploy("second")] == ["test", "production"]
    assert trusted("test") == []


def test_what_else_a_change_would_deploy_is_counted_where_it_deploys_and_without_what_is_its_own(add: Add) -> None:
    acme = add("acme", "test", "production").certificate
    entry = EntryGiven(("test", "production"), "other", pem(Ca.new("Other")))
    certificates.create(ADMIN, [Definition("other", "", [entry])])
    for name in ("acme", "other"):
        own = jwks.create(ADMIN, name=name, source=jwks.FromCertificate(name, "test"))
    ada = of_user(models.User.objects.create(username="ada", role="admin"), "")

    def said(**content: object) -> dict[str, int]:
        draft = drafts.begin(ada, fresh(acme))
        rows = {row["environment"]: row for row in draft.content["rows"]}
        rows["test"]["changed"] = content.pop("changed", False)
        draft.content |= content
        return {one.environment.name: one.count for one in waiting.besides_draft(ada, draft)}

    assert said() == {"test": 2, "production": 1}, "a certificate in both, and its JWK in one of them"
    assert said(changed=True) == {"test": 2}
    assert said(name="renamed") == {"test": 2, "production": 1}
    assert said(removed=["production"]) == {"production": 1}
    assert said(others=[{"environments": ["production"]}]) == {"production": 1}
    assert [one.count for one in waiting.besides(acme.entries.filter(environment__name="test"))] == [2]
    assert [one.count for one in waiting.besides_jwk(own.jwk)] == [2], "the certificate, and the other JWK"
    assert [one.count for one in waiting.besides_new_jwk(["test"])] == [3]
    going = waiting.going(ada, fresh(acme))
    assert [(one.environment.name, one.count) for one in going.besides] == [("test", 2), ("production", 1)]
