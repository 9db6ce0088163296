"""Imports: all that can be taken in one transaction, the rest named; what came in so equals what came singly."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tls_servers import Ca, Issued
from trustyard import models
from trustyard.actions import audit, certificates, environments
from trustyard.actions.actors import Actor
from trustyard.actions.certificates import Definition, EntryGiven, Saved, certificate_json
from trustyard.actions.certificates_read import fitting
from trustyard.actions.imports import MAX_BYTES, MAX_CERTIFICATES, Given, Import, Imported
from trustyard.errors import InputRefused, NotAllowed, NotFound, Refused, TooLarge
from trustyard.models.certificates import FEW
from trustyard.pki import pkcs7
from trustyard.pki.containers import MAX_CERTIFICATES as USUAL

from .conftest import ADMIN, OPERATOR, TEST_OPERATOR, VIEWER, pem

BAD = b"-----BEGIN CERTIFICATE-----\nMIIB cut!\n-----END CERTIFICATE-----\n"


@pytest.fixture(scope="module")
def partners(ca: Ca) -> list[Issued]:
    """Five, with names of their own."""
    return [ca.issue(f"partner {number}") for number in range(5)]


def bundle(*parts: Issued | bytes, place: str = "bundle.pem") -> Given:
    return Given(place, b"".join(part if isinstance(part, bytes) else part.cert_pem for part in parts))


def brought(
    *given: Given,
    to: Sequence[str] = ("test",),
    deploy: bool = False,
    actor: Actor = OPERATOR,
    password: str | None = None,
) -> Imported:
    running = Import(actor, to, given, password)
    assert list(running.read()) == list(range(1, running.total + 1))
    return running.store(deploy=deploy)


def codes(imported: Imported) -> list[tuple[str, str]]:
    return [(one.item, one.code) for one in imported.left_out]


def everything() -> list[Any]:
    """What is stored, to be compared with itself later."""
    kept = (models.StoredCertificate, models.Certificate, models.Entry, models.AuditEvent, models.Release)
    return [list(table.objects.order_by("pk").values()) for table in kept]


def test_an_imported_certificate_equals_one_created_singly(partners: list[Issued]) -> None:
    """Every column, the JSON that people see and the audit event; only keys, moments and the import's mark differ."""
    one = partners[0]
    entry = EntryGiven(("test", "production"), "partner 0", pem(one))
    certificates.create(OPERATOR, [Definition("partner 0", "", [entry])])
    single = seen(one)
    certificates.delete(OPERATOR, "partner 0", if_match="*")
    models.StoredCertificate.objects.filter(pk=one.sha256).delete()
    assert brought(bundle(one), to=("production", "test")).names == ["partner 0"]
    assert seen(one) == single


def seen(issued: Issued) -> list[Any]:
    certificate = models.Certificate.objects.get(name="partner 0")
    event = models.AuditEvent.objects.filter(action="certificate.create").latest("pk")
    rows = [
        models.StoredCertificate.objects.filter(pk=issued.sha256).values().get(),
        models.Certificate.objects.filter(pk=certificate.pk).values().get(),
        *certificate.entries.order_by("environment").values(),
        {"object": event.object_name, "kind": event.object_kind, "actor": event.actor, "before": event.before},
        {name: value for name, value in (event.after or {}).items() if name != "import"},
        certificate_json(certificate),
    ]
    moving = ("id", "certificate_id", "created_at", "changed_at")
    return [{name: value for name, value in row.items() if name not in moving} for row in rows]


def test_bad_entries_cost_themselves_alone_and_are_named(partners: list[Issued]) -> None:
    first, second, third, *_ = partners
    cut = third.cert_pem.replace(b"-----END CERTIFICATE-----\n", b"")
    foreign = b"-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"
    given = bundle(first, BAD, cut, foreign, second)
    imported = brought(given, bundle(b"hello", place="notes.txt"))
    assert imported.names == ["partner 0", "partner 1"]
    assert codes(imported)[:2] == [
        ("bundle.pem, certificate 2", "bad-base64"),
        ("bundle.pem, certificate 3", "pem-no-end"),
    ]
    assert [item for item, _ in codes(imported)][2:] == ["bundle.pem, certificate 4", "notes.txt"]
    assert all(one.reason for one in imported.left_out)


def test_a_file_without_any_certificate_is_named_too(partners: list[Issued]) -> None:
    imported = brought(Given("empty.p7b", pkcs7.write([])), bundle(partners[0]))
    assert (imported.names, codes(imported)) == (["partner 0"], [("empty.p7b", "no-certificate")])


