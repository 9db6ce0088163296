"""Truststores of 150 certificates: ours in one go, beside keytool, which takes a process for each certificate.

keytool imports a few, and its time is scaled up: all 150 of them took it 104 s.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from made import certificates
from stage import Stage
from table import Row

from tests.programs import find
from trustyard.pki import truststores

ENTRIES, SCALED_FROM, PASSWORD = 150, 10, "changeit"


def rows(stage: Stage) -> Iterator[Row]:
    """PKCS#12 and JKS, each read back by keytool."""
    del stage
    entries = [(f"partner-{number}", der) for number, der in enumerate(certificates(ENTRIES))]
    with tempfile.TemporaryDirectory(prefix="trustyard-benchmark-") as name:
        folder = Path(name)
        for kind in ("PKCS12", "JKS"):
            begun = time.perf_counter()
            jks = truststores.jks(entries, PASSWORD, datetime.now(UTC)) if kind == "JKS" else None
            data = jks or truststores.pkcs12(entries, PASSWORD)
            ours = time.perf_counter() - begun
            _check(folder / f"ours.{kind}", data)
            theirs = _imported(folder, kind, entries[:SCALED_FROM]) * ENTRIES / SCALED_FROM
            who = f"keytool, scaled from {SCALED_FROM}"
            yield Row(f"truststore of {ENTRIES}, {kind}", "s", ours, theirs, who, less_is_better=True)


def _imported(folder: Path, kind: str, entries: list[tuple[str, bytes]]) -> float:
    begun = time.perf_counter()
    for alias, der in entries:
        (folder / "one.der").write_bytes(der)
        words = ["-importcert", "-noprompt", "-storetype", kind, "-alias", alias, "-file", f"{folder}/one.der"]
        _keytool(*words, "-keystore", f"{folder}/theirs.{kind}")
    return time.perf_counter() - begun


def _check(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    listed = _keytool("-list", "-keystore", str(path))
    if listed.count("trustedCertEntry") != ENTRIES:
        raise SystemExit(listed)


def _keytool(*words: str) -> str:
    command = [find("keytool") or "keytool", *words, "-storepass", PASSWORD]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout
