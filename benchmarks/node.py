"""One node with 10,000 certificates, 50 gateways and 20 people: its memory, and how soon it is ready.

The certificates are spread over ten environments, with five gateways each, which are given the 1,000 that are in force
there. The gateways are streams of another process, as Envoys have them; the people are sessions of their own, who page
through the list of certificates and search in it, all at once. Memory is PSS, the greatest of many looks while they do.
What the process had at most (VmHWM) has a row of its own: a password costs argon2 100 MB for a moment, on purpose.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from fleet import fleet, gateways
from load import request, send
from processes import cpu_seconds, megabytes
from stage import Stage, fill, speaks
from table import Row

from tests.server.serving import Serving, run, sign_in

GATEWAYS, PEOPLE, PAGES, STARTS = 50, 20, 6, 3
LOOK_SECONDS = 0.25


def ready(stage: Stage) -> Iterator[Row]:
    """From the start of the process until its first answer; on the filled database, and on a new SQLite file."""
    for name, settings in (("PostgreSQL", stage.settings), ("SQLite", {"ACCESS_LOG": "off"})):
        if name == "PostgreSQL":
            stage.token  # noqa: B018 - its tables are there
        folder = stage.folder / f"ready-{name}"
        taken = [_start(folder, settings) for _ in range(STARTS + 1)][1:]
        yield Row(f"first answer after its start, {name}", "s", statistics.median(each[0] for each in taken), limit=3)
        yield Row(f"processor time until then, {name}", "s", statistics.median(each[1] for each in taken))


def _start(folder: Path, settings: dict[str, str]) -> tuple[float, float]:
    begun = time.perf_counter()
    with Serving(folder, **settings) as server:
        httpx.get(f"{server.url}/api/v1/certificates", trust_env=False, timeout=60)
        return time.perf_counter() - begun, cpu_seconds(server.process.pid)


def memory(stage: Stage) -> Iterator[Row]:
    """On PostgreSQL and on SQLite; beside it Lemur's two workers, with 20 clients that page through its list."""
    places = stage.places
    stage.fill_lemur()
    load = f"{stage.filled:,} certificates, {GATEWAYS} gateways, {PEOPLE} people"
    theirs = most(stage.lemur.process.pid, lambda: _clients(stage))
    embedded, settings = stage.folder / "embedded", {"ACCESS_LOG": "off"}
    with Serving(embedded, **settings) as server:
        token = run(embedded, "token", "create", "run", "--role", "admin").stdout.strip()
        with speaks(server, token) as rest:
            fill(rest, stage.filled)
    for name, folder, given, shown in (
        ("PostgreSQL", stage.folder / "serving", stage.settings, stage.token),
        ("SQLite", embedded, settings, token),
    ):
        # A process of its own: the one that imported thousands has more than one that serves them.
        with Serving(folder, **given) as server:
            ours, peak = _greatest(stage, server, shown, places)
        yield Row(
            f"memory on {name}: {load}", "MB", ours, theirs, "Lemur's two workers", limit=200, less_is_better=True
        )
        yield Row(f"memory on {name}, the most it ever had (signing in)", "MB", peak)


def _greatest(stage: Stage, server: Serving, token: str, places: list[str]) -> tuple[float, float]:
    """What it has while all are at work, and what it had at most."""
    with speaks(server, token) as rest:
        made = [gateways(rest, GATEWAYS // len(places), 1, place) for place in places]
    nodes, port = [node for part, _ in made for node in part], made[0][1]
    with fleet(stage.folder, port, nodes):
        with ThreadPoolExecutor(PEOPLE) as pool:
            people = [_person(server.url) for _ in range(PEOPLE)]
            ours = most(server.process.pid, lambda: list(pool.map(_pages, people)))
        return ours, _high(server.process.pid)


def _person(url: str) -> httpx.Client:
    client = httpx.Client(base_url=url, trust_env=False, timeout=120)
    assert sign_in(client, url)
    return client


def _pages(person: httpx.Client) -> None:
    with contextlib.closing(person):
        for number in range(PAGES):
            for path in (f"/certificates/?page={number * 7 + 1}", f"/certificates/?q=partner-{number}77"):
                person.get(path).raise_for_status()


def _clients(stage: Stage) -> None:
    page = request("GET", "/api/1/certificates?count=50&page=1", stage.lemur.token)
    send([stage.lemur.url], [page] * PEOPLE * 2, PEOPLE)


def most(pid: int, work: Callable[[], object]) -> float:
    """Megabytes of the process and its children, the most that was seen while this was done."""
    ended = threading.Event()
    seen = [megabytes(pid)]

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            seen.append(megabytes(pid))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        work()
    finally:
        ended.set()
        looking.join()
    return max(seen)


def _high(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024 / 1_000_000
