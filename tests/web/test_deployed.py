"""The table Deployment: it goes on looking while anything may still change, and says no more than nodes have said."""

from __future__ import annotations

import re
import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.authority import Authority
from trustyard import models
from trustyard.actions import certificates, delivery, environments, gateways, receipts, releases
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Paste
from trustyard.gateways.receipts import Receipt, State

from .people import signed_in

pytestmark = pytest.mark.django_db
ANSWERED = "Every node that is there has answered."


@pytest.fixture
def looking(client: Client) -> Client:
    """A viewer, and a certificate deployed to an environment with the gateways one and two."""
    environments.create(LOCAL, name="test")
    for name in ("one", "two"):
        made = gateways.create(LOCAL, "test", name=name, kind="envoy", options={})
        delivery.seen_all([(made.pk, "local", True)])
    entry = EntryGiven(("test",), "partner", Paste("BASE64PEM", Authority("Deployed CA").issue("partner").pem))
    certificates.create(LOCAL, [Definition("partner", "", [entry])], deploy=True)
    return signed_in(client, "looks", "viewer")


def say(gateway: str, state: State, number: int = 1, milliseconds: int = 3) -> None:
    """What the gateway says of the release."""
    row = models.Gateway.objects.get(name=gateway)
    delivery.record(row.pk, number, Receipt("local", state, "in its own words", milliseconds))


def page(looking: Client, number: int = 1) -> str:
    """The page of a release."""
    release = models.Release.objects.get(number=number)
    return looking.get(f"/releases/{release.pk}/").content.decode()


def asks(shown: str) -> tuple[str, str]:
    """The address that the table asks, and how often; nothing where it asks no more."""
    found = re.search(r'hx-get="(/deployment/[^"]+)" hx-trigger="([^"]+)"', shown)
    return (found[1].replace("&amp;", "&"), found[2]) if found else ("", "")


@pytest.mark.parametrize("state", ["refused", "unreachable"])
def test_a_gateway_that_did_not_take_its_release_is_asked_about_until_it_does(looking: Client, state: State) -> None:
    """D-06: delivery goes on by itself, and so does the page that shows it."""
    say("one", "accepted")
    say("two", state)
    shown = page(looking)
    address, rhythm = asks(shown)
    assert ANSWERED not in shown
    assert "Not accepted everywhere. It is tried again by itself" in shown
    assert rhythm == "every 5s"
    assert looking.get(address).status_code == 204  # nothing is drawn anew while nothing has changed
    say("two", state, milliseconds=4)
    assert looking.get(address).status_code == 204, "how long another try took is no news"
    say("two", "accepted")
    answer = looking.get(address)
    assert answer["HX-Trigger"] == "deployment-moved"
    assert ANSWERED in answer.content.decode()
    assert asks(answer.content.decode()) == ("", "")


def test_a_page_that_was_left_open_asks_less_and_less_and_ends_with_saying_so(looking: Client) -> None:
    say("one", "accepted")
    say("two", "refused")
    address, _ = asks(page(looking))

    def rhythm(age: int) -> str:
        aged = re.sub(r"since=\d+", f"since={int(time.time()) - age}", address)
        answer = looking.get(aged)
        return "the same" if answer.status_code == 204 else asks(answer.content.decode())[1] or answer.content.decode()

    assert rhythm(60) == "the same"
    assert rhythm(3600) == "every 30s"
    assert "Reload the page to look again." in rhythm(13 * 3600)


def test_a_node_that_says_nothing_for_minutes_is_waited_for_without_a_hurry(looking: Client) -> None:
    say("one", "accepted")
    shown = page(looking)
    address, rhythm = asks(shown)
    assert ("Waiting for the gateways…" in shown, rhythm) == (True, "every 1s")
    say("two", "sent")
    assert "Waiting for the gateways…" in page(looking), "it was given the release and has not answered"
    later = looking.get(re.sub(r"since=\d+", f"since={int(time.time()) - 300}", address)).content.decode()
    assert "Not every node has answered yet." in later
    assert asks(later)[1] == "every 5s"


def test_a_gateway_that_nobody_joined_is_neither_waited_for_in_a_hurry_nor_counted(looking: Client) -> None:
    gateways.create(LOCAL, "test", name="nobody", kind="envoy")
    for state, said in (("refused", "in force, accepted by no gateway"), ("accepted", "in force")):
        for name in ("one", "two"):
            say(name, state)
        assert f">{said}</span>" in page(looking)
    assert ANSWERED in page(looking)
    assert asks(page(looking))[1] == "every 5s", "somebody may join it"


@pytest.mark.parametrize("state", ["drifted", "open"])
def test_a_listener_that_shows_something_else_is_looked_at_again(looking: Client, state: State) -> None:
    say("one", "accepted")
    say("two", state)
    shown = page(looking)
    assert "A listener shows something else than its gateway says. It is looked at again by itself." in shown
    assert asks(shown)[1] == "every 5s"
    say("two", "observed")
    shown = page(looking)
    assert (ANSWERED in shown, asks(shown)) == (True, ("", ""))


