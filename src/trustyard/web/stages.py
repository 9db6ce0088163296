"""A sign-in in two steps: what ended the person's sessions between the steps ends it too."""

from __future__ import annotations

from typing import Any

from allauth.account.stages import LoginStage
from django.http import HttpResponse
from django.shortcuts import redirect

from trustyard.actions import sessions


class Begun(LoginStage):  # type: ignore[misc]  # allauth comes without types
    """Before the second factor is asked for: remembers as whom the password opened the account."""

    key = "trustyard_begun"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        self.state["hash"] = self.login.user.get_session_auth_hash()
        return None, True


class StillTheSame(LoginStage):  # type: ignore[misc]  # the same
    """After it: neither another password, nor *Disable*, nor the end of all sessions came in between."""

    key = "trustyard_still_the_same"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        return (redirect("account_login"), False) if is_over(self) else (None, True)


def is_over(stage: Any) -> bool:
    """Whether the sign-in that this stage belongs to has ended, although its session has not."""
    user = stage.login.user
    begun = stage.controller.get_stage(Begun.key).state.get("hash")
    changed = begun != user.get_session_auth_hash() or not user.is_active
    return changed or sessions.begun_is_over(user, stage.login.initiated_at)


def around(stages: list[str]) -> list[str]:
    """allauth's own stages between ours."""
    return [f"{__name__}.{Begun.__name__}", *stages, f"{__name__}.{StillTheSame.__name__}"]
