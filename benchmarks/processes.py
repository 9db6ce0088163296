"""What processes cost, as the kernel has it: processor time and memory of a server and of its database's backends."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(*roots: int) -> list[int]:
    """These processes with all that came of them and still live."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(_fields(path)[1])
        except OSError:
            continue  # it ended meanwhile
        children.setdefault(parent, []).append(int(path.parent.name))
    found = list(roots)
    for pid in found:  # grows while it is walked
        found += children.get(pid, [])
    return found


def cpu_seconds(*roots: int) -> float:
    """User and system time of these processes and all that came of them, those included that have ended."""
    ticks = 0
    for pid in family(*roots):
        with contextlib.suppress(OSError):  # it ended just now
            fields = _fields(Path(f"/proc/{pid}/stat"))
            ticks += sum(map(int, fields[11:15]))  # utime, stime, and both of the children that ended
    return ticks / TICKS


def megabytes(*roots: int) -> float:
    """Memory of these processes and all that came of them: what several share is divided among them (PSS)."""
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in family(*roots)]
    return sum(int(text.partition("\nPss:")[2].split()[0]) for text in texts) * 1024 / 1_000_000


def _fields(path: Path) -> list[str]:
    """Of `stat`, from the state on: a program's name may hold anything."""
    return path.read_text().rpartition(")")[2].split()
