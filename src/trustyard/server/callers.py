"""Who sends a request, asked before its body is read: by token or session, in threads of their own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import constant_time_compare

from trustyard.actions import tokens
from trustyard.errors import NotSignedIn
from trustyard.models import User
from trustyard.models.connections import looked_after

from .answers import Scope, client
from .shares import shown

SECONDS = 5.0


class Callers:
    """Names the sender of a request where it is known. What it may do is judged later, by the code that answers."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, "callers")

    async def __call__(self, scope: Scope) -> str:
        """The name of a token or a person; empty for anybody else. Raises what the database does, and TimeoutError."""
        kind, secret = shown(scope)
        if not secret:
            return ""
        asked = asyncio.get_running_loop().run_in_executor(self._threads, _name, kind, secret, client(scope))
        return await asyncio.wait_for(asked, SECONDS)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


def _name(kind: str, secret: str, address: str) -> str:
    with looked_after():
        return _of_token(secret, address) if kind == "token" else _of_session(secret)


def _of_token(token: str, address: str) -> str:
    try:
        actor = tokens.authenticate(token, address)
    except NotSignedIn:  # its date is past: the code that answers says so
        return ""
    return actor.name if actor else ""


def _of_session(key: str) -> str:
    # Not by Django's `get_user`: where the secret key was rotated it gives the session another key, which only the
    # answer to a request can tell the browser.
    session = SessionStore(key)
    user = User.objects.filter(pk=session.get(SESSION_KEY, 0), is_active=True).first()
    if user is None:
        return ""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    given = session.get(HASH_SESSION_KEY, "")
    return f"user:{user.pk}" if any(constant_time_compare(given, one) for one in hashes) else ""
