"""Restore: an old release's content in a new one, without what may not come back, and asked about afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.actions.conftest import ADMIN, OPERATOR, TEST_OPERATOR, VIEWER, fresh, pem
from tests.actions.published import published_jwks
from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import certificates, delivery, differences, environments, jwks, releases, restoring, truststores
from trustyard.actions.certificates import Definition, EntryGiven, JwkAnswer, Saved
from trustyard.errors import Moved, NotAllowed, NotFound, Refused, Restored

Add = Callable[..., Saved]


def aliases(release: models.Release) -> list[str]:
    return [entry["alias"] for entry in release.content["entries"]]


def kids(release: models.Release) -> list[str]:
    return [key["jwk"]["kid"] for key in release.content["jwks"]]


def renew(saved: Saved, ca: Ca, *, answer: JwkAnswer | None = None) -> models.Release:
    """Gives the certificate a new X.509 certificate in test, deployed."""
    row = fresh(saved.certificate)
    given = [EntryGiven(("test",), None, pem(ca.issue(row.name)))]
    return certificates.update(ADMIN, row.name, if_match=row.etag, entries=given, answer=answer, deploy=True).releases[
        0
    ]


def test_an_old_content_comes_back_as_a_new_release_and_what_is_saved_waits(add: Add, ca: Ca) -> None:
    """D-22, D-21."""
    first = add("acme").releases[0]
    add("bank")
    done = restoring.restore(OPERATOR, "test", 1, note="bank was too early")
    assert (done.created, done.release.number, done.release.restored_from) == (True, 3, 1)
    assert (done.release.digest, aliases(done.release)) == (first.digest, ["acme"])
    assert delivery.wanted("test").number == 3  # type: ignore[union-attr]
    waiting = {row["alias"]: row["pending"] for row in truststores.rows(ADMIN, "test")}
    assert waiting == {"acme": None, "bank": "added"}
    event = models.AuditEvent.objects.filter(action="release.restore").get()
    assert (event.actor, event.object_name, event.after["restored_from"]) == ("olaf", "test/3", 1)  # type: ignore[index]


def test_restoring_twice_is_once_and_restoring_what_is_in_force_makes_nothing(add: Add) -> None:
    add("acme")
    add("bank")
    first = restoring.restore(ADMIN, "test", 1)
    again = restoring.restore(ADMIN, "test", 1)
    assert (again.created, again.release.pk) == (False, first.release.pk)
    assert not restoring.restore(ADMIN, "test", 3).created
    assert models.Release.objects.filter(environment__name="test").count() == 3


def test_the_next_deploy_lists_what_it_would_change_and_asks_once(add: Add) -> None:
    """D-22."""
    add("acme")
    add("bank")
    restoring.restore(ADMIN, "test", 1)
    with pytest.raises(Restored) as asked:
        releases.deploy(ADMIN, "test")
    (place,) = asked.value.extra["restored"]
    assert (place["environment"], place["release"], place["restored_from"]) == ("test", 3, 1)
    assert [row["alias"] for row in place["added"]] == ["bank"]
    assert (place["removed"], place["changed"]) == ([], [])
    assert releases.latest(environments.get(ADMIN, "test").pk).number == 3  # type: ignore[union-attr]
    assert aliases(releases.deploy(ADMIN, "test", confirm_restored=True).release) == ["acme", "bank"]
    assert not releases.deploy(ADMIN, "test").created, "asked once"


def test_a_deploy_of_just_what_was_restored_asks_nothing_and_makes_nothing(add: Add) -> None:
    add("acme")
    add("bank")
    number = restoring.restore(ADMIN, "test", 1).release.number
    certificates.delete(ADMIN, "bank", if_match="*", deploy=False)
    done = releases.deploy(ADMIN, "test")
    assert (done.release.number, done.created) == (number, False)


def test_a_confirmation_of_another_list_is_asked_again(add: Add, ca: Ca) -> None:
    """Two people at once: what was confirmed is what was listed."""
    add("acme")
    add("bank")
    restoring.restore(ADMIN, "test", 1)
    with pytest.raises(Restored) as asked:
        releases.deploy(ADMIN, "test")
    version = asked.value.extra["version"]
    certificates.create(ADMIN, [Definition("third", "", [EntryGiven(("test",), "third", pem(ca.issue("third")))])])
    with pytest.raises(Restored) as moved:
        releases.deploy(ADMIN, "test", confirm_restored=version)
    assert moved.value.extra["moved"]
    assert [row["alias"] for row in moved.value.extra["restored"][0]["added"]] == ["bank", "third"]
    assert releases.deploy(ADMIN, "test", confirm_restored=moved.value.extra["version"]).created


def test_a_confirmation_does_not_stand_for_what_was_restored_since(add: Add) -> None:
    for name in ("acme", "bank", "third"):
        add(name)
    restoring.restore(ADMIN, "test", 1)
    with pytest.raises(Restored) as asked:
        releases.deploy(ADMIN, "test")
    restoring.restore(ADMIN, "test", 2)
    with pytest.raises(Restored) as moved:
        releases.deploy(ADMIN, "test", confirm_restored=asked.value.extra["version"])
    assert [row["alias"] for row in moved.value.extra["restored"][0]["added"]] == ["third"]


def test_every_write_that_deploys_asks_and_writes_nothing_before_the_answer(add: Add, ca: Ca) -> None:
    saved = add("acme", "test", "production")
    add("bank")
    jwk = jwks.create(ADMIN, name="sign", source=jwks.FromCertificate("acme", "test"), deploy=False).jwk
    restoring.restore(ADMIN, "test", 1)
    before = list(models.AuditEvent.objects.values_list("hash", flat=True))
    new = [Definition("new", "", [EntryGiven(("test", "production"), "new", pem(ca.issue("new")))])]
    entry = [EntryGiven(("production",), None, pem(ca.issue("acme")))]
    etag = fresh(saved.certificate).etag
    for write in (
        lambda: certificates.create(ADMIN, new, deploy=True),
        lambda: certificates.delete(ADMIN, "bank", if_match="*"),
        lambda: certificates.revoke(ADMIN, "bank", "test", reason="gone"),
        lambda: jwks.update(ADMIN, "sign", if_match=jwk.etag, description="x", deploy=True),
        lambda: jwks.delete(ADMIN, "sign", if_match="*"),
    ):
        with pytest.raises(Restored, match="release 1"):
            write()
    assert list(models.AuditEvent.objects.values_list("hash", flat=True)) == before
    other = certificates.update(ADMIN, "acme", if_match=etag, entries=entry, deploy=True)
    assert [row.environment.name for row in other.releases] == ["production"], "only the restored environment asks"
    done = certificates.revoke(ADMIN, "bank", "test", reason="gone", confirm_restored=True)
    assert aliases(done.releases[0]) == ["acme"]


def test_what_may_not_be_trusted_now_stays_out_and_is_named(add: Add, ca: Ca) -> None:
    """D-19 applies again: expired and revoked entries, roots that expired or are denied."""
    other = Ca.new("Denied Root")
    environments.update(ADMIN, "test", if_match="*", root_set=ca.cert_pem + other.cert_pem)
    add("good")
    old = add("expired")
    add("revoked")
    sha256 = old.certificate.entries.get().x509_id
    models.StoredCertificate.objects.filter(pk=sha256).update(not_after=timezone.now() - timedelta(days=1))
    certificates.revoke(ADMIN, "revoked", "test", reason="stolen")
    environments.update(ADMIN, "test", if_match="*", deny_list=[other.sha256])
    planned = restoring.preview(ADMIN, "test", 3)
    done = restoring.restore(ADMIN, "test", 3, version=planned.version).release
    assert aliases(done) == ["good"]
    assert done.content["roots"] == [ca.sha256]
    why = {row["alias"] or row["certificate"]: row["reason"] for row in done.left_out}
    assert why["revoked"] == "Revoked in Trustyard."
    assert why["expired"].startswith("Expired on ")
    root = {"certificate": "Denied Root", "alias": f"root-{other.sha256[:16]}", "reason": "On the deny list of test."}
    assert root in done.left_out
    assert planned.wanted.left_out == done.left_out, "what was shown before is what was done"


def test_a_revoked_certificate_stays_out_though_its_entry_holds_another_or_is_gone(add: Add, ca: Ca) -> None:
    """D-13: a new certificate clears the entry's revocation, never that of the old certificate."""
    renewed, deleted, kept = add("renewed"), add("deleted"), add("kept")
    for name in ("renewed", "deleted", "kept"):
        certificates.revoke(ADMIN, name, "test", reason="stolen")
    renew(renewed, ca)
    certificates.update(ADMIN, "deleted", if_match="*", entries=[EntryGiven(("test",), "another alias")])
    certificates.delete(ADMIN, "deleted", if_match=fresh(deleted.certificate).etag)
    certificates.restore(ADMIN, "kept", "test")
    renew(kept, ca)
    done = restoring.restore(ADMIN, "test", 3).release
    assert aliases(done) == ["kept"], "what was restored since may come back"
    assert {row["alias"] for row in done.left_out} == {"renewed", "deleted"}


