"""Many writers at once: on two nodes where the database is PostgreSQL, on one where it is SQLite."""

from __future__ import annotations

import base64
import random
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from tests.databases import chosen
from tests.server.nodes import Nodes
from tests.server.serving import Serving, eventually, run
from tests.tls_servers import Ca

ROOT = "/api/v1"
WRITERS = 8
ROUNDS = 5
DEPLOY = {"deploy": True, "confirm_restored": True}
Change = Callable[[httpx.Client], httpx.Response]
Answers = dict[str, list[httpx.Response]]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Serving]]:
    folder = tmp_path_factory.mktemp("writers")
    if not chosen():
        with Serving(folder / "data") as server:
            yield [server]
        return
    with Nodes(folder) as several:
        yield [several.start("one"), several.start("two")]


def address(node: Serving) -> str:
    """Of the nodes' PostgreSQL."""
    return node._settings["DATABASE_URL"]


class Writers:
    """Has changes made all at once, shuffled by a fixed seed, by programs that ask one node after the other."""

    def __init__(self, nodes: list[Serving], ca: Ca) -> None:
        self._ca = ca
        self._clients = [nodes[number % len(nodes)].client() for number in range(WRITERS)]
        self._number = 0

    def pem(self) -> str:
        self._number += 1
        return self._ca.issue(f"partner {self._number}").cert_pem.decode()

    def entry(self, alias: str, *places: str) -> dict[str, Any]:
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": self.pem()}
        return {"environments": list(places), "alias": alias, "source": source}

    def certificate(self, name: str, *entries: dict[str, Any], **more: Any) -> Change:
        body = {"name": name, "entries": list(entries), **more}
        return lambda client: client.post(f"{ROOT}/certificates?wait=0", json=body)

    def now(self, change: Change) -> httpx.Response:
        answer = change(self._clients[0])
        assert answer.is_success, answer.text
        return answer

    def at_once(self, changes: list[tuple[str, Change]]) -> Answers:
        random.Random(5).shuffle(changes)
        with ThreadPoolExecutor(WRITERS) as pool:
            parts = pool.map(self._some, self._clients, (changes[n::WRITERS] for n in range(WRITERS)))
            made = [one for part in parts for one in part]
        answers: Answers = {}
        for what, answer in made:
            answers.setdefault(what, []).append(answer)
        return answers

    def _some(self, client: httpx.Client, changes: list[tuple[str, Change]]) -> list[tuple[str, httpx.Response]]:
        return [(what, change(client)) for what, change in changes]

    def close(self) -> None:
        for client in self._clients:
            client.close()


@pytest.fixture
def writers(nodes: list[Serving]) -> Iterator[Writers]:
    made = Writers(nodes, Ca.new("Writers CA"))
    yield made
    made.close()


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def codes(answers: list[httpx.Response]) -> set[str]:
    return {answer.json()["type"].rpartition("/")[2] for answer in answers if answer.status_code >= 400}


def changing(path: str, etag: str, body: dict[str, Any]) -> Change:
    return lambda client: client.patch(f"{ROOT}{path}?wait=0", json=body, headers={"If-Match": etag})


def posting(path: str, body: dict[str, Any], wait: int = 0) -> Change:
    return lambda client: client.post(f"{ROOT}{path}?wait={wait}", json=body)


def reading(path: str) -> Change:
    return lambda client: client.get(f"{ROOT}{path}")


def deleting(path: str, etag: str) -> Change:
    return lambda client: client.delete(f"{ROOT}{path}?wait=0&confirm_restored=true", headers={"If-Match": etag})


def octets(number: int) -> dict[str, Any]:
    """A JWK of a key of its own, under one key ID."""
    x = base64.urlsafe_b64encode(bytes([number + 9]) * 32).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "the-kid"}


