"""Why releases leave out what is saved (D-19): the one place that says so, of entries and roots alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from trustyard import models
from trustyard.pki.certificates import rfc3339, status
from trustyard.pki.content import LeftOut, TrustedEntry, Why

from . import alias_files, findings

REVOKED = "Revoked in Trustyard."


class Dated(Protocol):
    """What a certificate's status follows from: a stored one, its facts, or what a list knows of it."""

    @property
    def not_before(self) -> datetime: ...
    @property
    def not_after(self) -> datetime: ...


def passing(dates: Dated, now: datetime, *, revoked: bool = False) -> Why | None:
    """Why a certificate is left out at this moment, whatever its environment says."""
    state = status(dates.not_before, dates.not_after, now, revoked)
    match state:
        case "revoked":
            return Why(state, REVOKED)
        case "expired":
            return Why(state, f"Expired on {rfc3339(dates.not_after)}.")
        case "not yet valid":
            return Why(state, f"Not valid before {rfc3339(dates.not_before)}.")
    return None


def why(
    place: models.Environment, dates: Dated, now: datetime, error: str, older: str, *, revoked: bool = False
) -> Why | None:
    """Why an entry of this environment is left out.

    `error` is what `findings.error` says of its certificate, `older` the alias there whose file name its own would have
    (`alias_files`); each is empty where there is none.
    """
    if known := passing(dates, now, revoked=revoked):
        return known
    if error and leaves_weak_out(place):
        return Why("too weak", f"The policy of {place.name} leaves it out: {error}")
    if older:
        sentence = f"Its file name would be that of the alias {older}: give one of the two another alias."
        return Why("file name taken", sentence)
    return None


def of_entries(
    entries: Sequence[models.Entry], now: datetime, older: Mapping[int, str] | None = None
) -> dict[int, Why]:
    """By their ids why releases leave out these entries as they are now; those that they take have none.

    `older` is what `alias_files.older` says of them, for who knows it.
    """
    if older is None:
        older = alias_files.older(entry.pk for entry in entries if entry.alias_file is not None)
    found = {}
    for entry in entries:
        place, x509 = entry.environment, entry.x509
        error = findings.error(x509) if leaves_weak_out(place) else ""
        if left_out := why(place, x509, now, error, older.get(entry.pk, ""), revoked=entry.revoked):
            found[entry.pk] = left_out
    return found


def leaves_weak_out(environment: models.Environment) -> bool:
    """Whether its policy is to leave certificates out with which something is wrong whatever the moment."""
    return bool(environment.policy.get("weak") == "leave out")


def doubles(entries: Sequence[TrustedEntry]) -> list[LeftOut]:
    """A line for each further alias of the same certificate, sent once: a double empties the trust of some gateways."""
    first_alias: dict[str, str] = {}
    found_again = []
    for entry in entries:
        first = first_alias.setdefault(entry.sha256, entry.alias)
        if first != entry.alias:
            sentence = f"The same certificate as alias {first}; it is sent once, the alias is kept."
            found_again.append(LeftOut(entry.certificate, entry.alias, sentence))
    return found_again
