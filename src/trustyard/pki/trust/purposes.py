"""Whether a path may serve a TLS server or client (RFC 5280, section 4.2.1.12), its name, and the web's profile."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from trustyard.pki.distinguished import first_value
from trustyard.pki.names import printable
from trustyard.pki.sentences import few

from . import strict
from .hosts import can_be_asked_for, looks_like_host, matches, plain_name, too_wide
from .link import Link
from .paths import Path
from .question import Purpose
from .rules import Remark, remark

WANTED: dict[Purpose, tuple[str, str]] = {
    "server": ("1.3.6.1.5.5.7.3.1", "TLS servers"),
    "client": ("1.3.6.1.5.5.7.3.2", "TLS clients"),
}
_ANY = "2.5.29.37.0"
# Digital signature, key encipherment, key agreement; only a server has something encrypted to it (RFC 5246, 7.4.7).
_USAGES: dict[Purpose, tuple[frozenset[int], str]] = {
    "server": (frozenset({0, 2, 4}), "neither signatures nor key exchange, so TLS cannot use it"),
    "client": (frozenset({0, 4}), "neither signatures nor key agreement, so no TLS client can use it"),
}
_COMMON_NAME = "2.5.4.3"
_NAMED = 5  # alternative names, in one sentence


def check(path: Path, purpose: Purpose) -> Iterator[Remark]:
    """What forbids the purpose, from the certificate up."""
    oid, title = WANTED[purpose]
    leaf = path[0]
    allowed = leaf.says(strict.PURPOSE)
    if allowed is not None and oid not in allowed:
        yield remark("purpose", f"The extended key usage of {leaf.title} does not allow {title}.", leaf.sha256)
    usage = leaf.says(strict.KEY_USAGE)
    wanted, neither = _USAGES[purpose]
    if usage is not None and not usage & wanted:
        yield remark("key-usage", f"The key usage of {leaf.title} allows {neither}.", leaf.sha256)
    for link in path[1:]:
        found = link.says(strict.PURPOSE)
        if found is not None and oid not in found and _ANY not in found:
            sentence = f"The extended key usage of the issuer {link.title} does not allow {title}."
            yield remark("issuer-purpose", sentence, link.sha256)


def check_name(leaf: Link, name: str, purpose: Purpose) -> Iterator[Remark]:
    """Whether the certificate is for that name. Without a name nothing is compared."""
    if not name:
        return
    wanted = plain_name(name)
    if not can_be_asked_for(wanted):
        yield remark("name-mismatch", f"{name} is no host name (RFC 1123), so no certificate is for it.", leaf.sha256)
    elif not leaf.names and purpose == "server":
        sentence = f"{leaf.title} has no alternative name; common names are not looked at."
        yield remark("name-missing", sentence, leaf.sha256)
    elif not matches(leaf, wanted):
        known = few(leaf.names, _NAMED, _shown) or "none"
        sentence = f"{leaf.title} is not for {name}; its alternative names: {known}."
        yield remark("name-mismatch", sentence, leaf.sha256)


def check_web(path: Path) -> Iterator[Remark]:
    """What the web's profile asks of a server's path beyond RFC 5280."""
    leaf = path[0]
    for name in leaf.names:
        if name.kind == strict.DNS and too_wide(name.text):
            yield remark("wildcard-too-wide", f"The wildcard {name.text} of {leaf.title} is too wide.", leaf.sha256)
    if leaf.critical(strict.PURPOSE):
        yield remark("web-profile", f"{leaf.title} has a critical extended key usage.", leaf.sha256)
    if _ANY in (leaf.says(strict.PURPOSE) or ()):
        yield remark("web-profile", f"The extended key usage of {leaf.title} allows any purpose.", leaf.sha256)
    if leaf.structure.subject and leaf.critical(strict.SAN):
        sentence = f"{leaf.title} has critical alternative names beside a subject."
        yield remark("web-profile", sentence, leaf.sha256)
    usage = leaf.says(strict.KEY_USAGE)
    if leaf.constraints.ca and not leaf.anchor and usage is not None and strict.CERT_SIGN not in usage:
        sentence = f"{leaf.title} is a CA whose key usage does not allow signing certificates."
        yield remark("web-profile", sentence, leaf.sha256)
    for link in path[1:]:
        if link.self_signed and link.says(strict.PURPOSE) is not None:
            yield remark("web-profile", f"The root {link.title} has an extended key usage.", link.sha256)


def other_common_name(leaf: Link) -> str:
    """The common name where it looks like a host and is none of the alternative names, else an empty text.

    Names are compared as `plain_name` has them: the case of letters does not count.
    """
    common_name = first_value(leaf.structure.subject, _COMMON_NAME)
    known = {plain_name(_shown(name)) for name in leaf.names}
    return common_name if known and looks_like_host(common_name) and plain_name(common_name) not in known else ""


def _shown(name: strict.General) -> str:
    if name.kind == strict.IP and len(name.body) in (4, 16):
        return str(ipaddress.ip_address(name.body))
    return printable(name.text[:100])
