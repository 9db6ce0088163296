"""The JWK Connection: who is related, what is asked, what each answer does, and that nothing happens without one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection

from tests.actions.conftest import ADMIN, fresh, pem
from tests.actions.published import published_jwks
from tests.pki.made import leaf, plain_spki
from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import audit, certificates, jwks
from trustyard.actions.certificates import EntryGiven, JwkAnswer, Saved
from trustyard.actions.jwks import FromCertificate, HandGiven
from trustyard.actions.sources import FileGiven
from trustyard.errors import Conflict, JwkConnection, Refused, StaleVersion
from trustyard.pki.jwks import thumbprint

Add = Callable[..., Saved]
UPDATE = JwkAnswer("update", confirm="acme")
DISCONNECT = JwkAnswer("disconnect", confirm="acme")


@pytest.fixture
def acme(add: Add) -> Saved:
    """A certificate of RSA in test and production, with one JWK made from test's entry."""
    saved = add("acme", "test", "production", key="rsa")
    jwks.create(ADMIN, name="signing", source=FromCertificate("acme", "test"), use="sig", alg="RS256", deploy=True)
    return saved


def renew(saved: Saved, ca: Ca, answer: JwkAnswer | None, *, key: str = "rsa", place: str = "test") -> Saved:
    given = [EntryGiven((place,), None, pem(ca.issue("acme", key=key)))]
    etag = fresh(saved.certificate).etag
    return certificates.update(ADMIN, "acme", if_match=etag, entries=given, answer=answer, deploy=True)


def state() -> dict[str, Any]:
    """Everything that a cancelled change must leave as it was."""
    return {
        "certificates": list(models.Certificate.objects.values()),
        "entries": list(models.Entry.objects.values()),
        "jwks": list(models.Jwk.objects.values()),
        "releases": list(models.Release.objects.values_list("pk", "digest")),
        "events": models.AuditEvent.objects.count(),
    }


def last(action: str) -> models.AuditEvent:
    return models.AuditEvent.objects.filter(action=action).latest("pk")


def test_without_an_answer_the_update_is_refused_with_the_exact_list_and_nothing_is_written(
    acme: Saved, ca: Ca
) -> None:
    """S-21, S-22, S-23, S-24, S-27, D-14, I-01: a JWK given by hand with the same key is not related."""
    signing = models.Jwk.objects.get()
    same_key = {k: signing.public[k] for k in ("kty", "n", "e")}
    jwks.create(ADMIN, name="by-hand", source=HandGiven(same_key, ["test"]), use="enc")
    before = state()
    with pytest.raises(JwkConnection) as caught:
        renew(acme, ca, None)
    assert caught.value.title == "JWK Connection"
    assert caught.value.sentence == "This Certificate is used in 1 JWK(s). What would you like to do?"
    assert caught.value.extra["options"] == ["update", "disconnect"]
    (row,) = caught.value.extra["jwks"]
    assert (row["name"], row["environment"], row["alg"]) == ("signing", "test", "RS256")
    assert row["becomes"]["kid"] != signing.kid
    assert state() == before


def test_update_brings_the_jwk_along_and_keeps_the_relation(acme: Saved, ca: Ca) -> None:
    """S-25, D-15: the key is the new certificate's, the key ID its thumbprint, published with the release."""
    old = models.Jwk.objects.get()
    saved = renew(acme, ca, UPDATE)
    new = models.Jwk.objects.get()
    entry = acme.certificate.entries.get(environment__name="test")
    assert new.public["n"] != old.public["n"]
    assert new.public["x5t#S256"] != old.public["x5t#S256"]
    assert (new.kid != old.kid, new.entry_id, new.alg) == (True, entry.pk, "RS256")
    assert [(c.name, c.change) for c in saved.jwks] == [("signing", "updated")]
    assert new.kid.encode() in published_jwks("test")
    assert old.kid.encode() not in published_jwks("test")


