"""What stands around the bodies of requests: headers, cursors, moments."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from ipaddress import ip_network

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

from fuzz.counting import budget
from trustyard.errors import Refused, StaleVersion
from trustyard.pki.hosts import ip_of
from trustyard.server.proxies import REQUEST_ID, Proxies

MARK = "mark0000"  # of the list whose cursors these are
_PROXIES = Proxies((ip_network("10.0.0.0/8"), ip_network("fd00::/8")))
_NAMES = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-request-id", b"host", b"x_forwarded_for")


def prepare() -> None:
    """What the versions of objects are compared with; no database."""
    django.setup()
    import_module("trustyard.api.paging")


def forwarded(data: bytes) -> None:
    """Headers of a trusted proxy and of a stranger, one a line: whose request it is, and its id."""
    headers = list(zip(_NAMES, data.split(b"\n"), strict=False))
    for peer in ("10.0.0.1", "192.0.2.1"):
        scope = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": headers}
        with budget(len(data)):
            seen = _PROXIES.seen_through(scope)
            assert ip_of(seen["client"][0]) is not None
            assert seen["scheme"] in ("http", "https")
            assert not [name for name, _ in seen["headers"] if name.startswith(b"x-forwarded") or b"_" in name]
            assert REQUEST_ID.fullmatch(_PROXIES.request_id(scope))
        assert peer == "10.0.0.1" or seen["client"][0] == peer, "a stranger says nothing of others"


def query(data: bytes) -> None:
    """A cursor in each order of a list, a moment, If-Match and a bearer token: values, or a refusal."""
    from trustyard.actions.found import check_version
    from trustyard.actions.moments import moment_of, whole_second
    from trustyard.api.headers import bearer
    from trustyard.api.paging import _values
    from trustyard.models import Environment

    text = data.decode("latin1")
    with budget(len(data)):
        for order in (["name_key", "pk"], ["-changed_at", "-pk"], ["key"]):
            with suppress(Refused):
                assert len(_values(text, order, MARK)) == len(order)
        with suppress(Refused):
            assert whole_second(moment_of(text), text).utcoffset() is not None
        with suppress(StaleVersion):
            check_version(Environment(version=1), text)
            assert "*" in text or '"' in text
        assert bearer(text) == bearer(text).strip()
