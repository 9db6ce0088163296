"""`POST /certificates/import`: both forms of the body, the answer whole or as lines, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.tls_servers import Ca, Issued
from trustyard.api.imports import MAX_BODY

from .conftest import Cast
from .rest import Answer, Rest, path

IMPORT = path("certificates", "import")


@pytest.fixture(scope="module")
def partners(ca: Ca) -> list[Issued]:
    return [ca.issue(f"partner {number}") for number in range(4)]


def text(issued: Issued) -> str:
    return issued.cert_pem.decode()


def form(rest: Rest, files: dict[str, bytes], **fields: Any) -> Answer:
    """A multipart form with each file as a part of its own."""
    held = [SimpleUploadedFile(name, data) for name, data in files.items()]
    data = encode_multipart(BOUNDARY, {"file": held, **fields})
    return rest.ask("POST", IMPORT, data=data, media_type=MULTIPART_CONTENT)


def test_certificates_come_as_pem_or_der_with_names_or_without(operator: Rest, partners: list[Issued]) -> None:
    body = {
        "environments": ["test", "production"],
        "certificates": [
            {"name": "acme", "alias": "a", "pem": text(partners[0])},
            {"der_base64": base64.b64encode(partners[1].cert_der).decode()},
            {"name": "bad", "der_base64": "%%"},
        ],
    }
    answer = operator.post(IMPORT, body)
    assert (answer.status, answer.json["stored"]) == (200, 2)
    assert answer.json["certificates"] == ["acme", "partner 1"]
    [left_out] = answer.json["left_out"]
    assert (left_out["item"], left_out["code"]) == ("certificate 3, bad", "bad-base64")
    entries = operator.get(path("certificates", "acme")).json["entries"]
    assert [(one["environment"], one["alias"]) for one in entries] == [("test", "a"), ("production", "a")]


def test_files_come_as_json_or_as_a_form(operator: Rest, partners: list[Issued]) -> None:
    files = [
        {"filename": "in/acme.pem", "pem": text(partners[0])},
        {"filename": "bank.cer", "content_base64": base64.b64encode(partners[1].cert_der).decode()},
    ]
    answer = operator.post(IMPORT, {"environments": ["test"], "files": files})
    assert answer.json["certificates"] == ["acme", "bank"]
    more = {"bundle.pem": partners[2].cert_pem + partners[3].cert_pem, "notes.txt": b"nothing of that kind"}
    answer = form(operator, more, environments=["test,production"], deploy="true")
    assert answer.json["certificates"] == ["partner 2", "partner 3"]
    assert [one["item"] for one in answer.json["left_out"]] == ["notes.txt"]
    assert [one["environment"] for one in answer.json["deployment"]["environments"]] == ["test", "production"]


def test_lines_tell_of_the_reading_and_end_with_the_answer(operator: Rest, partners: list[Issued]) -> None:
    body = {"environments": ["test"], "certificates": [{"pem": text(one)} for one in partners], "deploy": True}
    answer = operator.ask("POST", IMPORT, body, headers={"Accept": "application/x-ndjson"})
    assert answer.media_type == "application/x-ndjson"
    *progress, last = answer.content.splitlines()
    assert [json.loads(line) for line in progress] == [{"read": n, "of": 4} for n in range(1, 5)] + [{"storing": 4}]
    wanted, _, line = last.rpartition(b"\0")  # what the router is to wait for; it takes that off
    assert wanted.endswith(b";5")
    assert json.loads(line)["stored"] == 4
    assert json.loads(line)["deployment"]["environments"][0]["release"] == 1


def test_lines_end_with_the_problem_when_nothing_was_stored(cast: Cast, partners: list[Issued]) -> None:
    """The status is on its way already when somebody takes the environment away."""
    cast.admin.post(path("environments"), {"name": "passing", "type": "test"})
    body = {"environments": ["passing"], "certificates": [{"pem": text(partners[0])}]}
    headers = {"HTTP_AUTHORIZATION": f"Bearer {cast.admin.token}", "HTTP_ACCEPT": "application/x-ndjson"}
    response = cast.admin.client.generic("POST", IMPORT, json.dumps(body), content_type="application/json", **headers)
    assert cast.admin.delete(path("environments", "passing")).status == 204
    problem = json.loads(b"".join(response).splitlines()[-1])
    assert (response.status_code, problem["status"], problem["type"]) == (200, 404, "/problems/not-found")
    assert cast.admin.get(path("certificates")).json["total"] == 0


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"environments": ["nowhere"], "certificates": [{"pem": "x"}]}, 422, "unknown-environment", "environments"),
        ({"environments": [], "certificates": [{"pem": "x"}]}, 422, "no-environment", "environments"),
        ({"environments": ["test"]}, 422, "no-certificate", None),
        ({"certificates": []}, 422, "bad-fields", "environments"),
        ({"environments": ["test"], "certificates": [{"name": "a"}]}, 422, "bad-fields", "certificates.0"),
        ({"environments": ["test"], "files": [{"pem": "a", "more": 1}]}, 422, "bad-fields", "files.0.more"),
    ],
)
def test_an_import_that_makes_no_sense_is_refused_whole(
    operator: Rest, body: Any, status: int, code: str, field: str | None
) -> None:
    for accept in ("application/json", "application/x-ndjson"):
        answer = operator.ask("POST", IMPORT, body, headers={"Accept": accept})
        assert (answer.status, answer.code) == (status, code)
        assert answer.fields == ([field] if field else [])


def test_forms_are_strict(operator: Rest, partners: list[Issued]) -> None:
    files = {"a.pem": partners[0].cert_pem}
    for fields, field in (
        ({"deploy": "maybe"}, "deploy"),
        ({"colour": "red"}, "colour"),
        ({"password": ["a", "b"]}, "password"),
        ({"environments": "te\0st"}, "environments"),
    ):
        answer = form(operator, files, **{"environments": "test", **fields})
        assert (answer.status, answer.code, answer.fields) == (422, "bad-fields", [field])
    assert form(operator, {}, environments="test").code == "no-certificate"
    many = form(operator, {f"{number}.pem": b"x" for number in range(101)}, environments="test")
    assert (many.status, many.code) == (413, "too-large")
    assert "A form holds at most 100 files" in many.json["detail"]
    wordy = form(operator, files, environments=["test"] * 25_001)
    assert (wordy.status, wordy.code) == (413, "too-large")
    assert "A form has at most 25,000 fields" in wordy.json["detail"]


def test_an_operator_of_another_environment_is_told_before_any_line(cast: Cast, partners: list[Issued]) -> None:
    body = {"environments": ["test", "production"], "certificates": [{"pem": text(partners[0])}]}
    answer = cast.test_operator.ask("POST", IMPORT, body, headers={"Accept": "application/x-ndjson"})
    assert (answer.status, answer.code) == (403, "not-allowed")
    assert cast.admin.get(path("certificates")).json["total"] == 0


def test_larger_bodies_than_usual_are_taken_here_alone(operator: Rest) -> None:
    spaces = b" " * 20_000_000
    body = b'{"environments": ["nowhere"],' + spaces + b'"certificates": [{"pem": "x"}]}'
    assert operator.ask("POST", IMPORT, data=body).code == "unknown-environment"
    assert operator.ask("POST", path("certificates"), data=body).status == 413
    assert operator.ask("POST", IMPORT, data=bytes(MAX_BODY + 1)).status == 413


def test_a_certificate_may_be_named_import(operator: Rest, partners: list[Issued]) -> None:
    body = {"environments": ["test"], "certificates": [{"name": "import", "pem": text(partners[0])}]}
    assert operator.post(IMPORT, body).json["stored"] == 1
    assert operator.get(IMPORT).json["name"] == "import"
