"""Requests in any order, held against a second book: what is saved, in force, published, waiting and refused."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.databases import chosen
from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import audit, environments, tokens

from .book import Book, Content, Entry, Given, Material, Refusal, Release, same
from .conftest import ADA, file
from .rest import Answer, Rest, path

PLACES = ("test", "production", "spare")
NAMES = ("acme", "Bank", "ACME", "Äpfel/1")
ALIASES = ("a", "b", "B", "c/1", "ß")
JWKS = ("k1", "K1", "k2", "k3")
EVERY_PLACE = st.lists(st.sampled_from(PLACES), unique=True, max_size=len(PLACES))
yes = st.booleans()


def _materials() -> list[Material]:
    ca, now = Ca.new("Any Order CA"), dt.datetime.now(dt.UTC)
    first = ca.issue("one")
    issued = [
        ("one", first, ""),
        ("one", ca.issue("one", private=first.key), ""),
        ("two", ca.issue("two"), ""),
        ("rsa", ca.issue("rsa", key="rsa"), ""),
        ("over", ca.issue("over", start=now - dt.timedelta(days=9), days=2), "Expired"),
        ("to come", ca.issue("to come", start=now + dt.timedelta(days=2)), "Not"),
    ]
    return [Material(key, one.cert_pem, one.sha256, left_out) for key, one, left_out in issued]


MATERIALS = _materials()  # two of one key, another type of key, one that is over and one that is to come


class AnyOrder(RuleBasedStateMachine):
    """Each request is tried on a copy of the book first, which says what shall come of it."""

    @initialize()
    def begin(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.book = Book(PLACES)
        self.tags: dict[tuple[str, str], tuple[Any, str]] = {}
        for place in PLACES:
            environments.create(ADA, name=place)
        self.rest = Rest(tokens.create(ADA, "any", role="admin")[1])
        self.moved = True

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @rule(data=st.data(), name=st.sampled_from(NAMES), places=EVERY_PLACE.filter(bool), deploy=yes, confirm=yes)
    def create(self, data: st.DataObject, name: str, places: list[str], deploy: bool, confirm: bool) -> None:
        said, entries = self._given(data, places, set(places))
        body = {"name": name, "entries": entries, "deploy": deploy, "confirm_restored": confirm}
        self._ask(
            lambda book: book.create(name, said, deploy=deploy, confirm=confirm),
            lambda: self.rest.post(path("certificates"), body, wait=0),
        )

    @precondition(lambda self: self.book.certificates)
    @rule(data=st.data(), places=EVERY_PLACE, whole=yes, deploy=yes, confirm=yes, answers=yes)
    def change(
        self, data: st.DataObject, places: list[str], whole: bool, deploy: bool, confirm: bool, answers: bool
    ) -> None:
        name = _one(data, self.book.certificates)
        stored = self.book.certificates[name]
        new_name = _one(data, NAMES) if data.draw(st.integers(0, 4)) == 0 else name
        said, entries = self._given(data, places, set(PLACES) - set(stored))
        body: dict[str, Any] = {"name": new_name, "entries": entries, "deploy": deploy, "confirm_restored": confirm}
        removed = [place for place in stored if place not in places] if whole else []
        actions: dict[str, str] = {}
        if answers:
            for jwk in self.book.concerned(name, said, removed):
                place = self.book.jwks[jwk].place
                actions[place] = _one(data, ("disconnect", "delete" if place in removed else "update"))
            body["jwk_connection"] = {"actions": actions, "confirm": name}
        send = self.rest.put if whole else self.rest.patch
        self._ask(
            lambda book: book.change(
                name, said, whole=whole, new_name=new_name, actions=actions, deploy=deploy, confirm=confirm
            ),
            lambda: send(path("certificates", name), body, wait=0),
        )

    @precondition(lambda self: self.book.certificates)
    @rule(data=st.data(), action=st.sampled_from(("delete", "disconnect", "")), deploy=yes, confirm=yes)
    def delete(self, data: st.DataObject, action: str, deploy: bool, confirm: bool) -> None:
        name = _one(data, self.book.certificates)
        said = {"jwk_connection": action, "confirm": name} if action else {}
        self._ask(
            lambda book: book.delete(name, action, deploy=deploy, confirm=confirm),
            lambda: self.rest.delete(
                path("certificates", name), deploy=deploy, confirm_restored=confirm, wait=0, **said
            ),
        )

    @precondition(lambda self: self.book.certificates)
    @rule(data=st.data(), place=st.sampled_from(PLACES), revoked=yes, deploy=yes, confirm=yes)
    def revoke(self, data: st.DataObject, place: str, revoked: bool, deploy: bool, confirm: bool) -> None:
        name = _one(data, self.book.certificates)
        address = path("certificates", name, "entries", place, "revoke" if revoked else "restore")
        body = {"reason": "stolen", "deploy": deploy, "confirm_restored": confirm}
        self._ask(
            lambda book: book.revoke(name, place, revoked=revoked, deploy=deploy, confirm=confirm),
            lambda: self.rest.post(address, body, wait=0),
        )

    @precondition(lambda self: self.book.certificates)
    @rule(data=st.data(), name=st.sampled_from(JWKS), deploy=yes, confirm=yes)
    def add_jwk(self, data: st.DataObject, name: str, deploy: bool, confirm: bool) -> None:
        certificate = _one(data, self.book.certificates)
        place = _one(data, self.book.certificates[certificate])
        source = {"kind": "certificate", "certificate": certificate, "environment": place}
        body = {"name": name, "source": source, "deploy": deploy, "confirm_restored": confirm}
        self._ask(
            lambda book: book.add_jwk(name, certificate, place, deploy=deploy, confirm=confirm),
            lambda: self.rest.post(path("jwks"), body, wait=0),
        )

    @precondition(lambda self: self.book.jwks)
    @rule(data=st.data(), active=yes, deploy=yes, confirm=yes)
    def state_jwk(self, data: st.DataObject, active: bool, deploy: bool, confirm: bool) -> None:
        name = _one(data, self.book.jwks)
        body = {"state": "active" if active else "disabled", "deploy": deploy, "confirm_restored": confirm}
        self._ask(
            lambda book: book.state_jwk(name, active=active, deploy=deploy, confirm=confirm),
            lambda: self.rest.patch(path("jwks", name), body, wait=0),
        )

    @precondition(lambda self: self.book.jwks)
    @rule(data=st.data(), deploy=yes, confirm=yes)
    def delete_jwk(self, data: st.DataObject, deploy: bool, confirm: bool) -> None:
        name = _one(data, self.book.jwks)
        self._ask(
            lambda book: book.delete_jwk(name, deploy=deploy, confirm=confirm),
            lambda: self.rest.delete(path("jwks", name), deploy=deploy, confirm_restored=confirm, wait=0),
        )

    @rule(ends=st.permutations(PLACES), data=st.data(), answers=yes, deploy=yes, confirm=yes)
    def promote(self, ends: list[str], data: st.DataObject, answers: bool, deploy: bool, confirm: bool) -> None:
        start, target, _ = ends
        asked = self.book.asked_by_promotion(target, start) if answers else []
        actions = {name: _one(data, ("update", "disconnect")) for name in asked}
        said = {name: {"action": action, "confirm": name} for name, action in actions.items()}
        body = {"from": start, "deploy": deploy, "confirm_restored": confirm, "jwk_connection": said}
        taken = self.book.taken_by_promotion(target, start)
        answer = self._ask(
            lambda book: book.promote(target, start, actions, deploy=deploy, confirm=confirm),
            lambda: self.rest.post(path("environments", target, "promote"), body, wait=0),
        )
        if answer is not None:
            assert {row["certificate"]: row["change"] for row in answer.json["certificates"]} == taken

    @rule(place=st.sampled_from(PLACES), confirm=yes)
    def deploy(self, place: str, confirm: bool) -> None:
        releases = path("environments", place, "releases")
        seen, held = self.rest.post(f"{releases}/preview").json, self.book.newest(place)
        answer = self._ask(
            lambda book: book.deploy([place], confirm=confirm),
            lambda: self.rest.post(releases, {"confirm_restored": confirm}, wait=0),
        )
        if answer is None:
            return
        assert answer.status == (200 if held == self.book.newest(place) else 201)
        if answer.status == 201 and held is not None:
            number = answer.json["number"]
            diff = self.rest.get(f"{releases}/{number}/diff", against=number - 1).json
            assert all(seen["difference"][part] == diff[part] for part in ("added", "removed", "changed"))

    @precondition(lambda self: any(self.book.releases.values()))
    @rule(data=st.data())
    def bring_back(self, data: st.DataObject) -> None:
        place = _one(data, [place for place in PLACES if self.book.releases[place]])
        releases = self.book.releases[place]
        number = data.draw(st.integers(1, len(releases)))
        address = path("environments", place, "releases", number, "restore")
        seen = self.rest.post(address, {"preview": True}).json
        answer = self.rest.post(address, {"version": seen["version"]}, wait=0)
        assert answer.status in (200, 201), answer.json
        self.moved = True
        if answer.status == 201:
            old, new = releases[number - 1].content, in_force(place)
            self._check_restored(place, old, new)
            releases.append(Release(new, number))

    @precondition(lambda self: self.moved)
    @invariant()
    def certificates_are_as_the_book_says(self) -> None:
        rows = {row["name"]: row for row in self.rest.get(path("certificates")).json["items"]}
        assert rows.keys() == self.book.certificates.keys()
        for name, entries in self.book.certificates.items():
            assert {entry["environment"] for entry in rows[name]["entries"]} == entries.keys()
            for shown in rows[name]["entries"]:
                place, entry = shown["environment"], entries[shown["environment"]]
                assert (shown["alias"], shown["sha256"]) == (entry.alias, entry.material.sha256)
                assert (shown["status"], shown["revoked"] is not None) == (entry.status, entry.revoked)
                jwks = [jwk for jwk, one in self.book.jwks.items() if one.connected == (name, place)]
                assert shown["connected_jwks"] == sorted(jwks)
                held = (self.book.newest(place) or Content()).by_alias()
                assert shown["in_force"] == (held.get(entry.alias) == entry.material.sha256)
                assert (shown["left_out"] or "").partition(" ")[0] == entry.left_out
        connected = {jwk.connected for jwk in self.book.jwks.values()}
        self._lists({"status": "revoked"}, lambda name, place, entry: entry.revoked)
        self._lists({"status": "valid", "environment": "test"},
                    lambda name, place, entry: (place, entry.status) == ("test", "valid"))  # fmt: skip
        self._lists({"connected_jwks": True}, lambda name, place, entry: (name, place) in connected)
        self._lists({"q": "ONE"}, lambda name, place, entry: entry.material.key == "one")

    @precondition(lambda self: self.moved)
    @invariant()
    def jwks_are_as_the_book_says(self) -> None:
        rows = {row["name"]: row for row in self.rest.get(path("jwks")).json["items"]}
        assert rows.keys() == self.book.jwks.keys()
        for name, jwk in self.book.jwks.items():
            shown = rows[name]
            to = shown["connected_to"] and (shown["connected_to"]["certificate"], shown["connected_to"]["environment"])
            assert (to, shown["environments"], shown["state"]) == (jwk.connected, [jwk.place], jwk.state)
            assert made_from(shown["jwk"]) == jwk.material.sha256

    @precondition(lambda self: self.moved)
    @invariant()
    def environments_are_as_the_book_says(self) -> None:
        for place in PLACES:
            address = path("environments", place)
            releases = self.rest.get(f"{address}/releases").json["items"]
            assert [row["number"] for row in releases] == list(range(len(self.book.releases[place]), 0, -1))
            newest, wanted = self.book.newest(place), self.book.content(place)
            assert newest is None or in_force(place) == newest
            held, coming = (newest or Content()).by_alias(), wanted.by_alias()
            saved = {entry.alias for entry in self.book.saved(place) if not entry.revoked}  # which waits for nothing
            rows = {row["alias"]: row["pending"] for row in self.rest.get(f"{address}/truststore").json["items"]}
            assert rows == {alias: _pending(held, coming, alias) for alias in held.keys() | saved}
            assert self.rest.post(f"{address}/releases/preview").json["changed"] == (wanted != newest)

    @precondition(lambda self: self.moved)
    @invariant()
    def an_etag_moves_with_what_is_stored_and_with_nothing_else(self) -> None:
        stored: dict[tuple[str, str], Any] = {("environments", place): None for place in PLACES}
        for name, entries in self.book.certificates.items():
            stored["certificates", name] = {place: vars(entry).copy() for place, entry in entries.items()}
        for name, jwk in self.book.jwks.items():
            to = jwk.connected and models.Certificate.objects.get(name=jwk.connected[0]).pk  # whatever its name is
            stored["jwks", name] = jwk.material, jwk.active, jwk.with_entry, to
        tags = {key: (value, self.rest.get(path(*key)).etag) for key, value in stored.items()}
        for key in tags.keys() & self.tags.keys():
            (before, was), (value, tag) = self.tags[key], tags[key]
            assert (before == value) == (was == tag), key
        self.tags = tags

    @precondition(lambda self: self.moved)
    @invariant()
    def the_audit_chain_is_whole(self) -> None:
        assert audit.verify().ok

    def _check_restored(self, place: str, old: Content, new: Content) -> None:
        """What comes back is what was there, but for what was revoked or disabled, or is over, by now (D-22)."""
        assert new.entries <= old.entries
        assert new.jwks <= old.jwks
        named = {(name, alias) for name, alias, _ in new.left_out}
        for alias, name, sha256 in old.entries:
            own = [
                entries[place]
                for known, entries in self.book.certificates.items()
                if place in entries
                and entries[place].material.sha256 == sha256
                and (same(entries[place].alias, alias) or same(known, name))
            ]
            back = (alias, name, sha256) in new.entries
            assert back or (name, alias) in named
            if own:
                assert back == any(not entry.revoked for entry in own)
            elif sha256 not in self.book.revoked[place]:
                assert back
        for name, sha256 in old.jwks:
            jwk = self.book.jwks.get(name)
            if jwk and jwk.place == place and jwk.material.sha256 == sha256:
                assert ((name, sha256) in new.jwks) == jwk.active

    def _given(self, data: st.DataObject, places: list[str], new: set[str]) -> tuple[dict[str, Given], list[Any]]:
        """What a request says of these entries, for the book and as its body; all of those that are new."""
        said, body = {}, []
        for place in places:
            alias = _one(data, ALIASES) if place in new or data.draw(yes) else None
            material = data.draw(st.sampled_from(MATERIALS)) if place in new or data.draw(yes) else None
            said[place] = Given(alias, material)
            source = file(material.pem) if material else None
            one = {"environment": place, "alias": alias, "source": source}
            body.append({member: value for member, value in one.items() if value is not None})
        return said, body

    def _ask(self, expected: Callable[[Book], object], asked: Callable[[], Answer]) -> Answer | None:
        """The answer, where the book does not refuse. A change has its event; a refusal leaves all rows as they are."""
        tried, before, refused = self.book.copy(), models.AuditEvent.objects.count(), None
        try:
            expected(tried)
        except Refusal as refusal:
            refused, stored = refusal, _rows()
        answer = asked()
        self.moved = refused is None
        if refused:
            assert (answer.status, answer.code) == (refused.status, refused.code), answer.json
            assert _rows() == stored
            return None
        assert answer.status < 300, answer.json
        assert (models.AuditEvent.objects.count() > before) == (tried != self.book)
        self.book = tried
        return answer

    def _lists(self, query: dict[str, Any], fits: Callable[[str, str, Entry], bool]) -> None:
        rows = self.rest.get(path("certificates"), **query).json["items"]
        assert {row["name"] for row in rows} == {
            name
            for name, entries in self.book.certificates.items()
            if any(fits(name, place, entry) for place, entry in entries.items())
        }


def _one(data: st.DataObject, of: Any) -> str:
    return str(data.draw(st.sampled_from(sorted(of))))


def _rows() -> dict[str, list[Any]]:
    """All that is stored, but when a token was used."""
    kinds = [kind for kind in apps.get_app_config("trustyard").get_models() if kind != models.Token]
    return {kind.__name__: list(kind._base_manager.order_by("pk").values_list()) for kind in kinds}


def _pending(held: Mapping[str, str], coming: Mapping[str, str], alias: str) -> str | None:
    if alias not in held:
        return "added"
    if alias not in coming:
        return "removed"
    return None if held[alias] == coming[alias] else "changed"


def in_force(place: str) -> Content:
    """The newest release as it is stored."""
    release = models.Release.objects.filter(environment__name=place).order_by("-number")[0]
    return Content(
        frozenset((one["alias"], one["certificate"], one["sha256"]) for one in release.content["entries"]),
        frozenset((one["name"], made_from(one["jwk"])) for one in release.content["jwks"]),
        frozenset((one["certificate"], one["alias"], one["reason"].partition(" ")[0]) for one in release.left_out),
    )


def made_from(jwk: Mapping[str, Any]) -> str:
    """The SHA-256 of the certificate in `x5c`."""
    return hashlib.sha256(base64.b64decode(jwk["x5c"][0])).hexdigest()


@pytest.mark.timeout(600)
def test_requests_in_any_order_do_what_the_book_says(db: None) -> None:
    # Not shrunk: that takes minutes, and a walk is read quickly. On PostgreSQL it is the first half of the same walks.
    walks = settings(max_examples=6 if chosen() else 12, stateful_step_count=25, phases=[Phase.generate])
    run_state_machine_as_test(AnyOrder, settings=walks)  # type: ignore[no-untyped-call]
