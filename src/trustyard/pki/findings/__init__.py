"""What is wrong with a certificate, in plain words: named findings, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, groupby, islice

from trustyard.pki.certificates import Certificate

from . import anchors, encoding, extended, hostnames, keys, names, purposes, signatures, times
from .catalogue import CATALOGUE, ORDER, SEVERITIES, Finding, Kind, Severity, finding, shown
from .examined import Examined

MOST_OF_A_CODE = 5  # a certificate with thousands of odd names does not fill the screen
PASSING = frozenset({"expired", "not-yet-valid", "expiring"})  # what the status of a row says too

__all__ = [
    "CATALOGUE",
    "MOST_OF_A_CODE",
    "PASSING",
    "SEVERITIES",
    "Finding",
    "Kind",
    "Severity",
    "errors",
    "finding",
    "findings",
    "lasting",
    "passing",
    "shown",
    "worst_first",
]


def findings(certificate: Certificate, moment: datetime) -> tuple[Finding, ...]:
    """Everything found at that moment, worst first, in the order of the catalogue within a severity."""
    return worst_first(chain(times.passing(certificate.facts, moment), _all(certificate)))


def lasting(certificate: Certificate) -> tuple[Finding, ...]:
    """What does not depend on the moment: it may be kept as long as the certificate."""
    return worst_first(_all(certificate))


def passing(certificate: Certificate, moment: datetime) -> tuple[Finding, ...]:
    """What depends on the moment, and costs next to nothing."""
    return tuple(times.passing(certificate.facts, moment))


def worst_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order in which they are shown, each once, and of one code the first few."""
    kept = list(found)
    if len(kept) > 1:
        kept = sorted(dict.fromkeys(kept), key=lambda one: ORDER[one.code])
    if len(kept) > MOST_OF_A_CODE:
        kept = [one for _, alike in groupby(kept, key=lambda one: one.code) for one in islice(alike, MOST_OF_A_CODE)]
    return tuple(kept)


def _all(certificate: Certificate) -> Iterator[Finding]:
    examined = Examined(certificate)
    for check in _CHECKS:
        yield from check(examined)


_CHECKS = (
    times.lasting,
    keys.check,
    signatures.check,
    anchors.check,
    purposes.check,
    names.check,
    hostnames.check,
    encoding.check,
    extended.check,
)
