"""The truststore for anybody: only where the environment says so, and then what a gateway would be given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from tests.authority import Authority
from trustyard.actions.published import Document, Edition
from trustyard.server import published
from trustyard.server.published import Published, held_of

from .serving import Serving

FILES = {
    "truststore.pem": "application/x-pem-file",
    "used.pem": "application/x-pem-file",
    "truststore.p12": "application/x-pkcs12",
    "truststore.jks": "application/x-java-keystore",
}


@pytest.fixture
def client(server: Serving) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def stranger(server: Serving) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as stranger:
        yield stranger


def made(client: httpx.Client, name: str, **given: Any) -> None:
    answer = client.post("/api/v1/environments", json={"name": name, "type": "test", **given})
    assert answer.status_code == 201, answer.text


def saved(client: httpx.Client, environment: str, name: str) -> Authority:
    authority = Authority(name)
    source = {"kind": "paste", "encoding": "BASE64PEM", "content": authority.pem}
    body = {"name": name, "entries": [{"environment": environment, "alias": name, "source": source}], "deploy": True}
    assert client.post("/api/v1/certificates?wait=0", json=body).status_code == 201
    return authority


def changed(client: httpx.Client, environment: str, **given: Any) -> None:
    path = f"/api/v1/environments/{environment}"
    answer = client.patch(path, json=given, headers={"If-Match": client.get(path).headers["ETag"]})
    assert answer.status_code == 200, answer.text


def test_a_truststore_is_for_nobody_until_its_environment_says_so(client: httpx.Client, stranger: httpx.Client) -> None:
    made(client, "quiet")
    saved(client, "quiet", "quiet-partner")
    for name in FILES:
        answer = stranger.get(f"/published/quiet/{name}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json"), name
    changed(client, "quiet", publish_truststore=True)
    for name, media_type in FILES.items():
        answer = stranger.get(f"/published/quiet/{name}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type), name
        assert answer.headers["Cache-Control"] == "public, max-age=300"
    event = client.get("/api/v1/audit?limit=1").json()["items"][0]
    assert (event["action"], event["before"]["publish_truststore"], event["after"]["publish_truststore"]) == (
        "environment.update", False, True
    )  # fmt: skip
    changed(client, "quiet", publish_truststore=False)
    assert {stranger.get(f"/published/quiet/{name}").status_code for name in FILES} == {404}


def test_it_is_the_newest_releases_and_its_tag_is_the_releases_digest(
    client: httpx.Client, stranger: httpx.Client
) -> None:
    made(client, "open", publish_truststore=True)
    assert stranger.get("/published/open/truststore.pem").status_code == 404, "there is no release yet"
    first = saved(client, "open", "open-partner")
    before = stranger.get("/published/open/truststore.pem")
    second = saved(client, "open", "other-partner")
    after = stranger.get("/published/open/truststore.pem")
    assert {one.subject for one in x509.load_pem_x509_certificates(after.content)} == {
        first.certificate.subject, second.certificate.subject
    }  # fmt: skip
    digest = client.get("/api/v1/environments/open/releases/2").json()["digest"]
    assert (after.headers["ETag"], before.headers["ETag"]) != (f'"{digest}"', after.headers["ETag"])
    for name in FILES:
        answer = stranger.get(f"/published/OPEN/{name}")
        assert answer.headers["ETag"].removeprefix("W/") == f'"{digest}"'
        same = stranger.get(f"/published/open/{name}", headers={"If-None-Match": answer.headers["ETag"]})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    packed = load_pkcs12(stranger.get("/published/open/truststore.p12").content, b"changeit")
    assert {one.friendly_name for one in packed.additional_certs} == {b"open-partner", b"other-partner"}


def test_where_nothing_is_trusted_stands_the_deny_all_anchor(client: httpx.Client, stranger: httpx.Client) -> None:
    made(client, "nobody", publish_truststore=True)
    saved(client, "nobody", "leaves-again")
    etag = client.get("/api/v1/certificates/leaves-again").headers["ETag"]
    gone = client.delete("/api/v1/certificates/leaves-again?deploy=true&wait=0", headers={"If-Match": etag})
    assert gone.status_code < 300, gone.text
    for name in ("truststore.pem", "used.pem"):
        (anchor,) = x509.load_pem_x509_certificates(stranger.get(f"/published/nobody/{name}").content)
        assert "deny" in anchor.subject.rfc4514_string().lower()


@pytest.mark.parametrize("path", ["/published/open/", "/published/open/manifest.json", "/published/", "/published//x"])
def test_nothing_else_is_published(stranger: httpx.Client, path: str) -> None:
    assert stranger.get(path).status_code == 404


def test_what_is_kept_in_memory_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "KEPT_BYTES", 250)
    kept = Published(lambda environment, name, known: Edition("1", None))
    try:
        for number in range(5):
            document = Document(b"x" * 100, '"tag"')
            kept._keep((f"place {number}", "used.pem"), held_of("used.pem", "1", document, 0, 0.0))
        assert list(kept._held) == [("place 3", "used.pem"), ("place 4", "used.pem")]
        kept._keep(("place 3", "used.pem"), None)
        assert kept._bytes == 100
    finally:
        kept.close()