def test_a_certificate_that_was_revoked_and_is_trusted_again_by_another_name_comes_back(add: Add, ca: Ca) -> None:
    issued = ca.issue("acme")
    add("acme", issued=issued)
    certificates.revoke(ADMIN, "acme", "test", reason="by mistake")
    certificates.delete(ADMIN, "acme", if_match="*")
    for name in ("other", "third"):
        add(name, issued=issued)
    certificates.revoke(ADMIN, "third", "test", reason="one name is enough")
    assert aliases(restoring.restore(ADMIN, "test", 1).release) == ["acme"]


def test_a_revoked_entry_stays_out_though_another_has_its_certificate(add: Add, ca: Ca) -> None:
    """D-13: the statement is of the entry, whatever its alias or its certificate is called since."""
    for name in ("acme", "bank"):
        issued = ca.issue(name)
        add(name, issued=issued)
        (old,) = add(f"{name}-too", issued=issued).releases
        certificates.revoke(ADMIN, name, "test", reason="stolen")
    certificates.update(ADMIN, "acme", if_match="*", new_name="renamed")
    certificates.update(ADMIN, "bank", if_match="*", entries=[EntryGiven(("test",), "another")])
    assert aliases(restoring.restore(ADMIN, "test", old.number).release) == ["acme-too", "bank-too"]
    assert aliases(restoring.restore(ADMIN, "test", 2).release) == ["acme-too"]


