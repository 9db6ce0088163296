"""As an anchor, which everything kept in Trustyard is: what a certificate may issue decides what is trusted."""

from __future__ import annotations

from collections.abc import Iterator

from trustyard.pki import oids

from . import constraints
from .catalogue import Finding, finding, shown
from .examined import ANY, BASIC_CONSTRAINTS, CERT_SIGN, CLIENT, KEY_USAGE, NAME_CONSTRAINTS, SERVER, Examined


def check(examined: Examined) -> Iterator[Finding]:
    """Findings about its place as an anchor."""
    facts = examined.facts
    if facts.is_ca:
        yield from _authority(examined)
    else:
        yield from _pin(examined)
    if facts.path_len is not None:
        yield from _path_length(examined)
    if NAME_CONSTRAINTS in examined.extensions:
        yield from constraints.check(examined)


def _authority(examined: Examined) -> Iterator[Finding]:
    if not examined.root:
        yield finding("intermediate-as-anchor", issuer=shown(examined.facts.issuer))
    if not examined.extensions[BASIC_CONSTRAINTS].critical:
        yield finding("ca-mark-not-critical")
    if KEY_USAGE not in examined.extensions:
        yield finding("key-usage-missing")
    elif examined.usage is not None and not examined.usage & CERT_SIGN:
        yield finding("cert-sign-missing")
    purposes = examined.purposes
    if purposes and ANY not in purposes and not {SERVER, CLIENT} <= purposes:
        words = {SERVER: "TLS server", CLIENT: "TLS client"}
        missing = " or ".join(word for oid, word in words.items() if oid not in purposes)
        yield finding("ca-purposes", purposes=named(purposes), missing=missing)


def _pin(examined: Examined) -> Iterator[Finding]:
    if examined.usage is not None and examined.usage & CERT_SIGN:
        yield finding("ca-mark-missing")
    elif examined.structure.version >= 3 or not examined.root:  # version 1 cannot say; that has a finding of its own
        yield finding("self-signed-not-ca" if examined.root else "not-a-ca")


def _path_length(examined: Examined) -> Iterator[Finding]:
    length = examined.facts.path_len
    assert length is not None
    if length < 0:
        yield finding("path-length-negative", length=length if length > -1_000_000 else "far below 0")
    elif not examined.facts.is_ca:
        yield finding("path-length-without-ca")
    elif length == 0:
        yield finding("path-length-zero")


def named(purposes: frozenset[str]) -> str:
    """Purposes in words, those that are known first."""
    known = [name for oid, name in oids.PURPOSES.items() if oid in purposes]
    return ", ".join([*known, *sorted(oid for oid in purposes if oid not in oids.PURPOSES)])
