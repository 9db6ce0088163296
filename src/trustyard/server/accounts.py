"""What allauth is told about people: an administrator adds them, nobody signs up."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth comes without types
    """No sign-up, no mail."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
