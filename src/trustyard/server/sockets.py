"""Listening sockets, had before anything is announced."""

from __future__ import annotations

import socket

from trustyard.errors import Refused
from trustyard.pki.hosts import host_port

from .configuration import Address

BACKLOG = 1024


def listen(address: Address, setting: str) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises Refused (`address`), naming the setting."""
    try:
        made = bound(address)
        try:
            made.listen(BACKLOG)
        except OSError:
            made.close()
            raise
    except OSError as error:
        raise Refused(
            f"Trustyard cannot listen on {host_port(*address)}: {error.strerror}.",
            code="address",
            advice=f"Set {setting} to another address; port 0 takes a free one.",
        ) from error
    return made


def bound(address: Address) -> socket.socket:
    """A socket that has the address and does not listen yet: that keeps nobody else from it. Raises OSError."""
    host, port = address
    family, kind, protocol, _, there = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        made.bind(there)
    except OSError:
        made.close()
        raise
    return made


def address_of(listening: socket.socket) -> Address:
    """Where it listens in the end."""
    host, port = listening.getsockname()[:2]
    return host, port
