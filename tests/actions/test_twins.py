"""Two agents of one name are noticed by the turns that they take, a restart is not; the log says it once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from tests.actions.conftest import ADMIN
from trustyard import models
from trustyard.actions import agents, environments, gateways, receipts, twins
from trustyard.actions.twins import Heard

pytestmark = pytest.mark.django_db


@pytest.fixture
def node() -> models.Node:
    """`n1` of an agent gateway, connected."""
    environments.create(ADMIN, name="place")
    gateway = gateways.create(ADMIN, "place", name="edge", kind="agent")
    receipts.seen_all([(gateway.pk, "n1", True)])
    return models.Node.objects.get()


class Told:
    """What the servers hear of `n1`, twenty seconds between two words; the last of them a moment ago."""

    def __init__(self, node: models.Node) -> None:
        self.node = node

    def __call__(self, processes: str, *, seconds: float = 20, ago: float = 1) -> list[str]:
        """The addresses of those that are said to take turns."""
        for one in self.words(processes, seconds, ago):
            twins.note([one])
        return self.speaking()

    def words(self, processes: str, seconds: float, ago: float = 1) -> Iterator[Heard]:
        end = datetime.now(UTC) - timedelta(seconds=ago)
        for place, process in enumerate(processes):
            at = end - timedelta(seconds=seconds * (len(processes) - 1 - place))
            yield Heard(self.node.gateway_id, "n1", process, f"192.0.2.{ord(process) - ord('a') + 1}", at)

    def speaking(self) -> list[str]:
        self.node.refresh_from_db()
        return twins.speaking(self.node, datetime.now(UTC))


@pytest.fixture
def told(node: models.Node) -> Told:
    return Told(node)


def test_two_agents_that_speak_by_turns_are_noticed_with_their_addresses(told: Told) -> None:
    assert told("abab") == ["192.0.2.1", "192.0.2.2"]


def test_three_that_speak_one_after_the_other_are_noticed_too(told: Told) -> None:
    assert told("abcabc") == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


def test_of_agents_before_those_the_addresses_are_not_named(told: Told) -> None:
    assert told("abcdcd") == ["192.0.2.3", "192.0.2.4"]


@pytest.mark.parametrize("processes", ["aaaa", "aabb", "abcdefgh", "aab", "aabbcc"])
def test_a_restart_is_no_second_agent(told: Told, processes: str) -> None:
    assert told(processes) == []


def test_one_word_that_was_long_on_its_way_makes_no_second_agent(told: Told) -> None:
    """Of the process before a restart, heard by a server whose clock is fast, and written after the next one's."""
    assert told("abab"[:3]) == []


def test_what_was_heard_before_is_no_return(told: Told) -> None:
    """A batch that is written again: what it says is known."""
    words = list(told.words("ab", 20))
    for _ in range(5):
        twins.note(words)
    assert told.speaking() == []


def test_agents_that_took_turns_long_ago_are_forgotten(told: Told) -> None:
    assert told("ababab", ago=700) == []
    assert told("abab", seconds=700) == [], "a quarter of an hour apart they are no two that are there"


def test_the_log_says_it_once(told: Told) -> None:
    with capture_logs() as lines:
        told("abababab")
    [line] = [line for line in lines if line["event"] == "agents.one_name"]
    assert (line["environment"], line["gateway"], line["node"]) == ("place", "edge", "n1")
    assert line["addresses"] == ["192.0.2.1", "192.0.2.2"]


def test_where_one_agent_stays_the_only_one_nothing_is_written(told: Told) -> None:
    told("a")
    many = list(told.words("aaaa", 1))
    with CaptureQueriesContext(connection) as queries:
        twins.note(many)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]


def test_an_agent_that_only_asks_takes_no_transaction_and_asks_the_database_once(told: Told) -> None:
    told("a")
    with CaptureQueriesContext(connection) as asked:
        assert agents.keep(list(told.words("a", 20))) == [True]
    assert len(asked) == 1


def test_who_speaks_of_a_node_that_is_gone_says_nothing(told: Told) -> None:
    gateways.delete(ADMIN, "place", "edge", if_match="*")
    twins.note(list(told.words("abab", 20)))
    assert not models.Node.objects.exists()
