"""Walks without an aim over REST, on both databases at once: what must be true of every step stays true of all."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.rest import Answer, path
from tests.authority import Authority
from tests.databases import Cluster
from tests.live.walking import Twins
from tests.server.serving import Serving
from trustyard.pki.names import fold

pytestmark = pytest.mark.sqlite  # it brings both databases itself

STEPS = 120
SEED = 1  # with another one it is another walk
PLACES = ("test", "production", "Bêta/1")
NAMES = ("acme", "Acme", "a/b", "ß", "İstanbul", "import", "100%")
KEYS = ("sign", "Sign", "ş/1", "key%")
# What an object is, without what follows from others.
DERIVED = {"version", "findings", "release", "roots", "connected_to", "status", "in_force", "connected_jwks"}
NOUNS = {"certificate": "certificates", "jwk": "jwks", "environment": "environments"}

Objects = dict[tuple[str, str], Any]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster().start()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="module")
def twins(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """One server on SQLite, one on a PostgreSQL; their environments have no gateway that speaks in its own time."""
    folder = tmp_path_factory.mktemp("walks")
    other = {"DATABASE_URL": cluster.create("walks")}
    with (
        Serving(folder / "sqlite") as sqlite,
        Serving(folder / "postgresql", **other) as postgresql,
        Twins({sqlite: {}, postgresql: other}) as twins,
    ):
        for place in PLACES:
            twins.ask("POST", path("environments"), {"name": place})
            twins.ask("DELETE", path("environments", place, "gateways", "files"), changes=True)
            twins.ask("PATCH", path("environments", place), {"root_set": "none"}, changes=True)
        yield twins


class Walk:
    """One walk: each step asks for something that may be refused, and then looks at what became of it."""

    def __init__(self, twins: Twins, seed: int) -> None:
        self.twins = twins
        self.chance = random.Random(seed)
        ca = Authority("Walk CA")
        keys = [ca.issue("one").key, ca.issue("other").key]
        leaves = [ca.issue(name, keys[at]) for name, at in (("old", 0), ("renewed", 0), ("other", 1))]
        past = Authority("Past CA", moment=datetime.now(UTC) - timedelta(days=800))
        self.pems = [one.pem for one in (*leaves, ca, past)]
        self.seen = self.objects()
        self.events = self.twins.all("audit")

    def step(self) -> None:
        """Any of what a person can do, and what must be true of it."""
        doing = self.chance.choices([step for step, _ in WEIGHTS], [weight for _, weight in WEIGHTS])[0]
        answer = doing(self)
        self.judge(answer)

    # What a person can do

    def create(self) -> Answer:
        entries = [self.entry(place) for place in self.some(PLACES)]
        body = {"name": self.one(NAMES), "entries": entries, **self.deploying()}
        return self.twins.ask("POST", path("certificates"), body, wait=0)

    def change(self) -> Answer:
        entries = [self.entry(self.one(PLACES), alias=self.one((None, "other")))]
        body = {"name": self.one((None, None, *NAMES)), "entries": self.one((None, entries)), **self.deploying()}
        return self.answered("PATCH", self.stored("certificate", NAMES), body)

    def leave(self) -> Answer:
        body = {"entries": [{"environment": place} for place in self.some(PLACES)], **self.deploying()}
        return self.answered("PUT", self.stored("certificate", NAMES), body)

    def delete(self) -> Answer:
        name = self.stored("certificate", NAMES)
        answer = {"jwk_connection": self.one((None, "delete", "disconnect")), "confirm": name}
        address = path("certificates", name)
        return self.twins.ask("DELETE", address, changes=True, confirm_restored="true", wait=0, **answer)

    def revoke(self) -> Answer:
        body = {"reason": "lost", **self.deploying()}
        return self.twins.ask("POST", path(*self.of_entry(), "revoke"), body, wait=0)

    def trust_again(self) -> Answer:
        return self.twins.ask("POST", path(*self.of_entry(), "restore"), self.deploying(), wait=0)

    def make_jwk(self) -> Answer:
        _, certificate, _, place = self.of_entry()
        source = {"kind": "certificate", "certificate": certificate, "environment": place}
        body = {"name": self.one(KEYS), "source": source, "use": self.one(("sig", "enc")), **self.deploying()}
        return self.twins.ask("POST", path("jwks"), body, wait=0)

    def change_jwk(self) -> Answer:
        name = self.stored("jwk", KEYS)
        stored = self.seen.get(("jwk", name), {"state": "active"})
        state = "disabled" if stored["state"] == "active" else "active"
        body = {"name": self.one((None, *KEYS)), "state": self.one((None, state)), **self.deploying()}
        return self.twins.ask("PATCH", path("jwks", name), body, changes=True, wait=0)

    def delete_jwk(self) -> Answer:
        deploy = self.one((True, False))
        return self.twins.ask("DELETE", path("jwks", self.stored("jwk", KEYS)), changes=True, deploy=deploy, wait=0)

    def deploy(self) -> Answer:
        """A preview says just what the deploy does."""
        address = path("environments", self.one(PLACES), "releases")
        said = self.twins.ask("POST", f"{address}/preview")
        answer = self.twins.ask("POST", address, {"confirm_restored": True}, wait=0)
        if answer.status < 400:
            assert (answer.status == 201, answer.json["left_out"]) == (said.json["changed"], said.json["left_out"])
        if answer.status == 201:
            done = self.twins.ask("GET", f"{address}/{answer.json['number']}/diff").json
            assert {name: done[name] for name in said.json["difference"]} == said.json["difference"]
            assert not self.twins.ask("POST", f"{address}/preview").json["changed"]
        return answer

    def roll_back(self) -> Answer:
        place, number = self.one(PLACES), self.chance.randrange(1, 6)
        return self.twins.ask("POST", path("environments", place, "releases", number, "restore"), {}, wait=0)

    def promote(self) -> Answer:
        source, target = self.chance.sample(PLACES, 2)
        answers = {name: {"action": self.one(("update", "disconnect")), "confirm": name} for name in NAMES}
        body = {"from": source, "jwk_connection": answers, **self.deploying()}
        return self.twins.ask("POST", path("environments", target, "promote"), body, wait=0)

    def take_in(self) -> Answer:
        given = [{"pem": self.one(self.pems), "name": self.one((None, *NAMES))} for _ in range(2)]
        body = {"environments": self.some(PLACES), "certificates": given, **self.deploying()}
        return self.twins.ask("POST", path("certificates", "import"), body, wait=0)

    def search(self) -> None:
        """A list says of a filter what looking through all of it says, and each once, however it is paged."""
        place, status = self.one(PLACES), self.one(("valid", "expired", "revoked"))
        found = self.twins.all("certificates", environment=place, status=status, limit=2)
        fitting = {
            name
            for (noun, name), stored in self.seen.items()
            if noun == "certificate"
            and any((entry["environment"], entry["status"]) == (place, status) for entry in stored["entries"])
        }
        assert [one["name"] for one in found] == sorted(fitting, key=fold)

    # What must be true

    def judge(self, answer: Answer | None) -> None:
        """What was refused changed nothing; else each object that changed has one event, and another version."""
        before, self.seen = self.seen, self.objects()
        events = [event for event in self.twins.all("audit") if event not in self.events]
        self.events = [*events, *self.events]
        if answer is None or answer.status >= 400:
            assert not events
            assert self.seen == before
            return
        changed = {key for key in before | self.seen if content(before.get(key)) != content(self.seen.get(key))}
        told = [key for event in events for key in told_by(event)]
        assert changed == set(told)
        assert len(told) == len(set(told))
        for key in before.keys() & self.seen.keys():
            assert self.seen[key]["version"] == before[key]["version"] + (key in changed), key
        self.judge_releases(before, [event for event in events if event["object_kind"] == "release"])

    def judge_releases(self, before: Objects, events: Sequence[Any]) -> None:
        """Numbers have no gaps, what was withdrawn is in no new release, and what is saved is in one of a deploy."""
        made = {event["object"] for event in events}
        for place in PLACES:
            old, new = (each["environment", place]["release"] or 0 for each in (before, self.seen))
            assert new - old == (f"{place}/{new}" in made)
            if new == old:
                continue
            deployed = f"{place}/{new}" in {event["object"] for event in events if event["action"] == "release.deploy"}
            for entry in (entry for entry in self.entries() if entry["environment"] == place):
                trusted = entry["status"] in ("valid", "expiring")
                assert entry["in_force"] == trusted if deployed else not entry["in_force"] or trusted
            keys = self.twins.published(place)
            jwks = [one for (noun, _), one in self.seen.items() if noun == "jwk" and place in one["environments"]]
            active = [one["jwk"] for one in jwks if one["state"] == "active"]
            assert not deployed or keys == sorted(active, key=lambda key: (key["kid"], key["use"]))
            assert all(one["jwk"] not in keys or one["jwk"] in active for one in jwks)

    def objects(self) -> Objects:
        """Everything that is stored, by noun and name."""
        listed = {noun: self.twins.all(names) for noun, names in NOUNS.items()}
        return {(noun, one["name"]): one for noun, items in listed.items() for one in items}

    def entries(self) -> list[Any]:
        """All entries of all certificates."""
        return [entry for (noun, _), one in self.seen.items() if noun == "certificate" for entry in one["entries"]]

    # What is asked for

    def one(self, among: Sequence[Any]) -> Any:
        return self.chance.choice(among)

    def stored(self, noun: str, names: Sequence[str]) -> str:
        """Mostly what there is, at times what there may be under this name, or may not."""
        there = [name for kind, name in self.seen if kind == noun]
        return str(self.one(there if there and self.chance.random() < 0.8 else names))

    def some(self, among: Sequence[str]) -> list[str]:
        return self.chance.sample(among, self.chance.choice((1, 1, 2)))

    def deploying(self) -> dict[str, Any]:
        return {"deploy": self.chance.random() < 0.4, "confirm_restored": True}

    def entry(self, place: str, alias: str | None = None) -> dict[str, Any]:
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": self.one(self.pems)}
        return {"environment": place, "alias": alias or self.one(("a", "A", "b c", "d", "e")), "source": source}

    def of_entry(self) -> tuple[str, ...]:
        name = self.stored("certificate", NAMES)
        entries = self.seen.get(("certificate", name), {"entries": []})["entries"]
        return "certificates", name, "entries", self.one([entry["environment"] for entry in entries] or PLACES)

    def answered(self, verb: str, name: str, body: dict[str, Any]) -> Answer:
        """A change of a certificate, and where it concerns JWKs the answer to what it asks."""
        body = {member: value for member, value in body.items() if value is not None}
        answer = self.twins.ask(verb, path("certificates", name), body, changes=True, wait=0)
        if answer.status != 409 or answer.code != "jwk-connection":
            return answer
        stored = next(held for noun, held in self.seen if noun == "certificate" and fold(held) == fold(name))
        actions = {jwk["environment"]: jwk["options"][0] for jwk in answer.json["jwks"]}
        body["jwk_connection"] = {"actions": actions, "confirm": stored}
        return self.twins.ask(verb, path("certificates", name), body, changes=True, wait=0)


WEIGHTS: list[tuple[Callable[[Walk], Answer | None], int]] = [
    (Walk.create, 7), (Walk.change, 8), (Walk.leave, 3), (Walk.delete, 3), (Walk.revoke, 5), (Walk.trust_again, 3),
    (Walk.make_jwk, 6), (Walk.change_jwk, 3), (Walk.delete_jwk, 2), (Walk.deploy, 6), (Walk.roll_back, 4),
    (Walk.promote, 3), (Walk.take_in, 3), (Walk.search, 3),
]  # fmt: skip


def content(value: Any) -> Any:
    """What an object is by itself."""
    if isinstance(value, dict):
        return {name: content(one) for name, one in value.items() if name not in DERIVED}
    return [content(one) for one in value] if isinstance(value, list) else value


def told_by(event: Any) -> list[tuple[str, str]]:
    """The objects that an event says something of, under the names of before and after."""
    if event["object_kind"] not in NOUNS or event["action"] == "environment.promote":
        return []
    before, after = event["before"] or {}, event["after"] or {}
    names = dict.fromkeys((before.get("name", event["object"]), event["object"]))
    followed = [("jwk", name) for name, said in after.get("jwks", {}).items() if not said.startswith("stays")]
    return [*((event["object_kind"], name) for name in names), *followed]


@pytest.mark.timeout(240)
def test_both_databases_say_the_same_of_any_walk_and_what_must_be_true_stays_so(twins: Twins) -> None:
    walk = Walk(twins, SEED)
    for _ in range(STEPS):
        walk.step()
    twins.verify()