def test_a_certificate_of_two_aliases_comes_back_once_and_the_other_alias_is_named(add: Add, ca: Ca) -> None:
    issued = ca.issue("twice")
    add("one", issued=issued)
    (old,) = add("two", issued=issued).releases
    add("third")
    done = restoring.restore(ADMIN, "test", old.number).release
    assert [row["alias"] for row in done.left_out] == ["two"]
    assert done.left_out == old.left_out


def test_a_revocation_in_one_environment_says_nothing_of_another(add: Add) -> None:
    add("acme", "test", "production")
    certificates.revoke(ADMIN, "acme", "test", reason="here alone")
    add("bank", "production")
    assert aliases(restoring.restore(ADMIN, "production", 1).release) == ["acme"]
    assert aliases(restoring.restore(ADMIN, "test", 1).release) == []


def test_a_revocation_in_an_environment_that_was_deleted_says_nothing_of_a_new_one_of_its_name(
    add: Add, ca: Ca
) -> None:
    issued = ca.issue("acme")
    for name in ("again", "again", "another"):
        environments.create(ADMIN, name=name)
        if name == "again":
            add("acme", "again", issued=issued)
            certificates.revoke(ADMIN, "acme", "again", reason="of the old partner")
            certificates.delete(ADMIN, "acme", if_match="*")
            environments.delete(ADMIN, "again", if_match="*")
    environments.create(ADMIN, name="again")
    add("acme", "again", issued=issued)
    add("bank", "again")
    certificates.revoke(ADMIN, "bank", "again", reason="stolen")
    for name in ("acme", "bank"):
        certificates.delete(ADMIN, name, if_match="*")
    environments.update(ADMIN, "again", if_match="*", description="still the same")
    environments.delete(ADMIN, "another", if_match="*")
    done = restoring.restore(ADMIN, "again", 2)
    assert aliases(done.release) == ["acme"]
    assert [row["alias"] for row in done.release.left_out] == ["bank"]