def test_a_key_id_given_by_hand_stays(acme: Saved, ca: Ca) -> None:
    """D-15."""
    jwks.update(ADMIN, "signing", if_match="*", kid="acme-2026")
    renew(acme, ca, UPDATE)
    assert models.Jwk.objects.get().kid == "acme-2026"
    assert models.Jwk.objects.get().public["kid"] == "acme-2026"


def test_a_jwk_that_states_no_algorithm_states_none_after_an_update(add: Add, ca: Ca) -> None:
    saved = add("acme")
    jwks.create(ADMIN, name="silent", source=FromCertificate("acme", "test"), use="sig", alg=None)
    with pytest.raises(JwkConnection) as caught:
        renew(saved, ca, None, key="ec")
    assert caught.value.extra["jwks"][0]["becomes"]["alg"] is None
    renew(saved, ca, UPDATE, key="ec")
    row = models.Jwk.objects.get()
    assert (row.alg, "alg" in row.public) == ("", False)


def test_disconnect_keeps_the_key_byte_for_byte_and_cuts_the_relation_for_good(acme: Saved, ca: Ca) -> None:
    """S-26: a later update of the same certificate finds no related JWK and asks nothing (S-28)."""
    before = models.Jwk.objects.get()
    old = before.public
    renew(acme, ca, DISCONNECT)
    row = models.Jwk.objects.get()
    assert row.public == old
    assert row.entry is None
    assert row.etag != before.etag
    assert row.kid.encode() in published_jwks("test"), "it stays published"
    event = last("jwk.disconnect")
    connected = {"certificate": "acme", "environment": "test"}
    assert [(said or {})["connected_to"] for said in (event.before, event.after)] == [connected, None]
    renew(acme, ca, None)
    assert models.Jwk.objects.get().public == old


@pytest.mark.parametrize("typed", ["", "ACME", "acme ", "other"])
def test_a_wrong_name_does_not_proceed(acme: Saved, ca: Ca, typed: str) -> None:
    """S-29, S-30, S-34: the name is exact, its case counts, and abandoning changes nothing."""
    before = state()
    with pytest.raises(Refused) as caught:
        renew(acme, ca, JwkAnswer("update", confirm=typed))
    assert caught.value.code == "wrong-confirmation"
    assert state() == before


def test_another_environments_entry_and_a_mere_description_ask_nothing(acme: Saved, ca: Ca) -> None:
    """S-28, I-03, I-05, D-02, D-03."""
    before = models.Jwk.objects.get().public
    renew(acme, ca, None, place="production")
    etag = fresh(acme.certificate).etag
    given = [EntryGiven(("test",), "another-alias")]
    certificates.update(ADMIN, "acme", if_match=etag, description="only words", entries=given)
    certificates.update(ADMIN, "acme", if_match="*", new_name="acme two")
    assert models.Jwk.objects.get().public == before
    assert models.Jwk.objects.get().entry is not None, "I-01: renamed on either side, it is still related"


def test_another_key_type_says_which_algorithm_fits_and_takes_a_chosen_one(acme: Saved, ca: Ca) -> None:
    """I-06, D-04."""
    with pytest.raises(JwkConnection) as caught:
        renew(acme, ca, None, key="ec")
    assert caught.value.extra["jwks"][0]["becomes"]["alg"] == "ES256"
    before = state()
    with pytest.raises(Refused) as refused:
        renew(acme, ca, JwkAnswer("update", confirm="acme", algorithms={"signing": "RS256"}), key="ec")
    assert refused.value.code == "jwk-does-not-fit"
    assert state() == before
    renew(acme, ca, UPDATE, key="ec")
    row = models.Jwk.objects.get()
    assert (row.public["kty"], row.alg, row.public["alg"]) == ("EC", "ES256", "ES256")


def test_a_jwk_without_any_fit_can_only_be_disconnected(acme: Saved, ca: Ca) -> None:
    """D-04: brainpool has no JWK."""
    with pytest.raises(JwkConnection) as caught:
        renew(acme, ca, None, key="brainpool")
    row = caught.value.extra["jwks"][0]
    assert row["becomes"] is None
    assert row["problem"]
    with pytest.raises(Refused):
        renew(acme, ca, UPDATE, key="brainpool")
    renew(acme, ca, DISCONNECT, key="brainpool")
    assert models.Jwk.objects.get().public["kty"] == "RSA"