def test_the_same_import_again_stores_nothing_and_says_so(partners: list[Issued]) -> None:
    first = brought(bundle(*partners), deploy=True)
    before = everything()
    again = brought(bundle(*partners), deploy=True)
    assert (len(first.names), again.names) == (5, [])
    assert {code for _, code in codes(again)} == {"already-there"}
    assert again.left_out[0].reason == "Already in test as partner 0."
    assert again.releases == first.releases
    assert everything() == before


def test_a_double_is_taken_once(partners: list[Issued]) -> None:
    imported = brought(bundle(partners[0], partners[1], partners[0]))
    assert imported.names == ["partner 0", "partner 1"]
    [double] = imported.left_out
    assert (double.code, double.reason) == ("double", "The same certificate as bundle.pem, certificate 1.")
    assert gc.isenabled(), "it is only paused"


def test_an_environment_that_has_it_already_is_left_as_it_is(add: Callable[..., Saved], partners: list[Issued]) -> None:
    add("held", "test", issued=partners[0])
    imported = brought(bundle(partners[0]), to=("test", "production"))
    assert imported.names == ["partner 0"]
    assert imported.left_out[0].reason == "Already in test as held. It was stored in production alone."
    places = models.Entry.objects.filter(x509=partners[0].sha256).values_list("environment__name", "certificate__name")
    assert set(places) == {("test", "held"), ("production", "partner 0")}
    certificates.revoke(ADMIN, "held", "test", reason="The key is lost")
    [left_out] = brought(bundle(partners[0])).left_out
    assert left_out.reason == "Already in test as held, revoked."


def test_names_and_aliases_that_certificates_bring_along_are_made_unique(ca: Ca, add: Callable[..., Saved]) -> None:
    """As *Add the others too* does (D-08, D-09, D-10)."""
    add("Partner", "production", alias="partner 2")  # a name is one for all, an alias in its environment
    add("other", "test", alias="partner 3")
    alike = [ca.issue("partner") for _ in range(3)]
    imported = brought(bundle(*alike, ca.issue("root-x")))
    assert imported.names == ["partner 2", "partner 3", "partner 4", "certificate root-x"]
    aliases = models.Entry.objects.filter(certificate__name__in=imported.names).order_by("pk")
    assert list(aliases.values_list("alias", flat=True)) == ["partner", "partner 2", "partner 4", "certificate root-x"]


def test_a_file_of_one_certificate_gives_it_its_name(partners: list[Issued]) -> None:
    one, several = partners[0].cert_pem, partners[1].cert_pem + partners[2].cert_pem
    imported = brought(Given("in/acme.pem", one, stem="acme"), Given("in/more.pem", several, stem="more"))
    assert imported.names == ["acme", "partner 1", "partner 2"]


def test_given_names_are_kept_or_refused_never_changed(partners: list[Issued], add: Callable[..., Saved]) -> None:
    add("taken", "test")
    one, two, three, four, five = (partner.cert_pem for partner in partners)
    imported = brought(
        Given("1", one),
        Given("2", two, name="partner 0", alias="Zwei"),
        Given("3", three, name="TAKEN"),
        Given("4", four, alias="taken"),
        Given("5", five, name=" bad "),
        bundle(partners[0], partners[1]),
    )
    assert imported.names == ["partner 0 2", "partner 0"]
    assert "There is already a certificate named taken; case does not count." in str(imported)
    assert codes(imported)[:3] == [("3", "name-taken"), ("4", "alias-taken"), ("5", "bad-name")]
    worse = brought(Given("6", three, name=" bad ", alias="taken"), Given("7", BAD, name="TAKEN", alias="root-x"))
    assert codes(worse) == [("6", "bad-name"), ("7", "bad-base64")], "of several faults the first"
    assert "The alias taken is taken." in worse.left_out[0].reason, "and all are said"
    assert "There is already a certificate named taken" in worse.left_out[1].reason
    named = brought(Given("both", one + two, name="both"))
    assert codes(named) == [("both", "name-for-several")]


def test_deploying_makes_one_release_for_each_environment(partners: list[Issued]) -> None:
    imported = brought(bundle(*partners, BAD), to=("test", "production"), deploy=True)
    assert [(release.environment.name, release.number) for release in imported.releases] == [
        ("test", 1),
        ("production", 1),
    ]
    assert all(len(release.content["entries"]) == 5 for release in imported.releases)


def test_where_nothing_can_be_read_nothing_that_waits_is_deployed(add: Callable[..., Saved], ca: Ca) -> None:
    entry = EntryGiven(("test",), "waits", pem(ca.issue("waits")))
    certificates.create(OPERATOR, [Definition("waits", "", [entry])])
    assert brought(bundle(BAD), deploy=True).releases == []
    assert not models.Release.objects.exists()


