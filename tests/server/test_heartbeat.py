"""The heartbeat of servers on one PostgreSQL: what a dead one held is gone, and who was late says who is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from trustyard import models
from trustyard.actions import environments, gateways, news, servers
from trustyard.actions.actors import LOCAL
from trustyard.server.heartbeat import _beat

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def me(transactional_db: None) -> Iterator[str]:
    """This server, to which the Envoy `mine` is connected."""
    environments.create(LOCAL, name="test")
    for name, kind in (("edge", "envoy"), ("folder", "files")):
        gateways.create(LOCAL, "test", name=name, kind=kind, options={})
    servers.register()
    own = servers.me()
    assert own
    holds(own, "mine")
    yield own
    servers.leave()


def holds(server: str, node: str, *, seconds: float = 0, gateway: str = "edge") -> None:
    """A node is connected to a server that was heard so many seconds ago."""
    seen = timezone.now() - timedelta(seconds=seconds)
    row, _ = models.Server.objects.get_or_create(
        pk=server, defaults={"edition": "e", "started_at": seen, "seen_at": seen}
    )
    place = models.Gateway.objects.get(name=gateway)
    models.Node.objects.create(gateway=place, name=node, connected=True, last_seen=seen, server=row)


def connected() -> set[str]:
    return set(models.Node.objects.filter(connected=True).values_list("name", flat=True))


def test_what_a_server_held_is_gone_a_few_seconds_after_its_last_word(me: str) -> None:
    holds("alive", "theirs", seconds=servers.DEAD_SECONDS / 2)
    holds("dead", "lost", seconds=servers.DEAD_SECONDS + 1)
    holds("dead", "a file", gateway="folder")
    _beat()
    assert connected() == {"mine", "theirs", "a file"}, "no server is asked for a folder's node"
    assert models.Server.objects.get(pk="alive").seen_at < timezone.now() - timedelta(seconds=4), "its own word"
    holds("long gone", "old", seconds=25 * 3600)
    _beat()
    assert set(models.Server.objects.values_list("pk", flat=True)) == {me, "alive", "dead"}


def test_who_was_taken_for_dead_says_who_is_there_once(me: str) -> None:
    heard: list[str] = []
    unsubscribe = news.subscribe(heard.append)
    _beat()
    assert heard == []
    for late in (
        lambda: models.Server.objects.filter(pk=me).update(seen_at=timezone.now() - timedelta(seconds=60)),
        lambda: models.Server.objects.filter(pk=me).delete(),
    ):
        late()
        _beat()
        assert heard.pop() == news.EVERYTHING
        _beat()
        assert heard == []
    unsubscribe()
    assert servers.me() == me


def test_servers_that_run_at_the_same_time_share_an_edition_and_a_new_one_begins_when_all_had_ended(me: str) -> None:
    first = servers.edition()
    servers.leave()
    holds("another", "theirs", seconds=1)
    servers.register()
    assert servers.edition() == "e"
    models.Server.objects.update(seen_at=timezone.now() - timedelta(seconds=60))
    servers.register()
    assert servers.edition() not in {first, "e"}


def test_what_nobody_living_holds_is_gone_when_a_server_begins_and_what_a_living_one_holds_is_not(me: str) -> None:
    holds("nobody", "left behind")
    models.Node.objects.filter(name="left behind").update(server=None)
    holds("dead", "lost", seconds=servers.DEAD_SECONDS + 1)
    servers.register()
    assert connected() == {"mine"}
    assert models.Server.objects.filter(pk=servers.me()).exists(), "what comes at once finds its server"


def test_what_a_server_that_ends_held_is_gone_and_what_another_holds_is_not(me: str) -> None:
    holds("another", "theirs")
    servers.leave()
    assert connected() == {"theirs"}
    assert set(models.Server.objects.values_list("pk", flat=True)) == {"another"}