def test_of_many_writers_of_one_thing_exactly_one_wins_and_nothing_is_half_done(
    nodes: list[Serving], writers: Writers
) -> None:
    edited = writers.now(writers.certificate("edited", writers.entry("edited", "test", "production"), deploy=True))
    doomed = writers.now(writers.certificate("doomed", writers.entry("doomed", "test"), deploy=True))
    writers.now(writers.certificate("signing", writers.entry("signing", "test", "production")))
    changes: list[tuple[str, Change]] = []
    for n in range(ROUNDS):
        there = ("test", "production") if n % 2 else ("production", "test")
        both = [writers.entry(f"both {n}", place) for place in there]
        here = writers.entry(f"here {n}", there[0])
        made_of = {"kind": "certificate", "certificate": "signing", "environment": there[0]}
        by_hand = {"kind": "jwk", "jwk": octets(n), "environments": list(there)}
        changes += [
            ("both", writers.certificate(f"both {n}", *both, **DEPLOY)),
            ("here", writers.certificate(f"here {n}", here, deploy=bool(n % 3), confirm_restored=True)),
            ("name", writers.certificate("one name", writers.entry(f"name {n}", "test"), **DEPLOY)),
            ("alias", writers.certificate(f"alias {n}", writers.entry("one alias", *there), **DEPLOY)),
            ("edit", changing("/certificates/edited", edited.headers["ETag"], {"description": f"{n}", **DEPLOY})),
            ("delete", deleting("/certificates/doomed", doomed.headers["ETag"])),
            ("jwk", posting("/jwks", {"name": f"jwk {n}", "source": made_of, "kid": f"kid {n}", **DEPLOY})),
            ("kid", posting("/jwks", {"name": f"kid {n}", "source": by_hand, **DEPLOY})),
            ("deploy", posting(f"/environments/{there[0]}/releases", {"confirm_restored": True})),
            ("restore", posting(f"/environments/{there[0]}/releases/1/restore", {})),
        ]  # fmt: skip
    answers = writers.at_once(changes)

    broken = [answer.text for part in answers.values() for answer in part if answer.status_code >= 500]
    assert not broken, "\n".join(
        line for node in nodes for line in node.log if "unforeseen" in line or "gave_way" in line
    )
    for what in ("both", "here", "jwk"):
        assert statuses(answers[what]) == {201: ROUNDS}, what
    for what, code in (("name", "name-taken"), ("alias", "alias-taken"), ("kid", "kid-taken")):
        assert statuses(answers[what]) == {201: 1, 409: ROUNDS - 1}, what
        assert codes(answers[what]) == {code}
    assert statuses(answers["edit"]) == {200: 1, 412: ROUNDS - 1}
    assert statuses(answers["delete"])[200] == 1
    assert codes(answers["delete"]) <= {"not-found", "stale-version"}
    for what in ("deploy", "restore"):
        assert set(statuses(answers[what])) <= {200, 201}
    _whole(nodes, writers)


@pytest.mark.skipif(not chosen(), reason="SQLite has one writer at a time, and no server to be away")
def test_a_save_that_the_database_stops_is_a_503_stores_nothing_and_a_cut_connection_costs_no_answer(
    nodes: list[Serving], writers: Writers
) -> None:
    save = writers.certificate("stopped", writers.entry("stopped", "test"))
    with psycopg.connect(address(nodes[0]), autocommit=True) as connection:
        # Two connections: within a transaction everybody else's activity is what it was at the first look.
        with psycopg.connect(address(nodes[0])) as holding, ThreadPoolExecutor(1) as pool:
            holding.execute("SELECT 1 FROM trustyard_audithead FOR UPDATE")
            answer = pool.submit(lambda: writers.at_once([("save", save)])["save"][0])
            waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            eventually(lambda: connection.execute(f"SELECT pg_cancel_backend(pid) {waiting}").fetchall())  # type: ignore[call-overload]  # ours
            stopped = answer.result(20)
        assert (stopped.status_code, codes([stopped])) == (503, {"database-unavailable"})
        assert int(stopped.headers["Retry-After"]) > 0
        assert writers.now(save).status_code == 201
        others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        assert connection.execute(f"SELECT pg_terminate_backend(pid) {others}").fetchall()  # type: ignore[call-overload]  # ours
        assert connection.execute("SELECT count(*) FROM trustyard_certificate WHERE name = 'stopped'").fetchone() == (
            1,
        )
    again = [(str(n), reading("/certificates/stopped")) for n in range(WRITERS)]
    assert {answer.status_code for part in writers.at_once(again).values() for answer in part} == {200}


