"""What Trustyard promises, kept a second time in plain Python: what each request shall do, and be refused with."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Material:
    """A certificate to save: which key it has, by a name, and whether releases take it now."""

    key: str
    pem: bytes
    sha256: str
    left_out: str = ""  # the first word of why releases leave it out


_STATUS = {"": "valid", "Revoked": "revoked", "Expired": "expired", "Not": "not yet valid"}


@dataclass
class Entry:
    """The certificate of a name in one environment."""

    alias: str
    material: Material
    revoked: bool = False

    @property
    def left_out(self) -> str:
        """The first word of why releases leave it out."""
        return "Revoked" if self.revoked else self.material.left_out

    @property
    def status(self) -> str:
        """D-12."""
        return _STATUS[self.left_out]


@dataclass
class Jwk:
    """One that was made from an entry."""

    material: Material
    connected: tuple[str, str] | None  # certificate and environment
    place: str
    active: bool = True
    with_entry: bool = False  # disabled by the revocation of its entry

    @property
    def state(self) -> str:
        """As REST says it."""
        return "active" if self.active else "disabled"


Kept = frozenset[tuple[str, str, str]]  # alias, certificate, SHA-256
Keys = frozenset[tuple[str, str]]  # name of the JWK, SHA-256 of the certificate in it
LeftOut = frozenset[tuple[str, str, str]]  # certificate, alias, first word of the reason


@dataclass(frozen=True)
class Content:
    """What an environment trusts and publishes, and what is left out of it."""

    entries: Kept = frozenset()
    jwks: Keys = frozenset()
    left_out: LeftOut = frozenset()

    @property
    def said(self) -> tuple[Kept, Keys]:
        """What gateways get."""
        return self.entries, self.jwks

    def by_alias(self) -> dict[str, str]:
        """The SHA-256 of each entry."""
        return {alias: sha256 for alias, _, sha256 in self.entries}


@dataclass(frozen=True)
class Release:
    """One of those of an environment, which are numbered from 1 on."""

    content: Content
    restored_from: int | None = None


class Refusal(Exception):
    """The status and the code that a request is to be refused with."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


@dataclass
class Given:
    """What a request says of one environment's entry; None keeps what is there."""

    alias: str | None = None
    material: Material | None = None


class Book:
    """Everything that is saved, and every release."""

    def __init__(self, places: Iterable[str]) -> None:
        self.certificates: dict[str, dict[str, Entry]] = {}  # by name and environment
        self.names: dict[str, set[str]] = {}  # by certificate, all that it ever had
        self.left: dict[str, set[str]] = {}  # by certificate, the environments that it was taken out of
        self.jwks: dict[str, Jwk] = {}
        self.releases: dict[str, list[Release]] = {place: [] for place in places}
        self.revoked: dict[str, set[str]] = {place: set() for place in places}  # what ever was, by SHA-256

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Book) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def copy(self) -> Book:
        """To try a request on: one that is refused changes nothing."""
        return copy.deepcopy(self)

    def content(self, place: str) -> Content:
        """What a deploy there would put in force."""
        kept, left = [], set()
        for name, entries in self.certificates.items():
            entry = entries.get(place)
            if entry is not None and entry.left_out:
                left.add((name, entry.alias, entry.left_out))
            elif entry is not None:
                kept.append((entry.alias, name, entry.material.sha256))
        first: set[str] = set()
        for alias, name, sha256 in sorted(kept, key=lambda one: one[0].casefold()):
            if sha256 in first:
                left.add((name, alias, "The"))
            first.add(sha256)
        jwks = {(name, jwk.material.sha256) for name, jwk in self.jwks.items() if jwk.place == place and jwk.active}
        return Content(frozenset(kept), frozenset(jwks), frozenset(left))

    def saved(self, place: str) -> list[Entry]:
        """The entries there."""
        return [entries[place] for entries in self.certificates.values() if place in entries]

    def newest(self, place: str) -> Content | None:
        """What is in force there."""
        return self.releases[place][-1].content if self.releases[place] else None

    def deploy(self, places: Iterable[str], *, confirm: bool) -> None:
        """A restored release is only taken back when that is confirmed (D-22)."""
        wanted = {place: self.content(place) for place in places}
        for place, content in wanted.items():
            if self.releases[place] and not confirm:
                newest = self.releases[place][-1]
                if newest.restored_from is not None and newest.content.said != content.said:
                    raise Refusal(409, "restored")
        for place, content in wanted.items():
            if self.newest(place) != content:
                self.releases[place].append(Release(content))

    def create(self, name: str, entries: Mapping[str, Given], *, deploy: bool, confirm: bool) -> None:
        self._free_name(name)
        self._free_aliases(name, entries)
        self.certificates[name], self.names[name], self.left[name] = {}, {name}, set()
        self._write(name, entries)
        if deploy:
            self.deploy(entries, confirm=confirm)

    def change(
        self,
        name: str,
        entries: Mapping[str, Given],
        *,
        whole: bool,
        new_name: str,
        actions: Mapping[str, str],
        deploy: bool,
        confirm: bool,
    ) -> None:
        """`actions` are by environment. With `whole`, what is not given is removed."""
        if whole and not entries:
            raise Refusal(422, "no-entry")
        stored = self.certificates[name]
        removed = [place for place in stored if place not in entries] if whole else []
        concerned = self.concerned(name, entries, removed)
        self._judge(concerned, actions, entries)
        if new_name != name:
            self._free_name(new_name, but=name)
        self._free_aliases(name, entries)
        touched = {place for place, given in entries.items() if self._changes(stored.get(place), given)}
        touched |= set(removed)
        for jwk in concerned:
            self._act(jwk, actions[self.jwks[jwk].place], entries)
        for place in removed:
            del stored[place]
            self.left[name].add(place)
        self._write(name, entries)
        if new_name != name:
            self._rename(name, new_name)
            touched |= set(stored)
        if deploy:
            self.deploy(touched or self._standing(new_name), confirm=confirm)

    def delete(self, name: str, action: str, *, deploy: bool, confirm: bool) -> None:
        stored = self.certificates[name]
        for jwk in self.concerned(name, {}, list(stored)):
            if not action:
                raise Refusal(409, "jwk-connection")
            self._act(jwk, action, {})
        touched = self._standing(name)
        del self.certificates[name], self.names[name], self.left[name]
        if deploy:
            self.deploy(touched, confirm=confirm)

    def revoke(self, name: str, place: str, *, revoked: bool, deploy: bool, confirm: bool) -> None:
        entry = self.certificates[name].get(place)
        if entry is None:
            raise Refusal(404, "not-found")
        if entry.revoked != revoked:
            entry.revoked = revoked
            if revoked:
                self.revoked[place].add(entry.material.sha256)
            for jwk in self.jwks.values():
                if jwk.connected == (name, place) and (jwk.active if revoked else jwk.with_entry):
                    jwk.active, jwk.with_entry = not revoked, revoked
        if deploy:
            self.deploy([place], confirm=confirm)

    def add_jwk(self, name: str, certificate: str, place: str, *, deploy: bool, confirm: bool) -> None:
        if any(same(name, known) for known in self.jwks):
            raise Refusal(409, "name-taken")
        entry = self.certificates[certificate][place]
        if self._of_key(entry.material, place):
            raise Refusal(409, "kid-taken")
        self.jwks[name] = Jwk(entry.material, (certificate, place), place, not entry.revoked, entry.revoked)
        if deploy:
            self.deploy([place], confirm=confirm)

    def state_jwk(self, name: str, *, active: bool, deploy: bool, confirm: bool) -> None:
        jwk = self.jwks[name]
        if active and jwk.connected and self.certificates[jwk.connected[0]][jwk.connected[1]].revoked:
            raise Refusal(422, "entry-revoked")
        jwk.active, jwk.with_entry = active, False
        if deploy:
            self.deploy([jwk.place], confirm=confirm)

    def delete_jwk(self, name: str, *, deploy: bool, confirm: bool) -> None:
        place = self.jwks.pop(name).place
        if deploy:
            self.deploy([place], confirm=confirm)

    def promote(self, target: str, start: str, actions: Mapping[str, str], *, deploy: bool, confirm: bool) -> None:
        """`actions` are by certificate."""
        given, concerned = self._promoted(target, start), self.asked_by_promotion(target, start)
        for name in concerned.keys() & actions.keys():
            self._judge(concerned[name], {target: actions[name]}, {target: given[name]})
        if any(one.alias is not None and self._holder(target, one.alias) is not None for one in given.values()):
            raise Refusal(409, "alias-taken")
        if not concerned.keys() <= actions.keys():
            raise Refusal(409, "jwk-connection")
        for name, one in given.items():
            for jwk in concerned.get(name, []):
                self._act(jwk, actions[name], {target: one})
            self._write(name, {target: one})
        if deploy:
            self.deploy([target], confirm=confirm)

    def taken_by_promotion(self, target: str, start: str) -> dict[str, str]:
        """By certificate whether it would be added, or replace what is there."""
        given = self._promoted(target, start)
        return {name: "replace" if one.alias is None else "add" for name, one in given.items()}

    def asked_by_promotion(self, target: str, start: str) -> dict[str, list[str]]:
        """The JWKs that a promotion concerns, by certificate."""
        given = self._promoted(target, start)
        concerned = {name: self.concerned(name, {target: one}, []) for name, one in given.items()}
        return {name: jwks for name, jwks in concerned.items() if jwks}

    def _promoted(self, target: str, start: str) -> dict[str, Given]:
        given = {}
        for name, entries in self.certificates.items():
            mine, there = entries.get(start), entries.get(target)
            if mine is not None and not mine.left_out and (there is None or there.material != mine.material):
                given[name] = Given(mine.alias if there is None else None, mine.material)
        return given

    def concerned(self, name: str, entries: Mapping[str, Given], removed: Iterable[str]) -> list[str]:
        """The JWKs of entries whose certificate changes, and of those that go (D-02)."""
        stored = self.certificates[name]
        places = set(removed)
        for place, given in entries.items():
            if place in stored and given.material not in (None, stored[place].material):
                places.add(place)
        return [jwk for jwk, one in self.jwks.items() if one.connected in {(name, place) for place in places}]

    def _judge(self, jwks: Sequence[str], actions: Mapping[str, str], entries: Mapping[str, Given]) -> None:
        """Whether these actions, by environment, answer for all of these JWKs and can be done."""
        if not {self.jwks[name].place for name in jwks} <= actions.keys():
            raise Refusal(409, "jwk-connection")
        for name in jwks:
            place = self.jwks[name].place
            material = entries[place].material if actions[place] == "update" else None
            if material and not self._of_key(material, place) <= set(jwks):
                raise Refusal(422, "jwk-does-not-fit")

    def _act(self, name: str, action: str, entries: Mapping[str, Given]) -> None:
        jwk = self.jwks[name]
        if action == "delete":
            del self.jwks[name]
        elif action == "disconnect":
            jwk.connected = None
        else:
            material = entries[jwk.place].material
            assert material is not None
            jwk.material = material
            if jwk.with_entry:
                jwk.active, jwk.with_entry = True, False

    def _changes(self, stored: Entry | None, given: Given) -> bool:
        if stored is None:
            return True
        return given.material not in (None, stored.material) or given.alias not in (None, stored.alias)

    def _write(self, name: str, entries: Mapping[str, Given]) -> None:
        stored = self.certificates[name]
        for place, given in entries.items():
            if place not in stored:
                assert given.alias is not None
                assert given.material is not None
                stored[place] = Entry(given.alias, given.material)
                continue
            if given.alias is not None:
                stored[place].alias = given.alias
            if given.material not in (None, stored[place].material):
                stored[place].material, stored[place].revoked = given.material, False

    def _rename(self, name: str, new_name: str) -> None:
        for book in (self.certificates, self.names, self.left):
            book[new_name] = book.pop(name)  # type: ignore[attr-defined, index]
        self.names[new_name].add(new_name)
        for jwk in self.jwks.values():
            if jwk.connected and jwk.connected[0] == name:
                jwk.connected = new_name, jwk.connected[1]

    def _standing(self, name: str) -> set[str]:
        """Its environments, and those that it left without a deploy and that still hold it."""
        places = set(self.certificates[name])
        for place in self.left[name] - places:
            newest = self.newest(place) or Content()
            if any(one[1] in self.names[name] and not self._is_saved(place, *one) for one in newest.entries):
                places.add(place)
        return places

    def _is_saved(self, place: str, alias: str, name: str, sha256: str) -> bool:
        entry = self.certificates.get(name, {}).get(place)
        return entry is not None and (entry.alias, entry.material.sha256) == (alias, sha256)

    def _free_name(self, name: str, but: str = "") -> None:
        if any(same(name, known) for known in self.certificates if known != but):
            raise Refusal(409, "name-taken")

    def _holder(self, place: str, alias: str) -> str | None:
        for name, entries in self.certificates.items():
            if place in entries and same(entries[place].alias, alias):
                return name
        return None

    def _free_aliases(self, name: str, entries: Mapping[str, Given]) -> None:
        for place, given in entries.items():
            holder = self._holder(place, given.alias) if given.alias else None
            if holder is not None and holder != name:
                raise Refusal(409, "alias-taken")

    def _of_key(self, material: Material, place: str) -> set[str]:
        return {name for name, jwk in self.jwks.items() if (jwk.material.key, jwk.place) == (material.key, place)}


def same(one: str, other: str) -> bool:
    """Names are compared without case (D-09, D-10)."""
    return one.casefold() == other.casefold()
