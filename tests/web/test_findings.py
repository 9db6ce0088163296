"""Findings on the console's pages: severity in a word, advice and source, marks in lists, lint as a part."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import certificates, environments, lint
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import FileGiven
from trustyard.pki.findings import CATALOGUE

from .people import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client: Client) -> Client:
    environments.create(LOCAL, name="test")
    return signed_in(client, "works", "operator")


def add(name: str, authority: Ca) -> str:
    """Stores it, and answers the address of its page."""
    entry = EntryGiven(("test",), name, FileGiven("ca.pem", authority.cert_pem))
    [row] = certificates.create(LOCAL, [Definition(name, "", [entry])], deploy=True).certificates
    return f"/certificates/{row.pk}/"


def text(client: Client, address: str) -> str:
    """The page without its tags, spaces put together."""
    said = client.get(address).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", said).split())


def test_the_page_of_a_certificate_says_what_is_wrong_and_what_to_do(person: Client) -> None:
    said = text(person, add("weak", Ca.new("Weak CA", key="rsa1024", days=4000)))
    kind = CATALOGUE["rsa-key-small"]
    assert f"Findings error {kind.sentence.format(size=1024)} What to do {kind.advice} Source: {kind.source}." in said
    assert "Nothing was found against it." in text(person, add("fine", Ca.new("Fine CA", days=4000)))


def test_lists_mark_a_row_with_the_word_of_its_worst_finding(person: Client) -> None:
    add("weak", Ca.new("Weak CA", key="rsa1024", days=4000))
    add("fine", Ca.new("Fine CA", days=4000))
    assert text(person, "/certificates/").count("Finding: error") == 1
    assert text(person, "/certificates/truststore/?environment=test").count("Finding: error") == 1


def test_the_window_lists_findings_and_takes_the_certificate_all_the_same(person: Client) -> None:
    person.post("/certificates/create/")
    address = f"/certificates/drafts/{models.Draft.objects.get().pk}/window/"
    assert "Findings" not in person.post(address).content.decode()
    fields = {"source": "paste", "encoding": "BASE64PEM", "environments": "test", "alias": "weak"}
    fields["content"] = Ca.new("Weak CA", key="rsa1024", days=4000).cert_pem.decode()
    seen = person.post(f"{address}look/paste/", fields).content.decode()
    assert "Its RSA key has 1024 bits" in seen
    assert seen.index("window-content") < seen.index("Its RSA key has 1024 bits")
    assert 'role="alert"' not in seen
    taken = person.post(f"{address}apply/", fields)
    assert "draft-changed" in taken.headers.get("HX-Trigger", "")


def test_lint_is_a_part_of_the_page_also_where_there_is_no_linter(
    person: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = add("fine", Ca.new("Fine CA", days=4000))
    part = f"{address}in/{models.Environment.objects.get().pk}/lint/"
    assert part in person.get(address).content.decode()
    lint._report.cache_clear()
    monkeypatch.setattr(lint, "available", lambda: False)
    refused = person.get(part, headers={"HX-Request": "true"})
    assert refused.status_code == 200, "htmx shows it where the report would stand"
    assert "pkilint is not installed" in refused.content.decode()
    report = {"linter": "pkilint 1", "group": "pkix", "rules": "RFC 5280", "kind": "", "left_out": 0, "findings": []}
    found = {"severity": "error", "code": "pkix.odd", "message": "<b>odd</b>", "where": "certificate"}
    monkeypatch.setattr(lint, "_report", lambda sha256: {**report, "findings": [found]})
    shown = person.get(part).content.decode()
    assert "&lt;b&gt;odd&lt;/b&gt;" in shown
    assert "Findings of the linter" in shown
