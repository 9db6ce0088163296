"""The OpenAPI document, the page to read it, and whether the server agrees with it."""

from __future__ import annotations

import inspect
import io
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import OperationalError, close_old_connections, connection
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.databases import chosen
from trustyard.actions import environments, tokens, users
from trustyard.api import schemas
from trustyard.api.schemas.strict import Given, Shown
from trustyard.api.urls import api

from .conftest import ADA, Cast
from .rest import Rest, document


def test_the_document_is_openapi_3_1_and_names_every_refusal(operator: Rest) -> None:
    answer = operator.ask("GET", "/api/v1/openapi.json")
    assert (answer.status, answer.json["openapi"][:3]) == (200, "3.1")
    for path, verbs in answer.json["paths"].items():
        for verb, operation in verbs.items():
            statuses = set(operation["responses"])
            assert {"400", "401", "403", "413", "503"} <= statuses, (verb, path)
            if verb in ("put", "patch", "delete"):
                assert {"404", "412", "428"} <= statuses, (verb, path)
            if "requestBody" in operation:
                assert {"415", "422"} <= statuses, (verb, path)


def test_clients_can_be_generated_from_the_document() -> None:
    """What openapi-python-client and OpenAPI Generator were seen to stumble over."""
    operations = [one for verbs in document()["paths"].values() for one in verbs.values()]
    for operation in operations:
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert "default" not in content["schema"], operation["operationId"]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert not [name for name in names if "trustyard" in name], "where the code stands is no matter of clients"
    assert {tag for operation in operations for tag in operation["tags"]} == {
        "Audit", "Certificates", "Environments", "Gateways", "JWKs", "Releases", "Truststore"
    }  # fmt: skip


def test_a_conflict_is_described_as_what_it_can_be() -> None:
    """A generated client is offered no list of JWKs where there can be none."""
    said: dict[str, set[str]] = {}
    for operation in (one for verbs in document()["paths"].values() for one in verbs.values()):
        if conflict := operation["responses"].get("409"):
            name = conflict["content"]["application/problem+json"]["schema"]["$ref"].rpartition("/")[2]
            said.setdefault(name, set()).add(operation["operationId"])
    assert said["JwkConnectionProblem"] == {"certificates_replace", "certificates_edit", "certificates_delete"}
    assert said["EnvironmentInUseProblem"] == {"environments_delete"}
    assert {"gateways_edit", "gateways_create"} <= said["Problem"]


def test_moments_and_closed_sets_are_described_as_such() -> None:
    """So that a generated client has dates and enumerations where the answers have them."""
    schemas = document()["components"]["schemas"]
    moments = ("at", "created_at", "last_seen", "moment", "not_after", "not_before")
    for name, schema in schemas.items():
        for field, described in schema.get("properties", {}).items():
            if field in moments:
                said = [described, *described.get("anyOf", ())]
                assert [one for one in said if one.get("format") == "date-time"], (name, field)
    assert schemas["Event"]["properties"]["via"]["enum"] == ["api", "console", "local", "system"]
    assert schemas["SourceShown"]["properties"]["kind"]["enum"] == ["connection", "file", "paste"]
    assert schemas["Gateway"]["properties"]["kind"]["enum"] == ["files", "envoy", "haproxy", "agent"]


def test_every_operation_says_what_it_answers_while_the_database_is_away(operator: Rest) -> None:
    """`Rest` holds each answer against the document."""

    def away(*_: Any) -> None:
        raise OperationalError("the connection is lost")

    for template, verbs in document()["paths"].items():
        address = re.sub(r"\{[^}]+\}", "1", template)
        for verb in map(str.upper, verbs):
            with connection.execute_wrapper(away):
                assert operator.ask(verb, address).code == "database-unavailable", (verb, address)


