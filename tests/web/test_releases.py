"""Releases on the console: the list, one release, Restore, Compare, Promote, and the question over a restored one."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.http import HttpResponse
from django.test import Client

from tests.authority import Authority
from trustyard import models
from trustyard.actions import certificates, delivery, environments, gateways, jwks, receipts, releases, restoring
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven, Saved
from trustyard.actions.sources import Paste
from trustyard.gateways.receipts import Receipt
from trustyard.web.views import differences

from . import people

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}
Add = Callable[..., Saved]


@pytest.fixture(autouse=True)
def _places(db: None) -> None:
    environments.create(LOCAL, name="test")
    environments.create(LOCAL, name="production", type="production")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Console CA")


@pytest.fixture
def add(authority: Authority) -> Add:
    def make(name: str, *places: str, alias: str = "", deploy: bool = True) -> Saved:
        entry = EntryGiven(places or ("test",), alias or name, Paste("BASE64PEM", authority.issue(name).pem))
        return certificates.create(LOCAL, [Definition(name, "", [entry])], deploy=deploy)

    return make


def renew(name: str, authority: Authority) -> None:
    given = [EntryGiven(("test",), None, Paste("BASE64PEM", authority.issue(name).pem))]
    certificates.update(LOCAL, name, if_match="*", entries=given)


def signed_in(role: str = "admin", *places: str) -> Client:
    return people.signed_in(Client(), f"{role}{''.join(places)}", role, *places)


@pytest.fixture
def admin() -> Client:
    return signed_in()


def text(response: HttpResponse) -> str:
    """The words of a page, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def field(response: HttpResponse, name: str) -> str:
    (value,) = re.findall(rf'name="{name}" value="([^"]*)"', response.content.decode())
    return str(value)


def release(number: int, place: str = "test") -> models.Release:
    return models.Release.objects.get(number=number, environment__name=place)


def test_the_list_says_what_is_in_force_and_what_was_at_a_moment(admin: Client, add: Add) -> None:
    """D-21."""
    add("one")
    add("two")
    restoring.restore(LOCAL, "test", 1, note="two was too early")
    page = text(admin.get("/releases/"))
    assert "restored from 1" in page
    assert "two was too early" in page
    assert page.count("in force ") >= 1
    models.Release.objects.filter(number=1).update(created_at="2026-03-03T14:00:00.9Z")
    assert 'aria-label="Release 1 of' in admin.get("/releases/", {"at": "2026-03-03T14:00:00"}).content.decode()
    then = admin.get("/releases/", {"at": "2026-03-03T14:30"}, **HTMX)
    assert 'aria-label="Release 1 of test"' in then.content.decode()
    assert "Release 2" not in then.content.decode()
    assert "3 Mar 2026, 14:30:00 UTC" in text(then)
    assert "Nothing was in force then" in text(admin.get("/releases/", {"at": "2026-03-03T13:59"}, **HTMX))
    assert "A moment has a date" in text(admin.get("/releases/", {"at": "yesterday"}, **HTMX))


def test_a_release_of_before_names_no_gateway_that_came_after_it(admin: Client, add: Add) -> None:
    add("one")
    add("two")
    edge = gateways.create(LOCAL, "test", name="edge", kind="envoy", options={})
    receipts.record_all([(edge.pk, 2, Receipt("node-1", "accepted"))])
    add("three")
    gateways.create(LOCAL, "test", name="late", kind="envoy", options={})
    nodes = {}
    for row in admin.get("/releases/").content.decode().split("<tr>")[2:]:
        number = re.findall(r'aria-label="Release (\d+) of test"', row)[0]
        nodes[number] = re.findall(r"<div><span>([^<]+)</span> <span[^>]*>([^<]+)<", row)
    assert nodes == {
        "3": [("edge/node-1", "pending"), ("late", "pending")],
        "2": [("edge/node-1", "accepted")],
        "1": [],
    }
    first = text(admin.get(f"/releases/{release(1).pk}/"))
    assert "superseded A newer release took its place before any gateway of now was made." in first
    assert "waits for one" not in first


