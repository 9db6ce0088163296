"""Errors over REST: RFC 9457 problems, whatever was asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.tls_servers import Ca

from .conftest import Cast, file
from .rest import Answer, Rest, path

INSPECT = path("certificates", "inspect")


@pytest.mark.parametrize(
    "address",
    ["", "/", "/nowhere", "/certificates/", "/certificates/a/b", "/environments/test/releases/0", "/jwks/%00",
     "/jwks/%ff", "/environments/test/releases/99999999999999999999", "/../x", "/certificates/a/export/"],
)  # fmt: skip
def test_an_address_that_is_none_is_a_problem(address: str, operator: Rest) -> None:
    for verb in ("GET", "POST", "DELETE"):
        answer = operator.ask(verb, f"/api/v1{address}")
        assert (answer.status, answer.code) == (404, "not-found")


def test_other_versions_of_the_api_are_a_problem_too(operator: Rest) -> None:
    for address in ("/api/", "/api/v2/certificates", "/api/openapi.json"):
        assert operator.get(address).code == "not-found"


def test_another_verb_says_which_ones_there_are(operator: Rest) -> None:
    answer = operator.ask("PUT", path("jwks"), {})
    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert operator.ask("PURGE", path("certificates", "x")).headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    assert "POST" in operator.ask("PURGE", INSPECT).headers["Allow"]
    assert operator.ask("POST", "/api/v1/openapi.json").status == 405


def test_options_says_what_there_is_and_head_answers_like_get(operator: Rest, cast: Cast) -> None:
    asked = operator.ask("OPTIONS", path("certificates"))
    assert (asked.status, asked.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert operator.ask("HEAD", path("certificates")).status == 200
    assert cast.stranger.ask("HEAD", path("certificates")).status == 401


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer ty_nobody", "ty_nobody", "Bearer \udcff"]
)
def test_without_a_good_token_nothing_is_said(header: str | None, cast: Cast) -> None:
    headers = {} if header is None else {"Authorization": header}
    for address in (path("certificates"), path("certificates", "x"), "/api/v1/openapi.json", "/api/v1/docs"):
        answer = Rest().ask("GET", address, headers=headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.code in ("not-signed-in", "bad-token")
    assert cast.revoked.get(path("certificates")).code == "bad-token"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "unreadable"),
        (b"{", 400, "unreadable"),
        (b"\xff", 400, "unreadable"),
        (b'{"name": NaN}', 400, "unreadable"),
        (b'{"name": "a", "name": "b"}', 400, "unreadable"),
        (b"[" * 100_000, 400, "unreadable"),
        (b'{"name": %s}' % (b"[" * 65 + b"]" * 65), 400, "unreadable"),
        (b"9" * 5000, 400, "unreadable"),
        (b"null", 422, "bad-fields"),
        (b"[]", 422, "bad-fields"),
        (b'"text"', 422, "bad-fields"),
        (b'{"name": "a\\u0000b", "entries": []}', 422, "bad-fields"),
        (b'{"name": "a\\ud800b", "entries": []}', 422, "bad-fields"),
        (b'{"name": "a", "entries": {}}', 422, "bad-fields"),
        (b'{"name": true, "entries": []}', 422, "bad-fields"),
        (b'{"name": "a", "entries": [], "deploy": "yes"}', 422, "bad-fields"),
    ],
)
def test_a_body_that_is_not_what_it_should_be(data: bytes, status: int, code: str, operator: Rest) -> None:
    answer = operator.ask("POST", path("certificates"), data=data)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_media_type_is_refused(media_type: str, operator: Rest) -> None:
    answer = operator.ask("POST", path("certificates"), data=b"{}", media_type=media_type)
    assert (answer.status, answer.code) == (415, "wrong-media-type")


def test_json_with_a_charset_or_a_mark_is_json(operator: Rest) -> None:
    for data, media_type in ((b"{}", "application/json; charset=utf-8"), (b"\xef\xbb\xbf{}", "application/json")):
        assert operator.ask("POST", path("certificates"), data=data, media_type=media_type).status == 422


def test_bodies_over_the_limits_are_refused_unread(operator: Rest) -> None:
    """14 MB of JSON, 10 MB a file."""
    big = operator.ask("POST", path("certificates"), data=b" " * 14_000_001)
    assert (big.status, big.code) == (413, "too-large")
    long = base64.b64encode(bytes(10_000_001)).decode()
    for source, field in (
        ({"kind": "file", "filename": "x", "content_base64": long}, "content_base64"),
        ({"kind": "paste", "encoding": "BASE64", "content": "A" * 10_000_001}, "content"),
    ):
        answer = operator.post(INSPECT, source)
        assert (answer.status, answer.code, answer.fields) == (413, "file-too-large", [field])
    answer = operator.ask("POST", INSPECT, **_form(file=SimpleUploadedFile("a.pem", bytes(10_000_001))))
    assert (answer.status, answer.code, answer.fields) == (413, "file-too-large", ["file"])


def test_a_file_of_ten_megabytes_is_read(operator: Rest) -> None:
    source = {"kind": "file", "filename": "x", "content_base64": base64.b64encode(bytes(10_000_000)).decode()}
    assert operator.post(INSPECT, source).status == 422, "it is read, and holds nothing"


def _form(**parts: Any) -> dict[str, Any]:
    return {"data": encode_multipart(BOUNDARY, parts), "media_type": MULTIPART_CONTENT}


def test_a_form_holds_one_file_and_perhaps_a_password(operator: Rest, ca: Ca) -> None:
    """S-11."""
    issued = ca.issue("acme")

    def part(data: bytes = issued.cert_pem) -> SimpleUploadedFile:
        return SimpleUploadedFile("a.pem", data)

    seen = operator.ask("POST", INSPECT, **_form(file=part(), password=""))
    assert (seen.status, seen.json["certificates"][0]["sha256"]) == (200, issued.sha256)
    for parts, field in (
        ({"password": "x"}, "file"),
        ({"file": [part(), part()]}, "file"),
        ({"file": part(), "colour": "red"}, "colour"),
        ({"file": "text"}, "file"),
        ({"file": part(), "password": ["a", "b"]}, "password"),
    ):
        refused = operator.ask("POST", INSPECT, **_form(**parts))
        assert (refused.status, refused.fields) == (422, [field]), parts
    big = operator.ask("POST", INSPECT, **_form(file=part(data=bytes(10_000_001))))
    assert big.status == 413
    for media_type in ("multipart/form-data", f"multipart/form-data; boundary={'x' * 400}"):
        assert operator.ask("POST", INSPECT, data=b"x", media_type=media_type).status == 400


def test_what_nobody_foresaw_is_a_reference_and_nothing_else(operator: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("trustyard.api.certificates.fitting", broken)
    answer = operator.ask("GET", path("certificates"), judged=False)
    assert (answer.status, answer.code) == (500, "unforeseen")
    assert "swordfish" not in json.dumps(answer.json)
    assert "Reference: " in answer.json["detail"]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("pragma", "back", "why"),
    [
        ("query_only = 1", "query_only = 0", "is read-only"),
        ("max_page_count = 1", "max_page_count = 1000000000", "has no room left"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_a_database_file_that_takes_no_changes_says_why_and_is_read(
    cast: Cast, pragma: str, back: str, why: str
) -> None:
    def save(name: str) -> Answer:
        body = {"name": name, "description": "ü" * 4000}
        return cast.admin.ask("POST", path("environments"), body, judged=False)

    try:
        connection.cursor().execute(f"PRAGMA {pragma}")
        # Pages that are free take a few.
        refused, name = next((answer, name) for name in map(str, range(200)) if (answer := save(name)).status != 201)
        assert (refused.status, refused.code) == (503, "database-read-only")
        assert why in refused.json["detail"]
        assert int(refused.headers["Retry-After"]) > 0
        assert name not in [row["name"] for row in cast.admin.get(path("environments"), limit=500).json["items"]]
    finally:
        connection.cursor().execute(f"PRAGMA {back}")
    assert save(name).status == 201


FILED = {"name": "x", "entries": [{"environment": "test"}]}


@pytest.mark.parametrize(
    ("segments", "body", "query", "field", "sentence"),
    [
        (["certificates"], {**FILED, "name": 5}, {}, "name", "This must be text."),
        (["certificates"], {**FILED, "name": "x" * 1001}, {}, "name", "This must have at most 1000 characters."),
        (
            ["certificates"],
            {**FILED, "entries": [{"environments": []}]},
            {},
            "entries.0.environments",
            "must not be empty",
        ),
        (
            ["certificates"],
            {**FILED, "entries": FILED["entries"] * 501},
            {},
            "entries",
            "This must have at most 500 items.",
        ),
        (["certificates"], {**FILED, "deploy": "yes"}, {}, "deploy", "This must be true or false."),
        (["certificates"], {**FILED, "confirm_restored": 1}, {}, "confirm_restored", "true, false or the version of"),
        (["certificates"], {**FILED, "confirm_restored": "x" * 200}, {}, "confirm_restored", "or the version of"),
        (["certificates"], FILED, {"wait": "nan"}, "wait", "This must be a number."),
        (["jwks"], {"name": "x", "use": "both"}, {}, "use", "This must be 'sig' or 'enc'."),
        (
            ["environments"],
            {"name": "x", "root_set": "moz"},
            {},
            "root_set",
            "must be none, mozilla or an object with pem",
        ),
        (["environments"], {"name": "x", "root_set": {"pem": 5}}, {}, "root_set.pem", "This must be text."),
        (
            ["environments", "test", "releases", "1", "restore"],
            {"version": "x"},
            {},
            "version",
            "32 hexadecimal digits",
        ),
        (["environments", "test", "promote"], {"from": "x", "version": "x"}, {}, "version", "32 hexadecimal digits"),
        (["certificates"], None, {"limit": "many"}, "limit", "This must be a whole number."),
        (["certificates"], None, {"expires_within": "9" * 30}, "expires_within", "This must be at most 1000000."),
        (["certificates"], None, {"q": "x" * 1001}, "q", "This must have at most 1000 characters."),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_our_own_words(
    cast: Cast, segments: list[str], body: Any, query: dict[str, str], field: str, sentence: str
) -> None:
    admin = cast.admin
    refused = admin.ask("GET" if body is None else "POST", path(*segments), body, query=query)
    assert (refused.status, refused.code) == (422, "bad-fields")
    said = {error["field"]: error["message"] for error in refused.json["errors"]}
    assert sentence in said[field]
    assert len([name for name in said if name.startswith(field)]) == 1


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "1.5", "9" * 30])
def test_a_limit_that_is_none_is_refused(limit: str, operator: Rest) -> None:
    answer = operator.get(path("certificates"), limit=limit)
    assert (answer.status, answer.fields) == (422, ["limit"])


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "x"])
def test_a_wait_that_is_none_is_refused_before_anything_is_written(wait: str, operator: Rest, ca: Ca) -> None:
    entry = {"environment": "test", "alias": "x", "source": file(ca.issue("x"))}
    body = {"name": "x", "entries": [entry], "deploy": True}
    answer = operator.post(path("certificates"), body, wait=wait)
    assert (answer.status, answer.fields) == (422, ["wait"])
    assert operator.get(path("certificates")).json["total"] == 0


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("https://127.0.0.1:9", 422, "source-denied"),
        ("https://169.254.169.254/", 422, "source-denied"),
        ("https://nowhere.invalid:4433", 422, "source-unreachable"),
        ("ftp://example.org", 422, "bad-url"),
    ],
)
def test_a_source_that_cannot_be_reached_says_why(url: str, status: int, code: str, operator: Rest) -> None:
    """S-10, I-14."""
    answer = operator.post(INSPECT, {"kind": "connection", "url": url})
    assert (answer.status, answer.code) == (status, code)
    if code == "source-unreachable":
        assert "nowhere.invalid:4433" in answer.json["detail"]


@pytest.mark.parametrize("url", ["https://x", "x"])
def test_inspect_names_its_own_fields(url: str, operator: Rest) -> None:
    assert operator.post(INSPECT, {"kind": "connection", "url": 5}).fields == ["url"]
    assert operator.post(INSPECT, {"kind": "file", "filename": "x", "content_base64": "?"}).fields == ["content_base64"]
    assert operator.post(INSPECT, {"kind": "connection", "url": url, "more": 1}).fields == ["more"]
    assert operator.post(INSPECT, {}).status == 422


def test_a_source_that_cannot_be_read_names_the_field_at_fault(operator: Rest, ca: Ca) -> None:
    issued = ca.issue("acme")
    locked = BestAvailableEncryption(b"x")
    p12 = pkcs12.serialize_key_and_certificates(None, issued.key, issued.certificate, None, locked)
    text = issued.cert_pem.decode()
    cases = [
        (file(p12, "a.p12"), "password-needed", "password"),
        ({**file(p12, "a.p12"), "password": "y"}, "password-wrong", "password"),
        ({"kind": "paste", "encoding": "BASE64", "content": text}, "encoding-mismatch", "encoding"),
        ({"kind": "paste", "encoding": "BASE64PEM", "content": "-"}, "no-certificate", "content"),
        ({"kind": "connection", "url": "https://127.0.0.1:9"}, "source-denied", "url"),
        ({"kind": "inspected", "token": "gone"}, "inspection-unknown", "token"),
    ]
    for source, code, field in cases:
        answer = operator.post(INSPECT, source)
        assert (answer.status, answer.code, answer.fields) == (422, code, [field])
        entry = {"environment": "test", "alias": "x", "source": source}
        saved = operator.post(path("certificates"), {"name": "x", "entries": [entry]})
        assert (saved.status, saved.code, saved.fields) == (422, code, [f"entries.0.source.{field}"])


def test_a_private_key_is_refused_by_name_and_not_echoed(operator: Rest, ca: Ca) -> None:
    """I-09, D-07."""
    issued = ca.issue("acme")
    alone = operator.post(INSPECT, file(issued.key_pem, "key.pem"))
    assert (alone.status, alone.code) == (422, "private-key")
    both = operator.post(INSPECT, file(issued.key_pem + issued.cert_pem))
    assert both.status == 200
    assert both.json["notices"]
    assert b"PRIVATE" not in alone.content + both.content


def test_whatever_takes_a_certificate_tells_of_the_private_key_that_came_with_it(cast: Cast, ca: Ca) -> None:
    """D-07: also a save that nobody looked before."""
    issued = ca.issue("acme")
    both = issued.key_pem + issued.cert_pem
    entries = [{"environments": ["test", "production"], "alias": "acme", "source": file(both)}]
    made = cast.operator.post(path("certificates"), {"name": "acme", "entries": entries})
    changed = cast.operator.patch(made.headers["Location"], {"entries": entries})
    roots = cast.admin.patch(path("environments", "test"), {"root_set": {"pem": both.decode()}})
    for answer in (made, changed, roots):
        [notice] = answer.json["notices"]
        assert notice["code"] == "private-key-dropped"
        assert "exposed" in notice["message"]
    assert cast.operator.patch(made.headers["Location"], {"description": "x"}).json["notices"] == []


def test_what_only_reads_a_certificate_tells_of_the_private_key_that_came_with_it(cast: Cast, ca: Ca) -> None:
    """D-07: a trust check, each side of a comparison, and the question which certificate is meant."""
    issued, other = ca.issue("acme"), ca.issue("bank")
    both = file(issued.key_pem + issued.cert_pem)
    checked = cast.operator.post(path("environments", "test", "trust-check"), {"source": both})
    sides = {"left": {"source": both}, "right": {"source": file(issued.cert_pem)}}
    compared = cast.operator.post(path("certificates", "compare"), sides)
    several = {"source": file(issued.key_pem + issued.cert_pem + other.cert_pem)}
    asked = cast.operator.post(path("environments", "test", "trust-check"), several)
    assert asked.code == "choice-needed"
    for answer in (checked.json, compared.json["left"], asked.json):
        assert [notice["code"] for notice in answer["notices"]] == ["private-key-dropped"]
    assert compared.json["right"]["notices"] == []


def test_an_inspection_can_be_saved_by_its_token_by_whoever_made_it(cast: Cast, ca: Ca) -> None:
    """S-06: inspecting stores nothing that is listed; what was seen is what is saved."""
    seen = cast.operator.post(INSPECT, file(ca.issue("acme")))
    assert cast.operator.get(path("certificates")).json["total"] == 0
    source = {"kind": "inspected", "token": seen.json["token"]}
    body = {"name": "acme", "entries": [{"environment": "test", "alias": "acme", "source": source}]}
    assert cast.test_operator.post(path("certificates"), body).code == "inspection-unknown"
    made = cast.operator.post(path("certificates"), body)
    assert made.json["entries"][0]["sha256"] == seen.json["certificates"][0]["sha256"]
    assert made.json["entries"][0]["source"]["kind"] == "file"


def test_problems_hold_what_the_contract_names(add: Callable[..., Answer], operator: Rest) -> None:
    add("acme")
    refused = operator.post(path("jwks"), {"name": "x", "source": {"kind": "jwk", "jwk": {"kty": "oct", "k": "AAAA"}}})
    assert set(refused.json) == {"type", "title", "status", "detail", "errors"}
    assert refused.json["errors"][0].keys() == {"field", "message"}


KINDS = "one of connection, file, paste, inspected."


@pytest.mark.parametrize(
    ("segments", "body", "field", "sentence"),
    [
        (["certificates", "inspect"], {}, "kind", f"This field is required: {KINDS}"),
        (["certificates", "inspect"], {"kind": "x"}, "kind", "There is no such kind; it is one of connection, file, "),
        (["certificates", "inspect"], [], "", "This must be an object."),
        (["certificates", "inspect"], 5, "", "This must be an object."),
        (["certificates"], "x", "", "This must be an object."),
        (["certificates"], {"source": {}}, "entries.0.source.kind", f"This field is required: {KINDS}"),
        (["certificates"], {"source": {"kind": 5}}, "entries.0.source.kind", "There is no such kind"),
        (["certificates"], {"source": []}, "entries.0.source", "This must be an object."),
        (["jwks"], {"name": "x", "source": {}}, "source.kind", "This field is required: one of certificate, jwk."),
        (["certificates", "compare"], {"left": {"source": {}}, "right": {"source": {}}}, "left.source.kind", KINDS),
    ],
)
def test_a_kind_that_is_missing_or_none_is_named_with_those_there_are(
    operator: Rest, segments: list[str], body: Any, field: str, sentence: str
) -> None:
    if segments == ["certificates"] and isinstance(body, dict):
        body = {"name": "x", "entries": [{"environment": "test", "alias": "x", **body}]}
    refused = operator.post(path(*segments), body)
    assert (refused.status, refused.code) == (422, "bad-fields")
    error = refused.json["errors"][0]
    assert error["field"] == field
    assert sentence in error["message"]
    assert "pydantic" not in refused.json["detail"]
