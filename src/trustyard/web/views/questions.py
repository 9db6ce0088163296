"""The dialogs JWK Connection and the typed confirmation, step by step (S-22 to S-35, D-27).

The list of JWKs travels in the dialog, signed, so that what is confirmed at the end is what was shown at the beginning;
its version goes to the action, which compares it with the set of that moment (D-05). Nothing is written before Confirm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from trustyard.actions.certificates import JwkAnswer, Saved
from trustyard.actions.waiting import Going
from trustyard.errors import JwkConnection, StaleVersion

_SALT = "trustyard.jwk-connection"


@dataclass
class Question:
    """Where a conversation stands: the JWKs concerned, the version of the set, and an action for each environment."""

    name: str
    post_to: str
    jwks: list[dict[str, Any]]
    version: str
    carried: dict[str, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    deletion: bool = False

    @classmethod
    def begin(
        cls, asked: JwkConnection, name: str, post_to: str, carried: dict[str, str], *, deletion: bool = False
    ) -> Question:
        """The first step, out of the refusal of an action."""
        return cls(name, post_to, asked.extra["jwks"], asked.extra["version"], carried, {}, deletion)

    def open_group(self) -> list[dict[str, Any]]:
        """The JWKs of the next dialog: first those whose certificate changes, then those whose entry goes."""
        waiting = [jwk for jwk in self.jwks if jwk["environment"] not in self.actions]
        updates = [jwk for jwk in waiting if "delete" not in jwk["options"]]  # one without a fit has no `update`
        return updates or waiting

    def answer(self, action: str) -> None:
        """Takes the button that was pressed for all JWKs of the dialog."""
        for jwk in self.open_group():
            self.actions[jwk["environment"]] = action

    def sealed(self) -> str:
        """The state as text that nobody can change on the way."""
        return signing.dumps(vars(self), salt=_SALT, compress=True)

    @classmethod
    def unsealed(cls, text: str) -> Question | None:
        """The state again, however old, or None when it is no state of ours."""
        try:
            return cls(**signing.loads(text, salt=_SALT))
        except (signing.BadSignature, TypeError):
            return None

    def said(self, confirm: str) -> JwkAnswer:
        """The answer for the action."""
        return JwkAnswer(actions=self.actions, confirm=confirm, version=self.version)


def ask(
    request: HttpRequest, question: Question, going: Going | None = None, *, moved: bool = False, problem: str = ""
) -> HttpResponse:
    """The next dialog: JWK Connection while something is open, then the typed confirmation, with a `problem` again."""
    group = question.open_group()
    context: dict[str, Any] = {"question": question, "group": group, "moved": moved, "state": question.sealed()}
    context |= {"going": going, "problem": problem}
    if group:
        context["updating"] = "delete" not in group[0]["options"]
        context["blocked"] = [jwk for jwk in group if context["updating"] and jwk["problem"]]
        return into_dialogs(render(request, "certificates/_jwk_connection.html", context))
    context["rows"] = [{**jwk, "action": question.actions[jwk["environment"]]} for jwk in question.jwks]
    context["updating"] = not all("delete" in jwk["options"] for jwk in question.jwks)
    return into_dialogs(render(request, "certificates/_confirm.html", context))


def into_dialogs(response: HttpResponse) -> HttpResponse:
    """Puts the answer where dialogs live, wherever the request came from."""
    response["HX-Retarget"], response["HX-Reswap"] = "#dialogs", "innerHTML"
    return response


def has_moved(error: JwkConnection | StaleVersion) -> bool:
    """Whether the dialog comes again because something changed while it was open."""
    return isinstance(error, StaleVersion) or bool(error.extra.get("moved"))


def also(saved: Saved) -> str:
    """What became of the JWKs, as a sentence behind that about the certificate; empty where there are none."""
    done = "; ".join(f"the JWK {change.name} in {change.environment} was {change.change}" for change in saved.jwks)
    return f" Also, {done}." if done else ""