def test_no_list_calls_a_release_simply_in_force_that_a_gateway_refused(admin: Client, add: Add) -> None:
    """D-06: releases, environments and truststore say it, in the gateway's own words and with the way there."""
    add("one")
    files = gateways.create(LOCAL, "test", name="files", kind="files")
    edge = gateways.create(LOCAL, "test", name="edge", kind="envoy", options={})
    refused = Receipt("node-1", "refused", "no such anchor", 5)
    receipts.record_all([(edge.pk, 1, refused)])
    receipts.record_all([(files.pk, 1, Receipt("local", "unreachable", "the folder is read-only", 5))])
    seen = ("/releases/", "/environments/", "/certificates/truststore/?environment=test")
    assert all("accepted by no gateway" in text(admin.get(address)) for address in seen)
    receipts.record_all([(files.pk, 1, Receipt("local", "accepted", "written to current", 5))])
    assert all("not accepted everywhere" in text(admin.get(address)) for address in seen)
    listed = text(admin.get("/releases/"))
    assert "in force, not accepted everywhere" in listed
    assert "edge/node-1 refused no such anchor" in listed
    assert "written to current" not in listed, "who accepted has nothing to explain"
    rows = admin.get("/certificates/truststore/?environment=test")
    assert "Release 1 of test is in force, but not accepted everywhere. edge/node-1 refused no such anchor" in text(
        rows
    )
    assert f'href="/releases/{release(1).pk}/#deployment"' in rows.content.decode()
    receipts.record_all([(edge.pk, 1, Receipt("node-1", "accepted", "", 5))])
    assert all("everywhere" not in text(admin.get(address)) for address in seen)


