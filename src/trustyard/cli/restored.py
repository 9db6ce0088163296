"""A deploy over a restored release: the list of what would change, and how to answer (exit code 3)."""

from __future__ import annotations

from typing import Any

from . import differences
from .failures import CHOICE, Problem
from .screen import clean, say


class Restored(Problem):
    """The server asks before it takes back a restored release (D-22)."""

    code = CHOICE

    def show(self) -> None:
        """Prints what would change in each environment, and the flag that goes ahead."""
        detail = str(self.body.get("detail")).replace("confirm_restored", "--confirm-restored")
        say(f"Restored release: {clean(detail)}", error=True)
        places: list[dict[str, Any]] = self.body.get("restored") or []
        for one in places:
            what = f"release {one['release']} with the content of {one['restored_from']}"
            say(clean(f"{one['environment']}, on {what}:"), error=True)
            differences.show(one, error=True)
        say("Nothing was changed.", error=True)


def problem_of(status: int, body: dict[str, Any], *, advice: str = "") -> Problem:
    """The problem of an answer, which is a question where it is about a restored release."""
    problem = Problem(status, body, advice=advice)
    return Restored(status, body, advice=advice) if problem.kind == "restored" else problem
