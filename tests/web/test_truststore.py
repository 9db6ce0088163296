"""The tab Truststore: its banner speaks of what a deploy changes, and offers it only then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.authority import Authority
from trustyard import models
from trustyard.actions import certificates, environments, releases
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Paste

pytestmark = pytest.mark.django_db
DAYS = timedelta(days=1)


def save(name: str, moment: datetime | None = None) -> None:
    entry = EntryGiven(("test",), name, Paste("BASE64PEM", Authority(name, moment=moment).pem))
    certificates.create(LOCAL, [Definition(name, "", [entry])])


@pytest.fixture
def operator(client: Client) -> Client:
    """Of an environment with an entry that is in force, one that ended long ago and one that begins next year."""
    environments.create(LOCAL, name="test")
    save("fine")
    releases.deploy(LOCAL, "test")
    save("ended", datetime(2000, 1, 1, tzinfo=UTC))
    save("early", datetime.now(UTC) + 400 * DAYS)
    releases.deploy(LOCAL, "test")
    user = models.User.objects.create(username="operates", role="operator")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_what_no_deploy_would_change_waits_in_its_row_and_not_in_the_banner(operator: Client) -> None:
    """D-25: the rows say `pending` and why."""
    said = operator.get("/certificates/truststore/?environment=test").content.decode()
    assert "Left out. Expired on" in said
    assert "Left out. Not valid before" in said
    assert "with the next release" not in said
    assert "/deploy/" not in said
    assert not releases.deploy(LOCAL, "test").created


def test_the_banner_counts_the_rows_that_the_next_release_changes(operator: Client) -> None:
    save("new")
    said = operator.get("/certificates/truststore/?environment=test").content.decode()
    assert "1 row of test will change with the next release." in said
    assert "/deploy/" in said
    assert "Left out. Expired on" in said
    assert releases.deploy(LOCAL, "test").created
