"""The dialogs of a certificate's deletion name every environment that a release takes it out of."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.authority import Authority
from trustyard import models
from trustyard.actions import certificates, environments, jwks, releases
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Paste

from .people import signed_in

pytestmark = pytest.mark.django_db
PEM = Authority("Partner CA").pem
LEFT = "what is in force in test, which it left without a deploy"


@pytest.fixture
def address(client: Client) -> str:
    """Of the deletion of a certificate that is in production, and in force in test besides; for an administrator."""
    for name in ("test", "production"):
        environments.create(LOCAL, name=name)
    source = Paste("BASE64PEM", PEM)
    given = EntryGiven(("test", "production"), "p", source)
    (row,) = certificates.create(LOCAL, [Definition("partner", "", [given])], deploy=True).certificates
    certificates.update(LOCAL, "partner", if_match="*", entries=[EntryGiven(("production",))], replace=True)
    signed_in(client, "ada", "admin")
    return f"/certificates/{row.pk}/delete/"


def newest() -> dict[str, int]:
    return dict(models.Environment.objects.values_list("name", "last_number"))


def test_without_jwks_it_is_named_before_and_released_after(client: Client, address: str) -> None:
    answer = client.get(address)
    text = answer.content.decode()
    assert "p in production" in text
    assert LEFT in text
    etag = answer.context["certificate"].etag
    assert client.post(address, {"etag": etag}).status_code in (200, 204, 303)
    assert newest() == {"test": 2, "production": 2}


def test_more_environments_need_no_more_queries(client: Client, address: str) -> None:
    def queries() -> int:
        client.get(address)  # reads the newest releases once
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    few = queries()
    names = ("three", "four", "five", "six")
    for name in names:
        environments.create(LOCAL, name=name)
        releases.deploy(LOCAL, name)
    certificates.update(LOCAL, "partner", if_match="*", entries=[EntryGiven(names, "p", Paste("BASE64PEM", PEM))])
    assert queries() == few


def test_with_jwks_the_typed_confirmation_names_it(client: Client, address: str) -> None:
    jwks.create(LOCAL, name="sign", source=jwks.FromCertificate("partner", "production"), deploy=True)
    state = client.get(address).context["state"]
    confirming = client.post(address, {"state": state, "action": "delete"})
    assert LEFT in confirming.content.decode()
    again = client.post(address, {"state": confirming.context["state"], "confirm": "another"})
    assert LEFT in again.content.decode()
