"""Import over REST by two nodes, list and search of one, beside two workers of Lemur on the same PostgreSQL."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator

from load import Sent, request, send
from made import certificates
from processes import cpu_seconds
from saves import made
from stage import Stage
from table import Row

ROUNDS = 3
OURS, LEMURS = 600, 96  # imports of a round with each number of clients: long enough that all threads are warm
LISTS = 11


def imports(stage: Stage) -> Iterator[Row]:
    """One certificate per request, committed with its audit event."""
    for clients in (1, 8):
        ours, theirs = _in_turns(stage, clients)
        per_second = [statistics.median(each[0] for each in rounds) for rounds in (ours, theirs)]
        cpu = [statistics.median(each[1] for each in rounds) for rounds in (ours, theirs)]
        what = f"import over REST, {clients} client{'s' if clients > 1 else ''}"
        yield Row(what, "/s", *per_second, "Lemur", goal=10)
        yield Row(f"{what}: CPU of each", "ms", *cpu, "Lemur", goal=4, less_is_better=True)


def _in_turns(stage: Stage, clients: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    database, nodes = stage.cluster.process, [stage.ours, stage.second]
    assert database is not None
    mine = made((ROUNDS + 1) * OURS, stage.token, f"imported-{clients}")
    theirs = stage.lemur.requests(certificates((ROUNDS + 1) * LEMURS))
    ours: list[tuple[float, float]] = []
    lemurs: list[tuple[float, float]] = []
    for _ in range(ROUNDS + 1):  # the first warms up
        for figures, servers, requests, count in ((ours, nodes, mine, OURS), (lemurs, [stage.lemur], theirs, LEMURS)):
            ready, pids = list(itertools.islice(requests, count)), [server.process.pid for server in servers]
            before = cpu_seconds(*pids, database.pid)
            sent = send([server.url for server in servers], ready, clients)
            figures.append((sent.rate, (cpu_seconds(*pids, database.pid) - before) / count * 1000))
    return ours[1:], lemurs[1:]


def lists(stage: Stage) -> Iterator[Row]:
    """A page of 50 with all facts, and searches of any field, against Lemur's page with all facts."""
    stage.places  # noqa: B018 - filled first
    stage.fill_lemur()
    full = _median(stage, "count=50&page=1")
    at = f"at {stage.filled:,}"
    yield Row(f"list of 50 {at}", "ms", _ours(stage, ""), full, "Lemur's full list", goal=10, less_is_better=True)
    for word, field in (("partner-77", "name"), ("Issuing CA 7", "issuer"), ("www.partner-4321", "alternative name")):
        word = word.replace(" ", "%20")
        took = _ours(stage, f"&q={word}")
        yield Row(f"search by {field} {at}", "ms", took, full, "Lemur's full list", goal=10, less_is_better=True)
    short = _median(stage, "count=50&page=1&short=true")
    yield Row(f"list of 50 {at}, Lemur's short one", "ms", _ours(stage, ""), short, "Lemur", less_is_better=True)
    search = _median(stage, "count=50&page=1&filter=cn;partner-7")
    yield Row(f"search {at}, Lemur's own", "ms", _ours(stage, "&q=partner-7"), search, "Lemur", less_is_better=True)


def _ours(stage: Stage, query: str) -> float:
    return _taken(stage.ours.url, f"/api/v1/certificates?limit=50{query}", stage.token).median


def _median(stage: Stage, query: str) -> float:
    return _taken(stage.lemur.url, f"/api/1/certificates?{query}", stage.lemur.token).median


def _taken(url: str, path: str, token: str) -> Sent:
    send([url], [request("GET", path, token)] * 4, 2)  # warms up, both workers too
    return send([url], [request("GET", path, token)] * LISTS, 1)
