"""Reading certificates on one core: `cryptography` alone, Trustyard's reader, and with its findings, in one run.

`cryptography` parses, takes both names, SHA-256 and the alternative names: what an index of certificates needs at
least. Trustyard's reader gives every fact that it keeps. Both read the same certificates in turns, and the best turn
counts: others may be at work on the machine.

    .venv/bin/python benchmarks/reading.py [--certificates 10000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from made import certificates

from trustyard.pki.certificates import read_certificate


def main() -> None:
    """Prints the ratios first, then certificates per second."""
    parser = argparse.ArgumentParser(description="Certificates read per second, against cryptography alone.")
    parser.add_argument("--certificates", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ways = {"cryptography": with_cryptography, "reader": read_certificate}
    if (judge := _findings()) is not None:
        ways["reader and findings"] = judge
    best = dict.fromkeys(ways, 0.0)
    for _ in range(options.rounds):
        ders = certificates(options.certificates)  # new ones each time: the reader remembers what it has seen
        for name, read in ways.items():
            best[name] = max(best[name], _rate(read, ders))
    floor = best["cryptography"]
    for name in [name for name in ways if name != "cryptography"]:
        print(f"{name} / cryptography: {best[name] / floor:.2f}   (aim: above 0.50, findings included)")
    for name, rate in best.items():
        print(f"{name:<20} {rate:8.0f} certificates/s")


def with_cryptography(der: bytes) -> Any:
    """The floor: what cryptography alone says of a certificate."""
    certificate = x509.load_der_x509_certificate(der)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        sans = [name.value for name in names]
    except x509.ExtensionNotFound:
        sans = []
    subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    return subject, issuer, certificate.fingerprint(hashes.SHA256()).hex(), sans


def _findings() -> Callable[[bytes], Any] | None:
    if importlib.util.find_spec("trustyard.pki.findings") is None:
        return None
    findings = importlib.import_module("trustyard.pki.findings").findings
    now = datetime.now(UTC)
    return lambda der: findings(read_certificate(der), now)


def _rate(read: Callable[[bytes], Any], ders: list[bytes]) -> float:
    begun = time.process_time()
    for der in ders:
        read(der)
    return len(ders) / (time.process_time() - begun)


if __name__ == "__main__":
    main()
