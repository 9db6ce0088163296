"""The table: Trustyard beside its peers in one run, ratios first.

    .venv/bin/python benchmarks/run.py [NAME …] [--certificates 10000]

`make bench` installs the peers and runs all of it. Without a name every part is run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import against_lemur
import documents
import node
import reading
import saves
import truststores
from stage import Stage
from table import Row, printed

PARTS: dict[str, Callable[[Stage], Iterator[Row]]] = {
    "import": against_lemur.imports,
    "list": against_lemur.lists,
    "memory": node.memory,
    "ready": node.ready,
    "saves": saves.rows,
    "documents": documents.rows,
    "truststores": truststores.rows,
    "reading": reading.rows,
}


def main() -> None:
    """Runs the parts in their order, and prints one table at the end; rows as they come go to standard error."""
    parser = argparse.ArgumentParser(description="Trustyard beside its peers, in one run.")
    parser.add_argument("parts", nargs="*", metavar="NAME", help=f"of {', '.join(PARTS)}; none: all")
    parser.add_argument("--certificates", type=int, default=10_000, help="how many there are for lists and memory")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    with Stage(options.certificates) as stage:
        for name in options.parts or PARTS:
            begun = time.perf_counter()
            for row in PARTS[name](stage):
                print("  ".join(row.cells()), file=sys.stderr, flush=True)
                rows.append(row)
            print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    printed(rows)


if __name__ == "__main__":
    main()
