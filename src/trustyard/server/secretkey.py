"""The secret key that all nodes of a database share: sessions, forms and the tokens of gateways are derived from it."""

from __future__ import annotations

import hashlib
import hmac

from trustyard.errors import Conflict, Refused

from .configuration import Configuration
from .datadir import fresh_secret, secret_of, write_secret

BY_HAND = "Put a new key there as the first line yourself, and leave the others below it."
END_BY_HAND = "All else is done: take the lines below the first out of it yourself, then restart every node."
PURPOSE = b"trustyard: which secret key a database goes with"


def fingerprint(key: str) -> str:
    """Says whether two keys are the same, and nothing else of either."""
    return hmac.new(key.encode(), PURPOSE, hashlib.sha256).hexdigest()


def check(configuration: Configuration) -> None:
    """The first node of a database leaves the fingerprint of its key, and the first that has a newer one moves it.

    Raises Refused (`secret-key`) where none of this node's keys is the database's.

    A SQLite file lies beside its key and has one server: nothing can differ.
    """
    from trustyard import models  # Django is set up by now

    if configuration.sqlite:
        return
    newest = fingerprints(configuration)[0]
    models.SecretKey.objects.get_or_create(pk=1, defaults={"fingerprint": newest})
    if agree(configuration) != newest:
        replace(configuration.secret_key)


def agree(configuration: Configuration) -> str:
    """The fingerprint that the database has, or the key's where it has none yet.

    Raises Refused (`secret-key`) where there is no key, or none of ours is the database's.
    """
    from trustyard import models  # as above

    ours = fingerprints(configuration) if configuration.secret_key else []
    kept = None if configuration.sqlite else models.SecretKey.objects.filter(pk=1).first()
    if not ours or (kept is not None and kept.fingerprint not in ours):
        what = "is not the one that this database was made with" if ours else "is missing"
        raise Refused(
            f"The secret key in {configuration.secret_key_file} {what}.",
            code="secret-key",
            advice="Give every node the key of the first one, and name its file in TRUSTYARD_SECRET_KEY_FILE.",
        )
    return kept.fingerprint if kept is not None else ours[0]


def fingerprints(configuration: Configuration) -> list[str]:
    """Those of the key and of the earlier ones that are still accepted."""
    return [fingerprint(key) for key in (configuration.secret_key, *configuration.earlier_secret_keys)]


def replace(key: str) -> None:
    """Binds the database to this key; servers that run with the previous one must be restarted with it."""
    from trustyard import models

    models.SecretKey.objects.update_or_create(pk=1, defaults={"fingerprint": fingerprint(key)})


def rotate(configuration: Configuration) -> int:
    """A new key, in force from the next start; how many earlier ones are still accepted.

    Raises Refused (`secret-key`) as `agree` does, (`secret-key-file`) where the file cannot be written.
    """
    agree(configuration)
    lines = [fresh_secret(), *_lines(configuration)]
    write_secret(configuration, b"".join(lines), otherwise=BY_HAND)
    from trustyard.actions import audit  # needs Django, as above

    with audit.transaction():
        _record("secret.rotate", len(lines) - 1)
    return len(lines) - 1


def forget(configuration: Configuration) -> int:
    """Ends the earlier keys, from the next start on; how many.

    Raises Conflict (`no-earlier-key`), and Refused (`secret-key`) as `agree` does, (`secret-key-file`) where the file
    cannot be written: then the database is ready for it, and the file is somebody else's to change.
    """
    lines = _lines(configuration)
    if len(lines) < 2:
        raise Conflict("There is no earlier secret key to forget.", code="no-earlier-key")
    agree(configuration)
    from trustyard.actions import audit  # needs Django, as above

    from .sealing import seal_again

    with audit.transaction():
        seal_again()  # what only the earlier keys open would be lost
        if not configuration.sqlite:
            replace(lines[0].decode("ascii").strip())  # no node has come by with it perhaps
        _record("secret.forget", len(lines) - 1)
    write_secret(configuration, lines[0], otherwise=END_BY_HAND)
    return len(lines) - 1


def _lines(configuration: Configuration) -> list[bytes]:
    """The keys in the file, newest first, each as a line; a blank line is none."""
    return [line.strip() + b"\n" for line in secret_of(configuration).splitlines() if line.strip()]


def _record(action: str, earlier: int) -> None:
    from trustyard.actions import audit
    from trustyard.actions.actors import LOCAL

    audit.record(LOCAL, action, "secret", "secret-key", after={"earlier": earlier})
