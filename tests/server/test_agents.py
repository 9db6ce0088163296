"""What agents may ask and say: one long request for the next release, receipts of their own environment, one token."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.authority import Authority
from trustyard.actions import agents
from trustyard.actions.gateway_tokens import Claim
from trustyard.gateways.agent import wire
from trustyard.server.agents import desk

from .serving import Serving, eventually, run

_numbers = itertools.count(1)
Made = dict[str, Any]


@dataclass
class Place:
    """An environment of its own with the gateway `edge` of kind agent."""

    server: Serving
    rest: httpx.Client
    name: str

    @property
    def token(self) -> str:
        text = self.rest.get(f"/api/v1/environments/{self.name}/gateways/edge/bootstrap").text
        return str(next(line.split('"')[1] for line in text.splitlines() if line.startswith("token = ")))

    def deploy(self, wait: int = 0) -> Made:
        name = f"agent-{next(_numbers)}"
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": Authority(name).pem}
        entry = {"environment": self.name, "alias": name, "source": source}
        body = {"name": name, "entries": [entry], "deploy": True}
        answer = self.rest.post(f"/api/v1/certificates?wait={wait}", json=body)
        assert answer.status_code == 201, answer.text
        made: Made = answer.json()["deployment"]["environments"][0]
        return made

    def version(self) -> str:
        release = self.rest.get(f"/api/v1/environments/{self.name}/releases?limit=1").json()["items"][0]
        return f"{release['number']}.{release['digest']}"

    def said(self) -> list[tuple[str, str, str]]:
        newest = self.rest.get(f"/api/v1/environments/{self.name}/releases?limit=1").json()["items"][0]
        return [(row["node"], row["state"], row["detail"]) for row in newest["gateways"]]

    def said_of(self, number: int) -> list[tuple[str, str]]:
        release = self.rest.get(f"/api/v1/environments/{self.name}/releases/{number}").json()
        return [(row["node"], row["state"]) for row in release["gateways"]]

    def nodes(self) -> dict[str, bool]:
        gateway = self.rest.get(f"/api/v1/environments/{self.name}/gateways/edge").json()
        return {node["node"]: node["connected"] for node in gateway["nodes"]}

    def agent(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return httpx.Client(base_url=self.server.url, headers=headers, trust_env=False, verify=False, timeout=30)


@pytest.fixture
def place(server: Serving) -> Iterator[Place]:
    with server.client() as rest:
        name = f"agents-{next(_numbers)}"
        rest.post("/api/v1/environments", json={"name": name, "type": "test"}).raise_for_status()
        made = rest.post(f"/api/v1/environments/{name}/gateways", json={"name": "edge", "kind": "agent"})
        assert made.status_code == 201, made.text
        yield Place(server, rest, name)


def ask(client: httpx.Client, **query: Any) -> httpx.Response:
    return client.get(wire.RELEASE, params={"node": "n1", **query})


def tell(client: httpx.Client, **word: Any) -> httpx.Response:
    return client.post(wire.RECEIPT, json={"node": "n1", "state": "accepted", "words": "", "milliseconds": 1, **word})


@pytest.fixture
def later() -> Iterator[Callable[..., Any]]:
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


def test_an_agent_is_given_the_newest_release_at_once_and_then_what_is_news(place: Place, later: Any) -> None:
    with place.agent() as agent:
        assert ask(agent).status_code == 204, "there is none yet"
        waiting = later(ask, agent, wait=30)
        eventually(lambda: place.nodes() == {"n1": True})
        place.deploy()
        answer = waiting.result(20)
        assert wire.unpacked(answer.content).material.number == 1
        have = place.version()
        assert ask(agent, have=have, wait=0.01).status_code == 204
        waiting = later(ask, agent, have=have, wait=30)
        place.deploy()
        assert wire.unpacked(waiting.result(20).content).material.number == 2


def test_a_receipt_is_kept_with_the_nodes_own_words_and_the_deploy_that_waits_is_answered(
    place: Place, later: Any
) -> None:
    with place.agent() as agent:
        waiting = later(ask, agent, wait=30)
        eventually(lambda: place.nodes() == {"n1": True})
        deploying = later(place.deploy, 20)
        given = wire.unpacked(waiting.result(20).content).material
        assert eventually(place.said) in ([("n1", "pending", "")], [("n1", "sent", "")])
        version = wire.version(given.number, given.content.digest())
        assert tell(agent, release=version, state="refused", words="nginx: [emerg] no").status_code == 204
        row = deploying.result(20)["gateways"][0]
        assert (row["node"], row["state"], row["detail"], row["milliseconds"]) == (
            "n1",
            "refused",
            "nginx: [emerg] no",
            1,
        )
        assert place.said() == [("n1", "refused", "nginx: [emerg] no")]
        ask(agent)
        assert tell(agent, release=f"1.{'0' * 64}").status_code == 404  # and what came before it is kept
        assert place.said() == [("n1", "refused", "nginx: [emerg] no")], "sent again is no new word"


def test_an_agent_says_nothing_of_releases_of_other_environments(place: Place, server: Serving) -> None:
    place.deploy()
    with server.client() as rest:
        rest.post("/api/v1/environments", json={"name": f"{place.name}-b", "type": "test"}).raise_for_status()
        address = f"/api/v1/environments/{place.name}-b/gateways"
        rest.post(address, json={"name": "edge", "kind": "agent"}).raise_for_status()
        other = Place(server, rest, f"{place.name}-b")
        other.deploy()
        with place.agent() as agent:
            answer = tell(agent, release=other.version())
            assert answer.status_code == 404
            assert answer.json()["type"].endswith("/unknown-release")
        assert place.said()[0][1] != "accepted"
        assert other.said()[0][1] != "accepted"


def test_of_an_older_release_only_a_node_that_was_given_it_says_anything(place: Place) -> None:
    """Else one token fills the store: names are free, and what is said of older releases is never forgotten."""
    place.deploy()
    first = place.version()
    with place.agent() as agent:
        ask(agent)
        place.deploy()
        for node in ("n1", "made up"):
            assert tell(agent, node=node, release=first).status_code == 204
        assert tell(agent, node="another", release=place.version()).status_code == 204
        assert place.said_of(1) == [("n1", "accepted"), ("another", "superseded"), ("made up", "superseded")]


def test_each_gateway_has_its_own_token_and_no_other_opens_anything(place: Place) -> None:
    place.rest.post(
        f"/api/v1/environments/{place.name}/gateways", json={"name": "envoy", "kind": "envoy"}
    ).raise_for_status()
    text = place.rest.get(f"/api/v1/environments/{place.name}/gateways/envoy/bootstrap").text
    xds = next(word.strip("'\"") for word in text.split() if word.startswith("xds."))
    good = place.token
    for token in ("x", good[:-1], good + "x", xds, xds.replace("xds.", "agent.", 1), place.server.token):
        with place.agent(token) as agent:
            for answer in (ask(agent), tell(agent, release=f"1.{'0' * 64}")):
                assert answer.status_code == 401, token
                assert answer.json()["type"].endswith("/bad-token")
    with place.agent() as agent:
        assert agent.get("/api/v1/environments").status_code == 401, "and this one opens no REST"


def test_who_is_refused_has_a_line_in_the_log_that_says_who_and_why_and_not_a_line_for_each_try(
    tmp_path: Path,
) -> None:
    """Never the token."""
    with Serving(tmp_path / "data") as server, server.client() as rest:
        rest.post("/api/v1/environments/test/gateways", json={"name": "edge", "kind": "agent"}).raise_for_status()
        place = Place(server, rest, "test")
        before = place.token
        rest.patch(
            "/api/v1/environments/test/gateways/edge", json={"rotate_token": True}, headers={"If-Match": "*"}
        ).raise_for_status()
        with place.agent(before) as agent:
            eventually(lambda: ask(agent, node="host-1").status_code == 401)
            assert [ask(agent, node="host-1").status_code for _ in range(2)] == [401] * 2
        assert server.terminate() == 0
    [line] = [json.loads(line) for line in server.log if "agents.refused" in line]
    assert (line["node"], line["address"], line["count"]) == ("host-1", "127.0.0.1", 1)
    assert line["reason"] == "The token of test/edge was rotated: give it the new bootstrap."
    assert not any(before in line for line in server.log)


def test_a_token_that_was_just_made_opens_before_the_news_of_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    standings: dict[int, agents.Standing] = {}
    monkeypatch.setattr(agents, "standings", standings.copy)

    async def story() -> None:
        held = desk.Desk()
        for generation in (7, 8):
            claim = Claim(1, generation)
            assert await held.standing(claim) is None
            standings[1] = agents.Standing(1, generation, "test", 1, allow_older=False, version="")
            assert await held.standing(claim) == standings[1]
        await held.close()

    asyncio.run(asyncio.wait_for(story(), 20))


def test_a_rotated_token_ends_the_request_that_waits(place: Place, later: Any) -> None:
    with place.agent() as agent:
        waiting = later(ask, agent, wait=30)
        eventually(lambda: place.nodes() == {"n1": True})
        address = f"/api/v1/environments/{place.name}/gateways/edge"
        etag = place.rest.get(address).headers["ETag"]
        place.rest.patch(address, json={"rotate_token": True}, headers={"If-Match": etag}).raise_for_status()
        assert waiting.result(20).status_code == 401
        assert ask(agent).status_code == 401
    with place.agent() as agent:
        assert ask(agent).status_code == 204


def test_a_removed_gateway_ends_the_request_that_waits(place: Place, later: Any) -> None:
    with place.agent() as agent:
        waiting = later(ask, agent, wait=30)
        eventually(lambda: place.nodes() == {"n1": True})
        address = f"/api/v1/environments/{place.name}/gateways/edge"
        etag = place.rest.get(address).headers["ETag"]
        place.rest.delete(address, headers={"If-Match": etag}).raise_for_status()
        assert waiting.result(20).status_code == 401


def test_two_agents_of_one_name_are_not_mistaken_for_one(place: Place, later: Any) -> None:
    with place.agent() as agent, place.agent() as other:
        waiting = later(ask, agent, process="one", wait=30)
        eventually(lambda: place.nodes() == {"n1": True})
        refused = ask(other, process="two", wait=1)
        assert refused.status_code == 409
        assert refused.json()["detail"].startswith("Another agent is connected under this node's name")
        assert ask(other, node="n2", process="two").status_code == 204
        place.deploy()
        assert waiting.result(20).status_code == 200


def test_two_agents_of_one_name_are_named_on_the_page_over_rest_and_once_in_the_log(place: Place) -> None:
    """Cloned hosts: each replaces what the other said. Neither an older agent nor a restarted one is taken for two."""

    def spoken(*processes: str) -> list[str]:
        for process in processes:
            assert ask(agent, **({"process": process} if process else {})).status_code == 204
        ask(agent, node="n2", process="own")
        eventually(lambda: place.nodes().get("n2"))
        nodes = place.rest.get(f"/api/v1/environments/{place.name}/gateways/edge").json()["nodes"]
        return [address for node in nodes if node["node"] == "n1" for address in node["agents"]]

    with place.agent() as agent:
        assert spoken("one", "", "one", "", "two", "", "two", "three") == []
        assert eventually(lambda: spoken("four", "three", "four", "three")) == ["127.0.0.1", "127.0.0.1"]
        spoken("four", "three")
    lines = [json.loads(line) for line in place.server.log if "agents.one_name" in line and place.name in line]
    assert [(line["gateway"], line["node"], line["level"]) for line in lines] == [("edge", "n1", "warning")]


def test_a_gateway_with_too_many_agents_leaves_room_for_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "MOST_EACH", 2)
    monkeypatch.setattr(desk, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(desk.Writer, "note", lambda *_: None)

    async def story() -> None:
        held = desk.Desk()
        with held.present(1, "a", None), held.present(1, "a", None):
            with held.present(1, "b", None), held.present(2, "c", None):
                with pytest.raises(desk.TooMany), held.present(1, "d", None):
                    pass
                assert held.connected == 3
            await asyncio.sleep(0.01)
            with held.present(1, "d", None):
                assert held.connected == 2
        await held.close()

    asyncio.run(story())


def test_an_agent_that_left_makes_room_for_another_of_its_name(place: Place) -> None:
    with place.agent() as agent, pytest.raises(httpx.ReadTimeout):
        agent.get(wire.RELEASE, params={"node": "n1", "process": "one", "wait": 30}, timeout=0.5)
    with place.agent() as other:
        eventually(lambda: ask(other, process="two", wait=0).status_code == 204)


def test_what_was_said_is_asked_for_again_after_the_gateway_changed(place: Place, later: Any) -> None:
    place.deploy()
    with place.agent() as agent:
        version = place.version()
        edition = tell(agent, release=version).headers[wire.EDITION]
        waiting = later(ask, agent, have=version, edition=edition, wait=30)
        address = f"/api/v1/environments/{place.name}/gateways/edge"
        etag = place.rest.get(address).headers["ETag"]
        changed = place.rest.patch(address, json={"options": {"allow_older": True}}, headers={"If-Match": etag})
        assert changed.status_code == 200, changed.text
        assert place.said()[0][1] != "accepted", "words of before are gone"
        answer = waiting.result(20)
        assert answer.status_code == 204
        assert answer.headers[wire.EDITION] != edition
        assert wire.unpacked(ask(agent).content).allow_older


def test_an_agent_that_waits_is_answered_when_its_release_is_deployed_again(place: Place, later: Any) -> None:
    place.deploy()
    with place.agent() as agent:
        waiting = later(ask, agent, have=place.version(), wait=29)
        eventually(lambda: place.nodes().get("n1"))
        again = place.rest.post(f"/api/v1/environments/{place.name}/releases?wait=0", json={})
        assert again.status_code == 200, again.text
        answer = waiting.result(20)
        assert answer.status_code == 204


@pytest.mark.parametrize(
    "query",
    [
        {"node": ""},
        {"node": "x" * 201},
        {"node": "a\x1bb"},
        {"have": "1"},
        {"have": f"0.{'a' * 64}"},
        {"wait": "-1"},
        {"wait": "nan"},
        {"wait": "x"},
        {"other": "1"},
        {"process": "x" * 65},
    ],
)
def test_a_question_that_is_none_is_a_problem(place: Place, query: dict[str, str]) -> None:
    with place.agent() as agent:
        answer = ask(agent, **query)
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "word",
    [
        {"state": "observed"},
        {"state": "superseded"},
        {"release": "1.x"},
        {"node": ""},
        {"words": "x" * 4001},
        {"milliseconds": -1},
        {"milliseconds": True},
        {"more": 1},
    ],
)
def test_a_receipt_that_is_none_is_a_problem(place: Place, word: dict[str, Any]) -> None:
    with place.agent() as agent:
        answer = tell(agent, **{"release": f"1.{'0' * 64}", **word})
    assert answer.status_code == 422, answer.text


def test_words_that_no_database_takes_are_kept_readable(place: Place) -> None:
    place.deploy()
    with place.agent() as agent:
        body = json.dumps({"node": "n1", "release": place.version(), "state": "refused", "words": "a\0b"})
        assert agent.post(wire.RECEIPT, content=body).status_code == 204
    assert place.said() == [("n1", "refused", "a\N{REPLACEMENT CHARACTER}b")]


def test_other_verbs_bodies_and_addresses_are_problems(place: Place) -> None:
    with place.agent() as agent:
        assert agent.post(wire.RELEASE).status_code == 405
        assert agent.get(wire.RECEIPT).headers["Allow"] == "POST"
        assert agent.get("/agents/v1/other").status_code == 404
        assert agent.post(wire.RECEIPT, content=b"x" * 40_000).status_code == 413
        assert agent.post(wire.RECEIPT, content=b"{").status_code == 422


def test_a_server_that_stops_answers_those_who_wait(tmp_path: Any) -> None:
    with Serving(tmp_path / "data") as server, server.client() as rest:
        rest.post("/api/v1/environments/test/gateways", json={"name": "edge", "kind": "agent"}).raise_for_status()
        place = Place(server, rest, "test")
        with place.agent() as agent:
            answers: list[int] = []
            thread = threading.Thread(target=lambda: answers.append(ask(agent, wait=30).status_code))
            thread.start()
            eventually(lambda: place.nodes() == {"n1": True})
            assert server.terminate() == 0
            thread.join(10)
        assert answers == [503]


def test_receipts_are_counted_and_agents_that_are_there_too(place: Place, later: Any) -> None:
    place.deploy()
    with place.agent() as agent:
        tell(agent, release=place.version(), state="unreachable")
        waiting = later(ask, agent, have=place.version(), wait=30)
        metrics = eventually(lambda: (text := place.rest.get("/metrics").text)
                             and "trustyard_agents_connected 0.0" not in text and text)  # fmt: skip
        assert 'trustyard_deliveries_total{kind="agent",state="unreachable"}' in metrics
        place.deploy()
        waiting.result(20)


def test_the_bootstrap_is_what_the_command_line_prints(place: Place) -> None:
    environ = {"URL": place.server.url, "TOKEN": place.server.token}
    printed = run(place.server.data_dir, "gateway", "bootstrap", place.name, "edge", **environ).stdout
    assert f'address = "{place.server.url}"' in printed
    assert place.token in printed
    as_json = run(place.server.data_dir, "gateway", "bootstrap", place.name, "edge", "--json", **environ).stdout
    assert json.loads(as_json)["environment"] == place.name
    answer = place.rest.get(
        f"/api/v1/environments/{place.name}/gateways/edge/bootstrap?listen=127.0.0.1:1&cert=a&key=b"
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cert")