def test_a_jwk_whose_new_key_needs_no_private_half_can_only_be_disconnected(acme: Saved) -> None:
    def taken_in(answer: JwkAnswer | None) -> None:
        odd = FileGiven("odd.der", leaf(spki=plain_spki("1.3.101.112")))
        certificates.update(ADMIN, "acme", if_match="*", entries=[EntryGiven(("test",), None, odd)], answer=answer)

    with pytest.raises(JwkConnection) as caught:
        taken_in(None)
    row = caught.value.extra["jwks"][0]
    assert (row["becomes"], row["options"]) == (None, ["disconnect"])
    assert "anybody can sign with it" in row["problem"]
    with pytest.raises(Refused):
        taken_in(UPDATE)
    taken_in(DISCONNECT)
    assert models.Jwk.objects.get().public["kty"] == "RSA"


def test_a_jwk_that_came_between_dialog_and_confirmation_opens_the_question_again(acme: Saved, ca: Ca) -> None:
    """I-07, D-05: the stale version is judged first (412), else the moved set is refused with the new list (409)."""
    with pytest.raises(JwkConnection) as caught:
        renew(acme, ca, None)
    version = caught.value.extra["version"]
    jwks.create(ADMIN, name="second", source=FromCertificate("acme", "test"), use="enc")
    answer = JwkAnswer("update", confirm="acme", version=version)
    with pytest.raises(JwkConnection) as again:
        renew(acme, ca, answer)
    assert [row["name"] for row in again.value.extra["jwks"]] == ["second", "signing"]
    with pytest.raises(StaleVersion):
        certificates.update(ADMIN, "acme", if_match='"0-0"', entries=[], answer=answer)
    renew(acme, ca, JwkAnswer("update", confirm="acme", version=again.value.extra["version"]))
    assert models.Jwk.objects.filter(entry__isnull=False).count() == 2


def test_removing_the_entry_asks_with_the_options_of_a_deletion(acme: Saved) -> None:
    """I-04, D-02."""

    def remove(answer: JwkAnswer | None) -> Saved:
        given = [EntryGiven(("production",))]
        return certificates.update(
            ADMIN,
            "acme",
            if_match=fresh(acme.certificate).etag,
            entries=given,
            replace=True,
            answer=answer,
            deploy=True,
        )

    with pytest.raises(JwkConnection) as caught:
        remove(None)
    assert caught.value.extra["options"] == ["delete", "disconnect"]
    with pytest.raises(Refused):
        remove(JwkAnswer("update", confirm="acme"))
    remove(JwkAnswer("disconnect", confirm="acme"))
    assert models.Jwk.objects.get().entry is None


def test_an_update_and_a_removal_in_one_save_take_an_action_for_each(acme: Saved, ca: Ca) -> None:
    """D-27."""
    jwks.create(ADMIN, name="prod", source=FromCertificate("acme", "production"), use="sig")
    given = [EntryGiven(("test",), None, pem(ca.issue("acme", key="rsa")))]

    def save(answer: JwkAnswer | None) -> Saved:
        return certificates.update(
            ADMIN, "acme", if_match=fresh(acme.certificate).etag, entries=given, replace=True, answer=answer
        )

    with pytest.raises(JwkConnection) as caught:
        save(None)
    assert {row["name"]: row["options"] for row in caught.value.extra["jwks"]} == {
        "signing": ["update", "disconnect"],
        "prod": ["delete", "disconnect"],
    }
    saved = save(JwkAnswer(actions={"test": "update", "production": "delete"}, confirm="acme"))
    assert sorted((c.name, c.change) for c in saved.jwks) == [("prod", "deleted"), ("signing", "updated")]


