"""What an end-entity certificate may be used for: TLS server, TLS client, and who stops issuing both."""

from __future__ import annotations

from collections.abc import Iterator

from .anchors import named
from .catalogue import Finding, finding
from .examined import ANY, CLIENT, SERVER, Examined

_SCTS = "1.3.6.1.4.1.11129.2.4.2"  # only certificates of public CAs carry proofs of transparency logs


def check(examined: Examined) -> Iterator[Finding]:
    """Findings about the extended key usages of an end-entity certificate."""
    purposes = examined.purposes
    if purposes is None or examined.facts.is_ca or ANY in purposes:
        return
    server, client = SERVER in purposes, CLIENT in purposes
    if not server and not client:
        yield finding("tls-purpose-missing", purposes=named(purposes))
    elif not server:
        yield finding("server-purpose-missing", purposes=named(purposes))
    elif not client:
        yield finding("client-purpose-missing", purposes=named(purposes))
    elif _SCTS in examined.extensions:
        yield finding("client-purpose-ends")
