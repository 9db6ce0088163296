"""Passwords are hashed a few at a time: each takes 100 MB for a moment, and any stranger may have some tried."""

from __future__ import annotations

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

AT_ONCE = 2
_TURNS = threading.BoundedSemaphore(AT_ONCE)


class Argon2(Argon2PasswordHasher):
    """Django's own, in turns. It keeps a processor busy for as long, so nobody waits longer for it."""

    def encode(self, password: str, salt: str) -> str:
        with _TURNS:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _TURNS:
            return super().verify(password, encoded)