def test_delete_jwks_removes_exactly_the_related_ones(acme: Saved) -> None:
    """S-32, S-33, S-35, S-36."""
    own = models.Jwk.objects.get()
    hand = jwks.create(
        ADMIN, name="unrelated", source=HandGiven({k: own.public[k] for k in ("kty", "n", "e")}, ["test"]), use="enc"
    )
    before = state()
    with pytest.raises(JwkConnection) as caught:
        certificates.delete(ADMIN, "acme", if_match=acme.certificate.etag)
    assert caught.value.extra["options"] == ["delete", "disconnect"]
    assert state() == before, "S-38"
    certificates.delete(ADMIN, "acme", if_match=acme.certificate.etag, answer=JwkAnswer("delete", confirm="acme"))
    assert list(models.Jwk.objects.values_list("name", flat=True)) == [hand.jwk.name]
    assert not models.Certificate.objects.exists()
    assert b'"use":"sig"' not in published_jwks("test")


def test_delete_disconnect_keeps_key_and_kid_usable_and_no_longer_linked(acme: Saved) -> None:
    """S-33, S-37."""
    before = models.Jwk.objects.get()
    certificates.delete(ADMIN, "acme", if_match=acme.certificate.etag, answer=JwkAnswer("disconnect", confirm="acme"))
    after = models.Jwk.objects.get()
    assert (after.public, after.kid, after.state, after.entry) == (before.public, before.kid, "active", None)
    assert after.kid.encode() in published_jwks("test")


def test_revoking_withdraws_the_jwks_and_restoring_brings_them_back(acme: Saved) -> None:
    """D-13: they stay, marked disabled."""
    certificates.revoke(ADMIN, "acme", "test", reason="lost")
    assert models.Jwk.objects.get().state == "disabled"
    assert published_jwks("test") == b'{"keys":[]}'
    certificates.restore(ADMIN, "acme", "test")
    assert models.Jwk.objects.get().kid.encode() in published_jwks("test")


def disabled_by_hand() -> None:
    jwks.update(ADMIN, "signing", if_match="*", state="disabled")


def test_a_jwk_that_a_person_disabled_stays_disabled_when_its_entry_is_revoked_and_restored(acme: Saved) -> None:
    """D-13: Restore undoes what Revoke did, and nothing else."""
    disabled_by_hand()
    revoked = certificates.revoke(ADMIN, "acme", "test", reason="x")
    restored = certificates.restore(ADMIN, "acme", "test")
    signing = models.Jwk.objects.get()
    assert (signing.state, signing.kid.encode() in published_jwks("test")) == ("disabled", False)
    assert (revoked.jwks, restored.jwks) == ([], [])
    said = last("certificate.restore").after
    assert said is not None
    assert said["jwks"] == {"signing": "stays disabled"}


def test_a_jwk_that_a_person_disabled_gets_the_new_key_and_stays_disabled(acme: Saved, ca: Ca) -> None:
    disabled_by_hand()
    old = models.Jwk.objects.get()
    renew(acme, ca, UPDATE)
    new = models.Jwk.objects.get()
    assert (new.kid != old.kid, new.state, new.kid.encode() in published_jwks("test")) == (True, "disabled", False)


def test_a_jwk_that_a_revocation_disabled_comes_back_with_a_new_certificate(acme: Saved, ca: Ca) -> None:
    certificates.revoke(ADMIN, "acme", "test", reason="x")
    renew(acme, ca, UPDATE)
    signing = models.Jwk.objects.get()
    assert (signing.state, signing.kid.encode() in published_jwks("test")) == ("active", True)
    event = last("jwk.update")
    assert (event.before or {})["disabled_by"] == "revocation"


def test_a_jwk_that_would_not_be_taken_today_stays_disabled_where_its_entry_is_restored(acme: Saved) -> None:
    """Nobody need see to it first: the entry and its other JWKs come back, and this one is named."""
    jwks.create(ADMIN, name="other", source=FromCertificate("acme", "test"), use="enc", deploy=True)
    certificates.revoke(ADMIN, "acme", "test", reason="x")
    models.Jwk.objects.filter(name="signing").update(public={"kty": "OKP", "crv": "Ed25519", "x": 43 * "A"})
    restored = certificates.restore(ADMIN, "acme", "test")
    assert set(models.Jwk.objects.values_list("name", "state")) == {("other", "active"), ("signing", "disabled")}
    assert [(change.name, change.change) for change in restored.jwks] == [("other", "enabled")]
    (notice,) = restored.notices
    assert notice.code == "jwk-stays-disabled"
    assert notice.message.startswith("The JWK signing stays disabled")
    assert "anybody can sign with it" in notice.message
    assert "anybody can sign with it" in (last("certificate.restore").after or {})["jwks"]["signing"]
    assert b"AAAAAAAA" not in published_jwks("test")


