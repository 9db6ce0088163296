"""The programs of the demo: Trustyard, its command line, Envoy and, where there is one, an LDAP server."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
TRUSTYARD = Path(sys.executable).parent / "trustyard"


class Program:
    """A process that is started, watched and stopped by its own id."""

    def __init__(self, name: str, command: list[str], folder: Path, **environ: str) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, cwd=folder, env={**os.environ, **environ}
            )

    def log(self) -> str:
        """What it has written."""
        return self._log.read_text(errors="replace")

    def until(self, what: Callable[[], Any], seconds: float = 30) -> Any:
        """Waits until it is true; ends the demo when the program ends first."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            if value := what():
                return value
            time.sleep(0.02)
        raise SystemExit(f"{self.name} does not run:\n{self.log()[-3000:]}")

    def stop(self) -> int:
        """Ends it; its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()


class Trustyard(Program):
    """`trustyard serve` in a folder of its own, on free ports, and the command line that speaks with it."""

    def __init__(self, folder: Path, **environ: str) -> None:
        data = folder / "trustyard-data"
        for name in [name for name in os.environ if name.startswith("TRUSTYARD_")]:
            del os.environ[name]  # the demo touches no Trustyard but its own
        self._environ = {
            "TRUSTYARD_DATA_DIR": str(data),
            "TRUSTYARD_LISTEN": "127.0.0.1:0",
            "TRUSTYARD_XDS_LISTEN": "127.0.0.1:0",
            "TRUSTYARD_FETCH_ALLOW": "127.0.0.0/8",  # the partner lives on this machine
            **environ,
        }
        super().__init__("trustyard", [str(TRUSTYARD), "serve"], folder, **self._environ)
        self.url = self.until(self._address)
        self.token = self.run("token", "create", "demo", "--role", "admin").stdout.strip()
        self._environ |= {"TRUSTYARD_URL": self.url, "TRUSTYARD_TOKEN": self.token}

    def _address(self) -> str:
        for found in re.findall(r"http://127\.0\.0\.1:\d+", self.log()):
            try:
                if _status(found, "/readyz") == 200:
                    return str(found)
            except OSError:
                continue
        return ""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line, as a person would call it."""
        environ = {**os.environ, **self._environ}
        return subprocess.run(
            [str(TRUSTYARD), *arguments], capture_output=True, text=True, env=environ, check=False, timeout=60
        )

    def json(self, *arguments: str) -> Any:
        """The same with `--json`; None when it did not work."""
        ended = self.run(*arguments, "--json")
        return json.loads(ended.stdout) if ended.returncode == 0 else None

    def published(self, environment: str) -> list[dict[str, Any]]:
        """The environment's JWK Set, as anybody may read it."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=5)
        connection.request("GET", f"/published/{environment}/jwks.json")
        keys: list[dict[str, Any]] = json.loads(connection.getresponse().read())["keys"]
        connection.close()
        return keys


class Envoy(Program):
    """A real Envoy with the configuration that Trustyard prints, and a second listener that asks for tokens."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        config = yaml.safe_load(bootstrap)
        mtls = config["static_resources"]["listeners"][0]
        self.port = mtls["address"]["socket_address"]["port_value"]
        self.token_port = free_port()
        config["static_resources"]["listeners"].append(_token_listener(mtls, self.token_port))
        file = folder / "envoy.yaml"
        file.touch(0o600)
        file.write_text(yaml.safe_dump(config))
        super().__init__("envoy", [_envoy(), "-c", str(file), "--disable-hot-restart", "--concurrency", "2"], folder)
        self.until(lambda: all(_listens(port) for port in (self.port, self.token_port)))

    def accepts(self, files: tuple[str, str] | None) -> bool:
        """Whether a fresh connection with this client certificate gets an answer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the question is what Envoy thinks of us
        if files:
            context.load_cert_chain(*files)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=context)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except (ssl.SSLError, http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            return False
        finally:
            connection.close()

    def takes(self, token: str | None) -> bool:
        """Whether a request with this bearer token gets through."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return _status(f"http://127.0.0.1:{self.token_port}", "/", headers) == 200


class Directory(Program):
    """slapd, with a certificate of its own on ldaps://."""

    def __init__(self, slapd: str, folder: Path, files: tuple[str, str], authority: Path) -> None:
        (folder / "ldap").mkdir()
        self.port = free_port()
        config = folder / "slapd.conf"
        config.write_text(
            f"include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
            f"TLSCertificateFile {files[0]}\nTLSCertificateKeyFile {files[1]}\nTLSCACertificateFile {authority}\n"
            f'TLSVerifyClient never\ndatabase mdb\nmaxsize 10485760\nsuffix "dc=acme"\ndirectory {folder}/ldap\n'
        )
        super().__init__(
            "slapd", [slapd, "-f", str(config), "-h", f"ldaps://127.0.0.1:{self.port}/", "-d", "0"], folder
        )
        self.until(lambda: _listens(self.port))


def slapd() -> str | None:
    """Where slapd is, if it is installed with its schemas."""
    found = shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found if found and Path("/etc/ldap/schema/core.schema").exists() else None


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _envoy() -> str:
    own = ROOT / ".tools" / "envoy" / "envoy" / "_bin" / "envoy"
    found = str(own) if own.exists() else shutil.which("envoy")
    if not found:
        raise SystemExit("There is no Envoy here: `make demo` installs one.")
    return found


def _token_listener(mtls: dict[str, Any], port: int) -> dict[str, Any]:
    """Plain HTTP with the filter `jwks` in front, as in docs/gateways/envoy.md."""
    manager = json.loads(json.dumps(mtls["filter_chains"][0]["filters"][0]))
    manager["typed_config"]["stat_prefix"] = "tokens"
    manager["typed_config"]["http_filters"].insert(
        0,
        {
            "name": "jwks",
            "config_discovery": {
                "config_source": {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "5s"},
                "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"],
            },
        },
    )
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {"name": "tokens", "address": address, "filter_chains": [{"filters": [manager]}]}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _status(url: str, path: str, headers: dict[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    finally:
        connection.close()