def test_jwks_come_back_as_they_were_published_even_after_they_were_deleted(add: Add, ca: Ca) -> None:
    """D-22: byte for byte, and not the keys of today."""
    saved = add("acme")
    first = jwks.create(ADMIN, name="sign", source=jwks.FromCertificate("acme", "test"), deploy=True).releases[0]
    renew(saved, ca, answer=JwkAnswer("update", {}, "acme"))
    done = restoring.restore(ADMIN, "test", first.number).release
    assert done.content["jwks"] == first.content["jwks"]
    assert published_jwks("test")
    jwks.delete(ADMIN, "sign", if_match="*", deploy=False)
    releases.deploy(ADMIN, "test", confirm_restored=True)
    assert kids(restoring.restore(ADMIN, "test", first.number).release) == kids(first)


def test_a_key_that_was_withdrawn_is_not_published_again(add: Add, ca: Ca) -> None:
    """D-13: not while it is disabled, not after its entry took another certificate, not after it was deleted."""
    saved = {name: add(name) for name in ("stands", "renewed", "deleted", "by-hand")}
    for name in saved:
        release = jwks.create(ADMIN, name=name, source=jwks.FromCertificate(name, "test"), deploy=True).releases[0]
    for name in ("stands", "renewed", "deleted"):
        certificates.revoke(ADMIN, name, "test", reason="stolen")
    renew(saved["renewed"], ca, answer=JwkAnswer("update", {}, "renewed"))
    certificates.delete(ADMIN, "deleted", if_match="*", answer=JwkAnswer("delete", {}, "deleted"))
    jwks.update(ADMIN, "by-hand", if_match="*", state="disabled", deploy=True)
    done = restoring.restore(ADMIN, "test", release.number).release
    assert kids(done) == []
    why = {row["certificate"]: row["reason"] for row in done.left_out if "JWK" in row["reason"]}
    assert set(why) == {"stands", "renewed", "deleted", "by-hand"}
    assert "The JWK stands is disabled." in why["stands"]
    assert "revoked in Trustyard" in why["renewed"]
    jwks.update(ADMIN, "by-hand", if_match="*", state="active")
    assert len(kids(restoring.restore(ADMIN, "test", release.number).release)) == 1


def test_a_deleted_key_that_would_not_be_taken_today_stays_out_and_one_that_is_published_stays(add: Add) -> None:
    odd = {"kty": "OKP", "crv": "Ed25519", "x": 43 * "A", "kid": "zeros"}
    for name in ("odd", "sound"):
        add(name)
        jwks.create(ADMIN, name=name, source=jwks.FromCertificate(name, "test"))
    models.Jwk.objects.filter(name="odd").update(public=odd, kid="zeros")  # stored before it was refused
    old = releases.deploy(ADMIN, "test").release
    add("third")
    releases.deploy(ADMIN, "test")
    assert "zeros" in kids(restoring.restore(ADMIN, "test", old.number).release), "still somebody's, and active"
    jwks.delete(ADMIN, "odd", if_match="*", confirm_restored=True)
    done = restoring.restore(ADMIN, "test", old.number).release
    assert kids(done) == [kid for kid in kids(old) if kid != "zeros"]
    (why,) = [row["reason"] for row in done.left_out if row["certificate"] == "odd"]
    assert "would not be taken today" in why
    assert "anybody can sign with it" in why


