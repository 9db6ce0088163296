"""The page Trust Check: the form, the answer beneath, and what it says where it cannot answer."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.tls_servers import Ca
from trustyard.actions import certificates, environments
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import FileGiven

from . import people

pytestmark = pytest.mark.django_db
ROOT = Ca.new("Page Root")
SUB = ROOT.subordinate("Page Sub")
LEAF = SUB.issue("partner.test", dns=["partner.test"])
ASKED = {"environment": "test", "source": "paste", "encoding": "BASE64PEM", "name": "partner.test"}


def signed_in(role: str) -> Client:
    return people.signed_in(Client(), f"{role}-checks", role)


@pytest.fixture
def operator() -> Client:
    environments.create(LOCAL, name="test")
    entry = EntryGiven(("test",), "page-root", FileGiven("root.pem", ROOT.cert_pem))
    certificates.create(LOCAL, [Definition("page-root", "", [entry])])
    return signed_in("operator")


def said(client: Client, *, fragment: bool = True, status: int = 200, **asked: Any) -> str:
    """The words of the answer, one space between them."""
    headers = {"HX-Request": "true"} if fragment else {}
    answer = client.post("/trust-check/", {**ASKED, **asked}, headers=headers)
    assert answer.status_code == status
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", answer.content.decode())).split())


CHAIN = (LEAF.cert_pem + SUB.cert_pem).decode()


def test_the_verdict_comes_first_and_then_validators_and_path(operator: Client) -> None:
    text = said(operator, content=CHAIN)
    assert text.startswith("Accepted The path from partner.test to the anchor Page Root keeps all rules.")
    assert "Rule path-accepted , RFC 5280, section 6.1." in text
    assert "cryptography.x509.verification" in text
    assert "OpenSSL X509Store" in text
    assert "alias page-root" in text
    assert "Revocation is not looked at." in text


def test_the_whole_page_holds_form_and_answer_where_no_script_runs(operator: Client) -> None:
    answer = operator.post("/trust-check/", {**ASKED, "content": CHAIN})
    assert b'name="source" value="paste" checked' in answer.content
    assert b'<h2 id="t-verdict">Accepted</h2>' in answer.content
    assert b"Skip to content" in answer.content


def test_an_address_that_names_an_environment_which_is_gone_asks_nothing_of_another_one(operator: Client) -> None:
    environments.create(LOCAL, name="stage")
    assert b"<option selected>stage</option>" in operator.get("/trust-check/?environment=stage").content
    environments.delete(LOCAL, "stage", if_match="*")
    gone = operator.get("/trust-check/?environment=stage")
    assert (gone.status_code, b"There is no environment named stage." in gone.content) == (404, True)


@pytest.mark.parametrize("named", ["stage", ""])
@pytest.mark.parametrize(
    ("asked", "status", "sentence"), [({}, 404, "There is no environment"), ({"source": ""}, 422, "Choose a source.")]
)
def test_a_form_whose_environment_is_gone_or_missing_comes_back_with_none_chosen(
    operator: Client, named: str, asked: dict[str, str], status: int, sentence: str
) -> None:
    """Without a script: pressed again, it would ask another one, and what was typed would be lost on another page."""
    given = {**ASKED, "content": CHAIN, "name": "partner.test", **asked}
    answer = operator.post("/trust-check/", {**given, "environment": named})
    page = answer.content.decode()
    assert (answer.status_code, _chosen(page), sentence in page) == (status, ["none chosen"], True)
    assert given["content"] in page, "the rest is as it was sent"
    assert 'name="name" value="partner.test"' in page
    assert _chosen(operator.post("/trust-check/", given).content.decode()) == ["test"]


def _chosen(page: str) -> list[str]:
    [select] = re.findall(r'<select id="t-environment".*?</select>', page)
    return re.findall(r"<option[^>]* selected>([^<]*)<", select)


def test_what_is_missing_is_said(operator: Client) -> None:
    text = said(operator, content=LEAF.cert_pem.decode())
    assert text.startswith("Refused The issuer of partner.test is neither in the truststore nor in the source")
    assert "What to add Ask for the certificate of the CA CN=Page Sub" in text
    assert "No anchor" in text


def test_a_private_key_that_was_dropped_is_told(operator: Client) -> None:
    """D-07: with the answer, and where it asks which certificate is meant."""
    told = "The input also held a private key. It was dropped unread"
    key = LEAF.key_pem.decode()
    assert told in said(operator, content=key + CHAIN)
    several = key + CHAIN + SUB.issue("other.test").cert_pem.decode()
    assert told in said(operator, content=several)
    assert told not in said(operator, content=CHAIN)


def test_a_moment_of_the_browser_is_utc(operator: Client) -> None:
    later = f"{dt.datetime.now(dt.UTC) + dt.timedelta(days=100):%Y-%m-%dT%H:%M}"
    assert said(operator, content=CHAIN, moment=later).startswith("Refused partner.test expired on ")


def test_a_file_is_checked_for_clients(operator: Client) -> None:
    file = SimpleUploadedFile("client.pem", CHAIN.encode())
    text = said(operator, source="file", file=file, purpose="client", name="")
    assert text.startswith("Accepted The path from partner.test")
    assert "No name was asked for, so none of partner.test was compared." in text


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"source": "file"}, "Select a file."),
        ({"source": ""}, "Choose a source."),
        ({"content": "nothing"}, "This holds no certificate"),
        ({"content": CHAIN, "moment": "soon"}, "RFC 3339"),
        ({"content": CHAIN, "trust": "nobody"}, "test trusts nothing under the alias nobody."),
        ({"source": "connection", "url": "http://partner.test"}, "https"),
    ],
)
def test_a_question_that_cannot_be_answered_is_an_alert(operator: Client, asked: dict[str, str], sentence: str) -> None:
    assert sentence in said(operator, **asked)
    assert sentence in said(operator, fragment=False, status=422, **asked)


def test_several_certificates_are_offered_to_choose_from(operator: Client) -> None:
    """D-08."""
    second = ROOT.issue("second.test")
    text = said(operator, content=CHAIN + second.cert_pem.decode())
    assert "Certificates in this source" in text
    chosen = said(operator, content=CHAIN + second.cert_pem.decode(), choose=LEAF.sha256)
    assert chosen.startswith("Accepted")


def test_who_only_looks_is_not_offered_the_page(operator: Client) -> None:
    viewer = signed_in("viewer")
    assert b"Trust Check" not in viewer.get("/releases/").content
    refused = viewer.get("/trust-check/")
    assert refused.status_code == 403
    assert b"role viewer may not" in refused.content
    assert b"Trust Check" in operator.get("/releases/").content
