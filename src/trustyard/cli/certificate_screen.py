"""Certificates as a person reads them on the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trustyard.pki.sentences import plural

from . import deployments
from .failures import Failure, Problem
from .jwk_connection import changes
from .screen import clean, day, facts, notices, say, table

WORST_FIRST = ("revoked", "expired", "not yet valid", "expiring", "valid")


def inspection(seen: dict[str, Any]) -> None:
    """What a source holds: notices, each certificate's content with the hash that --choose takes, and its findings."""
    several = len(seen["certificates"]) > 1
    for number, one in enumerate(seen["certificates"], 1):
        if several:
            say(f"Certificate {number} of {len(seen['certificates'])}")
        facts([*_headline(one), ("Verdict", one.get("verdict"))])
        say()
        say(clean(one.get("content"), lines=True).rstrip())
        say()
        if one.get("findings"):
            _findings(one["findings"])
            say()
    facts([("Format", seen.get("format"))])
    notices(seen)
    if several:
        taken = seen.get("preselected")
        usual = f"; without it the one with SHA-256 {clean(taken)}" if taken else ""
        say(f"Several certificates: `cert add` takes the one that --choose names by its SHA-256{usual}.")


def listing(page: dict[str, Any], *, filtered: bool) -> None:
    """One row for each certificate: its environments, the first date that ends, and the worst status.

    Whether gateways took it is not asked of every environment for a list: `cert show` says so.
    """
    if not page["items"]:
        say("No certificates match." if filtered else "No certificates yet: take one in with `trustyard cert add`.")
        return
    table(
        ("Name", "Environments", "Valid Until", "Status", "Description"),
        [
            (
                one["name"],
                ", ".join(map(_where, one["entries"])),
                day(min((entry["not_after"] for entry in one["entries"]), default="")),
                min((entry["status"] for entry in one["entries"]), key=_rank, default=""),
                one["description"],
            )
            for one in page["items"]
        ],
    )
    more(page)


def _where(entry: dict[str, Any]) -> str:
    return str(entry["environment"]) + ("" if entry.get("in_force") else " (not in force)")


def more(page: dict[str, Any]) -> None:
    """Says how to go on where a page is not the last."""
    if page.get("next"):
        say(f"{len(page['items'])} of {page.get('total', 'more')}. Go on with --cursor {clean(page['next'])}")


def certificate(one: dict[str, Any], accepted: Mapping[str, str], *, content: bool = False) -> None:
    """A definition and a block for each entry, with what is found with it.

    `accepted` says of environments whose gateways did not all take what is in force how far it came.
    """
    facts([("Name", one["name"]), ("Description", one["description"]), ("Version", one["version"])])
    for entry in one["entries"]:
        source = entry.get("source") or {}
        revoked = entry.get("revoked") or {}
        say()
        facts(
            [
                ("Environment", entry["environment"]),
                ("Alias", entry["alias"]),
                ("Status", f"{entry['status']}, {_standing(entry, accepted)}"),
                ("Revoked", revoked and f"{revoked.get('at')} by {revoked.get('by')}: {revoked.get('reason')}"),
                *_headline(entry),
                ("JWKs", ", ".join(entry.get("connected_jwks") or [])),
                ("Source", " ".join(filter(None, (source.get("kind"), source.get("url"))))),
            ]
        )
        if entry.get("findings"):
            say()
            _findings(entry["findings"])
        if content:
            say()
            say(clean(entry.get("content"), lines=True).rstrip())


def lint(report: dict[str, Any]) -> None:
    """A linter's findings, a line each, worst first as they come."""
    if report["findings"]:
        table(
            ("Severity", "Code", "Message", "Where"),
            [(one["severity"], one["code"], one["message"], one["where"]) for one in report["findings"]],
        )
    say(f"{clean(report['linter'])}, rules: {clean(report['rules'])}. {_counted(report)}")


def _counted(report: dict[str, Any]) -> str:
    if not report["findings"]:
        return "It found nothing."
    more = f", and {report['left_out']} more of the same codes" if report.get("left_out") else ""
    return f"{plural(len(report['findings']), 'finding')}{more}."


