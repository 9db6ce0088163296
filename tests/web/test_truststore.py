"""What is in force and what is not: the tab Truststore and its banner, and the chips of the list of certificates."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.authority import Authority
from trustyard import models
from trustyard.actions import certificates, environments, releases
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Paste

from .people import signed_in

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
    return signed_in(client, "operates", "operator")


def test_what_no_deploy_would_change_is_left_out_and_waits_for_none(operator: Client) -> None:
    """D-25: the rows say `pending` and why."""
    said = operator.get("/certificates/truststore/?environment=test").content.decode()
    assert said.count('<span class="badge warn">left out</span>') == 2
    assert "Expired on <time" in said
    assert re.search(
        r'Not valid before <time datetime="[-0-9]+T[0-9:]+Z" title="[^"]+ UTC">\d+ \w+ \d{4}</time>\.', said
    )
    assert "added" not in said, "nothing is going to be"
    assert "aits" not in said
    assert "with the next release" not in said
    assert "/deploy/" not in said
    assert not releases.deploy(LOCAL, "test").created


def test_the_banner_counts_the_rows_that_the_next_release_changes(operator: Client) -> None:
    save("new")
    said = operator.get("/certificates/truststore/?environment=test").content.decode()
    assert "1 row of test will change with the next release." in said
    assert "/deploy/" in said
    assert "Expired on" in said
    assert releases.deploy(LOCAL, "test").created


@pytest.mark.parametrize("page", ["/certificates/truststore/", "/releases/compare/"])
def test_the_rows_of_another_environment_do_not_stand_in_for_one_that_was_deleted(operator: Client, page: str) -> None:
    """Whoever searches on a page that is open meanwhile would take them for its own."""
    assert operator.get(page).status_code == 200
    answer = operator.get(page, {"environment": "gone", "q": "fine"}, headers={"HX-Request": "true"})
    assert "There is no environment named gone." in answer.content.decode()
    assert answer["HX-Retarget"] == "#notices"
    assert operator.get(page, {"environment": "gone"}).status_code == 404


def chips(operator: Client) -> dict[str, str]:
    """What the list says beside the environment of each certificate."""
    listed = operator.get("/certificates/").content.decode()
    rows = re.findall(
        r'<th scope="row".+?>([^<]+)</a></th>.+?<span class="chip[^"]*">test(.*?)</span>', listed, re.DOTALL
    )
    return {name: re.sub(r"<[^>]+>", "", said) for name, said in rows}


def test_the_list_tells_what_is_left_out_from_what_is_in_force(operator: Client) -> None:
    """D-19, D-21: what expired or is not valid yet is in no release, and its chip says so."""
    save("new")
    assert chips(operator) == {"fine": "", "ended": "expired", "early": "not yet valid", "new": "waits"}
    early = models.Certificate.objects.get(name="early")
    assert "not in force</span>" in operator.get(f"/certificates/{early.pk}/").content.decode()


def test_what_ended_in_force_waits_for_the_release_that_leaves_it_out(operator: Client) -> None:
    """D-25: nothing is deployed by itself when time passes."""
    models.StoredCertificate.objects.filter(entries__alias="fine").update(not_after=datetime.now(UTC) - DAYS)
    assert chips(operator)["fine"] == "waits"
    assert "which leaves it out: expired" in operator.get("/certificates/").content.decode()
