"""What a trust check asks, and the limits within which it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trustyard.pki.certificates import Certificate

Purpose = Literal["server", "client"]
PURPOSES: tuple[Purpose, ...] = ("server", "client")


@dataclass(frozen=True)
class Limits:
    """Counted, so that the same question has the same answer on every machine."""

    others: int = 100  # certificates that came with the one in question; more are left out
    intermediates: int = 10  # real paths have one to three; self-issued ones are not counted, as in path length
    signatures: int = 300
    paths: int = 50
    steps: int = 3_000
    issuers: int = 100_000  # looked at by their name, at all steps together; those of one step are looked at whole
    comparisons: int = 100_000  # of a name with a name constraint; one of more than 200 octets counts for several


@dataclass(frozen=True)
class Question:
    """Would these anchors accept this certificate for that purpose, under that name, at that moment?

    `others` came with the certificate and may stand between. Anchors in `vetted` (SHA-256) were judged by a root
    programme, so how they are made is not judged here again. `name` is a host name or an IP address; for clients also
    an e-mail address or a URI; empty: no name is compared.
    """

    certificate: Certificate
    others: tuple[Certificate, ...]
    anchors: tuple[Certificate, ...]
    purpose: Purpose
    name: str
    moment: datetime
    vetted: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
