"""Addresses that people type: `https://…` and `ldaps://…` to host, port and server name (S-10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import idna

from trustyard.errors import FieldError, Refused
from trustyard.pki.hosts import host_port
from trustyard.pki.refusals import refuse_private_key

DEFAULT_PORTS = {"https": 443, "ldaps": 636}
MAX_LENGTH = 2000  # characters of an address

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


@dataclass(frozen=True)
class Target:
    """Where to connect: scheme, host (an ASCII name or an IP address without brackets), port, and the name for SNI.

    `sni` is None for an IP address (RFC 6066, section 3).
    """

    scheme: str
    host: str
    port: int
    sni: str | None

    def __str__(self) -> str:
        return host_port(self.host, self.port)


def parse_url(url: str) -> Target:
    """The target of an address. Path and query are passed over: nothing but the TLS handshake is spoken.

    `Refused` (`bad-url`, at the field `url`) for another scheme, a user name or password, and what is no address.
    """
    text = url.strip()
    refuse_private_key(text, "url")
    if len(text) > MAX_LENGTH:
        raise _bad("The address is too long.")
    if any(ord(c) <= 0x20 or ord(c) == 0x7F for c in text) or "\\" in text:
        raise _bad("The address holds a space, a control character or a backslash.")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _bad("This is not an address such as https://example.org:8443.") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise _bad("The address must begin with https:// or ldaps://.")
    if "@" in parts.netloc:
        raise _bad("The address must not hold a user name or a password.")
    if not host or port == 0:
        raise _bad("The address names no host." if not host else "Port 0 is none to connect to.")
    name, is_name = _host(host)
    return Target(parts.scheme, name, port or DEFAULT_PORTS[parts.scheme], name if is_name else None)


def _host(host: str) -> tuple[str, bool]:
    """The host in the form to connect with, and whether it is a name (not an IP address)."""
    try:
        return str(ip_address(host)), False
    except ValueError:
        pass
    name = unquote(host).removesuffix(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except UnicodeError:  # of which idna.IDNAError is one
            raise _bad("The host name cannot be written in ASCII (IDNA).") from None
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _bad("The host name is not a valid one.")
    if labels[-1].isdigit() or labels[-1].lower().startswith("0x"):
        # 127.1, 0x7f000001 and 2130706433 are addresses to some resolvers: written in full, or not at all.
        raise _bad("An IPv4 address is written as four numbers with dots.")
    return name.lower(), True


def _bad(sentence: str) -> Refused:
    return Refused(sentence, code="bad-url", fields=[FieldError("url", sentence)])
