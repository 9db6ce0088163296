"""The secret key that all nodes of a database share: sessions, forms and the tokens of gateways are derived from it."""

from __future__ import annotations

import hashlib
import hmac

from trustyard.errors import Refused

from .configuration import Configuration

PURPOSE = b"trustyard: which secret key a database goes with"


def fingerprint(key: str) -> str:
    """Says whether two keys are the same, and nothing else of either."""
    return hmac.new(key.encode(), PURPOSE, hashlib.sha256).hexdigest()


def check(configuration: Configuration) -> None:
    """The first node of a database leaves the fingerprint of its key. Raises Refused (`secret-key`) for another key.

    A SQLite file lies beside its key and has one server: nothing can differ.
    """
    from trustyard import models  # Django is set up by now

    if configuration.sqlite:
        return
    ours = fingerprint(configuration.secret_key)
    kept, _ = models.SecretKey.objects.get_or_create(pk=1, defaults={"fingerprint": ours})
    if not hmac.compare_digest(kept.fingerprint, ours):
        raise Refused(
            f"The secret key in {configuration.secret_key_file} is not the one that this database was made with.",
            code="secret-key",
            advice="Give every node the key of the first one, and name its file in TRUSTYARD_SECRET_KEY_FILE.",
        )


def differs(configuration: Configuration) -> bool:
    """Whether the database was made with another key. Changes nothing."""
    from trustyard import models

    kept = models.SecretKey.objects.filter(pk=1).first()
    return kept is not None and kept.fingerprint != fingerprint(configuration.secret_key)


def replace(key: str) -> None:
    """From now on the database goes with this key; servers that run with the one before must start anew with it."""
    from trustyard import models

    models.SecretKey.objects.update_or_create(pk=1, defaults={"fingerprint": fingerprint(key)})
