"""The address of a PostgreSQL database: judged, and shown without the password that may stand in it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def database_url(text: str) -> str:
    """The address of a PostgreSQL database as it is, or empty. Raises ValueError that does not quote it."""
    try:
        parts = urlsplit(text)
        good = text.startswith(("postgresql://", "postgres://")) and parts.path.strip("/") and parts.port != 0
    except ValueError:  # no host, or no port
        good = False
    if text and not good:
        # The address may hold a password: it is not repeated.
        raise ValueError("It is not postgresql://USER:PASSWORD@HOST:PORT/NAME; leave it out for SQLite.")
    return text


def without_password(address: str) -> str:
    """The address of the database, to be shown; nothing of one that cannot be read, for then it may be anywhere."""
    try:
        password = urlsplit(database_url(address)).password
    except ValueError:
        return "(hidden)"
    shown = address.replace(f":{password}@", ":(hidden)@") if password else address
    return re.sub(r"(password=)[^&#]*", r"\1(hidden)", shown, flags=re.IGNORECASE)  # sslpassword, too
