"""Looks at the listeners of real servers: whom they ask for, whom they let in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.authority import Authority
from tests.live.haproxy import HAProxy
from tests.live.nginx import Nginx
from tests.programs import free_port
from trustyard.errors import SourceDenied, SourceUnreachable
from trustyard.pki.certificates import read_certificate
from trustyard.sources.guard import Guard
from trustyard.sources.listeners import look

Kind = type[HAProxy] | type[Nginx]
HERE = Guard(allow=(ip_network("127.0.0.0/8"),))
A, B = Authority("Partner A"), Authority("Partner B")
NAMES = {read_certificate(one.der).structure().subject_raw for one in (A, B)}


@contextmanager
def serving(server: HAProxy | Nginx) -> Iterator[int]:
    """Its port, while it trusts both partners."""
    server.ca_file.write_text(A.pem + B.pem)
    with server:
        yield server.port


@pytest.mark.parametrize("kind", [HAProxy, Nginx])
def test_a_listener_that_asks_for_certificates_says_whose_and_refuses_a_stranger(kind: Kind, tmp_path: Path) -> None:
    """nginx ends the handshake well and answers 400 (facts on gateways, 3)."""
    with serving(kind(tmp_path)) as port:
        listener = look(f"127.0.0.1:{port}", HERE)
    assert (listener.asks, set(listener.names), listener.stranger) == (True, NAMES, "refused")


@pytest.mark.parametrize("kind", [HAProxy, Nginx])
def test_a_listener_where_a_certificate_is_optional_lets_strangers_in(kind: Kind, tmp_path: Path) -> None:
    with serving(kind(tmp_path, verify="optional")) as port:
        listener = look(f"127.0.0.1:{port}", HERE)
    assert (listener.asks, listener.stranger, listener.words) == (True, "let in", "it was answered with HTTP 200")


@pytest.mark.parametrize(("kind", "verify"), [(HAProxy, "none"), (Nginx, "off")])
def test_a_listener_that_asks_nobody_is_open(kind: Kind, verify: str, tmp_path: Path) -> None:
    with serving(kind(tmp_path, verify=verify)) as port:
        listener = look(f"127.0.0.1:{port}", HERE)
    assert (listener.asks, listener.names, listener.stranger) == (False, (), "let in")


def test_nobody_there_and_an_address_that_is_not_allowed_are_refused() -> None:
    with pytest.raises(SourceUnreachable):
        look(f"127.0.0.1:{free_port()}", HERE)
    with pytest.raises(SourceDenied):
        look("127.0.0.1:443", Guard())