def test_a_jwk_made_from_a_revoked_entry_comes_back_with_it(acme: Saved) -> None:
    certificates.revoke(ADMIN, "acme", "test", reason="x")
    late = jwks.create(ADMIN, name="late", source=FromCertificate("acme", "test"), use="enc", deploy=True).jwk
    assert (late.state, published_jwks("test")) == ("disabled", b'{"keys":[]}')
    certificates.restore(ADMIN, "acme", "test")
    assert set(models.Jwk.objects.values_list("name", "state")) == {("late", "active"), ("signing", "active")}


def test_a_person_may_disable_for_good_what_a_revocation_disabled(acme: Saved) -> None:
    certificates.revoke(ADMIN, "acme", "test", reason="x")
    disabled_by_hand()
    event = last("jwk.update")
    assert [(said or {})["disabled_by"] for said in (event.before, event.after)] == ["revocation", "person"]
    certificates.restore(ADMIN, "acme", "test")
    assert models.Jwk.objects.get().state == "disabled"


def test_a_jwk_that_was_withdrawn_before_the_upgrade_comes_back_as_it_was_promised(acme: Saved) -> None:
    jwks.create(ADMIN, name="idle", source=FromCertificate("acme", "production"), use="enc")
    jwks.update(ADMIN, "idle", if_match="*", state="disabled")
    certificates.revoke(ADMIN, "acme", "test", reason="x")
    models.Jwk.objects.update(disabled_with_entry=False)  # as the version before left them
    migration = import_module("trustyard.migrations.0013_disabled_with_entry").Migration
    with connection.cursor() as cursor:
        cursor.execute(migration.operations[1].sql)
    assert set(models.Jwk.objects.values_list("name", "disabled_with_entry")) == {("signing", True), ("idle", False)}


def test_one_key_id_names_one_key_in_an_environment(acme: Saved, add: Add) -> None:
    """D-23: the same key with another use is allowed, else it is a conflict."""
    with pytest.raises(Conflict) as caught:
        jwks.create(ADMIN, name="twin", source=FromCertificate("acme", "test"), use="sig")
    assert caught.value.code == "kid-taken"
    jwks.create(ADMIN, name="twin", source=FromCertificate("acme", "test"), use="enc")
    jwks.create(ADMIN, name="elsewhere", source=FromCertificate("acme", "production"), use="sig")
    other = add("other", key="rsa")
    given = models.Jwk.objects.get(name="signing").kid
    with pytest.raises(Conflict):
        jwks.create(ADMIN, name="thief", source=FromCertificate(other.certificate.name, "test"), kid=given, use="sig")


@pytest.mark.parametrize("key", ["rsa", "ec", "ed25519"])
def test_two_keys_of_one_kind_are_two_keys_whatever_they_are_for(add: Add, key: str) -> None:
    """D-23."""
    for name in ("one", "two"):
        add(name, key=key)
        jwks.create(ADMIN, name=name, source=FromCertificate(name, "test"), use="sig", kid=f"key {name}")
    own, other = (models.Jwk.objects.get(name=name).public for name in ("one", "two"))
    bare = [{member: jwk[member] for member in jwk if member not in ("use", "alg", "kid")} for jwk in (own, other)]
    with pytest.raises(Conflict) as caught:
        jwks.create(ADMIN, name="other", source=HandGiven(bare[1], ["test"]), kid="key one")
    assert caught.value.code == "kid-taken"
    jwks.create(ADMIN, name="own", source=HandGiven(bare[0], ["test"]), kid="key one")


