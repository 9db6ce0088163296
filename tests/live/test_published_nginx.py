"""The manual's configuration lets a real nginx serve published documents from a gateway's folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.authority import Authority
from tests.live.nginx import command, temporary
from tests.programs import ROOT, free_port, running
from tests.server.serving import Serving

AROUND = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
user root;
events {{ worker_connections 64; }}
http {{
  access_log off;
  {temporary}
  {server}
}}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path / "srv")) as serving:
        yield serving


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[str]:
    """Its address; configured as the manual says, with another folder and another port."""
    (manual,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / "published.md").read_text(), re.DOTALL)
    port, folder = free_port(), tmp_path / "nginx"
    folder.mkdir()
    own = manual.replace("/srv/trust/test", str(tmp_path / "srv" / "test")).replace("8080", f"127.0.0.1:{port}")
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, temporary=temporary(folder), server=own))
    with running(command(folder), port):
        yield f"http://127.0.0.1:{port}"


def test_nginx_serves_each_release_as_soon_as_it_is_current_and_nothing_else(
    server: Serving, nginx: str, tmp_path: Path
) -> None:
    (tmp_path / "srv").mkdir()
    with server.client() as rest, httpx.Client(base_url=nginx, trust_env=False, timeout=30) as stranger:
        options = {"directory": str(tmp_path / "srv" / "test")}
        given = {"name": "web", "kind": "files", "options": options}
        assert rest.post("/api/v1/environments/test/gateways", json=given).status_code == 201
        for number in (1, 2):
            source = {"kind": "paste", "encoding": "BASE64PEM", "content": Authority(f"partner {number}").pem}
            entry = {"environment": "test", "alias": f"partner-{number}", "source": source}
            body = {"name": f"partner-{number}", "entries": [entry], "deploy": True}
            assert rest.post("/api/v1/certificates", json=body).json()["deployment"]["environments"]
            answer = stranger.get("/published/test/truststore.pem")
            assert answer.content == rest.get("/api/v1/environments/test/truststore/export?format=pem").content
        assert answer.headers["Content-Type"] == "application/x-pem-file"
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        known = {"If-None-Match": answer.headers["ETag"]}
        assert stranger.get("/published/test/truststore.pem", headers=known).status_code == 304
        jwks = stranger.get("/published/test/jwks.json")
        assert (jwks.json(), jwks.headers["Content-Type"]) == ({"keys": []}, "application/jwk-set+json")
        for path in ("manifest.json", "aliases/partner-1.pem", "../current/manifest.json", ""):
            assert stranger.get(f"/published/test/{path}").status_code == 404, path
