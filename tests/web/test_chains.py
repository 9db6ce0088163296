"""The chain and the comparison as pages: bounded, escaped, and no more than a role may."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.tls_servers import Ca, Issued
from trustyard import models
from trustyard.actions import certificates, environments
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import FileGiven
from trustyard.web.fitting import fitted

from .people import signed_in

pytestmark = pytest.mark.django_db
ROOT = Ca.new("Web Root")


@pytest.fixture(autouse=True)
def _place() -> None:
    environments.create(LOCAL, name="test")


@pytest.fixture
def person(client: Client) -> Client:
    return signed_in(client, "looks", "viewer")


def store(name: str, *issued: Issued) -> models.Entry:
    data = b"".join(one.cert_pem for one in issued)
    entry = EntryGiven(("test",), name, FileGiven("x.pem", data), issued[0].sha256)
    return certificates.create(LOCAL, [Definition(name, "", [entry])]).certificate.entries.get()


def test_a_key_is_written_as_everywhere_else(person: Client) -> None:
    page = person.get(f"/certificates/{store('acme', ROOT.issue('acme.test', key='rsa')).certificate_id}/")
    assert "<dt>Key</dt><dd>RSA 2048 bit</dd>" in page.content.decode()


def test_names_of_a_chain_are_text_whatever_they_hold(person: Client) -> None:
    entry = store("odd", ROOT.issue("<script>alert(1)</script>", dns=["x.test"]), ROOT)
    page = person.get(f"/certificates/{entry.certificate_id}/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "style=" not in page, "the policy forbids it"


def test_a_bundle_of_many_is_counted_and_not_spelled_out(person: Client) -> None:
    entry = store("many", ROOT.issue("leaf.test"), *(ROOT.issue(f"{n}.test") for n in range(60)), ROOT)
    page = person.get(f"/certificates/{entry.certificate_id}/").content.decode()
    assert "And 10 more; " in page
    assert page.count('class="node other') == 3
    assert ">and 57 more<" in page


def test_every_node_of_the_picture_leads_to_its_words(person: Client) -> None:
    sub = ROOT.subordinate("Web Sub")
    entry = store("gap", sub.issue("leaf.test"), ROOT)
    page = person.get(f"/certificates/{entry.certificate_id}/").content.decode()
    wanted = re.findall(r'class="node [^"]*" href="#([^"]+)"', page)
    assert len(wanted) == 3
    assert set(wanted) <= set(re.findall(r'<li id="([^"]+)"', page))


def test_the_page_of_a_certificate_that_was_stored_without_its_chain_still_shows_it(person: Client) -> None:
    entry = store("alone", ROOT.issue("leaf.test"))
    models.Entry.objects.update(chain=["0" * 64])
    page = person.get(f"/certificates/{entry.certificate_id}/").content.decode()
    assert "not in the source" in page


def test_a_viewer_may_not_make_trustyard_read_or_connect_by_comparing(person: Client) -> None:
    entry = store("one", ROOT.issue("leaf.test"))
    given = {"left": str(entry.pk), "side": "paste", "content": ROOT.cert_pem.decode()}
    refused = person.post("/certificates/compare/now/", given)
    assert refused.status_code == 403
    allowed = person.post(
        "/certificates/compare/now/", {**given, "side": "entry", "with": "one", "environment": "test"}
    )
    assert b"The same certificate." in allowed.content


@pytest.mark.parametrize("query", ["", "?left=", "?left=999999", "?left=x", "?left=1&with=nobody&environment=test"])
def test_an_address_that_names_nothing_is_answered_with_what_to_do(person: Client, query: str) -> None:
    page = person.get(f"/certificates/compare/{query}")
    assert page.status_code == 200
    assert b"Compare" in page.content


@pytest.mark.parametrize("other", ["one", ""])
def test_of_an_address_that_names_an_environment_which_is_gone_no_other_one_is_chosen(
    person: Client, other: str
) -> None:
    left = store("one", ROOT.issue("leaf.test")).pk
    asked = {"left": left, "with": other, "environment": "stage"}
    page = person.get("/certificates/compare/", asked).content.decode()
    assert re.findall(r"<option[^>]* selected>([^<]*)<", page) == ["none chosen"]
    assert ("There is no environment named stage." in page) == bool(other)
    page = person.get("/certificates/compare/", {**asked, "environment": "TEST"}).content.decode()
    assert re.findall(r"<option[^>]* selected>([^<]*)<", page) == ["test"], "case does not count (D-10)"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"side": "entry", "with": " ", "environment": "test"}, b"Name the certificate to compare with."),
        ({"side": "file"}, b"Select the file to compare with."),
        ({"side": "paste", "content": ""}, b"Paste the certificate to compare with."),
        ({}, b"Choose what to compare with."),
    ],
)
def test_comparing_with_nothing_says_what_is_missing(person: Client, given: dict[str, str], said: bytes) -> None:
    left = store("one", ROOT.issue("leaf.test")).pk
    assert said in person.post("/certificates/compare/now/", {"left": left, **given}).content


def test_a_private_key_that_was_dropped_is_told_beside_the_comparison(client: Client) -> None:
    """D-07: also where it asks which of several certificates is meant."""
    operator, leaf, other = signed_in(client, "compares", "operator"), ROOT.issue("one.test"), ROOT.issue("other.test")
    left = store("one", leaf).pk
    for held in (leaf.cert_pem, leaf.cert_pem + other.cert_pem):
        given = {"left": left, "side": "paste", "content": (leaf.key_pem + held).decode()}
        page = operator.post("/certificates/compare/now/", given).content
        assert b"The input also held a private key. It was dropped unread" in page


def test_another_entry_that_is_not_there_is_named(person: Client) -> None:
    entry = store("one", ROOT.issue("leaf.test"))
    page = person.get(f"/certificates/compare/?left={entry.pk}&with=nobody&environment=test").content
    assert b"There is no certificate named nobody in test." in page


@pytest.mark.parametrize(
    "text", ["short", "x" * 200, "W" * 90, "証明書" * 40, "e\u0301" * 90, "\U0001f512" * 50, "", "i" * 31]
)
def test_text_is_shortened_only_where_it_must_be_and_keeps_both_ends(text: str) -> None:
    shown = fitted(text, 230, 12)
    assert len(shown) <= len(text)
    assert (shown == text) == ("…" not in shown)
    if shown != text:
        assert text.startswith(shown.split("…")[0])
        assert text.endswith(shown.split("…")[1])