@pytest.mark.parametrize(
    ("key", "use", "alg", "at_fault"),
    [("ec", "enc", "ES256", "alg"), ("rsa", "sig", "none", "alg"), ("ed25519", "enc", "EdDSA", "use")],
)
def test_an_algorithm_that_does_not_fit_is_refused_at_its_field(
    add: Add, key: str, use: str, alg: str, at_fault: str
) -> None:
    add("partner", key=key)
    with pytest.raises(Refused) as caught:
        jwks.create(ADMIN, name="misfit", source=FromCertificate("partner", "test"), use=use, alg=alg)
    assert (caught.value.code, [one.field for one in caught.value.fields]) == ("algorithm-misfit", [at_fault])


def test_a_private_jwk_is_refused_by_name_and_not_echoed() -> None:
    """D-07."""
    secret = "c2VjcmV0LXNlY3JldA"
    with pytest.raises(Refused) as caught:
        jwks.create(
            ADMIN,
            name="leak",
            source=HandGiven({"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": secret}, ["test"]),
        )
    assert "private" in caught.value.detail
    assert secret not in repr(vars(caught.value))


@pytest.mark.parametrize("answer", [JwkAnswer(confirm="other"), JwkAnswer("disconnect", confirm="ACME")])
def test_another_name_confirms_nothing_also_where_no_jwk_is_concerned(add: Add, ca: Ca, answer: JwkAnswer) -> None:
    saved = add("acme", "test")
    before = state()
    for change in (
        lambda: renew(saved, ca, answer),
        lambda: certificates.update(ADMIN, "acme", if_match="*", description="words", answer=answer),
        lambda: certificates.delete(ADMIN, "acme", if_match="*", answer=answer),
    ):
        with pytest.raises(Refused) as caught:
            change()
        assert caught.value.code == "wrong-confirmation"
        assert state() == before
    certificates.update(ADMIN, "acme", if_match="*", description="words", answer=UPDATE)
    certificates.delete(ADMIN, "acme", if_match="*", answer=JwkAnswer("delete"))


def test_a_wrong_name_is_said_before_a_set_that_moved(acme: Saved, ca: Ca) -> None:
    """As docs/rest.md has the order."""
    with pytest.raises(Refused) as caught:
        renew(acme, ca, JwkAnswer("update", confirm="other", version="old"))
    assert caught.value.code == "wrong-confirmation"
    with pytest.raises(JwkConnection):
        renew(acme, ca, JwkAnswer("update", confirm="acme", version="old"))


def test_what_is_said_of_a_jwk_or_a_place_that_is_not_concerned_is_refused_by_name(acme: Saved, ca: Ca) -> None:
    before = state()
    with pytest.raises(Refused) as caught:
        renew(acme, ca, JwkAnswer("update", confirm="acme", algorithms={"singing": "RS512"}))
    assert (caught.value.code, "singing" in caught.value.sentence) == ("not-related", True)
    assert [error.field for error in caught.value.fields] == ["jwk_connection.algorithms.singing"]
    assert "signing in test" in caught.value.advice
    with pytest.raises(Refused) as caught:
        renew(acme, ca, JwkAnswer("update", {"production": "disconnect"}, confirm="acme"))
    assert [error.field for error in caught.value.fields] == ["jwk_connection.actions.production"]
    with pytest.raises(Refused) as caught:
        renew(acme, ca, JwkAnswer(actions={"production": "disconnect"}), place="production")
    assert "none at all" in caught.value.advice
    assert state() == before


@pytest.mark.parametrize("left", [1, 0])
def test_a_jwk_that_went_between_dialog_and_confirmation_opens_the_question_again(
    acme: Saved, ca: Ca, left: int
) -> None:
    """I-07, D-05: also where the answer speaks of it, which would be refused if the set had not moved."""
    if left:
        jwks.create(ADMIN, name="second", source=FromCertificate("acme", "test"), use="enc")
    with pytest.raises(JwkConnection) as caught:
        renew(acme, ca, None)
    jwks.delete(ADMIN, "signing", if_match="*")
    answer = JwkAnswer(
        actions={"test": "update"},
        confirm="acme",
        version=caught.value.extra["version"],
        algorithms={"signing": "RS512"},
    )
    with pytest.raises(JwkConnection) as again:
        renew(acme, ca, answer)
    assert (again.value.extra["moved"], len(again.value.extra["jwks"])) == (True, left)
    renew(acme, ca, JwkAnswer("update", confirm="acme", version=again.value.extra["version"]))


