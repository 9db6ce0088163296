"""What the router answers itself, and how it hands requests to Django."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from trustyard.server.published import matches, place_of

from .serving import Serving, eventually


@pytest.fixture
def stranger(server: Serving) -> Any:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        yield client


def _environment(client: httpx.Client, name: str, *, gateway: bool = True) -> str:
    assert client.post("/api/v1/environments", json={"name": name, "type": "test"}).status_code == 201
    if gateway:
        path = client.build_request("POST", "/").url.copy_with(raw_path=_path(name, "gateways"))
        assert client.post(path, json={"name": "files", "kind": "files", "options": {}}).status_code == 201
    return name


def _path(environment: str, rest: str) -> bytes:
    from urllib.parse import quote

    return f"/api/v1/environments/{quote(environment, safe='')}/{rest}".encode()


def _jwk(client: httpx.Client, name: str, environment: str) -> httpx.Response:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": name}
    source = {"kind": "jwk", "jwk": jwk, "environments": [environment]}
    return client.post("/api/v1/jwks", json={"name": name, "source": source, "use": "sig", "deploy": True})


def test_health_readiness_and_metrics_need_no_token(stranger: httpx.Client) -> None:
    assert stranger.get("/healthz").json() == {"status": "ok"}
    assert stranger.get("/readyz").json() == {"status": "ready"}
    metrics = stranger.get("/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=")
    assert re.search(
        r'^trustyard_http_requests_total\{method="GET",part="healthz",status="200"\} \d', metrics.text, re.MULTILINE
    )
    assert re.search(r'^trustyard_info\{version="', metrics.text, re.MULTILINE)
    for path in ("/healthz", "/readyz", "/metrics", "/published/test/jwks.json"):
        refused = stranger.post(path)
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")


def test_a_published_set_follows_the_release_at_once_and_is_cached_by_its_etag(
    server: Serving, stranger: httpx.Client
) -> None:
    with server.client() as client:
        _environment(client, "pub")
        empty = stranger.get("/published/pub/jwks.json")
        assert (empty.status_code, empty.json()) == (200, {"keys": []})
        assert empty.headers["Content-Type"] == "application/jwk-set+json"
        assert empty.headers["Cache-Control"] == "public, max-age=300"
        assert _jwk(client, "pub-key", "pub").status_code == 201
    # The write has answered: its release is what everybody sees from now on.
    answer = stranger.get("/published/pub/jwks.json")
    assert [key["kid"] for key in answer.json()["keys"]] == ["pub-key"]
    assert answer.headers["ETag"] != empty.headers["ETag"]
    for condition in (answer.headers["ETag"], f"W/{answer.headers['ETag']}", f'"x", {answer.headers["ETag"]}', "*"):
        same = stranger.get("/published/pub/jwks.json", headers={"If-None-Match": condition})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["ETag"] == answer.headers["ETag"]
    assert stranger.get("/published/pub/jwks.json", headers={"If-None-Match": '"x"'}).status_code == 200
    head = stranger.head("/published/pub/jwks.json")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]


def test_an_unknown_environment_publishes_a_problem(stranger: httpx.Client) -> None:
    answer = stranger.get("/published/nowhere/jwks.json")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "nowhere" in answer.json()["detail"]


def test_a_removed_environment_publishes_nothing_more(server: Serving, stranger: httpx.Client) -> None:
    with server.client() as client:
        _environment(client, "soon-gone", gateway=False)
        assert stranger.get("/published/soon-gone/jwks.json").status_code == 200
        etag = client.get("/api/v1/environments/soon-gone").headers["ETag"]
        assert client.delete("/api/v1/environments/soon-gone", headers={"If-Match": etag}).status_code < 300
    eventually(lambda: stranger.get("/published/soon-gone/jwks.json").status_code == 404)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"/published/a%2Fb/jwks.json", "a/b"),
        (b"/published/%C4%B0/jwks.json", "\u0130"),
        (b"/published/I%CC%87/jwks.json", "\u0130"),  # NFD on the way, NFC in the store
        (b"/published/a/b/jwks.json", None),
        (b"/published/%00/jwks.json", None),
        (b"/published/%FF/jwks.json", None),
        (b"/published/a/other.json", None),
    ],
)
def test_the_environment_is_one_segment_of_the_path(path: bytes, name: str | None) -> None:
    place = place_of(path)
    assert (place.environment if place else None) == name


def test_no_condition_matches_nothing() -> None:
    assert not matches("", '"a"')
    assert matches('W/"b" , "a"', '"a"')


@pytest.mark.parametrize("name", ["a/b", "inspect", "export", "..%2f", "%2F", "ş İ/ğ", "a?b#c", "a+b c"])
def test_any_name_is_one_segment_of_an_api_address(server: Serving, name: str) -> None:
    """`%2F` must not be taken apart on the way to Django, nor `%252F` decoded twice."""
    with server.client() as client:
        made = client.post("/api/v1/environments", json={"name": name, "type": "test"})
        assert made.status_code == 201, made.text
        url = httpx.URL(server.url).copy_with(raw_path=_path(name, "").rstrip(b"/"))
        assert client.get(url).json()["name"] == name


def test_every_answer_has_an_id_and_the_security_headers(stranger: httpx.Client) -> None:
    ids = set()
    for path in ("/healthz", "/sign-in/", "/nothing-here", "/api/v1/nothing", "/static/console/console.css"):
        answer = stranger.get(path)
        ids.add(answer.headers["X-Request-ID"])
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        if path != "/healthz":
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'"), path
            assert answer.headers["X-Frame-Options"] == "DENY"
        assert "server" not in answer.headers
    assert len(ids) == 5


def test_a_foreign_host_name_is_refused(stranger: httpx.Client) -> None:
    assert stranger.get("/sign-in/", headers={"Host": "evil.example"}).status_code == 400
    refused = stranger.get("/api/v1/certificates", headers={"Host": "evil.example"})
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")


def test_no_request_of_a_stranger_counts_as_a_fault_of_ours(stranger: httpx.Client) -> None:
    """An alert looks at these lines, and each would hold a stack."""

    def faults() -> list[str]:
        return re.findall(r'log_lines_total\{level="(?:error|critical)"\} (\S+)', stranger.get("/metrics").text)

    before = faults()
    assert len(before) == 2
    assert stranger.get("/sign-in/", headers={"Host": "evil.example"}).status_code == 400
    assert stranger.get("/sign-in/?" + "&".join(["a"] * 25_001)).status_code == 413
    assert faults() == before


def test_a_write_that_deploys_waits_for_its_receipts_and_hides_how(server: Serving) -> None:
    with server.client() as client:
        _environment(client, "waits")
        answer = _jwk(client, "waits-key", "waits")
        assert "X-Trustyard-Await" not in answer.headers
        (place,) = answer.json()["deployment"]["environments"]
        assert (place["environment"], place["state"]) == ("waits", "accepted")
        assert [gateway["state"] for gateway in place["gateways"]] == ["accepted"]


def test_waiting_ends_with_what_there_is(server: Serving) -> None:
    """A gateway that nobody ever joined is `pending`, and not waited for (docs/rest.md, *Deploying*)."""
    with server.client() as client:
        _environment(client, "alone", gateway=False)
        edge = {"name": "edge", "kind": "envoy", "options": {}}
        assert client.post("/api/v1/environments/alone/gateways", json=edge).status_code == 201
        answer = client.post("/api/v1/environments/alone/releases?wait=20")
        assert answer.status_code == 201
        assert answer.elapsed.total_seconds() < 15
        (place,) = answer.json()["deployment"]["environments"]
        assert [gateway["state"] for gateway in place["gateways"]] == ["pending"]


def test_log_lines_are_json_and_hold_no_query(server: Serving) -> None:
    with server.client() as client:
        client.get("/api/v1/environments/test/truststore/export?format=pem&password=hush-hush")
    lines = eventually(lambda: [line for line in server.log if "truststore/export" in line])
    assert json.loads(lines[0])["event"] == "http.request"
    assert not any("hush-hush" in line for line in server.log)


def test_a_truncated_static_cache_does_not_outlive_an_upgrade(stranger: httpx.Client) -> None:
    """Addresses of static files carry a fingerprint of their content."""
    page = stranger.get("/sign-in/").text
    links = re.findall(r'"(/static/[^"]+)"', page)
    assert links
    for link in links:
        assert re.search(r"\?v=[0-9a-f]{12}$", link), link
        assert stranger.get(link).status_code == 200
