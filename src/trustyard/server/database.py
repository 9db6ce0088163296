"""The database as Django is told of it: SQLite in the data directory, or PostgreSQL by its address."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .configuration import Configuration
from .sqlite.turns import SECONDS

# Readers never wait for the writer (WAL). FULL, because what was answered as saved must outlive a power cut too. Each
# of many connections keeps 1 MB of the file: the system keeps it as well, and once for all of them.
PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-1000; PRAGMA temp_store=MEMORY;"
# A server that is cut off from the network is noticed within seconds, instead of the many minutes of TCP.
NOTICE = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "10000",
}
# What is read is told apart by this form of dates, whatever the role or the database has set.
FORM = "-c datestyle=ISO"
# A page reads little by indexes: to start helpers for it, to compile its query, or to plan again what was prepared
# takes longer than the query.
AT_ONCE = "-c max_parallel_workers_per_gather=0 -c jit=off -c plan_cache_mode=force_generic_plan"
# Nobody waits for ever: a change has its turn within ten seconds, a statement takes two minutes at most, a transaction
# whose program fell silent is ended after one. In milliseconds; the address of the database may say others.
PATIENCE = "-c lock_timeout=10000 -c statement_timeout=120000 -c idle_in_transaction_session_timeout=60000"


def database(configuration: Configuration) -> dict[str, Any]:
    """Django's DATABASES["default"]."""
    if configuration.sqlite:
        return {
            "ENGINE": "trustyard.server.sqlite",
            "NAME": configuration.sqlite_file,
            # IMMEDIATE: a transaction that will write waits for its turn at once, instead of failing half-way.
            "OPTIONS": {"timeout": SECONDS, "transaction_mode": "IMMEDIATE", "init_command": PRAGMAS},
            "CONN_MAX_AGE": None,
        }
    parts = urlsplit(configuration.database_url)
    options = {**NOTICE, **dict(parse_qsl(parts.query))}
    options["options"] = f"{PATIENCE} {AT_ONCE} {FORM} {options.get('options', '')}".strip()
    return {
        "ENGINE": "trustyard.server.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