def test_nodes_that_refused_are_listed_without_comparing_each_with_all_others(
    admin: Client, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be thousands, and what each of them said may be long."""
    add("one")
    edge = gateways.create(LOCAL, "test", name="edge", kind="agent")
    receipts.record_all((edge.pk, 1, Receipt(f"n{number}", "refused", "no")) for number in range(50))
    compared = []
    monkeypatch.setattr(delivery.Row, "__eq__", lambda one, other: compared.append(one) or one is other)
    listed = text(admin.get("/releases/"))
    assert listed.count("refused no") == 10
    assert "50 refused" in listed
    assert len(compared) < 50


def test_a_listener_that_shows_something_else_is_named_above_the_truststore(admin: Client, add: Add) -> None:
    add("one")
    files = gateways.create(LOCAL, "test", name="files", kind="files")
    said = Receipt("local", "drifted", "written", 5)
    receipts.record_all([(files.pk, 1, said)])
    files.receipts.update(proof="Other names.", proof_at=datetime.now(UTC))
    there = ("/gateways/", f"/gateways/{files.pk}/", "/releases/", f"/releases/{release(1).pk}/")
    for page in (*there, "/certificates/truststore/?environment=test"):
        assert "written · Other names." in text(admin.get(page)), page
    page = text(admin.get("/certificates/truststore/?environment=test"))
    assert "but a listener shows something else than its gateway says" in page
    assert "files/local drifted" in page


def test_what_a_gateway_said_and_how_long_it_took_stand_apart(admin: Client, add: Add) -> None:
    add("one")
    files = gateways.create(LOCAL, "test", name="files", kind="files")
    receipts.record_all([(files.pk, 1, Receipt("local", "accepted", "written to current", 86))])
    for address in (f"/releases/{release(1).pk}/", f"/gateways/{files.pk}/"):
        assert "written to current · 86 ms" in text(admin.get(address))


def test_a_certificate_that_is_newly_left_out_is_announced_as_a_deploy_takes_it(admin: Client, add: Add) -> None:
    add("one")
    ended = Authority("Ended", moment=datetime.now(UTC) - timedelta(days=800))
    entry = EntryGiven(("test",), "ended", Paste("BASE64PEM", ended.pem))
    certificates.create(LOCAL, [Definition("ended", "", [entry])])
    place = environments.get(LOCAL, "test")
    assert "what is left out changed" in text(admin.get("/environments/"))
    assert "The next release of test would change nothing but what is left out." in text(
        admin.get(f"/environments/{place.pk}/")
    )
    assert "Nothing would change but what is left out" in text(admin.get(f"/environments/{place.pk}/preview/"))
    assert releases.deploy(LOCAL, "test").created
    assert "left out" not in text(admin.get("/environments/"))
    assert "change nothing" not in text(admin.get(f"/environments/{place.pk}/"))
    assert "Nothing would change. " in text(admin.get(f"/environments/{place.pk}/preview/"))


def test_a_release_shows_what_it_changed_and_what_was_left_out_with_the_reason(admin: Client, add: Add) -> None:
    add("one")
    add("two")
    certificates.revoke(LOCAL, "one", "test", reason="stolen")
    page = text(admin.get(f"/releases/{release(3).pk}/"))
    assert "against release 2" in page
    assert re.search(r"one removed", page)
    assert "Revoked in Trustyard." in page
    assert "the first release" in text(admin.get(f"/releases/{release(1).pk}/"))


def test_restore_says_first_what_comes_back_and_what_cannot(admin: Client, add: Add) -> None:
    """D-22."""
    add("one")
    add("two")
    certificates.revoke(LOCAL, "one", "test", reason="stolen")
    add("three")
    there = f"/releases/{release(2).pk}/restore/"
    dialog = admin.get(there, **HTMX)
    assert dialog["HX-Retarget"] == "#dialogs"
    assert "What cannot come back one : Revoked in Trustyard." in text(dialog)
    assert "three removed" in text(dialog)
    done = admin.post(there, {"version": field(dialog, "version"), "note": "back"}, **HTMX)
    made = release(5)
    assert done["HX-Redirect"] == f"/releases/{made.pk}/"
    assert (made.restored_from, made.note) == (2, "back")
    assert "Nothing to do" in text(admin.get(there, **HTMX))


def test_a_restore_that_somebody_overtook_shows_what_it_would_do_now(admin: Client, add: Add) -> None:
    add("one")
    add("two")
    there = f"/releases/{release(1).pk}/restore/"
    seen = field(admin.get(there, **HTMX), "version")
    add("three")
    again = admin.post(there, {"version": seen, "note": "too early"}, **HTMX)
    assert "Something changed while this was open" in text(again)
    assert "three removed" in text(again)
    assert field(again, "note") == "too early"
    assert models.Release.objects.count() == 3
    assert admin.post(there, {"version": field(again, "version")}, **HTMX)["HX-Redirect"]


def test_deploying_over_a_restored_release_asks_in_a_dialog_whatever_deploys(admin: Client, add: Add) -> None:
    """D-22: Deploy, Delete, the JWK form; the answer repeats the request as it was."""
    add("one")
    add("two")
    restoring.restore(LOCAL, "test", 1)
    place = environments.get(LOCAL, "test")
    asked = admin.post(f"/environments/{place.pk}/deploy/", **HTMX)
    assert asked["HX-Retarget"] == "#dialogs"
    assert "test: release 3 has the content of release 1" in text(asked)
    assert "two added" in text(asked)
    one = models.Certificate.objects.get(name="one")
    deletion = admin.post(f"/certificates/{one.pk}/delete/", {"etag": one.etag}, **HTMX)
    assert field(deletion, "etag") == one.etag.replace('"', "&quot;")
    form = {"name": "sign", "certificate": "one", "environment": "test", "use": "sig", "deploy": "yes"}
    whole = admin.post("/jwks/create/", form)
    assert whole.status_code == 409
    assert field(whole, "certificate") == "one"
    assert models.Release.objects.count() == 3
    assert not models.Jwk.objects.exists()
    done = admin.post("/jwks/create/", {**form, "confirm_restored": field(whole, "confirm_restored")})
    assert done.status_code == 303
    assert models.Jwk.objects.get().name == "sign"


def test_an_answer_to_another_list_is_asked_again(admin: Client, add: Add) -> None:
    add("one")
    add("two")
    restoring.restore(LOCAL, "test", 1)
    there = f"/environments/{environments.get(LOCAL, 'test').pk}/deploy/"
    seen = field(admin.post(there, **HTMX), "confirm_restored")
    add("three", deploy=False)
    again = admin.post(there, {"confirm_restored": seen}, **HTMX)
    assert "Something changed while this was open" in text(again)
    assert admin.post(there, {"confirm_restored": field(again, "confirm_restored")}, **HTMX)["HX-Redirect"]


def test_two_releases_stand_side_by_side_and_one_beside_what_is_saved(admin: Client, add: Add) -> None:
    add("one")
    add("two")
    add("three", deploy=False)
    page = admin.get("/releases/compare/")
    assert "three added" in text(page)
    there = {"environment": "test", "from": "2", "to": "1"}
    assert "two removed" in text(admin.get("/releases/compare/", there, **HTMX))
    same = {**there, "to": "2"}
    assert "No difference." in text(admin.get("/releases/compare/", same, **HTMX))
    assert "No release yet" in text(admin.get("/releases/compare/", {**there, "environment": "production"}, **HTMX))


def test_a_release_is_downloaded_as_a_folder(admin: Client, add: Add) -> None:
    add("one")
    answer = admin.get(f"/releases/{release(1).pk}/download/")
    assert 'filename="release-test-1.zip"' in answer["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as folder:
        assert {"truststore.pem", "used.pem", "aliases/one.pem", "SHA256SUMS"} <= set(folder.namelist())


def test_another_comparison_is_told_to_screen_readers_in_counts_and_searched(admin: Client, add: Add) -> None:
    for name in ("one", "two", "three"):
        add(name)
    there = "/releases/compare/?environment=test&from=1&to="
    found = admin.get(f"{there}3", **HTMX).content.decode()
    assert '<p class="card-body" data-found>2 added.</p>' in found
    assert 'data-found="Nothing differs.">No difference.' in admin.get(f"{there}1", **HTMX).content.decode()
    searched = text(admin.get(f"{there}3&q=THRee"))
    assert ("three added" in searched, "two added" in searched) == (True, False)
    assert "No changes match." in text(admin.get(f"{there}3&q=nope"))
    add("İzmir Zürich")
    for typed in ("izmir", "ZU\u0308RICH "):
        assert "İzmir Zürich added" in text(admin.get(f"{there}4&q={quote(typed)}")), "as in every list"


def test_a_release_that_is_too_old_to_be_offered_is_compared_where_a_link_leads_to_it(
    admin: Client, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        add(name)
    monkeypatch.setattr(differences, "MOST", 1)

    def compared(start: int, end: int) -> tuple[str, set[str]]:
        page = admin.get(f"/releases/compare/?environment=test&from={start}&to={end}").content.decode()
        return page, set(re.findall(r'<option value="(\w+)" selected', page))

    said, chosen = compared(1, 2)
    assert (">1 added.<" in said, chosen) == (True, {"1", "2"})
    assert compared(4, 10**11)[1] == {"3", "saved"}, "what does not exist is not chosen"


def test_promote_shows_the_difference_then_does_it_in_one_step(admin: Client, add: Add, authority: Authority) -> None:
    add("one")
    add("both", "test", "production")
    renew("both", authority)
    page = admin.get("/environments/promote/")
    assert "one added" in text(page)
    assert "both replaced" in text(page)
    given = {"certificate": ["one", "both"], "version": field(page, "version"), "deploy": "yes"}
    done = admin.post("/environments/promote/?from=test&to=production", given, **HTMX)
    assert done["HX-Redirect"] == f"/environments/?releases={release(2, 'production').pk}"
    assert "Nothing to promote" in text(admin.get("/environments/promote/"))


def test_promote_takes_only_what_is_ticked_and_refuses_what_somebody_overtook(admin: Client, add: Add) -> None:
    add("one")
    add("two")
    there = "/environments/promote/?from=test&to=production"
    seen = field(admin.get(there), "version")
    assert "Choose at least one" in text(admin.post(there, {"version": seen}, **HTMX))
    add("three")
    stale = admin.post(there, {"version": seen, "certificate": ["one"]}, **HTMX)
    assert "not what they were" in text(stale)
    assert "three added" in text(stale)
    assert not models.Entry.objects.filter(environment__name="production").exists()
    admin.post(there, {"version": field(stale, "version"), "certificate": ["one"]}, **HTMX)
    assert [entry.alias for entry in models.Entry.objects.filter(environment__name="production")] == ["one"]


def test_promote_offers_the_others_where_an_alias_is_taken(admin: Client, add: Add) -> None:
    for name in ("free", "held"):
        add(name)
    add("holder", "production", alias="held")
    there = "/environments/promote/?from=test&to=production"
    page = admin.get(there)
    assert "The alias held is taken in production by the certificate holder." in text(page)
    assert re.findall(r'name="certificate" value="(\w+)"', page.content.decode()) == ["free"]
    done = admin.post(there, {"certificate": ["free"], "version": field(page, "version")}, **HTMX)
    assert done["HX-Redirect"] == "/environments/"
    assert models.Entry.objects.filter(environment__name="production", alias="free").exists()


def test_promote_takes_as_many_certificates_as_an_import_stores(admin: Client, add: Add) -> None:
    add("one")
    given = {"certificate": ["one", *(f"gone {number}" for number in range(20_000))]}
    refused = admin.post("/environments/promote/?from=test&to=production", given, **HTMX)
    assert "There is no certificate named gone 0 in test." in text(refused)


def test_promote_asks_about_the_jwks_of_each_certificate(admin: Client, add: Add, authority: Authority) -> None:
    """D-02, S-29: a choice and the typed name for each."""
    add("acme", "test", "production")
    jwks.create(LOCAL, name="sign", source=jwks.FromCertificate("acme", "production"), deploy=True)
    renew("acme", authority)
    there = "/environments/promote/?from=test&to=production"
    page = admin.get(there)
    assert "This Certificate is used in 1 JWK(s)." in text(page)
    given = {"version": field(page, "version"), "certificate": ["acme"], "asked": ["acme"]}
    given["asked-version-0"] = field(page, "asked-version-0")
    assert "Say what becomes" in text(admin.post(there, given, **HTMX))
    wrong = admin.post(there, {**given, "asked-action-0": "update", "asked-confirm-0": "ACME"}, **HTMX)
    assert "Type the certificate" in text(wrong)
    assert 'value="update" checked' in wrong.content.decode()
    kid = models.Jwk.objects.get().kid
    admin.post(there, {**given, "asked-action-0": "update", "asked-confirm-0": "acme"}, **HTMX)
    assert models.Jwk.objects.get().kid != kid


def test_promote_says_why_jwks_cannot_be_updated_at_the_choice_itself(
    admin: Client, add: Add, authority: Authority
) -> None:
    """D-04: brainpool has no JWK. The choice is reached and read, and its reason is there for everybody."""
    add("acme", "test", "production")
    jwks.create(LOCAL, name="sign", source=jwks.FromCertificate("acme", "production"), deploy=True)
    pem = authority.issue("acme", ec.generate_private_key(ec.BrainpoolP256R1())).pem
    given = [EntryGiven(("test",), None, Paste("BASE64PEM", pem))]
    certificates.update(LOCAL, "acme", if_match="*", entries=given)
    there = "/environments/promote/?from=test&to=production"
    page = admin.get(there)
    (choice,) = re.findall(r'<input [^>]*value="update"[^>]*>', page.content.decode())
    assert 'aria-disabled="true" aria-describedby="blocked-0"' in choice
    assert not re.search(r"\b(checked|disabled)(?!=)", choice)
    reason = "sign cannot be updated with the new key, so it can only be disconnected."
    assert f'<small class="soft" id="blocked-0">{reason}</small>' in page.content.decode()
    answer = {"certificate": ["acme"], "asked": ["acme"], "asked-action-0": "update", "asked-confirm-0": "acme"}
    answer |= {name: field(page, name) for name in ("version", "asked-version-0")}
    refused = admin.post(there, answer, **HTMX)
    assert "The JWK sign cannot be updated" in text(refused)
    assert not re.search(r'value="update"[^>]*checked', refused.content.decode())


def test_who_only_looks_compares_and_downloads_and_is_offered_nothing_else(add: Add) -> None:
    """D-24."""
    add("one", "test", "production")
    add("two", "test", "production")
    viewer, operator = signed_in("viewer"), signed_in("operator", "test")
    first = release(1).pk
    shown = viewer.get(f"/releases/{first}/")
    assert "disabled" in shown.content.decode().partition("Restore")[0][-400:]
    assert "The role viewer may not restore." in text(shown)
    assert "The role viewer may not promote." in text(viewer.get("/releases/"))
    assert "It is in test, which you do not operate." in text(
        signed_in("operator", "production").get(f"/releases/{first}/")
    )
    assert "/promote/" not in viewer.get("/releases/").content.decode()
    for address in (f"/releases/{first}/download/", "/releases/compare/"):
        assert viewer.get(address).status_code == 200
    for client, pk in ((viewer, first), (operator, release(1, "production").pk)):
        assert client.get(f"/releases/{pk}/restore/").status_code == 403
        assert client.post(f"/releases/{pk}/restore/").status_code == 403
    assert viewer.get("/environments/promote/").status_code == 403
    foreign = operator.get("/environments/promote/?from=test&to=production")
    assert foreign.status_code == 403
    assert "operator of other environments" in text(foreign)
    assert operator.get("/environments/promote/?from=production&to=test").status_code == 200


def test_nothing_to_choose_from_says_what_to_do(admin: Client) -> None:
    environments.delete(LOCAL, "production", if_match="*")
    assert "Choose two environments" in text(admin.get("/environments/promote/"))
    assert "No release yet" in text(admin.get("/releases/compare/"))
    environments.delete(LOCAL, "test", if_match="*")
    assert "No release yet" in text(admin.get("/releases/compare/"))
    assert "Choose two environments" in text(admin.get("/environments/promote/"))
    assert releases.latest_of_all() == {}


def test_the_page_of_an_environment_leads_to_what_belongs_to_it(admin: Client, add: Add) -> None:
    """With what is in force, in the words of the lists, and with numbers that are those of the lists."""
    place = environments.get(LOCAL, "test")
    here = f"/environments/{place.pk}/"
    assert "No release yet" in text(admin.get(here))
    add("one")
    add("two")
    jwks.create(LOCAL, name="key", source=jwks.FromCertificate("one", "test"))
    for name in ("edge", "inner"):
        gateways.create(LOCAL, "test", name=name, kind="envoy", options={})
    said = admin.get(here)
    assert re.search(r"Release 2 , made \w+ \w+ ?, in force", text(said))
    lead = r'href="(/\w+/(?:truststore/)?\?environment=test)">\s*<svg.*?</svg>\s*(.*?)</a>'
    leads = re.findall(lead, said.content.decode(), re.DOTALL)
    assert leads == [
        ("/certificates/truststore/?environment=test", "Truststore"),
        ("/certificates/?environment=test", "2 certificates"),
        ("/jwks/?environment=test", "1 JWK"),
        ("/gateways/?environment=test", "2 gateways"),
        ("/releases/?environment=test", "2 releases"),
    ]
    for address, words in leads:
        listed = text(admin.get(address))
        assert "production" not in listed.partition("Actions")[2], address
        count = words.partition(" ")[0]
        assert not count.isdigit() or f"{count} of {count}" in listed, address


def test_a_release_and_a_truststore_lead_to_the_certificates_that_they_hold(admin: Client, add: Add) -> None:
    """One that was renamed or deleted since has no page of that name any more."""
    add("stays")
    add("goes")
    stays = models.Certificate.objects.get(name="stays").pk
    certificates.delete(LOCAL, "goes", if_match="*", deploy=False)
    page = admin.get(f"/releases/{release(2).pk}/").content.decode()
    assert f'<a href="/certificates/{stays}/">stays</a>' in page
    assert "goes" in page
    assert ">goes</a>" not in page
    assert f'against <a href="/releases/{release(1).pk}/">release 1</a>' in page
    assert f'Release 2 of <a href="/environments/{release(2).environment_id}/">test</a>' in page
    listed = admin.get("/certificates/truststore/", {"environment": "test"}).content.decode()
    assert f'<a href="/certificates/{stays}/">stays</a>' in listed
    assert ">goes</a>" not in listed


def test_lists_lead_to_what_they_count_and_name(admin: Client, add: Add) -> None:
    add("one")
    here = environments.get(LOCAL, "test").pk
    listed = admin.get("/environments/").content.decode()
    assert '<a href="/certificates/?environment=test" aria-label="1 certificate of test">1</a>' in listed
    assert '<a href="/gateways/?environment=test" aria-label="0 gateways of test">0</a>' in listed
    assert f'<a href="/environments/{here}/">test</a>' in admin.get("/releases/").content.decode()
    certificate = models.Certificate.objects.get(name="one").pk
    shown = admin.get(f"/certificates/{certificate}/", {"releases": release(1).pk}).content.decode()
    assert f'in <a href="/environments/{here}/">test</a>' in shown
    assert f'<a href="/releases/{release(1).pk}/" aria-label="Release 1 of test">1</a>' in shown
