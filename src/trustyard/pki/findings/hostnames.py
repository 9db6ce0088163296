"""Names of hosts: alternative names that no client will match, and names in the wrong place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trustyard.pki.distinguished import first_value
from trustyard.pki.hosts import ip_of
from trustyard.pki.sentences import few

from .catalogue import Finding, finding, shown
from .examined import SERVER, Examined

_PLAIN = re.compile(r"(?!-)[a-zA-Z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-zA-Z0-9-]{1,63}(?<!-))*")
_LABEL = re.compile(r"[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?")
_HOST = re.compile(r"(?:\*\.)?(?:[a-zA-Z0-9_-]+\.)+[a-zA-Z][a-zA-Z0-9-]+")
_LONGEST = 253  # characters of a host name (RFC 1035, section 2.3.4)
_NAMED = 5  # wildcards, in one sentence


def check(examined: Examined) -> Iterator[Finding]:
    """Findings about DNS names, and about a server without any alternative name."""
    facts = examined.facts
    wildcards = []
    for san in facts.sans:
        if san.type != "dns" or _is_host(san.value):
            continue
        if _is_wildcard(san.value):
            wildcards.append(san.value)
        else:
            yield _odd(san.value)
    if wildcards:
        yield finding("wildcard", name=few(wildcards, _NAMED, shown))
    if not facts.sans and not facts.is_ca:
        yield from _common_name(examined)


def _is_host(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None and len(name) <= _LONGEST and not name.rpartition(".")[2].isdigit()


def _is_wildcard(name: str) -> bool:
    return name.startswith("*.") and "." in name[2:] and _PLAIN.fullmatch(name, 2) is not None


def _odd(name: str) -> Finding:
    if "\0" in name:
        return finding("name-with-nul", name=shown(name))
    if "*" in name:
        return finding("wildcard-misplaced", name=shown(name))
    if all(_LABEL.fullmatch(label) for label in name.split(".")) and "_" in name:
        return finding("host-name-underscore", name=shown(name))
    return finding("host-name-odd", name=shown(name), reason=_reason(name))


def _reason(name: str) -> str:
    if not name:
        return "it is empty"
    if "://" in name:
        return "it is a URL"
    if ip_of(name):
        return "it is an IP address, which has a kind of its own"
    if not name.isascii():
        return "letters beyond ASCII are written as xn--…"
    if name.endswith(".") or name.startswith("."):
        return "it has a dot at an end"
    if any(len(label) > 63 for label in name.split(".")) or len(name) > _LONGEST:
        return "it is too long"
    return "a host name has letters, digits, hyphens and dots"


def _common_name(examined: Examined) -> Iterator[Finding]:
    name = first_value(examined.structure.subject, "2.5.4.3")
    if not name:
        return
    purposes = examined.purposes
    server = SERVER in purposes if purposes is not None else _HOST.fullmatch(name) is not None
    if server:
        yield finding("san-missing", name=shown(name))
