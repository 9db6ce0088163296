"""Who sends a request, asked before its body is read: by token or session, in threads of their own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.http.cookie import parse_cookie
from django.utils.crypto import constant_time_compare

from trustyard.actions import tokens
from trustyard.errors import NotSignedIn
from trustyard.models import User
from trustyard.models.connections import looked_after

from .answers import Scope, header

SECONDS = 5.0


class Callers:
    """Names the sender of a request where it is known. What it may do is judged later, by the code that answers."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, "callers")

    async def __call__(self, scope: Scope) -> str:
        """The name of a token or a person; empty for anybody else. Raises what the database does, and TimeoutError."""
        token, cookies = header(scope, b"authorization"), header(scope, b"cookie")
        if not token and settings.SESSION_COOKIE_NAME not in cookies:
            return ""
        address = scope["client"][0] if scope.get("client") else ""
        asked = asyncio.get_running_loop().run_in_executor(self._threads, _name, token, cookies, address)
        return await asyncio.wait_for(asked, SECONDS)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


def _name(authorization: str, cookies: str, address: str) -> str:
    with looked_after():
        # As the API has it: a header that is there is what counts.
        return _of_token(authorization, address) if authorization else _of_session(cookies)


def _of_token(authorization: str, address: str) -> str:
    scheme, _, secret = authorization.strip().partition(" ")
    try:
        actor = tokens.authenticate(secret.strip(), address) if scheme.lower() == "bearer" else None
    except NotSignedIn:  # its date is past: the code that answers says so
        return ""
    return actor.name if actor else ""


def _of_session(cookies: str) -> str:
    # Not by Django's `get_user`: where the secret key was rotated it gives the session another key, which only the
    # answer to a request can tell the browser.
    session = SessionStore(parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME))
    user = User.objects.filter(pk=session.get(SESSION_KEY, 0), is_active=True).first()
    if user is None:
        return ""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    given = session.get(HASH_SESSION_KEY, "")
    return f"user:{user.pk}" if any(constant_time_compare(given, one) for one in hashes) else ""