def test_a_refused_release_that_another_overtook_is_not_said_to_be_tried_again(looking: Client) -> None:
    say("one", "accepted")
    say("two", "refused")
    environments.update(LOCAL, "test", if_match="*", root_set="mozilla")
    releases.deploy(LOCAL, "test")
    shown = page(looking)
    assert "A newer release has taken its place; this one is not tried again." in shown
    assert asks(shown) == ("", "")


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (("accepted", "accepted"), "in force"),
        (("accepted", "refused"), "in force, not accepted everywhere"),
        (("refused", "unreachable"), "in force, accepted by no gateway"),
    ],
)
def test_in_force_says_whether_gateways_took_it(looking: Client, states: tuple[State, State], said: str) -> None:
    """D-21 calls in force what the newest release holds; a person is told, too, who did not take it."""
    for gateway, state in zip(("one", "two"), states, strict=True):
        say(gateway, state)
    certificate = models.Certificate.objects.get()
    for shown in (page(looking), looking.get(f"/certificates/{certificate.pk}/").content.decode()):
        assert f">{said}</span>" in shown


def test_of_thousands_of_nodes_the_worst_come_first_and_the_rest_when_asked_for(looking: Client) -> None:
    one = models.Gateway.objects.get(name="one")
    words = {7: Receipt("n7", "refused", "no such anchor"), 99: Receipt("n99", "unreachable", "connection refused")}
    receipts.record_all((one.pk, 1, words.get(n, Receipt(f"n{n}", "accepted"))) for n in range(120))
    models.Node.objects.filter(gateway=one, name="local").delete()
    say("two", "accepted")
    shown = page(looking)
    nodes = re.findall(r'data-label="Node" class="wrap">(\w+)<', shown)
    states = list(zip(nodes, re.findall(r'data-label="State"><span class="badge \w+">(\w+)<', shown), strict=True))
    assert states[:3] == [("n7", "refused"), ("n99", "unreachable"), ("n0", "accepted")]
    assert len(states) == 50
    assert re.findall(r'badge \w+">(\d+ \w+)<', shown) == ["1 refused", "1 unreachable", "119 accepted"]
    assert "1–50 of 121" in shown
    (following,) = re.findall(r'id="deployment-next" class="small" hx-get="([^"]+)"', shown)
    answer = looking.get(following.replace("&amp;", "&"))
    assert "51–100 of 121" in answer.content.decode()
    assert "HX-Trigger" not in answer, "to turn a page is no news"
    address, _ = asks(answer.content.decode())
    assert looking.get(address).status_code == 204
    receipts.record_all([(one.pk, 1, Receipt("n7", "accepted"))])
    assert "51–100 of 121" in looking.get(address).content.decode(), "it stays on the page that was turned to"
    listed = looking.get("/releases/").content.decode()
    assert re.findall(r'badge \w+">(\d+ \w+)<', listed) == ["1 unreachable", "120 accepted"]
    assert re.findall(r"<span>(one/\w+)</span>", listed) == ["one/n99"]
    assert "connection refused" in listed
    assert f'href="/releases/{models.Release.objects.get().pk}/#deployment">All 121 of release 1<' in listed


def test_a_deploy_of_many_environments_shows_each_of_them(looking: Client) -> None:
    names = tuple(f"place {number}" for number in range(60))
    for name in names:
        environments.create(LOCAL, name=name)
    entry = EntryGiven(names, "many", Paste("BASE64PEM", Authority("Many CA").pem))
    saved = certificates.create(LOCAL, [Definition("many", "", [entry])], deploy=True)
    ids = ",".join(str(release.pk) for release in saved.releases)
    shown = looking.get(f"/certificates/{saved.certificate.pk}/?releases={ids}").content.decode()
    assert "1–50 of 60" in shown
    (following,) = re.findall(r'id="deployment-next" class="small" hx-get="([^"]+)"', shown)
    assert "place 59" in looking.get(following.replace("&amp;", "&")).content.decode()


def test_a_gateways_page_shows_its_nodes_in_pages_and_who_is_away_first(looking: Client) -> None:
    one = models.Gateway.objects.get(name="one")
    delivery.seen_all([(one.pk, f"n{n:03}", n != 77) for n in range(100)])
    shown = looking.get(f"/gateways/{one.pk}/").content.decode()
    nodes = re.findall(r'data-label="Node" class="wrap">(\w+)<', shown)
    assert (len(nodes), nodes[:2]) == (50, ["n077", "local"])
    assert "1–50 of 101" in shown
    assert ">n099<" in looking.get(f"/gateways/{one.pk}/?page=3").content.decode()


def test_of_many_that_were_left_out_the_table_names_some_and_leads_to_all(looking: Client) -> None:
    release = models.Release.objects.get()
    names = [f"gone {number}" for number in range(1064)]
    left = [{"certificate": name, "alias": name, "reason": "Expired 2026-01-01T00:00:00Z."} for name in names]
    models.Release.objects.update(left_out=left)
    shown = looking.get(f"/deployment/?releases={release.pk}&since={int(time.time())}&shown=no").content.decode()
    assert "Left out of release 1 of <bdi>test</bdi>: 1064" in shown  # a name from right to left would turn it round
    assert ("gone 19:" in shown, "gone 20:" in shown) == (True, False)
    assert f'<a href="/releases/{release.pk}/">All 1064 of release 1</a>' in shown


def test_the_page_of_a_release_or_certificate_reads_what_nodes_said_once_for_its_badge_and_its_table(
    looking: Client,
) -> None:
    say("one", "accepted")
    say("two", "refused")
    addresses = [
        f"/releases/{models.Release.objects.get().pk}/",
        f"/certificates/{models.Certificate.objects.get().pk}/",
    ]
    for address in addresses:
        with CaptureQueriesContext(connection) as asked:
            shown = looking.get(address).content.decode()
        assert sum('FROM "trustyard_receipt"' in query["sql"] for query in asked.captured_queries) == 1
        assert "in force, not accepted everywhere" in shown
