"""A release until the last of 200 gateways' receipts is stored, median of 10, with one CA and with Mozilla's roots.

Measured against the bare fan-out of the same truststore to as many streams in the same run: a gRPC server that keeps
nothing. Trustyard's clock starts before the request that saves and deploys, and stops when the receipt that says
*accepted* of the last gateway is in the database. The gateways are streams of one other process that confirm at once.

    .venv/bin/python benchmarks/fleet.py [--gateways 200] [--nodes 1] [--rounds 10]
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent))

from demo.programs import Trustyard
from tests.authority import Authority

STREAMS = Path(__file__).with_name("streams.py")
STORED = """
SELECT count(*) FROM trustyard_receipt r JOIN trustyard_release l ON l.id = r.release_id
JOIN trustyard_environment e ON e.id = l.environment_id
WHERE e.name = ? AND l.number = ? AND r.state = 'accepted'
"""


def main() -> None:
    """Prints the ratio of each root set first, then the medians with their ranges."""
    parser = argparse.ArgumentParser(description="A release to many gateways, against the bare fan-out.")
    parser.add_argument("--gateways", type=int, default=200)
    parser.add_argument("--nodes", type=int, default=1, help="of each gateway")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    for roots in ("none", "mozilla"):
        with tempfile.TemporaryDirectory(prefix="trustyard-benchmark-") as name:
            released, answered, bare, size = _measure(Path(name), options, roots)
        ratio = statistics.median(released) / statistics.median(bare)
        print(f"root set {roots}, {size / 1000:.1f} kB: ratio of the medians {ratio:.1f}   (aim: under 10)")
        print(f"  release to last receipt stored  {_figures(released)}")
        print(f"  the answer to who deployed it   {_figures(answered)}")
        print(f"  bare fan-out to last answer     {_figures(bare)}", flush=True)


def _measure(
    folder: Path, options: argparse.Namespace, roots: str
) -> tuple[list[float], list[float], list[float], int]:
    trustyard = Trustyard(folder)
    try:
        headers = {"authorization": f"Bearer {trustyard.token}"}
        with httpx.Client(base_url=f"{trustyard.url}/api/v1", headers=headers, timeout=60) as rest:
            rest.post("/environments", json={"name": "bench", "type": "test", "root_set": roots}).raise_for_status()
            body = {"name": "partner", "entries": [_entry()], "deploy": True}
            rest.post("/certificates", json=body).raise_for_status()
            nodes, port = gateways(rest, options.gateways, options.nodes)
            database = sqlite3.connect(f"file:{folder}/trustyard-data/trustyard.db?mode=ro", uri=True)
            with fleet(folder, port, nodes):
                _stored(database, 1, len(nodes))
                figures = [_release(rest, database, number, len(nodes)) for number in range(2, options.rounds + 3)]
            database.close()
            pem = rest.get("/environments/bench/truststore/export?format=pem").content
    finally:
        trustyard.stop()
    bare = _bare(folder, nodes, pem, options.rounds)
    return [each[0] for each in figures[1:]], [each[1] for each in figures[1:]], bare, len(pem)


def _entry() -> dict[str, object]:
    source = {"kind": "paste", "encoding": "BASE64PEM", "content": Authority("Partner").pem}
    return {"environment": "bench", "alias": "partner", "source": source}


def gateways(rest: httpx.Client, count: int, nodes: int, place: str = "bench") -> tuple[list[dict[str, str]], int]:
    """Adds them; their nodes with the tokens of the bootstraps, and the port that the bootstraps name."""
    made, text = [], ""
    for number in range(count):
        body = {"name": f"edge-{number}", "kind": "envoy", "options": {}}
        rest.post(f"/environments/{place}/gateways", json=body).raise_for_status()
        text = rest.get(f"/environments/{place}/gateways/edge-{number}/bootstrap").text
        token = _found(r"xds\.[\w.-]+", text)
        made += [{"cluster": f"{place}/edge-{number}", "id": f"node-{each}", "token": token} for each in range(nodes)]
    return made, int(_found(r"(?<=port_value: )\d+", text))


def _release(rest: httpx.Client, database: sqlite3.Connection, number: int, nodes: int) -> tuple[float, float]:
    """Milliseconds from the request until the last receipt of this release is stored, and until the answer."""
    etag = rest.get("/certificates/partner").headers["etag"]
    body = {"entries": [_entry()], "deploy": True}
    begun = time.perf_counter()
    request = rest.build_request("PATCH", "/certificates/partner", json=body, headers={"if-match": etag})
    with ThreadPoolExecutor(1) as pool:
        answering = pool.submit(lambda: (rest.send(request).raise_for_status(), time.perf_counter()))
        _stored(database, number, nodes)
        stored = time.perf_counter()
        answer, ended = answering.result()
    (place,) = answer.json()["deployment"]["environments"]
    assert (place["release"], place["state"]) == (number, "accepted"), (place["release"], place["state"])
    return (stored - begun) * 1000, (ended - begun) * 1000


def _stored(database: sqlite3.Connection, number: int, nodes: int) -> None:
    deadline = time.monotonic() + 60
    while database.execute(STORED, ("bench", number)).fetchone()[0] < nodes:
        if time.monotonic() > deadline:
            raise SystemExit(f"Release {number} was not accepted by all within a minute.")
        time.sleep(0.002)


@contextmanager
def fleet(folder: Path, port: int, nodes: list[dict[str, str]]) -> Iterator[None]:
    """So many streams to this port, each served once."""
    (folder / "nodes.json").write_text(json.dumps(nodes))
    command = [sys.executable, str(STREAMS), "fleet", str(port), str(folder / "nodes.json")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as fleet:
        assert fleet.stdin is not None
        assert fleet.stdout is not None
        if fleet.stdout.readline() != "ready\n":
            raise SystemExit("The fleet did not come up.")
        yield
        fleet.stdin.close()


def _bare(folder: Path, nodes: list[dict[str, str]], pem: bytes, rounds: int) -> list[float]:
    (folder / "truststore.pem").write_bytes(pem)
    command = [sys.executable, str(STREAMS), "bare", str(len(nodes))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        with fleet(folder, int(server.stdout.readline()), nodes):
            taken = []
            for _ in range(rounds + 1):  # the first warms up
                server.stdin.write(f"{folder}/truststore.pem\n")
                server.stdin.flush()
                taken.append(float(server.stdout.readline()))
        server.stdin.close()
    return taken[1:]


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"Nothing like {pattern} in:\n{text}")
    return match.group()


def _figures(values: list[float]) -> str:
    return f"min {min(values):.0f} · median {statistics.median(values):.0f} · max {max(values):.0f} ms"


if __name__ == "__main__":
    main()