def saved(one: dict[str, Any], done: str, *, waits: bool, taken: Collection[str] | None = None) -> None:
    """What a write did: to which entries, to which JWKs, and whether it waits for a release.

    `taken` are the environments whose certificate is another than before (None: all); only those have news to tell.
    """
    say(f"{done} {clean(one['name'])}")
    told = (one.get("deployment") or {}).get("environments") or []
    accepted = {each["environment"]: deployments.acceptance(each["gateways"]) for each in told}
    table(
        ("Environment", "Alias", "Certificate Name", "Status", "Valid Until", "In Force"),
        [
            (
                entry["environment"],
                entry["alias"],
                entry["certificate_name"],
                entry["status"],
                day(entry["not_after"]),
                _yes(entry, accepted) if entry.get("in_force") else _no("no", entry),
            )
            for entry in one["entries"]
        ],
    )
    changes(one)
    notices(one)
    found = [place["environment"] for place in told if place.get("findings")]  # it names them below the gateways
    new = [entry for entry in one["entries"] if taken is None or entry["environment"] in taken]
    for sentence, places in _errors(entry for entry in new if entry["environment"] not in found).items():
        say(f"Finding in {', '.join(places)}: {clean(sentence)}", error=True)
    if waits and not all(entry.get("left_out") and not entry.get("in_force") for entry in one["entries"]):
        say("Saved. The change is in force with the next release: `trustyard release deploy ENV`.")


def _errors(entries: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """The findings of severity error of what is trusted, each sentence once, and in which environments."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        for finding in entry.get("findings") or []:
            if finding["severity"] == "error" and not entry.get("revoked"):
                found.setdefault(str(finding["message"]), []).append(clean(entry["environment"]))
    return found


def deleted(answer: Any, name: str, *, deployed: bool) -> None:
    """What a deletion did."""
    say(f"Deleted {clean(name)}.")
    changes(answer if isinstance(answer, dict) else {})
    if not deployed:
        say("Gateways keep it until the next release: `trustyard release deploy ENV`.")


@contextmanager
def choice() -> Iterator[None]:
    """Turns the server's question which certificate is meant (D-08) into the list and how to answer it."""
    try:
        yield
    except Problem as problem:
        if problem.kind != "choice-needed":
            raise
        found = problem.body.get("certificates") or []
        notices(problem.body)
        raise Failure(
            problem.sentence,
            details=[
                f"{one.get('sha256')}  {one.get('certificate_name')}{' (CA)' if one.get('is_ca') else ''}"
                for one in found
            ],
            advice="Repeat the command with --choose and one of these SHA-256." if found else "",
        ) from None


def _standing(entry: dict[str, Any], accepted: Mapping[str, str]) -> str:
    if not entry.get("in_force"):
        return _no("not in force", entry)
    return ", ".join(filter(None, ("in force", accepted.get(entry["environment"]))))


def _no(word: str, entry: dict[str, Any]) -> str:
    return f"{word}, left out: {entry['left_out']}" if entry.get("left_out") else word


def _yes(entry: dict[str, Any], accepted: Mapping[str, str]) -> str:
    return ", ".join(filter(None, ("yes", accepted.get(entry["environment"]))))


def _headline(one: dict[str, Any]) -> list[tuple[str, object]]:
    return [
        ("Certificate Name", one.get("certificate_name")),
        ("Subject", one.get("subject")),
        ("Issuer", one.get("issuer")),
        ("Serial Number", one.get("serial_hex")),
        ("Valid", f"{str(one.get('not_before'))[:10]} to {day(one.get('not_after'))}"),
        ("SHA-256", one.get("sha256")),
    ]


def _findings(found: list[dict[str, Any]]) -> None:
    """Each with its severity, its sentence and its code, and below it what to do and who says so."""
    for one in found:
        severity = clean(one.get("severity"))
        say(f"{severity:<8} {clean(one.get('message'))} [{clean(one.get('code'))}]")
        say(f"{'':<8} {clean(one.get('advice'))} ({clean(one.get('source'))})")


def _rank(status: str) -> int:
    return WORST_FIRST.index(status) if status in WORST_FIRST else len(WORST_FIRST)
