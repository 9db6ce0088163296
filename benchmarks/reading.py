"""Reading certificates on one core: `cryptography` alone, Trustyard's reader, and with its findings, in one run.

`cryptography` parses, takes both names, SHA-256 and the alternative names: what an index of certificates needs at
least. Trustyard's reader gives every fact that it keeps. Both read the same certificates in turns, and the best turn
counts: others may be at work on the machine.

    .venv/bin/python benchmarks/reading.py [--certificates 10000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from made import certificates
from table import Row

from trustyard.pki.certificates import read_certificate
from trustyard.pki.findings import findings

if TYPE_CHECKING:
    from stage import Stage


def main() -> None:
    """Prints the ratios first, then certificates per second."""
    parser = argparse.ArgumentParser(description="Certificates read per second, against cryptography alone.")
    parser.add_argument("--certificates", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    best = measured(options.certificates, options.rounds)
    floor = best["cryptography"]
    for name in [name for name in best if name != "cryptography"]:
        print(f"{name} / cryptography: {best[name] / floor:.2f}   (aim: above 0.50, findings included)")
    for name, rate in best.items():
        print(f"{name:<20} {rate:8.0f} certificates/s")


def rows(stage: Stage) -> Iterator[Row]:
    """The same for the table."""
    del stage
    best = measured(3000, 2)
    for name in [name for name in best if name != "cryptography"]:
        yield Row(f"reading certificates: {name}", "/s", best[name], best["cryptography"], "cryptography", goal=0.5)


def measured(certificates_of_a_round: int, rounds: int) -> dict[str, float]:
    """Certificates per second, the best of the rounds."""
    now = datetime.now(UTC)
    ways = {
        "cryptography": with_cryptography,
        "reader": read_certificate,
        "reader and findings": lambda der: findings(read_certificate(der), now),
    }
    best = dict.fromkeys(ways, 0.0)
    for _ in range(rounds):
        ders = certificates(certificates_of_a_round)  # new ones each time: the reader remembers what it has seen
        for name, read in ways.items():
            best[name] = max(best[name], _rate(read, ders))
    return best


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


def _rate(read: Callable[[bytes], Any], ders: list[bytes]) -> float:
    begun = time.process_time()
    for der in ders:
        read(der)
    return len(ders) / (time.process_time() - begun)


if __name__ == "__main__":
    main()
