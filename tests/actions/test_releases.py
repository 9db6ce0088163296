"""Releases: immutable, numbered, without what would hurt, and what nodes said of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models import F
from django.utils import timezone

from tests.actions.conftest import ADMIN, fresh, pem
from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import audit, certificates, delivery, environments, gateways, receipts, releases, truststores
from trustyard.actions.certificates import Definition, EntryGiven, Saved
from trustyard.actions.gateway_tokens import AGENT, XDS, token_of, why_not
from trustyard.errors import NotFound, Refused
from trustyard.gateways.receipts import Receipt
from trustyard.pki.containers import read_file
from trustyard.pki.content import Content

Add = Callable[..., Saved]


def test_what_would_hurt_is_left_out_by_name_and_the_rest_goes(add: Add, ca: Ca) -> None:
    """D-19: expired, not yet valid, revoked, doubles by DER; the alias of a double is kept."""
    issued = ca.issue("good")
    add("good", issued=issued)
    add("double", issued=issued, alias="zz-double")
    add("expired", issued=ca.issue("expired", days=1 / 48))
    release = releases.latest(environments.get(ADMIN, "test").pk)
    assert release is not None
    assert [e["alias"] for e in release.content["entries"]] == ["good", "zz-double"]
    assert {row["alias"] for row in release.left_out} == {"zz-double", "expired"}
    assert all(row["reason"] for row in release.left_out)
    material = delivery.wanted("test")
    assert material is not None
    assert material.used() == [issued.cert_der], "sent once"
    assert len(material.entries()) == 2


def test_of_doubles_the_first_as_a_release_keeps_them_is_sent_whatever_the_database_sorts_by(add: Add, ca: Ca) -> None:
    """Most languages put `a_c` behind `ab`: then `left_out` named another alias than the one that files hold."""
    issued = ca.issue("one")
    for alias in ("ab", "a_c"):
        add(alias, issued=issued, alias=alias)
    place = environments.get(ADMIN, "test")
    state = releases.state(place)
    for rows in (state.rows, state.rows[::-1]):
        content = releases.content(place, releases.State(rows, ()), timezone.now())
        assert [entry.alias for entry in content.entries] == ["a_c", "ab"]
        assert [(left.alias, left.reason.split()[5]) for left in content.left_out] == [("ab", "a_c;")]


def test_deploying_the_same_again_makes_no_second_release(add: Add) -> None:
    """D-20: ten clicks, one release; the digest is of the content."""
    first = add("once").releases[0]
    again = releases.deploy(ADMIN, "test")
    assert (again.created, again.release.pk) == (False, first.pk)
    assert Content.from_json(first.content).digest() == first.digest


def test_an_environment_that_was_deleted_meanwhile_is_named_and_nothing_is_deployed() -> None:
    """A save that deploys may read a slow server first."""
    place = environments.get(ADMIN, "test")
    environments.delete(ADMIN, "test", if_match="*")
    with pytest.raises(NotFound, match="There is no environment named test"), audit.transaction():
        releases.make(ADMIN, [place])


def test_what_is_left_out_waits_in_the_truststore_and_says_why(add: Add, ca: Ca) -> None:
    """D-21, D-25."""
    add("expired", issued=ca.issue("expired", days=1 / 48))
    (row,) = truststores.rows(ADMIN, "test", status="expired")
    assert (row["alias"], row["pending"]) == ("expired", "added")
    assert "Expired" in row["reason"]


def test_every_format_of_the_truststore_holds_each_certificate_once_under_a_lower_case_alias(add: Add, ca: Ca) -> None:
    """I-12, D-19: Java finds no alias with a capital letter in a JKS file."""
    issued = ca.issue("Acme")
    add("one", issued=issued, alias="Acme-CA")
    add("two", issued=issued, alias="second")
    for format in ("pkcs12", "jks"):
        file = truststores.export(ADMIN, "test", format=format)
        reading = read_file(file.data, "changeit")
        assert [c.der for c in reading.certificates] == [issued.cert_der]
    assert b"acme-ca" in truststores.export(ADMIN, "test", format="jks").data
    assert b"Acme-CA" not in truststores.export(ADMIN, "test", format="jks").data


def test_deploying_again_asks_those_that_refused_once_more(add: Add) -> None:
    """D-06: an old refusal is no answer to a new try."""
    gateway = gateways.create(ADMIN, "test", name="edge", kind="envoy")
    release = add("again").releases[0]
    delivery.record(gateway.pk, release.number, Receipt("node-1", "refused", "no"))
    assert delivery.settled([release.pk])
    delivery.record(gateway.pk, release.number, Receipt("node-2", "accepted"))
    assert not releases.deploy(ADMIN, "test").created
    assert not delivery.settled([release.pk])
    said = {row.node: row.state for row in release.receipts.all()}
    assert said == {"node-1": "pending", "node-2": "accepted"}, "what holds it is not asked again"


def test_numbers_have_no_gaps_and_belong_to_their_environment(add: Add) -> None:
    add("a", "test")
    add("b", "test", "production")
    assert sorted(models.Release.objects.values_list("environment__name", "number")) == [
        ("production", 1),
        ("test", 1),
        ("test", 2),
    ]


def test_a_root_set_is_in_force_with_the_next_release_minus_its_deny_list(ca: Ca) -> None:
    """D-16, S-40: rows say where they come from."""
    row = environments.update(ADMIN, "test", if_match="*", root_set=ca.cert_pem)
    waiting = truststores.rows(ADMIN, "test")
    assert [(r["origin"], r["pending"], r["sha256"]) for r in waiting] == [("root", "added", ca.sha256)]
    assert waiting[0]["alias"] == f"root-{ca.sha256[:16]}"
    releases.deploy(ADMIN, "test")
    assert truststores.rows(ADMIN, "test")[0]["pending"] is None
    environments.update(ADMIN, "test", if_match=f'"{row.pk}-{row.version}"', deny_list=[ca.sha256])
    assert truststores.rows(ADMIN, "test")[0]["pending"] == "removed"
    releases.deploy(ADMIN, "test")
    assert truststores.rows(ADMIN, "test") == []
    old = Ca.new("Old Root", days=1 / 48)
    environments.update(ADMIN, "test", if_match="*", root_set=ca.cert_pem + old.cert_pem, deny_list=[])
    release = releases.deploy(ADMIN, "test").release
    assert release.read().roots == (ca.sha256,)
    expired = {"certificate": "Old Root", "alias": f"root-{old.sha256[:16]}", "reason": "This root is expired."}
    assert release.left_out == [expired]
    environments.update(ADMIN, "test", if_match="*", root_set="mozilla", deny_list=[])
    assert len(truststores.rows(ADMIN, "test", origin="root")) > 100


def test_the_truststore_shows_what_is_in_force_and_what_waits(add: Add, ca: Ca) -> None:
    """S-40, D-21, D-25."""
    saved = add("here")
    certificates.create(ADMIN, [Definition("next", "", [EntryGiven(("test",), "next", pem(ca.issue("next")))])])
    renewed = [EntryGiven(("test",), None, pem(ca.issue("here")))]
    certificates.update(ADMIN, "here", if_match=fresh(saved.certificate).etag, entries=renewed)
    rows = {r["alias"]: r for r in truststores.rows(ADMIN, "test")}
    assert {alias: r["pending"] for alias, r in rows.items()} == {"here": "changed", "next": "added"}
    releases.deploy(ADMIN, "test")
    for name in ("one", "two", "three"):
        add(name, "production")
    assert {r["pending"] for r in truststores.rows(ADMIN, "test")} == {None}, "what is newer elsewhere is not its own"
    stored = models.StoredCertificate.objects.get(pk=rows["next"]["sha256"])
    stored.not_after = timezone.now() - timezone.timedelta(days=1)
    stored.save()
    row = next(r for r in truststores.rows(ADMIN, "test") if r["alias"] == "next")
    assert row["pending"] == "removed", "nothing redeploys by itself, and the row says why"
    assert "Expired" in row["reason"]


def test_a_receipt_is_one_nodes_word_and_nothing_is_reported_without_it(add: Add) -> None:
    """D-06, I-08: states per node; a gateway that nobody joined is pending and not waited for."""
    gateway = gateways.create(ADMIN, "test", name="edge", kind="envoy")
    release = add("acme").releases[0]
    ids = [release.pk]
    assert delivery.settled(ids)
    (row,) = delivery.deployment(ids)["environments"][0]["gateways"]
    assert (row["state"], row["node"]) == ("pending", "")
    delivery.seen_all([(gateway.pk, "node-1", True)])
    assert not delivery.settled(ids)
    delivery.record(gateway.pk, release.number, Receipt("node-1", "sent"))
    delivery.record(gateway.pk, release.number, Receipt("node-2", "refused", "its own words", 7))
    delivery.record(gateway.pk, release.number, Receipt("node-1", "accepted", "", 5))
    shown = delivery.deployment(ids)["environments"][0]
    assert shown["state"] == "refused"
    assert [(r["node"], r["state"], r["detail"]) for r in shown["gateways"]] == [
        ("node-1", "accepted", ""),
        ("node-2", "refused", "its own words"),
    ]
    newer = add("more").releases[0]
    delivery.record(gateway.pk, newer.number, Receipt("node-1", "sent"))
    delivery.record(gateway.pk, newer.number, Receipt("node-1", "sent"))
    assert models.Receipt.objects.filter(release=newer).count() == 1


def test_the_words_of_a_thousand_nodes_are_kept_at_once_and_older_ones_are_superseded(add: Add) -> None:
    gateway = gateways.create(ADMIN, "test", name="edge", kind="envoy")
    first, second = add("acme").releases[0], add("more").releases[0]
    nodes = range(1_200)
    receipts.record_all((gateway.pk, first.number, Receipt(f"node-{each}", "sent")) for each in nodes)
    models.Receipt.objects.create(release=second, gateway=gateway, node="node-1", state="observed", at=timezone.now())
    said = [(gateway.pk, second.number, Receipt(f"node-{each}", "accepted")) for each in nodes]
    receipts.record_all([*said, (10**6, second.number, Receipt("of a gateway that was removed", "accepted"))])
    states = models.Receipt.objects.values_list("release__number", "node", "state")
    assert set(states) == {
        (second.number, "node-1", "observed"),  # a look has proved it already
        *((first.number, f"node-{each}", "superseded") for each in nodes),
        *((second.number, f"node-{each}", "accepted") for each in nodes if each != 1),
    }
    assert models.Node.objects.filter(gateway=gateway, connected=True).count() == 1_200


def test_the_token_of_a_gateway_is_derived_rotated_and_not_guessed(add: Add) -> None:
    gateway = gateways.create(ADMIN, "test", name="edge", kind="envoy")
    token = token_of(gateway, XDS)
    found = delivery.gateways_of_tokens([token], XDS)[token]
    assert (found.environment, found.name) == ("test", "edge")
    for wrong in ("", "xds.1.1.x", token[:-1], token + "x", token.replace("xds.", "xds.9", 1)):
        assert delivery.gateways_of_tokens([wrong], XDS) == {}, wrong
    assert why_not("", XDS) == "It brought no token."
    assert why_not(token + "x", XDS).startswith("Its token is none that this Trustyard made")
    gateways.rotate_token(ADMIN, "test", "edge")
    assert delivery.gateways_of_tokens([token], XDS) == {}
    assert why_not(token, XDS) == "The token of test/edge was rotated: give it the new bootstrap."
    gateway.delete()
    assert why_not(token, XDS) == "The gateway of its token was deleted."


def test_a_token_of_one_purpose_opens_nothing_of_another(add: Add) -> None:
    gateway = gateways.create(ADMIN, "test", name="edge", kind="envoy")
    token = token_of(gateway, XDS)
    for wrong in (token, token.replace("xds.", "agent.", 1)):
        assert delivery.gateways_of_tokens([wrong], AGENT) == {}, wrong


def test_options_that_do_not_fit_are_named_by_field() -> None:
    options = {"issuers": [{"prefix": "x"}], "isuers": [], "probes": [{"address": "a"}]}
    with pytest.raises(Refused) as caught:
        gateways.create(ADMIN, "test", name="edge", kind="envoy", options=options)
    assert {one.field.removeprefix("options."): one.message for one in caught.value.fields} == {
        "issuers.0.issuer": "This field is required.",
        "issuers.0.prefix": "A prefix is a path and begins with /.",
        "isuers": "The kind envoy has no option isuers; it has issuers and probes.",
        "probes.0.address": "An address is HOST:PORT, such as gateway.example:8443.",
    }
    with pytest.raises(Refused, match="envoy"):
        gateways.create(ADMIN, "test", name="edge", kind="toaster")


def test_a_changed_removed_or_cut_audit_chain_is_found(add: Add) -> None:
    add("a")
    add("b")
    assert audit.verify().ok
    victim = models.AuditEvent.objects.order_by("pk")[1]
    models.AuditEvent.objects.filter(pk=victim.pk).update(actor="mallory")
    assert audit.verify().broken_at == victim.pk
    models.AuditEvent.objects.filter(pk=victim.pk).update(actor=victim.actor)
    assert audit.verify().ok
    last, before, middle = models.AuditEvent.objects.order_by("-pk")[:3]
    last.delete()
    assert not audit.verify().ok
    assert "end" in audit.verify().reason
    models.AuditHead.objects.update(events=F("events") - 1, hash=before.hash)
    assert audit.verify().ok
    middle.delete()
    models.AuditHead.objects.update(events=F("events") - 1)
    assert (audit.verify().ok, audit.verify().broken_at) == (False, before.pk), "whatever their number is said to be"
