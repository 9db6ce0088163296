"""Chains and comparisons as a person reads them on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trustyard.pki.sentences import plural

from .screen import clean, day, facts, notices, say, table


def chain(one: dict[str, Any]) -> None:
    """A tree with the root on top, then what is not part of it."""
    say(clean(one["sentence"]))
    for note in one["notes"]:
        say(f"Note: {clean(note)}")
    say()
    for depth, (title, details) in enumerate(_levels(one)):
        indent = "   " * (depth - 1)
        say(f"{indent}└─ {clean(title)}" if depth else clean(title))
        inner = f"{indent}   " if depth else ""
        for detail in details:
            say(f"{inner}│  {clean(detail)}")
    if one["others"]:
        say()
        say("Also in this source:")
        table(
            ("Place", "Certificate Name", "What It Is"),
            [(each["position"], each["certificate"]["certificate_name"], each["sentence"]) for each in one["others"]],
        )


def _levels(one: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """From the top down: title and details of each."""
    for missing in one["missing"]:
        issuers = [each for each in one["anchors"] if each["how"] == "issuer" and each["of"] == missing["of"]]
        yield f"{missing['name'] or '(no name)'}, not in the source", list(_missing(missing, issuers))
    for link in reversed(one["links"]):
        certificate = link["certificate"]
        yield str(certificate["certificate_name"]), list(_link(one, link, certificate))


def _missing(missing: dict[str, Any], issuers: list[dict[str, Any]]) -> Iterator[str]:
    if missing["key_identifier"]:
        yield f"key identifier {missing['key_identifier']}"
    if missing["serial_hex"]:
        yield f"serial number {missing['serial_hex']}"
    for address in missing["addresses"]:
        yield f"said to be at {address}"
    for each in issuers:
        yield f"anchor: {each['sentence']}"


def _link(one: dict[str, Any], link: dict[str, Any], certificate: dict[str, Any]) -> Iterator[str]:
    yield str(link["sentence"])
    if link["position"] is not None:
        yield f"place {link['position']} in the source; SHA-256 {certificate['sha256']}"
    yield f"{certificate['status']}, until {day(certificate['not_after'])}"
    crossed = [each for each in one["cross_signs"] if each["of"] == certificate["sha256"]]
    for cross in crossed:
        yield f"cross-signed: place {cross['position']}; {cross['sentence']}"
    below = {certificate["sha256"], *(cross["certificate"]["sha256"] for cross in crossed)}
    missing = {each["of"] for each in one["missing"]}
    for each in one["anchors"]:
        if each["of"] in below and not (each["how"] == "issuer" and each["of"] in missing):
            yield f"anchor: {each['sentence']}"


def comparison(one: dict[str, Any], *, everything: bool) -> None:
    """The sentence, both sides, and the rows that differ; with `everything` the others too."""
    say(clean(one["sentence"]))
    for note in one.get("notes") or []:
        say(clean(note))
    facts([("Left", one["left"]["label"]), ("Right", one["right"]["label"])])
    differ = [row for row in one["rows"] if not row["same"]]
    if differ:
        say()
        table(("Differs", "Left", "Right", "Note"), [_cells(row) for row in differ])
    alike = [row for row in one["rows"] if row["same"]]
    say()
    if everything:
        table(("The Same", "Value"), [(row["field"], row["left"]) for row in alike])
    else:
        say(f"{plural(len(alike), 'fact')} {'is' if len(alike) == 1 else 'are'} the same; --all lists them.")
    for side in (one["left"], one["right"]):
        notices(side, of=side["label"])


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    return str(row["field"]), row["left"] or "-", row["right"] or "-", str(row["note"])
