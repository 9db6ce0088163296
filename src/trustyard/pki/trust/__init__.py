"""Would a truststore accept this server or client, and if not, why: our own verdict beside those of two validators."""

from __future__ import annotations

from . import openssl, pyca
from .question import PURPOSES, Limits, Purpose, Question
from .rules import ACCEPTANCES, REFUSALS, RULES, Remark, Rule
from .validators import Opinion
from .verdict import Verdict, judge

__all__ = [
    "ACCEPTANCES",
    "PURPOSES",
    "REFUSALS",
    "RULES",
    "Limits",
    "Opinion",
    "Purpose",
    "Question",
    "Remark",
    "Rule",
    "Verdict",
    "judge",
    "opinions",
]


def opinions(question: Question) -> tuple[Opinion, ...]:
    """What the two validators say, always in the same order."""
    return pyca.ask(question), openssl.ask(question)