def test_the_document_is_made_once_however_often_it_is_asked_for(operator: Rest) -> None:
    """Making it takes longer than any other answer."""
    made = operator.ask("GET", "/api/v1/openapi.json").json
    began = time.thread_time()
    api.get_openapi_schema()
    making, began = time.thread_time() - began, time.thread_time()
    again = operator.client.get("/api/v1/openapi.json", headers={"Authorization": f"Bearer {operator.token}"})
    assert time.thread_time() - began < making / 3
    assert again.json() == made


def test_no_two_schemas_share_a_name() -> None:
    """ninja would silently show one of the two for both."""

    def all_of(kind: type) -> Iterable[type]:
        for one in kind.__subclasses__():
            yield one
            yield from all_of(one)

    named = [one for base in (Given, Shown) for one in all_of(base) if one.__module__.startswith(schemas.__name__)]
    names = [one.__name__ for one in named]
    assert sorted(names) == sorted(set(names))
    assert all(inspect.getdoc(one) for one in named)


def test_the_page_is_for_those_who_signed_in_and_asks_no_other_host(cast: Cast) -> None:
    browser = Client()
    turned_away = browser.get("/api/v1/docs", headers={"Accept": "text/html"})
    assert (turned_away.status_code, turned_away.headers["Location"]) == (302, "/accounts/login/?next=/api/v1/docs")
    browser.force_login(users.create(ADA, "olga", password="a long and quiet night"),
                        backend="allauth.account.auth_backends.AuthenticationBackend")  # fmt: skip
    proxied = browser.get("/api/v1/docs", headers={"Accept": "text/html", "Authorization": "Basic YWRhOng="})
    assert (proxied.status_code, proxied.json()["type"]) == (401, "/problems/not-signed-in"), (
        "and not to Sign in and back"
    )
    page = browser.get("/api/v1/docs")
    text = page.content.decode()
    assert page.status_code == 200
    assert "/static/ninja/swagger-ui-bundle" in text
    assert '<html lang="en">' in text
    assert '<main id="swagger-ui">' in text
    assert "//" not in text.replace("</script>", "").replace("/api/v1//", "")
    assert Rest(client=browser).ask("GET", "/api/v1/openapi.json").status == 200


class _AsTheRouter:
    """Django as a WSGI application that sees the path still percent-encoded, as behind our router."""

    def __init__(self) -> None:
        self._django = WSGIHandler()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        raw = urlsplit(environ.get("REQUEST_URI") or environ["PATH_INFO"]).path
        environ = {**environ, "PATH_INFO": raw, "SCRIPT_NAME": "", "HTTP_HOST": "127.0.0.1"}
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
        return self._django(environ, start_response)


# If-Match is judged before the body, so bad values may be answered with 412 as well.
_REJECTED = ["400", "401", "403", "404", "405", "409", "412", "415", "422", "428"]
_CONFIG = SchemathesisConfig.from_dict(
    {"seed": 5, "checks": {"negative_data_rejection": {"expected-statuses": _REJECTED}}}
)


@pytest.fixture
def described(request: pytest.FixtureRequest) -> Any:
    """The document as schemathesis knows it: one process alone makes its examples, when it comes to them."""
    request.node._nodeid = request.node.nodeid  # where schemathesis 4.32 looks for it, and pytest 9.2 has it no more
    schema = schemathesis.openapi.from_dict(document(), config=_CONFIG)
    schema.app = _AsTheRouter()
    return schema


@pytest.fixture
def token(db: None) -> Iterator[str]:
    environments.create(ADA, name="test")
    # As Django's own test client does: a request must not end the connection that the test's transaction is in.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield tokens.create(ADA, "schemathesis", role="admin")[1]
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


@pytest.mark.django_db
@pytest.mark.timeout(400)
@schemathesis.pytest.from_fixture("described").parametrize()
@settings(
    max_examples=3 if chosen() else 12,  # beside the values at the bounds of each schema, which are all tried on both
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_server_agrees_with_the_document(case: Any, token: str) -> None:
    """Few examples, a fixed seed. Good values may name what is not there, so a refusal of them is no failure."""
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
    case.call_and_validate(checks=CHECKS)