def test_of_many_keys_that_were_deleted_a_restore_asks_no_more_than_of_one(add: Add) -> None:
    asked = []
    for count in (1, 4):
        for number in range(count):
            add(f"{count} {number}")
            jwks.create(ADMIN, name=f"{count} {number}", source=jwks.FromCertificate(f"{count} {number}", "test"))
        published = releases.deploy(ADMIN, "test").release.number
        for number in range(count):
            jwks.delete(ADMIN, f"{count} {number}", if_match="*", deploy=False)
        releases.deploy(ADMIN, "test")
        with CaptureQueriesContext(connection) as queries:
            done = restoring.preview(ADMIN, "test", published)
        assert len(done.wanted.content.jwks) == count
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_a_disabled_jwk_stays_out_though_its_key_is_active_for_another_use_or_under_another_key_id(add: Add) -> None:
    add("acme")
    source = jwks.FromCertificate("acme", "test")
    for name, use, kid in (("sign", "sig", None), ("seal", "enc", None), ("again", "sig", "another")):
        made = jwks.create(ADMIN, name=name, source=source, use=use, kid=kid, deploy=True)

    def restored() -> set[str]:
        content = restoring.restore(ADMIN, "test", made.releases[0].number).release.content
        return {key["name"] for key in content["jwks"]}

    jwks.update(ADMIN, "sign", if_match="*", state="disabled")
    assert restored() == {"seal", "again"}
    jwks.update(ADMIN, "again", if_match="*", state="disabled")
    assert restored() == {"seal"}
    jwks.update(ADMIN, "sign", if_match="*", state="active", kid="third")
    assert restored() == {"seal", "sign"}, "under the key ID that it had"
    jwks.update(ADMIN, "sign", if_match="*", state="disabled")
    assert restored() == {"seal"}, "whatever key ID it has by now"
    for name in ("sign", "again"):
        jwks.delete(ADMIN, name, if_match="*", deploy=False)
    assert restored() == {"seal"}
    jwks.update(ADMIN, "seal", if_match="*", state="disabled", use=None, alg=None)
    assert restored() == set(), "whatever it is for by now"


def test_a_disabled_key_that_was_deleted_stays_out_whatever_it_was_called_then(add: Add) -> None:
    """D-13: by another name and key ID, and though another key of its old name was deleted since."""
    for name in ("acme", "bank"):
        add(name)
        sign = jwks.create(ADMIN, name=name, source=jwks.FromCertificate(name, "test"), deploy=True)
    jwks.update(ADMIN, "acme", if_match="*", state="disabled", new_name="renamed", kid="another")
    jwks.update(ADMIN, "bank", if_match="*", state="disabled")
    for name in ("renamed", "bank"):
        jwks.delete(ADMIN, name, if_match="*")
    add("third")
    jwks.create(ADMIN, name="bank", source=jwks.FromCertificate("third", "test"))
    jwks.delete(ADMIN, "bank", if_match="*")
    number = sign.releases[0].number
    assert kids(restoring.restore(ADMIN, "test", number).release) == []
    jwks.create(ADMIN, name="bank", source=jwks.FromCertificate("bank", "test"))
    jwks.delete(ADMIN, "bank", if_match="*", deploy=False)
    assert len(kids(restoring.restore(ADMIN, "test", number).release)) == 1, "the last word counts"


def test_a_key_that_was_deleted_while_disabled_says_nothing_of_its_name_elsewhere(add: Add) -> None:
    """D-13, of a name and a key ID that a JWK had in one environment and then another in another."""
    add("acme", "test", "production")
    published = {}
    for place, state in (("test", "active"), ("production", "disabled")):
        source = jwks.FromCertificate("acme", place)
        (published[place],) = jwks.create(ADMIN, name="sign", source=source, deploy=True).releases
        jwks.update(ADMIN, "sign", if_match="*", state=state)
        jwks.delete(ADMIN, "sign", if_match="*")

    def restored(place: str) -> list[str]:
        return kids(restoring.restore(ADMIN, place, published[place].number).release)

    assert (restored("test"), restored("production")) == (kids(published["test"]), [])
    for event in models.AuditEvent.objects.filter(action="jwk.delete"):
        event.before = {name: said for name, said in (event.before or {}).items() if name != "environments"}
        event.save()
    assert restored("test") == [], "an earlier version did not say where"