@pytest.mark.skipif(not chosen(), reason="SQLite has one writer at a time")
def test_who_removes_a_gateway_waits_for_what_its_node_says_and_never_the_other_way_round(
    nodes: list[Serving], writers: Writers
) -> None:
    made = writers.now(posting("/environments/test/gateways", {"name": "leaving", "kind": "envoy"}))
    writers.now(writers.certificate("said", writers.entry("said", "test"), **DEPLOY))
    gone = deleting("/environments/test/gateways/leaving", made.headers["ETag"])
    node = """INSERT INTO trustyard_node (gateway_id, name, connected, last_seen)
        SELECT pk, 'n', true, now() FROM of ON CONFLICT DO NOTHING"""
    receipt = """INSERT INTO trustyard_receipt (release_id, gateway_id, node, state, detail, proof, at)
        SELECT (SELECT max(id) FROM trustyard_release), pk, 'n', 'sent', '', '', now() FROM of
        ON CONFLICT (release_id, gateway_id, node) DO UPDATE SET state = 'accepted'"""
    of = "WITH of AS (SELECT id AS pk FROM trustyard_gateway WHERE name = 'leaving') "
    with psycopg.connect(address(nodes[0]), autocommit=True) as looking, ThreadPoolExecutor(1) as pool:
        for said in (node, receipt):
            looking.execute(of + said)  # type: ignore[call-overload]  # ours
        # What a node says is kept in this order (`actions/receipts.py`).
        with psycopg.connect(address(nodes[0])) as saying:
            saying.execute("SET lock_timeout = '500ms'")
            saying.execute(of + receipt)  # type: ignore[call-overload]  # ours
            answer = pool.submit(lambda: writers.at_once([("gone", gone)])["gone"][0])
            waiting = "wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%trustyard_receipt%'"
            eventually(lambda: looking.execute(f"SELECT 1 FROM pg_stat_activity WHERE {waiting}").fetchall())  # type: ignore[call-overload]  # ours
            saying.execute(of + node)  # type: ignore[call-overload]  # ours
        assert answer.result(20).status_code == 204
    assert not [line for node in nodes for line in node.log if "gave_way" in line]


@pytest.mark.skipif(not chosen(), reason="SQLite has one server")
def test_what_an_agent_answered_at_one_server_stays_though_another_still_writes_that_it_was_sent(
    nodes: list[Serving], writers: Writers
) -> None:
    writers.now(posting("/environments/test/gateways", {"name": "hosts", "kind": "agent"}))
    writers.now(writers.certificate("sent", writers.entry("sent", "test"), **DEPLOY))
    file = writers.now(reading("/environments/test/gateways/hosts/bootstrap")).text
    token = {"Authorization": f"Bearer {tomllib.loads(file)['token']}"}
    answered = """INSERT INTO trustyard_receipt (release_id, gateway_id, node, state, detail, proof, at)
        SELECT (SELECT max(id) FROM trustyard_release), id, 'n', 'accepted', '', '', now()
        FROM trustyard_gateway WHERE name = 'hosts'"""
    with (
        psycopg.connect(address(nodes[0]), autocommit=True) as looking,
        httpx.Client(base_url=nodes[0].url, headers=token, trust_env=False, timeout=30) as agent,
    ):
        with psycopg.connect(address(nodes[0])) as elsewhere:
            elsewhere.execute(answered)  # type: ignore[call-overload]  # ours
            assert agent.get("/agents/v1/release?node=n").status_code == 200
            waiting = "wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%trustyard_receipt%'"
            eventually(lambda: looking.execute(f"SELECT 1 FROM pg_stat_activity WHERE {waiting}").fetchall())  # type: ignore[call-overload]  # ours
        # What comes after it is answered when it is kept.
        later = {"node": "m", "release": f"1.{'0' * 64}", "state": "accepted", "words": "", "milliseconds": 1}
        assert agent.post("/agents/v1/receipt", json=later).status_code == 404
    rows = writers.now(reading("/environments/test/releases")).json()["items"][0]["gateways"]
    assert [row["state"] for row in rows if row["node"] == "n"] == ["accepted"]


def _whole(nodes: list[Serving], writers: Writers) -> None:
    """Numbers without gaps, the chain in order, nobody waited for each other, and the newest release is delivered."""
    for place in ("test", "production"):
        path = f"/environments/{place}/releases"
        last = writers.now(posting(path, {"confirm_restored": True}, wait=20)).json()
        listed = writers.now(reading(f"{path}?limit=500")).json()["items"]
        assert [one["number"] for one in listed] == list(range(last["number"], 0, -1))
        assert last["deployment"]["environments"][0]["state"] == "accepted", last
    assert "each fits the one before it" in run(nodes[0].data_dir, "audit", "verify", **nodes[0]._settings).stdout
    if chosen():
        with psycopg.connect(address(nodes[0])) as connection:
            row = connection.execute(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            ).fetchone()
        assert row == (0,)
