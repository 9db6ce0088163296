"""What deploy/ promises, tried with the real programs: systemd, nginx, and the steps of the container file."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.live.envoy import eventually
from tests.live.nginx import command, temporary
from tests.programs import ROOT, free_port, missing, need, running
from tests.server.serving import PROGRAM, Serving, environment
from tests.tls_servers import Ca

DEPLOY = ROOT / "deploy"
STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
EXPOSED = 15  # in tenths, of systemd's ten
NOBODY = 65534
SOURCES = ("PYTHONPATH", "VIRTUAL_ENV")  # where else Trustyard would be found


@pytest.mark.parametrize("name", ["trustyard", "trustyard-worker"])
def test_the_units_are_what_systemd_takes_and_leave_little_open(name: str, tmp_path: Path) -> None:
    analyze = need("systemd-analyze", package="systemd")
    unit = tmp_path / f"{name}.service"
    text = (DEPLOY / "systemd" / unit.name).read_text()
    unit.write_text(text.replace("/opt/trustyard/bin/trustyard", "/bin/true"))  # the program is not installed there
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    command = [analyze, "security", "--offline=true", f"--threshold={EXPOSED}", unit]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-200:]


def test_the_server_works_without_memory_that_is_writable_and_executable(tmp_path: Path) -> None:
    program = tmp_path / "trustyard"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests" / "live" / "hardened.py"} {PROGRAM} "$@"\n')
    program.chmod(0o755)
    certificate = Ca.new("Partner").issue("partner").cert_pem
    with Serving(tmp_path / "data", program=str(program)) as server, server.client() as client:
        content = base64.b64encode(certificate).decode()
        source = {"kind": "file", "filename": "partner.pem", "content_base64": content, "password": None}
        entry = {"environment": "test", "alias": "partner", "source": source}
        body = {"name": "partner", "entries": [entry], "deploy": True}
        made = client.post("/api/v1/certificates", json=body)
        assert made.status_code == 201, made.text
        assert made.json()["deployment"]["environments"][0]["state"] == "accepted"


def test_secrets_are_made_once_and_a_second_time_says_and_changes_nothing(tmp_path: Path) -> None:
    need("openssl", package="openssl")
    shutil.copy(DEPLOY / "compose" / "make-secrets", tmp_path)

    def made() -> dict[str, bytes]:
        command = ["sh", str(tmp_path / "make-secrets"), "trustyard.example.org"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout + done.stderr == ""
        return {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}

    first = made()
    assert all(first.values())
    (tmp_path / "secrets" / "secret-key").unlink()
    second = made()
    assert {name for name in first if first[name] != second[name]} == {"secret-key"}


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """What the container file's build makes from what its ignore file lets through, in a folder, read-only."""
    # Not among pytest's own folders, which are for their owner alone.
    folder = Path(tempfile.mkdtemp(prefix="trustyard-image-"))
    folder.chmod(0o755)
    yield _built(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _built(folder: Path) -> Path:
    source, target = folder / "src", folder / "trustyard"
    listed = (DEPLOY / "container" / "Containerfile.dockerignore").read_text().splitlines()
    for name in (line[1:] for line in listed if line.startswith("!")):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, source / name)
    (step,) = re.findall(r"^RUN (sh deploy/container/install) /opt/trustyard$", _containerfile(), re.MULTILINE)
    kept = {name: value for name, value in os.environ.items() if name not in SOURCES}
    done = subprocess.run(
        [*shlex.split(step), str(target)],
        cwd=source,
        env={**kept, "PYTHON": str(Path(sys.base_prefix) / "bin" / "python3")},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(source)  # the second stage has none of it
    subprocess.run(["chmod", "-R", "a-w,a+rX", target], check=True)
    return target


def _containerfile() -> str:
    return (DEPLOY / "container" / "Containerfile").read_text()


def unprivileged(image: Path) -> list[str]:
    """What a command begins with to have no capability, as in the container, and to be nobody.

    It stays root where this Python lies in a home folder, for nobody gets there.
    """
    if os.getuid() != 0:
        return []
    setpriv = need("setpriv", package="util-linux")
    without = [setpriv, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    nobody = [*without, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    reached = subprocess.run([*nobody, image / "bin" / "python3", "-c", ""], stderr=subprocess.DEVNULL, check=False)
    return without if reached.returncode else nobody


@pytest.mark.sqlite  # what a container starts with that is told nothing; building it twice shows nothing more
def test_what_the_container_file_builds_runs_read_only_without_rights_and_says_that_it_is_well(image: Path) -> None:
    begin, data, port = unprivileged(image), image.parent / "data", free_port()
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    said = subprocess.run(
        [*begin, image / "bin" / "trustyard", "--version"], cwd="/", capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"trustyard \d+\.\d+\.\d+\n?", said.stdout)
    assert list((image / "lib").rglob("site-packages/trustyard/server/__pycache__/*.pyc")), "not compiled"
    # As the container file has it, of our port.
    (written,) = re.findall(r"^ +CMD (\[.*\])$", _containerfile(), re.MULTILINE)
    check = [word.replace(":8400", f":{port}") for word in json.loads(written)]
    check[0] = str(image / "bin" / "python3")
    kept = {name: value for name, value in environment(data / "data").items() if name not in SOURCES}
    process = subprocess.Popen(
        [*begin, image / "bin" / "trustyard", "serve"],
        env={**kept, "TRUSTYARD_LISTEN": f"127.0.0.1:{port}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=data,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert not well(check)
        eventually(lambda: well(check), why="it is not healthy", seconds=60)
    finally:
        process.terminate()
        assert process.wait(20) == 0
    assert (data / "data").stat().st_mode & 0o777 == 0o700


def well(check: list[str]) -> bool:
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


class Proxy:
    """The real nginx with the configuration of the Compose file, before these two servers."""

    def __init__(self, folder: Path, servers: list[Serving], tls: tuple[Path, Path]) -> None:
        self.https, self.xds, self.folder = free_port(), free_port(), folder
        text = (DEPLOY / "compose" / "nginx.conf").read_text()
        for number, server in enumerate(servers, start=1):
            text = text.replace(f"serve-{number}:8400", server.url.removeprefix("http://"))
            text = text.replace(f"serve-{number}:8401", _xds(server))
        text = text.replace("listen 443 ", f"listen 127.0.0.1:{self.https} ")
        text = text.replace("listen 8401;", f"listen 127.0.0.1:{self.xds};")
        for name, path in zip(("tls.crt", "tls.key"), tls, strict=True):
            text = text.replace(f"/run/secrets/{name}", str(path))
        text = text.replace("/run/nginx.pid", f"{folder}/nginx.pid")
        text = text.replace("http {\n", f"http {{\n    {temporary(folder)}\n")
        # The official image has the module built in, Debian's nginx loads it.
        (folder / "nginx.conf").write_text(f"load_module {STREAM};\ndaemon off;\n{text}")
        self._running = ExitStack()

    def __enter__(self) -> Proxy:
        tested = subprocess.run([*command(self.folder), "-t"], capture_output=True, text=True, check=False)
        assert tested.returncode == 0, tested.stderr
        self._running.enter_context(running(command(self.folder), self.https))
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()


def _xds(server: Serving) -> str:
    (line,) = [line for line in server.said if line.startswith("xDS: ")]
    return line.removeprefix("xDS: ")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[list[Serving], Proxy, ssl.SSLContext]]:
    if not STREAM.exists():
        missing("nginx's module for streams is missing: install the package libnginx-mod-stream (make test does it)")
    authority = Ca.new("Company")
    cert, key = authority.issue("trustyard.example.org", dns=["trustyard.example.org"]).write(tmp_path)
    settings = {
        "TRUSTED_PROXIES": "127.0.0.0/8",
        "PUBLIC_URL": "https://trustyard.example.org",
        "XDS_CERT": str(cert),
        "XDS_KEY": str(key),
    }
    (tmp_path / "nginx").mkdir()
    with (
        Serving(tmp_path / "one", **settings) as one,
        Serving(tmp_path / "two", **settings) as other,
        Proxy(tmp_path / "nginx", [one, other], (cert, key)) as proxy,
    ):
        yield [one, other], proxy, ssl.create_default_context(cadata=authority.cert_pem.decode())


def test_nginx_of_compose_brings_requests_and_streams_to_two_nodes_and_passes_over_one_that_died(
    two: tuple[list[Serving], Proxy, ssl.SSLContext],
) -> None:
    servers, proxy, trust = two
    with httpx.Client(verify=trust, trust_env=False, timeout=30, headers={"Host": "trustyard.example.org"}) as client:

        def get(path: str) -> httpx.Response:
            extensions = {"sni_hostname": "trustyard.example.org"}
            headers = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.example", "X-Request-ID": "mine"}
            return client.get(f"https://127.0.0.1:{proxy.https}{path}", headers=headers, extensions=extensions)

        # 1. The path, the id and the client as they should be.
        answer = get("/api/v1/environments/a%2Fb")
        assert answer.status_code == 401  # and not 404: the name is one segment
        assert re.fullmatch(r"[0-9a-f]{32}", answer.json()["request_id"]), "nginx gives the id, not its client"
        lines = eventually(lambda: [line for server in servers for line in server.log if "a%2Fb" in line])
        assert [json.loads(line)["address"] for line in lines] == ["127.0.0.1"]
        assert get("/metrics").status_code == 404
        assert "__Host-" in get("/sign-in/").headers["Set-Cookie"]
        # 2. xDS ends its TLS in Trustyard.
        with socket.create_connection(("127.0.0.1", proxy.xds)) as raw:
            trust.set_alpn_protocols(["h2"])
            with trust.wrap_socket(raw, server_hostname="trustyard.example.org") as secured:
                assert secured.selected_alpn_protocol() == "h2"
        # 3. One node dies, and nobody notices.
        assert {get("/healthz").status_code for _ in range(10)} == {200}
        servers[0].kill()
        assert {get("/healthz").status_code for _ in range(20)} == {200}


class _Busy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/busy" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_who_is_told_to_come_later_takes_the_nodes_from_nobody_else(tmp_path: Path) -> None:
    if not STREAM.exists():
        missing("nginx's module for streams is missing: install the package libnginx-mod-stream (make test does it)")
    tls = Ca.new("Company").issue("trustyard.example.org").write(tmp_path)
    with ExitStack() as stack:
        nodes: list[Any] = []
        for _ in range(2):
            node = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _Busy))
            threading.Thread(target=node.serve_forever, args=(0.01,)).start()
            stack.callback(node.shutdown)
            address = f"127.0.0.1:{node.server_port}"
            nodes.append(SimpleNamespace(url=f"http://{address}", said=[f"xDS: {address}"]))
        proxy = stack.enter_context(Proxy(tmp_path, nodes, tls))
        client = stack.enter_context(httpx.Client(verify=False, trust_env=False))
        answers = [client.get(f"https://127.0.0.1:{proxy.https}{path}").status_code for path in 4 * ["/busy", "/"]]
    assert answers == 4 * [503, 200]
