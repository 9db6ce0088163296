"""Seals the secrets of second factors, the only secrets of people that can be read back, with the secret key."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.encoding import force_bytes

SECRETS = ("secret", "seed", "migrated_codes")  # what allauth keeps of apps and of recovery codes


def seal() -> MultiFernet:
    """Seals with the current key, and opens what it or an earlier key that is still accepted has sealed."""
    return MultiFernet([_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def seal_again() -> None:
    """Seals everything with the current key, so that earlier ones can go. Part of the caller's transaction."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)
    keys = seal()
    for row in Authenticator.objects.select_for_update().filter(type__in=kinds):
        row.data = {name: _again(keys, value) if name in SECRETS else value for name, value in row.data.items()}
        row.save(update_fields=["data"])


def _again(keys: MultiFernet, value: Any) -> Any:
    if isinstance(value, list):
        return [_again(keys, one) for one in value]
    try:
        return keys.rotate(value.encode()).decode()
    except InvalidToken:  # sealed with a lost key: left for an administrator to reset
        return value


def _fernet(secret_key: str | bytes) -> Fernet:
    derived = hashlib.sha256(b"second factors:" + force_bytes(secret_key)).digest()
    return Fernet(base64.urlsafe_b64encode(derived))
