"""What the gateways said of a deployment, and whether it is in force on all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .screen import MOST, clean, more, say, table

SETTLED = frozenset({"accepted", "observed", "superseded"})
NOT_TAKEN = frozenset({"refused", "unreachable"})
_NOBODY = {
    "gateway": "none yet",
    "node": "",
    "state": "pending",
    "detail": "This environment has no gateway; the release waits for one.",
}
_NOBODY_THEN = {
    "gateway": "none",
    "node": "",
    "state": "superseded",
    "detail": "A newer release took its place before any gateway of now was made.",
}


def show(deployment: dict[str, Any]) -> None:
    """Prints a row for each gateway node, and what was left out of each release with the reason."""
    rows = [
        (one["environment"], one["release"], each["gateway"], each["node"] or "-", each["state"], words(each))
        for one in deployment["environments"]
        for each in one["gateways"] or [_NOBODY_THEN if one["state"] == "superseded" else _NOBODY]
    ]
    if not rows:
        say("Nothing was deployed.")
        return
    table(("Environment", "Release", "Gateway", "Node", "State", "Detail"), rows)
    for one in deployment["environments"]:
        left_out(one.get("left_out") or [], f"release {one['release']} of {one['environment']}")
        besides(one.get("besides") or {}, f"Release {one['release']} of {one['environment']}")
        findings(one.get("findings") or [], one["environment"])


def besides(others: dict[str, Any], release: str) -> None:
    """Prints what came into force, or went, along with what was asked for."""
    if names := others.get("names"):
        rest = others["count"] - len(names)
        named = ", ".join(names) + (f" and {rest} more" if rest > 0 else "")
        say(clean(f"{release} also brings what was saved before and not deployed: {named}"))


def findings(notes: list[dict[str, Any]], where: str) -> None:
    """Prints what is wrong with certificates that came into force or were saved there, on standard error."""
    for note in notes:
        say(f"Finding in {clean(where)}: {clean(note['sentence'])}", error=True)


def left_out(rows: list[dict[str, Any]], what: str) -> None:
    """Prints what a release does not hold, and why (D-19)."""
    if len(rows) > MOST:
        say(clean(f"Left out of {what}: {len(rows)}."))
    for row in rows[:MOST]:
        whose = f" (alias {row['alias']})" if row.get("alias") else ""
        say(clean(f"Left out of {what}: {row.get('certificate')}{whose}: {row.get('reason')}"))
    more(len(rows))


def not_accepted(deployment: dict[str, Any]) -> list[str]:
    """A line for each gateway node that refused or did not answer in time; empty when all is well.

    A gateway that no node ever joined is not waited for: it is pending, without a node, and says so in its detail.
    """
    return list(_not_accepted(deployment))


def _not_accepted(deployment: dict[str, Any]) -> Iterator[str]:
    for one in deployment["environments"]:
        for each in one["gateways"]:
            never_joined = each["state"] == "pending" and not each["node"] and bool(each.get("detail"))
            if each["state"] in SETTLED or never_joined:
                continue
            node = f" ({each['node']})" if each["node"] else ""
            said = " · ".join(_said(each))
            yield f"{each['gateway']}{node} in {one['environment']} is {each['state']}" + (f": {said}" if said else "")


def acceptance(gateways: list[dict[str, Any]]) -> str:
    """How far a release is from being in force everywhere, in the console's words; nothing where nobody objects."""
    states = [each["state"] for each in gateways if each["node"]]  # without one, nobody ever joined
    if not NOT_TAKEN.intersection(states):
        return ""
    return "accepted by no gateway" if NOT_TAKEN.issuperset(states) else "not accepted everywhere"


def words(gateway: dict[str, Any]) -> str:
    """What a node said, what was seen of it, and how long it took."""
    took = [f"{gateway['milliseconds']} ms"] if gateway.get("milliseconds") is not None else []
    return " · ".join([*_said(gateway), *took])


def _said(gateway: dict[str, Any]) -> list[str]:
    return [part for part in (gateway.get("detail"), gateway.get("proof")) if part]
