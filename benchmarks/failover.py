"""Prints the drill: one of two nodes is killed under load behind nginx. `.venv/bin/python benchmarks/failover.py`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.databases import Cluster
from tests.faults.failover import drill

SAVES = 100  # before the kill, and as many after it


def main() -> None:
    """On a PostgreSQL of its own."""
    cluster = Cluster("fsync=on", "max_connections=200", "listen_addresses=''").start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            figures = drill(Path(folder), SAVES, DATABASE_URL=cluster.create("trustyard"))
    finally:
        cluster.remove()
    for what, value in (
        ("requests", figures.requests),
        ("refused", figures.refused),
        ("longest time refused", f"{figures.longest:.2f} s"),
        ("saves answered", len(figures.saved)),
        ("saves found", len(figures.found)),
    ):
        print(f"{what:24}{value:>10}")


if __name__ == "__main__":
    main()
