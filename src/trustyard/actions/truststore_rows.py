"""The rows of a truststore: what is in force, waits or is left out, and why; the certificates of a page are read."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, overload

from trustyard import models
from trustyard.pki.certificates import Certificate, status
from trustyard.pki.content import Content, TrustedEntry
from trustyard.pki.names import search_fold
from trustyard.pki.truststores import root_alias

from . import counting, findings, releases
from .found import by_id
from .in_force import Newest
from .releases import Saved


@dataclass(frozen=True, slots=True)
class Slot:
    """A row before its certificate is read."""

    alias: str
    origin: str
    sha256: str
    certificate: str | None
    pending: str | None
    reason: str | None
    not_before: datetime
    not_after: datetime
    revoked: bool = False
    left_out: str | None = None  # why releases do not take what is saved under its alias, as it is now

    def status(self, now: datetime) -> str:
        """The status at that moment (D-12)."""
        return status(self.not_before, self.not_after, now, self.revoked)

    @property
    def waits(self) -> bool:
        """Whether the next release changes what is in force of it."""
        return self.pending is not None and not (self.pending == "added" and self.left_out)


class Rows(Sequence[dict[str, Any]]):
    """Rows that read their certificates when they are taken; a page of fifty reads fifty."""

    def __init__(self, slots: Sequence[Slot], now: datetime) -> None:
        self._slots, self._now = slots, now

    def __len__(self) -> int:
        return len(self._slots)

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(at, int):
            return self._shown([self._slots[at]])[0]
        return self._shown(self._slots[at])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._shown(self._slots))

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    __hash__ = None  # type: ignore[assignment]  # like a list

    @property
    def aliases(self) -> list[str]:
        """The alias of each row."""
        return [slot.alias for slot in self._slots]

    @property
    def waiting(self) -> int:
        """How many the next release would change."""
        return sum(slot.waits for slot in self._slots)

    def with_finding(self, severity: str, code: str) -> Rows:
        """Those with such a finding; every certificate is read for it."""
        kept = [slot for slot, row in zip(self._slots, self, strict=True) if _has(row["findings"], severity, code)]
        return Rows(kept, self._now)

    def _shown(self, slots: Sequence[Slot]) -> list[dict[str, Any]]:
        read = stored(slot.sha256 for slot in slots)
        return [_shown(slot, read[slot.sha256], self._now) for slot in slots]


def entry_slots(held: Content, wanted: Content, saved: Sequence[Saved], text: str) -> list[Slot]:
    """The entries in force, those that wait and those that are left out, by alias; `text` is what they hold, folded."""
    before = {entry.alias: entry for entry in held.entries}
    after = {entry.alias: entry for entry in wanted.entries}
    reasons = {left.alias: left.reason for left in wanted.left_out}
    by_alias = {one.alias: one for one in saved}
    dates = {one.sha256: one for one in saved}
    dates |= _known({entry.sha256 for entry in held.entries} - dates.keys(), text)
    slots = []
    for alias in {**before, **after}:
        old, new = before.get(alias), after.get(alias)
        shown = _one_of(old, new)
        pending = _pending(old.sha256 if old else None, new.sha256 if new else None)
        why = reason(pending, reasons.get(alias, ""))
        facts, own = dates[shown.sha256], by_alias.get(alias)
        if _holds((alias, shown.certificate), facts, text):
            revoked = own is not None and own.revoked
            left = reasons.get(alias) if new is None else None
            more = facts.not_before, facts.not_after, revoked, left
            slots.append(Slot(alias, "certificate", shown.sha256, shown.certificate, pending, why, *more))
    # Saved and in no release yet (D-25), for a moment or another certificate has to come first. What was revoked waits
    # for nothing.
    for one in saved:
        left = reasons.get(one.alias)
        if left is None or one.revoked or one.alias in before or one.alias in after:
            continue
        if _holds((one.alias, one.certificate), one, text):
            more = one.not_before, one.not_after, False, left
            why = f"Left out. {left}"
            slots.append(Slot(one.alias, "certificate", one.sha256, one.certificate, "added", why, *more))
    return sorted(slots, key=lambda slot: (slot.alias.casefold(), slot.alias))


def root_slots(held: Content, wanted: Content, text: str) -> list[Slot]:
    """The roots in force and those that wait, by their names."""
    before, after = set(held.roots), set(wanted.roots)
    reasons = {left.alias: left.reason for left in wanted.left_out}
    read = stored(before | after)
    slots = []
    for sha256 in sorted(before | after, key=lambda s: (read[s].facts.certificate_name.casefold(), s)):
        facts = read[sha256].facts
        pending = _pending(sha256 if sha256 in before else None, sha256 if sha256 in after else None)
        sans = (san.value for san in facts.sans)
        words = (root_alias(sha256), facts.certificate_name, facts.subject, facts.issuer, facts.serial_hex, *sans)
        if not text or _in((*words, sha256, facts.sha1), text):
            left = reasons.get(root_alias(sha256))
            why, more = reason(pending, left or ""), (facts.not_before, facts.not_after, False, left)
            slots.append(Slot(root_alias(sha256), "root", sha256, None, pending, why, *more))
    return slots


_REMEMBERED = range(1_000, 20_000)  # rows: fewer are not worth caching, more take too much memory
_remembered: dict[tuple[int, bool], tuple[str, list[Saved]]] = {}  # two lists at most, with the audit chain's head


def saved(environment: models.Environment, *, with_text: bool) -> list[Saved]:
    """The environment's entries, by alias, on request with what a search looks through.

    A long list is remembered until something changes, for who turns its pages.
    """
    key, head = (environment.pk, with_text), counting.head()  # first: what comes after it is read now, and read again
    known = _remembered.get(key)
    if known is not None and known[0] == head:
        return known[1]
    rows = releases.saved(environment)
    if with_text:
        rows = _searchable(environment, rows)
    _remembered.pop(key, None)
    if len(rows) in _REMEMBERED:
        for other in list(_remembered)[:-1]:
            _remembered.pop(other, None)
        _remembered[key] = head, rows
    return rows


def _searchable(environment: models.Environment, rows: Sequence[Saved]) -> list[Saved]:
    columns = ("x509_id", *(f"x509__{name}" for name in _SEARCHED))
    found = models.Entry.objects.order_by().filter(environment=environment).values_list(*columns)
    texts = {sha256: _joined(words) for sha256, *words in found}
    return [replace(row, text=texts.get(row.sha256, "")) for row in rows]


_SEARCHED = ("search_text", "certificate_name", "serial_hex", "sha1", "sha256")


def _known(digests: set[str], text: str) -> dict[str, Saved]:
    """The same for certificates that a release holds and no entry holds now."""
    columns = ("pk", "not_before", "not_after", *(_SEARCHED if text else ()))
    rows = models.StoredCertificate.objects.order_by().filter(pk__in=digests).values_list(*columns)
    return {
        sha256: Saved("", "", sha256, not_before, not_after, False, _joined(words))
        for sha256, not_before, not_after, *words in rows
    }


def _joined(words: Sequence[str]) -> str:
    return search_fold("\n".join(words)) if words else ""


def _one_of(old: TrustedEntry | None, new: TrustedEntry | None) -> TrustedEntry:
    entry = old or new
    assert entry is not None  # its alias came from one of the two
    return entry


def _holds(names: tuple[str, str], facts: Saved, text: str) -> bool:
    return not text or text in facts.text or _in((*names, facts.sha256), text)


def _in(words: Iterable[str], text: str) -> bool:
    return any(text in search_fold(word) for word in words)


def _has(found: Sequence[Mapping[str, Any]], severity: str, code: str) -> bool:
    return (not severity or any(one["severity"] == severity for one in found)) and (
        not code or any(one["code"] == code for one in found)
    )


def _pending(old: str | None, new: str | None) -> str | None:
    if old == new:
        return None
    if old is None:
        return "added"
    return "removed" if new is None else "changed"


def reason(pending: str | None, left_out: str) -> str | None:
    """Why a row waits, in a sentence."""
    match pending:
        case "added":
            return "Saved; in force with the next release."
        case "changed":
            return "Another certificate is saved; it is in force with the next release."
        case "removed":
            return f"Goes with the next release. {left_out}".strip()
    return None


def stored(digests: Iterable[str]) -> dict[str, Certificate]:
    """Certificates by their SHA-256, also roots of Mozilla's set that no release holds yet."""
    wanted = set(digests)
    found = {row.pk: row.read() for row in models.StoredCertificate.objects.filter(pk__in=wanted)}
    missing = wanted - found.keys()
    if missing:  # roots of a set that no release holds yet
        from .roots import mozilla

        found |= {root.sha256: root for root in mozilla() if root.sha256 in missing}
    return found


@functools.lru_cache(maxsize=4)
def held(newest: Newest) -> Content:
    """What a release says; kept for who turns the pages of a truststore. Raises `NotFound`."""
    return by_id(models.Release.objects.all(), newest.id, "release").read()


def _shown(slot: Slot, certificate: Certificate, now: datetime) -> dict[str, Any]:
    return {
        **findings.facts(certificate),
        "status": slot.status(now),
        "findings": [one.json() for one in findings.at(certificate, now)],
        "alias": slot.alias,
        "origin": slot.origin,
        "pending": slot.pending,
        "certificate": slot.certificate,
        "reason": slot.reason,
        "left_out": slot.left_out,
    }
