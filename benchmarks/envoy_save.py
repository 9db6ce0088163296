"""Save and Deploy until a real Envoy accepts a fresh handshake of the newly trusted partner, median of 20.

Measured against a bare SDS push of the same truststore in the same run: no Trustyard, no database, one gRPC stream.
Both clocks stop when the partner's request, on a new connection with a full handshake, is answered with 200. The
request is tried again and again from the start, so that both figures hold the same waiting and the same handshakes.

    .venv/bin/python benchmarks/envoy_save.py [--rounds 20] [--roots none|mozilla]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent))

from demo.programs import Trustyard
from tests.authority import Authority, Issued
from tests.live.bare import BareControlPlane, trusting
from tests.live.envoy import Envoy, client_context, request
from tests.live.stage import Stage
from tests.programs import free_port


def main() -> None:
    """Prints the ratio first, then the two medians with their ranges."""
    parser = argparse.ArgumentParser(description="Save and Deploy until Envoy accepts, against a bare SDS push.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--roots", choices=["none", "mozilla"], default="none", help="the environment's root set")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trustyard-benchmark-") as name:
        folder = Path(name)
        partners = [(ca, ca.issue("client")) for ca in (Authority(f"CA {at}") for at in range(options.rounds + 1))]
        saved, bare = _measure(folder, partners, options.roots)
    ratio = statistics.median(saved) / statistics.median(bare)
    print(f"ratio of the medians      {ratio:5.1f}   (aim: under 10)")
    print(f"Save and Deploy, {_figures(saved)}")
    print(f"bare SDS push,   {_figures(bare)}")
    print(f"{len(saved)} rounds, root set {options.roots}; milliseconds until a fresh handshake was answered with 200")


def _measure(folder: Path, partners: list[tuple[Authority, Issued]], roots: str) -> tuple[list[float], list[float]]:
    stage = Stage(folder)
    trustyard = Trustyard(folder)
    try:
        _command(trustyard, "env", "add", "bench", "--type", "test", "--root-set", roots)
        _command(trustyard, "gateway", "add", "bench", "edge", "--kind", "envoy")
        cert, key = stage.own.written(folder)
        trust = "truststore" if roots == "mozilla" else "used"
        printed = _command(
            trustyard, "gateway", "bootstrap", "bench", "edge",
            "--listen", f"127.0.0.1:{free_port()}", "--cert", cert, "--key", key, "--trust", trust,
        )  # fmt: skip
        headers = {"authorization": f"Bearer {trustyard.token}"}
        with (
            Envoy(printed, folder) as served,
            BareControlPlane() as plane,
            Envoy(stage.config(plane.port), folder) as other,
            httpx.Client(base_url=f"{trustyard.url}/api/v1", headers=headers, timeout=60) as rest,
        ):
            plane.push(trusting("used", stage.stranger.pem))
            ports = served.port(), other.port()
            saved, bare = [], []
            for number, (ca, client) in enumerate(partners):
                files = client.written(folder)
                saved.append(_until_accepted(ports[0], files, lambda n=number, c=ca: _save(rest, n, c)))
                context = trusting("used", rest.get("/environments/bench/truststore/export?format=pem").text)
                bare.append(_until_accepted(ports[1], files, lambda c=context: plane.push(c)))
        return saved[1:], bare[1:]  # the first round warms up both
    finally:
        trustyard.stop()


def _save(rest: httpx.Client, number: int, ca: Authority) -> None:
    entry = {
        "environment": "bench",
        "alias": f"partner-{number}",
        "source": {"kind": "paste", "encoding": "BASE64PEM", "content": ca.pem},
    }
    body = {"name": f"partner-{number}", "description": "", "entries": [entry], "deploy": True}
    rest.post("/certificates?wait=0", json=body).raise_for_status()


def _until_accepted(port: int, files: tuple[str, str], push: Callable[[], object]) -> float:
    """Milliseconds from the push until the partner's request is answered."""
    context = client_context(files)
    pushing = threading.Thread(target=push)
    begun = time.perf_counter()
    pushing.start()
    while request(port, context=context) != 200:
        if time.perf_counter() - begun > 20:
            raise SystemExit("Envoy did not accept the partner within 20 seconds.")
        time.sleep(0.001)
    taken = (time.perf_counter() - begun) * 1000
    pushing.join()
    return taken


def _command(trustyard: Trustyard, *words: str) -> str:
    ended = trustyard.run(*words)
    if ended.returncode != 0:
        raise SystemExit(f"trustyard {' '.join(words)}: {ended.stderr}")
    return ended.stdout


def _figures(values: list[float]) -> str:
    return f"min {min(values):.1f} · median {statistics.median(values):.1f} · max {max(values):.1f} ms"


if __name__ == "__main__":
    main()