def test_every_certificate_has_its_event_and_the_import_one_that_joins_them(partners: list[Issued]) -> None:
    brought(bundle(*partners, BAD))
    summary = models.AuditEvent.objects.get(action="certificate.import")
    assert summary.after == {
        "stored": 5,
        "left_out": 1,
        "environments": ["test"],
        "digest": summary.object_name,
    }
    events = audit.find(ADMIN, action="certificate.create", object_name="partner 3")
    assert [(event.actor, event.after["import"]) for event in events] == [("olaf", summary.object_name)]
    assert audit.verify().ok


def test_who_may_not_write_in_one_of_the_environments_imports_nothing(partners: list[Issued]) -> None:
    before = everything()
    for actor, places in ((VIEWER, ("test",)), (TEST_OPERATOR, ("test", "production"))):
        with pytest.raises(NotAllowed):
            Import(actor, places, [bundle(*partners)])
    assert everything() == before
    assert len(brought(bundle(*partners), actor=TEST_OPERATOR).names) == 5


def test_what_is_refused_whole(partners: list[Issued]) -> None:
    one = bundle(partners[0])
    with pytest.raises(Refused, match="nowhere"):
        Import(OPERATOR, ["nowhere"], [one])
    with pytest.raises(Refused, match="at least one environment"):
        Import(OPERATOR, [], [one])
    with pytest.raises(Refused, match="nothing to import"):
        Import(OPERATOR, ["test"], [])
    with pytest.raises(TooLarge, match="64 MB"):
        Import(OPERATOR, ["test"], [Given("huge", bytes(MAX_BYTES + 1))])
    with pytest.raises(InputRefused, match="at most 20000"):
        Import(OPERATOR, ["test"], [Given("many", BAD * MAX_CERTIFICATES), one])
    with pytest.raises(InputRefused, match="at most 20000"):
        Import(OPERATOR, ["test"], [Given("more", BAD * (MAX_CERTIFICATES + 1))])


def test_more_than_a_source_may_hold_is_taken(partners: list[Issued]) -> None:
    imported = brought(bundle(partners[0], BAD * USUAL, partners[1]))
    assert (len(imported.names), len(imported.left_out)) == (2, USUAL)


def test_an_environment_that_goes_meanwhile_stops_all_of_it(partners: list[Issued]) -> None:
    environments.create(ADMIN, name="passing")
    running = Import(ADMIN, ["test", "passing"], [bundle(*partners)])
    list(running.read())
    environments.delete(ADMIN, "passing", if_match="*")
    before = everything()
    with pytest.raises(NotFound):
        running.store()
    assert everything() == before


def test_keys_are_dropped_and_passwords_open_what_they_fit(partners: list[Issued], ca: Ca) -> None:
    """D-07."""
    one, two = partners[0], partners[1]
    opened = pkcs12.serialize_key_and_certificates(
        b"one", one.key, one.certificate, [ca.certificate], BestAvailableEncryption(b"secret")
    )
    given = (Given("one.p12", opened), bundle(two, two.key_pem, place="two.pem"))
    imported = brought(*given, password="secret")
    assert imported.names == ["partner 0", ca.certificate.subject.rfc4514_string().removeprefix("CN="), "partner 1"]
    assert {(place, notice.code) for place, notice in imported.notices} == {
        ("one.p12", "private-key-dropped"),
        ("two.pem", "private-key-dropped"),
    }
    assert codes(brought(given[0], password="wrong")) == [("one.p12", "password-wrong")]


def test_queries_do_not_grow_with_the_certificates(ca: Ca) -> None:
    def counted(count: int) -> int:
        key = ca.issue("key").key
        given = bundle(*(ca.issue(f"many {number}", private=key) for number in range(count)))
        running = Import(OPERATOR, ["test", "production"], [given])
        list(running.read())
        with CaptureQueriesContext(connection) as captured:
            assert len(running.store().names) == count
        return len(captured)

    few = counted(10)
    assert counted(40) - few < 5


def test_many_certificates_of_which_one_is_stored_already_come_in_all_the_same(ca: Ca) -> None:
    many = [ca.issue(f"device {number}") for number in range(FEW + 1)]
    brought(bundle(many[0]), to=["production"])
    assert codes(brought(bundle(*many))) == []
    assert models.StoredCertificate.objects.count() == FEW + 1
    assert models.Entry.objects.filter(environment__name="test").count() == FEW + 1


def test_a_certificate_whose_name_holds_the_character_nul_is_stored_and_found(ca: Ca) -> None:
    assert codes(brought(bundle(ca.issue("odd", dns=["host\x00.example.org"])))) == []
    assert [row.name for row in fitting(VIEWER, q=".example.org").rows] == ["odd"]
