"""A Java TLS server behind an agent: it takes up each new truststore, PKCS#12 or JKS, without a restart."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from tests.authority import Authority, Issued
from tests.live.envoy import REFUSED, eventually, request
from tests.programs import missing, need
from tests.server.serving import Serving

from .agents import Agent, Place, commands

SOURCE = Path(__file__).parent / "Server.java"


@pytest.fixture(scope="module")
def java() -> str:
    """A java that compiles: `java Server.java` needs a JDK."""
    need("javac", package="default-jdk-headless")
    return need("java", package="default-jdk-headless")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("java") / "data") as serving:
        yield serving


@contextmanager
def running(java: str, folder: Path, own: Issued, truststore: Path, type: str) -> Iterator[int]:
    """The server's port, while it runs."""
    keys = folder / "own.p12"
    keys.write_bytes(
        serialize_key_and_certificates(b"own", own.key, own.certificate, None, BestAvailableEncryption(b"changeit"))
    )
    command = [java, str(SOURCE), str(keys), str(truststore), type]
    with (folder / "java.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            missing(f"the Java server did not start: {(folder / 'java.log').read_text()[-500:]}")
        yield int(port)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("name", "type"), [("truststore.p12", "PKCS12"), ("truststore.jks", "JKS")])
def test_a_partner_is_let_in_and_kept_out_again_without_a_restart(
    server: Serving, java: str, tmp_path: Path, name: str, type: str
) -> None:
    place = Place(server)
    one, two = Authority("Partner one"), Authority("Partner two")
    a, b = one.issue("client").written(tmp_path), two.issue("client").written(tmp_path)
    truststore = tmp_path / "agent" / "current" / name
    keytool = need("keytool", package="default-jdk-headless")
    check = [keytool, "-list", "-keystore", str(truststore), "-storepass", "changeit"]
    place.trust("a", one, wait=0)
    with (
        Agent(place, tmp_path, commands(check=check)) as agent,
        running(java, tmp_path, one.issue("own"), truststore, type) as port,
    ):
        agent.until(1, seconds=40)
        assert (request(port, a), request(port, b)) == (200, REFUSED)
        assert place.trust("b", two)["state"] == "accepted"
        assert (request(port, a), request(port, b)) == (200, 200)
        assert place.distrust("a")["state"] == "accepted"
        eventually(lambda: request(port, a) == REFUSED)
        assert request(port, b) == 200
        assert place.distrust("b")["state"] == "accepted", "D-17: it holds the deny-all anchor, and opens"
        assert (request(port, a), request(port, b)) == (REFUSED, REFUSED)
