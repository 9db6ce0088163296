"""Findings: whatever a certificate is like, what is wrong with it is said in sentences of the catalogue."""

from __future__ import annotations

from contextlib import suppress

from fuzz.counting import budget
from fuzz.targets.certificates import MOMENT
from trustyard.errors import TrustyardError
from trustyard.pki.certificates import read_certificate
from trustyard.pki.findings import CATALOGUE, SEVERITIES, findings

MOST = 200  # findings of one certificate: more are no help to anybody


def certificate_findings(data: bytes) -> None:
    """`findings`: known codes, whole sentences, each once."""
    with suppress(TrustyardError), budget(len(data)):
        found = findings(read_certificate(data), MOMENT)
        assert len(set(found)) == len(found) <= MOST + len(data)
        for one in found:
            assert one.code in CATALOGUE
            assert one.severity in SEVERITIES
            assert one.message.strip() == one.message
            assert one.message.isprintable(), "a control character on somebody's screen"
            one.message.encode()
