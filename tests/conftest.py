"""What all tests share: no traffic to the outside, fixed seeds, names of their own, and one real server per worker."""

from __future__ import annotations

import errno
import ipaddress
import itertools
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.databases import chosen, share_templates, starts, touches
from tests.server import loaded

pytest_plugins = ["tests.cast"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database=postgresql`: what touches a database runs on that one, and nothing else runs."""
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite", help="the database to test with")


def pytest_configure() -> None:
    """Benchmarks start the program as usual."""
    share_templates()
    loaded.begin()


def pytest_unconfigure() -> None:
    """What was loaded for the next start goes away."""
    loaded.end()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What does not touch a database runs once, on no second one; what is about one database runs on that one."""
    if chosen():
        kept = [item for item in items if touches(item) and not item.get_closest_marker("sqlite")]
    else:
        kept = [item for item in items if not item.get_closest_marker("postgresql")]
    known = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in known])
    # What may take longest comes first, so that in the end no process works on while the others have nothing to do:
    # what says that it may, what starts a server, and last what asks the database alone, whose modules take a moment.
    first: dict[Path, tuple[float, bool, bool]] = {}
    for item in kept:
        marker = item.get_closest_marker("timeout")
        one = (marker.args[0] if marker else 0.0, starts(item), not touches(item))
        first[item.path] = max(first.get(item.path, one), one)
    items[:] = sorted(kept, key=lambda item: first[item.path], reverse=True)


# A seed that does not move: a failure seen on the build server is seen here too.
settings.register_profile(
    "trustyard", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("trustyard")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's sync interface runs a loop in this thread


def _is_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host in {"localhost", ""}
    return address.is_loopback or address.is_unspecified


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Make this process a machine without a network: only loopback answers, and no other name resolves."""
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and address and not _is_here(str(address[0])):
            raise OSError(errno.ENETUNREACH, f"{address[0]} is outside: tests reach loopback only")
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        name = host.decode() if isinstance(host, bytes) else host
        if name and not _is_here(name):
            try:
                ipaddress.ip_address(name.partition("%")[0])
            except ValueError:
                raise socket.gaierror(socket.EAI_NONAME, f"{name} is not resolved in tests") from None


sys.addaudithook(_guard)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """Our own PostgreSQL goes away as a whole: there is no need to wait for the last connection of some thread."""
    return bool(chosen()) or bool(request.config.getvalue("reuse_db"))


_numbers = itertools.count(1)


@pytest.fixture
def unique() -> Callable[[str], str]:
    """A function that makes a name nobody else uses: `unique("acme")` -> `acme-gw0-7`."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")

    def make(prefix: str) -> str:
        return f"{prefix}-{worker}-{next(_numbers)}"

    return make
