"""The page Promote where there are many certificates: pages, a search, and what is ticked on the others."""

from __future__ import annotations

import re

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.authority import Authority
from trustyard import models
from trustyard.actions import environments, jwks
from trustyard.actions.actors import LOCAL
from trustyard.actions.imports import Given, Import
from trustyard.web.views import promotion

from .people import signed_in

pytestmark = pytest.mark.django_db
COUNT = 120
THERE = "/environments/promote/?from=test&to=production"


@pytest.fixture(scope="module")
def bundle() -> bytes:
    authority = Authority("Many CA")
    return "".join(authority.issue(f"partner {number:03}").pem for number in range(COUNT)).encode()


@pytest.fixture
def admin(client: Client, bundle: bytes) -> Client:
    for name in ("test", "production"):
        environments.create(LOCAL, name=name, type=name)
    running = Import(LOCAL, ["test"], [Given("many.pem", bundle)])
    list(running.read())
    running.store()
    return signed_in(client, "ada", "admin")


def sent(page: HttpResponse) -> dict[str, str | list[str]]:
    """The form as a browser sends it."""
    boxes = re.findall(r'name="certificate" value="([^"]+)" checked', page.content.decode())
    hidden = dict(re.findall(r'name="(rows|base|but|version)" value="([^"]*)"', page.content.decode()))
    return {**hidden, "certificate": boxes}


def rows(page: HttpResponse) -> list[str]:
    return re.findall(r'name="certificate" value="([^"]+)"', page.content.decode())


def promoted() -> set[str]:
    held = models.Entry.objects.filter(environment__name="production")
    return set(held.values_list("certificate__name", flat=True))


def named(*numbers: int) -> set[str]:
    return {f"partner {number:03}" for number in numbers}


def test_it_shows_counts_and_fifty_rows_and_promotes_all_of_them_at_once(admin: Client) -> None:
    page = admin.get(THERE)
    assert "120 added." in page.content.decode()
    assert len(rows(page)) == 50
    assert page.content.decode().count(">added</span>") == 50
    assert "70 of the 70 certificates that are not shown here are ticked." in page.content.decode()
    admin.post(THERE, sent(page))
    assert promoted() == named(*range(COUNT))


def test_what_is_not_ticked_on_other_pages_stays_behind(admin: Client) -> None:
    first = admin.get(THERE)
    form = sent(first)
    form["certificate"].remove("partner 007")  # type: ignore[union-attr]
    second = admin.post(THERE, {**form, "turn": "2"})
    assert rows(second)[0] == "partner 050"
    assert "69 of the 70 certificates" in second.content.decode()
    onward = sent(second) | {"version": form["version"]}
    onward["certificate"].remove("partner 060")  # type: ignore[union-attr]
    back = admin.post(THERE, {**onward, "turn": "1"})
    assert "partner 007" in rows(back)
    assert "partner 007" not in sent(back)["certificate"]
    assert not promoted(), "a page was turned, and nothing promoted"
    admin.post(THERE, sent(back) | {"version": form["version"]})
    assert promoted() == named(*range(COUNT)) - named(7, 60)


def test_none_but_a_few_are_promoted_that_a_search_leads_to(admin: Client) -> None:
    form = sent(admin.get(THERE))
    none = admin.post(THERE, {**form, "turn": "1", "tick": "none"})
    assert "0 of the 70 certificates" in none.content.decode()
    found = admin.post(THERE, {**sent(none), "turn": "1", "q": "PARTNER 11"})
    assert rows(found) == sorted(named(*range(110, 120)))
    other = admin.post(THERE, {**sent(found), "certificate": ["partner 110", "partner 119"], "turn": "1", "q": "00"})
    assert "2 of the" in other.content.decode()
    admin.post(THERE, {**sent(other), "certificate": ["partner 001"], "version": form["version"]})
    assert promoted() == named(1, 110, 119)


def test_a_search_compares_as_in_every_list(admin: Client) -> None:
    models.Certificate.objects.filter(name="partner 007").update(name="İzmir Zürich")
    form = sent(admin.get(THERE))
    for typed in ("izmir", "ZU\u0308RICH ", " partner 007"):  # the last is its alias still
        assert rows(admin.post(THERE, {**form, "turn": "1", "q": typed})) == ["İzmir Zürich"], typed


def test_nothing_ticked_promotes_nothing(admin: Client) -> None:
    none = admin.post(THERE, {**sent(admin.get(THERE)), "turn": "1", "tick": "none"})
    refused = admin.post(THERE, sent(none), headers={"HX-Request": "true"})
    assert "Choose at least one" in refused.content.decode()
    assert refused["HX-Retarget"] == "body", "also where the dialog Restored Release asked, which throws answers away"


def test_those_whose_alias_is_taken_are_not_among_all(admin: Client, bundle: bytes) -> None:
    running = Import(LOCAL, ["production"], [Given("one.pem", Authority("Other CA").issue("partner 111").pem.encode())])
    list(running.read())
    running.store()
    models.Entry.objects.filter(environment__name="production").update(alias="partner 111", alias_key="partner 111")
    page = admin.get(THERE)
    assert "The alias partner 111 is taken" in page.content.decode()
    turned = admin.post(THERE, {**sent(page), "turn": "3"})
    assert "partner 111" not in rows(turned)
    holder = promoted()
    admin.post(THERE, sent(turned) | {"version": sent(page)["version"]})
    assert promoted() - holder == named(*range(COUNT)) - named(111)


def test_other_pages_of_what_changes_are_fetched_alone(admin: Client) -> None:
    last = admin.get(f"{THERE}&difference=3").content.decode()
    assert "101–120 of 120" in last
    assert 'hx-get="/environments/promote/?from=test&amp;to=production&amp;difference=2"' in last


def test_the_jwks_of_many_certificates_are_asked_about_in_portions(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "_ASKED", 2)
    admin.post(THERE, sent(admin.get(THERE)))
    for number in range(5):
        source = jwks.FromCertificate(f"partner {number:03}", "production")
        jwks.create(LOCAL, name=f"sign {number}", source=source)
    others = models.Entry.objects.filter(environment__name="test").order_by("alias")
    digests = list(others.values_list("x509_id", flat=True))
    for entry, sha256 in zip(others, digests[1:], strict=False):
        models.Entry.objects.filter(pk=entry.pk).update(x509=sha256)
    page = admin.get(THERE).content.decode()
    assert page.count('name="asked"') == 2
    assert "The JWKs of 3 further certificates are to be decided about" in page
    answers = {
        "asked": ["partner 000", "partner 001"],
        "asked-action-1": "disconnect",
        "asked-confirm-1": "partner 001",
    }
    more = admin.post(THERE, {**answers, "more": "yes"}).content.decode()
    assert more.count('name="asked"') == 4
    assert 'value="disconnect" checked' in more
    assert 'value="partner 001" autocomplete' in more
    assert "of 1 further certificate" in more
