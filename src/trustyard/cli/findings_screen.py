"""Findings as a person reads them on the command line, worst first."""

from __future__ import annotations

from typing import Any

from .screen import clean, say


def findings(found: list[dict[str, Any]] | None) -> None:
    """Each with its severity, its sentence and its code, and below it what to do and who says so."""
    for one in found or []:
        severity = clean(one.get("severity"))
        say(f"{severity:<8} {clean(one.get('message'))} [{clean(one.get('code'))}]")
        say(f"{'':<8} {clean(one.get('advice'))} ({clean(one.get('source'))})")
