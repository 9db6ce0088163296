"""`trustyard release preview`: the next release, judged before it leaves."""

from __future__ import annotations

from typing import Any

from . import deployments, differences
from .screen import MOST, clean, more, say, table

NAMED = 3  # gateways that are named one by one, where a note is about many


def show(one: dict[str, Any]) -> None:
    """What it would change and leave out, what each gateway would make of it, and whether the policy lets it go."""
    since = f"release {one['from']}" if one.get("from") else "nothing: there is no release yet"
    say(clean(f"The next release of {one['environment']}, beside {since}:"))
    left_out = " but what is left out" if one.get("left_out_alone") else ""
    differences.show(one["difference"], nothing=f"Nothing would change{left_out}.")
    deployments.left_out(one["left_out"], "it")
    for note in one["findings"][:MOST]:
        say(clean(f"Finding: {note['sentence']}"))
    more(len(one["findings"]))
    if one["gateways"]:
        table(
            ("Gateway", "Kind", "Certificates", "Bytes", "To Know"),
            [
                (row["gateway"], row["kind"], row["certificates"], row["bytes"], len(row["notes"]) or "-")
                for row in one["gateways"]
            ],
        )
    told = _told(one["gateways"])
    for sentence, gateways in list(told.items())[:MOST]:
        others = f" and {len(gateways) - NAMED} others" if len(gateways) > NAMED + 1 else ""
        say(clean(f"{', '.join(gateways[:NAMED] if others else gateways)}{others}: {sentence}"))
    more(len(told))
    for sentence in one["blocked"][:MOST]:
        say(clean(f"The policy stops it: {sentence}"))
    more(len(one["blocked"]))
    if one["asks"]:
        say("A certificate goes, and the policy asks before that: the console wants the environment's name typed.")


def _told(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What there is to know, each sentence once, and the gateways that it is about."""
    whom: dict[str, list[str]] = {}
    for row in rows:
        for sentence in dict.fromkeys(note["sentence"] for note in row["notes"]):
            whom.setdefault(sentence, []).append(row["gateway"])
    return whom
