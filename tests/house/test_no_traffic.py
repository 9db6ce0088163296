"""The tests themselves reach loopback only."""

from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize("host", ["192.0.2.1", "10.1.2.3", "2001:db8::1"])
def test_no_test_connects_to_another_machine(host: str) -> None:
    with pytest.raises(OSError, match="outside"):
        socket.create_connection((host, 443), 1)


def test_no_test_asks_a_name_server() -> None:
    with pytest.raises(socket.gaierror, match="not resolved in tests"):
        socket.getaddrinfo("trustyard.example", 443)
