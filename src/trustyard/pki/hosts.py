"""Hosts as people write them: with their port, whether they are this machine, and who could listen on the way."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def host_port(host: str, port: int) -> str:
    """`HOST:PORT`, an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ip_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address without its zone, an IPv4-mapped one (RFC 4291, section 2.5.5.2) as IPv4; None for a name."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])  # a zone means something on its own host alone
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach a listener on `host`, an address or a name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_private(address: str) -> bool:
    """Whether nobody on the way reads or changes what goes to this address: https, or http to this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
