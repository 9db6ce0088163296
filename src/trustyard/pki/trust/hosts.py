"""Whether the name asked for is among a certificate's alternative names (RFC 9525, section 6)."""

from __future__ import annotations

import ipaddress
import re

import idna

from . import strict
from .link import Link

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
# Second-level names under which country registries let anybody register; with single labels the public suffixes that
# are met as wildcards. The whole list (publicsuffix.org) is not carried along.
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "gob", "gov", "mil", "net", "or", "org"})


def plain_name(text: str) -> str:
    """A name as it is compared: an address in canonical form, a host in ASCII and lower case without a last dot."""
    text = text.strip()
    address = _address(text.removeprefix("[").removesuffix("]"))
    if address is not None:
        return str(address)
    if "@" in text or "://" in text:
        return text
    if text.isascii():
        return text.lower().removesuffix(".")
    try:
        return idna.encode(text, uts46=True).decode()
    except (UnicodeError, ValueError):
        return text.lower()


def matches(link: Link, name: str) -> bool:
    """Whether one of the alternative names is `name`, out of `plain_name` and one that `can_be_asked_for`."""
    address = _address(name)
    if address is not None:
        return any(n.kind == strict.IP and n.body == address.packed for n in link.names)
    if "://" in name:
        return any(n.kind == strict.URI and n.text == name for n in link.names)
    if "@" in name:
        return any(n.kind == strict.EMAIL and _same_mailbox(n.text, name) for n in link.names)
    return any(n.kind == strict.DNS and _host_matches(n.text.lower(), name) for n in link.names)


def can_be_asked_for(name: str) -> bool:
    """Whether `name`, out of `plain_name`, is of a kind that a certificate can be for."""
    return _address(name) is not None or "@" in name or "://" in name or is_host(name)


def is_host(text: str) -> bool:
    """Whether the text is a host name of letters, digits and hyphens (RFC 1123); its last label is no number."""
    if len(text) > 253:
        return False
    labels = text.lower().split(".")
    return all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()


def is_pattern(text: str) -> bool:
    """Whether the text is a host name, or one whose whole first label is a wildcard (RFC 9525, section 6.3)."""
    return is_host(text.removeprefix("*."))


def too_wide(text: str) -> bool:
    """Whether a wildcard spans a public suffix (`*.com`, `*.co.uk`)."""
    if not text.startswith("*."):
        return text == "*"
    labels = text.lower()[2:].split(".")
    return len(labels) == 1 or (len(labels) == 2 and labels[0] in _REGISTRIES and len(labels[1]) == 2)


def looks_like_host(text: str) -> bool:
    """Whether somebody who wrote this text meant a host or an address."""
    return _address(text) is not None or ("." in text and is_pattern(text))


def _host_matches(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return "." in name and pattern[2:] == name.split(".", 1)[1]
    return pattern == name


def _same_mailbox(one: str, other: str) -> bool:
    local, _, host = one.rpartition("@")
    other_local, _, other_host = other.rpartition("@")
    return local == other_local and host.lower() == other_host.lower()


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
