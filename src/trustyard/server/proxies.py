"""The real client of a request: forwarding headers count when a trusted proxy sent them, and only then."""

from __future__ import annotations

import functools
import ipaddress
import re
import secrets
from dataclasses import dataclass

from trustyard.pki.hosts import ip_of

from .answers import Scope, header
from .configuration import Network

REQUEST_ID = re.compile(r"[A-Za-z0-9._~+/=:-]{1,64}")
FORWARDING = (b"x-forwarded-", b"forwarded", b"x-real-ip")


@dataclass(frozen=True)
class Proxies:
    """The networks whose forwarding headers count."""

    trusted: tuple[Network, ...]

    def seen_through(self, scope: Scope) -> Scope:
        """The request with client, scheme and host as the person behind the proxies has them.

        No forwarding header goes further, and none with an underscore, which WSGI cannot tell from one with a hyphen.
        """
        headers = [(k, v) for k, v in scope["headers"] if not k.startswith(FORWARDING) and b"_" not in k]
        seen = {**scope, "headers": headers}
        client = scope.get("client")
        if client is None or not self._trusts(client[0]):
            return seen
        forwarded = _words(header(scope, b"x-forwarded-for"))
        if forwarded:
            seen["client"] = (self._first_stranger(forwarded) or client[0], 0)
        # The last value is what the proxy next to us says; those before it came in from outside.
        scheme = _words(header(scope, b"x-forwarded-proto"))[-1:]
        if scheme in (["http"], ["https"]):
            seen["scheme"] = scheme[0]
        host = _words(header(scope, b"x-forwarded-host"))[-1:]
        if host:
            kept = [(k, v) for k, v in headers if k != b"host"]
            seen["headers"] = [(b"host", host[0].encode("latin1")), *kept]
        return seen

    def request_id(self, scope: Scope) -> str:
        """The id that a trusted proxy gave the request, so that its log and ours agree; else one of our own."""
        given = header(scope, b"x-request-id")
        if not given or not REQUEST_ID.fullmatch(given):
            return secrets.token_hex(8)
        client = scope.get("client")
        return given if client is not None and self._trusts(client[0]) else secrets.token_hex(8)

    def _first_stranger(self, forwarded: list[str]) -> str:
        """From the right, the first address that is not one of our proxies; if all are, the outermost."""
        stranger = ""
        for word in reversed(forwarded):
            address = _address(word)
            if address is None:
                break  # what stands before it cannot be relied upon
            stranger = str(address)
            if not self._trusts(stranger):
                break
        return stranger

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self.trusted)


@functools.lru_cache(1024)  # nearly every request comes from the same few
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    plain = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if plain.count(":") == 1:
        plain = plain.partition(":")[0]  # some proxies add the port
    return ip_of(plain)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