def test_a_jwk_without_any_fit_does_not_offer_an_update(acme: Saved, ca: Ca) -> None:
    """D-04, D-27: one whose chosen algorithm alone does not fit still does."""
    with pytest.raises(JwkConnection) as caught:
        renew(acme, ca, None, key="brainpool")
    assert caught.value.extra["options"] == ["disconnect"]
    assert caught.value.extra["jwks"][0]["options"] == ["disconnect"]
    with pytest.raises(JwkConnection) as caught:
        renew(acme, ca, JwkAnswer(algorithms={"signing": "RS256"}), key="ec")
    row = caught.value.extra["jwks"][0]
    assert row["problem"]
    assert row["options"] == ["update", "disconnect"]


def test_a_jwk_whose_new_key_id_another_has_says_so_before_anything_is_confirmed(acme: Saved, ca: Ca, add: Add) -> None:
    """D-04, D-23: `update` with a problem left is refused, disconnecting is not."""
    new = ca.issue("acme", key="rsa")
    add("other", issued=new)
    jwks.create(ADMIN, name="holder", source=FromCertificate("other", "test"), use="sig")
    given = [EntryGiven(("test",), None, pem(new))]

    def update(answer: JwkAnswer | None) -> Saved:
        etag = fresh(acme.certificate).etag
        return certificates.update(ADMIN, "acme", if_match=etag, entries=given, answer=answer)

    before = state()
    with pytest.raises(JwkConnection) as asked:
        update(None)
    row = asked.value.extra["jwks"][0]
    assert row["problem"].startswith("The JWK holder has the key ID ")
    assert (row["becomes"], row["options"]) == (None, ["disconnect"])
    with pytest.raises(Refused) as caught:
        update(UPDATE)
    assert caught.value.code == "jwk-does-not-fit"
    assert state() == before
    update(DISCONNECT)


def test_the_audit_says_which_key_a_jwk_was_and_where_it_was_published() -> None:
    """Two keys of one name and one key ID, one after the other, are told apart."""
    keys = []
    for places in (["test"], ["production", "test"]):
        numbers = ec.generate_private_key(ec.SECP256R1()).public_key()
        public = {**jwk_of(numbers), "kid": "partner-1"}
        jwks.create(ADMIN, name="hand", source=HandGiven(public, places))
        jwks.delete(ADMIN, "hand", if_match="*")
        keys.append(thumbprint(public))
    said = [
        ((event.after or event.before or {})["key"], (event.after or event.before or {})["environments"])
        for event in models.AuditEvent.objects.filter(object_name="hand").order_by("pk")
    ]
    assert said == [(keys[0], ["test"])] * 2 + [(keys[1], ["production", "test"])] * 2


def test_events_of_before_still_fit_into_the_chain() -> None:
    """What an event says grew; the chain is over what each of them says."""
    before = {"kid": "k", "alg": "RS256", "use": "sig", "state": "active", "connected_to": None}
    audit.record(ADMIN, "jwk.delete", "jwk", "old", before=before)
    jwks.create(
        ADMIN, name="new", source=HandGiven(jwk_of(ec.generate_private_key(ec.SECP256R1()).public_key()), ["test"])
    )
    assert audit.verify().ok


def jwk_of(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32)).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def test_the_audit_says_how_a_jwk_was_named_and_described_before(acme: Saved) -> None:
    jwks.update(ADMIN, "signing", if_match="*", new_name="Signing", description="of acme")
    event = last("jwk.update")
    said = [[(each or {})[member] for member in ("name", "description")] for each in (event.before, event.after)]
    assert said == [["signing", ""], ["Signing", "of acme"]]
