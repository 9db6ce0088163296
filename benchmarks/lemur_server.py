"""Lemur 1.9.3 as a peer: its own virtual environment, a database of its own, gunicorn with two workers."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
from cryptography.fernet import Fernet
from load import request, send
from made import certificates

from tests.programs import free_port
from trustyard.pki.certificates import pem

ENVIRONMENT = Path(__file__).parent.parent / ".tools" / "lemur"
WORKERS = 2
PASSWORD = "correct-horse-battery"  # of the throw-away server
READY_SECONDS = 60
# What Lemur refuses to start without, and nothing that writes more than it must.
CONFIGURATION = """
LEMUR_SECURITY_TEAM_EMAIL = ["security@example.org"]
LEMUR_EMAIL = "lemur@example.org"
LEMUR_DEFAULT_COUNTRY = "DE"
LEMUR_DEFAULT_STATE = "Berlin"
LEMUR_DEFAULT_LOCATION = "Berlin"
LEMUR_DEFAULT_ORGANIZATION = "Example"
LEMUR_DEFAULT_ORGANIZATIONAL_UNIT = "Gateways"
LEMUR_ALLOWED_DOMAINS = []
ACTIVE_PROVIDERS = []
METRIC_PROVIDERS = []
CORS = False
DEBUG = False
LOG_LEVEL = "WARNING"
LOG_FILE = "lemur.log"
LOG_UPGRADE_FILE = "upgrade.log"
LOG_REQUEST_HEADERS = False
LOG_SANITIZE_REQUEST_HEADERS = True
LOG_REQUEST_HEADERS_SKIP_ENDPOINT = ["/metrics", "/healthcheck"]
"""
ALEMBIC = """
[alembic]
[loggers]
keys = root
[handlers]
keys =
[formatters]
keys =
[logger_root]
handlers =
"""

ASSOCIATED = {
    "certificate_associations": "domain_id",
    "roles_certificates": "role_id",
    "certificate_notification_associations": "notification_id",
}
COPIED = """
INSERT INTO {table} (certificate_id, {column})
SELECT certificate_id + %(last)s * n, {column} FROM {table}, generate_series(1, %(times)s) n
"""


class Lemur:
    """Started and ready. `folder` is its own."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder, self._database = folder, database
        folder.mkdir()
        settings = {
            "SQLALCHEMY_DATABASE_URI": database,
            "SECRET_KEY": secrets.token_urlsafe(40),
            "LEMUR_TOKEN_SECRET": secrets.token_urlsafe(40),
            "LEMUR_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "OAUTH_STATE_TOKEN_SECRET": secrets.token_bytes(40),
        }
        lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
        (folder / "lemur.conf.py").write_text(CONFIGURATION + "".join(lines))
        # `init` marks the tables as of the newest migration, and wants a file for that which its wheel lacks.
        (migrations,) = ENVIRONMENT.glob("lib/python*/site-packages/lemur/migrations")
        shutil.copytree(migrations, folder / "migrations")
        (folder / "migrations" / "alembic.ini").write_text(ALEMBIC)
        self._run("init", "--password", PASSWORD)
        self.url = f"http://127.0.0.1:{free_port()}"
        with (folder / "log").open("wb") as log:
            words = self._words("start", "-w", str(WORKERS), "-b", self.url.removeprefix("http://"))
            self.process = subprocess.Popen(words, cwd=folder, env=self._environ(), stdout=log, stderr=log)
        self._signed_in(time.perf_counter() + READY_SECONDS)

    def requests(self, ders: Iterable[bytes]) -> Iterator[bytes]:
        """Requests that each import one certificate."""
        for number, der in enumerate(ders):
            name = f"partner-{number}-{secrets.token_hex(4)}"
            body = {"owner": "team@example.org", "name": name, "body": pem(der), "notify": False}
            yield request("POST", "/api/1/certificates/upload", self.token, body)

    def fill(self, count: int) -> None:
        """Copies what was imported, with its domains, roles and notifications, until there are so many.

        Importing thousands over REST would take Lemur many minutes.
        """
        with psycopg.connect(self._database) as connection:
            row = connection.execute("SELECT count(*), max(id) FROM certificates").fetchone()
            if row is None or not row[0]:
                send([self.url], self.requests(certificates(40)), 1)
                self.fill(count)
                return
            times = count // row[0]
            columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'certificates'"
            kept = [f'"{name}"' for (name,) in connection.execute(columns) if name not in ("id", "name")]
            copied = f"SELECT id + %(last)s * n, name || '-' || n, {', '.join(kept)} FROM certificates"
            for statement in (
                f"INSERT INTO certificates (id, name, {', '.join(kept)}) {copied}, generate_series(1, %(times)s) n",
                *(COPIED.format(table=table, column=column) for table, column in ASSOCIATED.items()),
                "SELECT setval('certificates_id_seq', (SELECT max(id) FROM certificates))",
            ):
                connection.execute(statement, {"last": row[1], "times": times - 1})  # type: ignore[call-overload]

    def stop(self) -> None:
        """Ends it with its workers."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        self.process.kill()

    def __enter__(self) -> Lemur:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _signed_in(self, deadline: float) -> None:
        given = {"username": "lemur", "password": PASSWORD}
        with httpx.Client(base_url=self.url, trust_env=False, timeout=30) as client:
            while time.perf_counter() < deadline and self.process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    answer: Any = client.post("/api/1/auth/login", json=given).raise_for_status().json()
                    self.token = answer["token"]
                    return
                time.sleep(0.05)
        raise SystemExit(f"Lemur does not run:\n{(self._folder / 'log').read_text()[-3000:]}")

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            self._words(*words), cwd=self._folder, env=self._environ(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"lemur {words[0]}:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")

    def _words(self, *words: str) -> list[str]:
        return [str(ENVIRONMENT / "bin" / "lemur"), *words]

    def _environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TRUSTYARD_"))}
        return {**kept, "LEMUR_CONF": str(self._folder / "lemur.conf.py"), "HOME": str(self._folder)}
