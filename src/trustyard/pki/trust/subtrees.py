"""Name constraints (RFC 5280, section 4.2.1.10): which names are inside a subtree, and which subtrees are none."""

from __future__ import annotations

from urllib.parse import urlsplit

from trustyard.pki import der
from trustyard.pki.distinguished import read_name

from . import strict
from .hosts import is_host, is_pattern
from .link import comparable
from .strict import General

SUPPORTED = frozenset({strict.EMAIL, strict.DNS, strict.DIRECTORY, strict.URI, strict.IP})


def well_formed(constraint: General) -> bool:
    """Whether the subtree is one: a host without a leading dot or wildcard, an address with a mask, a mailbox."""
    text = constraint.text
    match constraint.kind:
        case strict.DNS:
            return text == "" or is_host(text)
        case strict.URI:
            return is_host(text.removeprefix("."))
        case strict.EMAIL:
            local, at, host = text.rpartition("@")
            return bool(local) and "@" not in local and is_host(host) if at else is_host(text.removeprefix("."))
        case strict.IP:
            return len(constraint.body) in (8, 32) and _is_mask(constraint.body[len(constraint.body) // 2 :])
    return True


def name_is_well_formed(name: General) -> bool:
    """Whether a name of a certificate can be held against a constraint at all."""
    match name.kind:
        case strict.DNS:
            return is_pattern(name.text)
        case strict.EMAIL:
            local, at, host = name.text.rpartition("@")
            return bool(local and at) and "@" not in local and is_host(host)
        case strict.URI:
            return _host_of(name.text) is not None
        case strict.IP:
            return len(name.body) in (4, 16)
    return True


def inside(name: General, constraint: General) -> bool:
    """Whether the name, of a supported kind, is in the subtree; of a wildcard, whether all that it stands for."""
    text, limit = name.text.lower(), constraint.text.lower()
    match name.kind:
        case strict.DNS:
            return _under(text.removeprefix("*."), limit)
        case strict.EMAIL:
            return _mailbox_inside(name.text, constraint.text)
        case strict.URI:
            return _host_inside(_host_of(text) or "", limit)
        case strict.IP:
            return _address_inside(name.body, constraint.body)
    base, whole = (comparable(read_name(der.read_all(g.body))) for g in (constraint, name))
    return whole[: len(base)] == base


def touches(name: General, constraint: General) -> bool:
    """Whether anything that the name stands for is in the subtree: an excluded host under a wildcard is enough."""
    if name.kind == strict.DNS and name.text.startswith("*."):
        parent = constraint.text.lower().partition(".")[2]
        return inside(name, constraint) or name.text.lower()[2:] == parent
    return inside(name, constraint)


def _under(host: str, limit: str) -> bool:
    return not limit or host == limit or host.endswith("." + limit)


def _host_inside(host: str, limit: str) -> bool:
    return host.endswith(limit) and host != limit if limit.startswith(".") else host == limit


def _mailbox_inside(mailbox: str, limit: str) -> bool:
    local, _, host = mailbox.rpartition("@")
    wanted, at, limit_host = limit.rpartition("@")
    if at:
        return local == wanted and host.lower() == limit_host.lower()
    return _host_inside(host.lower(), limit.lower())


def _host_of(uri: str) -> str | None:
    """The host of a URI; None where it has none or an address, to which no constraint can apply."""
    try:
        host = urlsplit(uri).hostname
    except ValueError:
        return None
    return host if host and is_host(host) else None


def _address_inside(address: bytes, subtree: bytes) -> bool:
    half = len(subtree) // 2
    if len(address) != half:
        return False
    return all(a & m == s & m for a, s, m in zip(address, subtree[:half], subtree[half:], strict=True))


def _is_mask(mask: bytes) -> bool:
    bits = "".join(f"{octet:08b}" for octet in mask)
    return "01" not in bits