def test_a_key_that_was_deleted_while_disabled_says_nothing_of_its_name_in_a_new_environment(add: Add, ca: Ca) -> None:
    issued = ca.issue("acme")

    def publish() -> models.Release:
        environments.create(ADMIN, name="again")
        add("acme", "again", issued=issued)
        source = jwks.FromCertificate("acme", "again")
        return jwks.create(ADMIN, name="sign", source=source, deploy=True).releases[0]

    publish()
    jwks.update(ADMIN, "sign", if_match="*", state="disabled")
    jwks.delete(ADMIN, "sign", if_match="*")
    certificates.delete(ADMIN, "acme", if_match="*")
    environments.delete(ADMIN, "again", if_match="*")
    published = publish()
    given = [EntryGiven(("again",), None, pem(ca.issue("another")))]
    certificates.update(ADMIN, "acme", if_match="*", entries=given, answer=JwkAnswer("update", {}, "acme"))
    assert kids(restoring.restore(ADMIN, "again", published.number).release) == kids(published)


def test_what_was_shown_and_is_another_by_now_is_refused(add: Add) -> None:
    add("acme")
    add("bank")
    seen = restoring.preview(ADMIN, "test", 1)
    assert [line.alias for line in seen.wanted.difference().removed] == ["bank"]
    add("third")
    with pytest.raises(Moved):
        restoring.restore(ADMIN, "test", 1, version=seen.version)
    assert restoring.restore(ADMIN, "test", 1, version=restoring.preview(ADMIN, "test", 1).version).created


def test_who_may_not_deploy_there_restores_nothing(add: Add) -> None:
    """D-24."""
    add("acme", "test", "production")
    for actor, place in ((VIEWER, "test"), (TEST_OPERATOR, "production")):
        with pytest.raises(NotAllowed):
            restoring.restore(actor, place, 1)
        with pytest.raises(NotAllowed):
            restoring.preview(actor, place, 1)
    with pytest.raises(NotFound):
        restoring.restore(ADMIN, "test", 9)


def test_differences_are_against_the_one_before_another_one_or_what_is_saved(add: Add, ca: Ca) -> None:
    add("acme")
    add("bank")
    certificates.create(ADMIN, [Definition("third", "", [EntryGiven(("test",), "third", pem(ca.issue("third")))])])
    before = differences.compare(VIEWER, "test", 2).json()
    assert (before["from"], before["to"], [row["alias"] for row in before["added"]]) == (1, 2, ["bank"])
    assert before["added"][0]["certificate_name"] == "bank"
    assert differences.compare(VIEWER, "test", 1).json()["from"] is None
    back = differences.compare(VIEWER, "test", 1, "2").json()
    assert (back["removed"], back["added"]) == (before["added"], []), "named and dated, whether it comes or goes"
    saved = differences.compare(VIEWER, "test", 2, "saved").json()
    assert (saved["from"], saved["to"], [row["alias"] for row in saved["added"]]) == (2, "saved", ["third"])
    with pytest.raises(NotFound):
        differences.compare(VIEWER, "test", 2, "9")
    with pytest.raises(Refused):
        differences.compare(VIEWER, "test", 2, "yesterday")


def test_what_was_in_force_at_a_moment_is_the_newest_release_until_then(add: Add) -> None:
    """D-21."""
    first, second = add("acme").releases[0], add("bank").releases[0]

    def at(moment: object) -> list[int]:
        return [row.number for row in releases.find_at(VIEWER, "test", moment)]  # type: ignore[arg-type]

    assert at(first.created_at) == [1]
    assert at(second.created_at - timedelta(microseconds=1)) == [1]
    assert at(second.created_at) == at(timezone.now()) == [2]
    assert at(first.created_at - timedelta(seconds=1)) == []
