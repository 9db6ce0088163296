"""The permission table over every route: who may, and what each refusal looks like."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from tests.tls_servers import Ca
from trustyard.actions import users
from trustyard.actions.permissions import TABLE
from trustyard.api.operations import Gate
from trustyard.api.urls import api

from .conftest import ADA, Cast, file
from .rest import Answer, Rest, document, path

Add = Callable[..., Answer]


def operations() -> list[tuple[str, str, str]]:
    """Every operation of the document as verb, template and permission."""
    found = []
    for bound in api._get_bound_routers():
        for template, view in bound.path_operations.items():
            for one in view.operations:
                [gate] = one.auth_callbacks
                assert isinstance(gate, Gate), f"{template} stands open"
                found += [(verb, template, gate.permission) for verb in one.methods]
    return sorted(found)


ALL = operations()


def address(template: str) -> str:
    """An address of an object that is there."""
    names = {"segment:environment": "test", "number:number": "1"}
    objects = {"certificates": "acme", "jwks": "sign", "environments": "test"}
    names["segment:name"] = objects.get(template.split("/")[1], "")
    if "gateways" in template:
        names["segment:name"] = "edge"
    for name, value in names.items():
        template = template.replace(f"{{{name}}}", value)
    return f"/api/v1{template}"


@pytest.fixture
def stage(add: Add, add_jwk: Add, operator: Rest) -> None:
    """An object behind each address."""
    add("acme")
    add_jwk("sign", "acme")
    operator.post(path("environments", "test", "gateways"), {"name": "edge", "kind": "envoy"})


def test_every_operation_has_a_permission_of_the_table() -> None:
    assert {permission for _, _, permission in ALL} <= TABLE.keys()
    shown = {(verb.upper(), path) for path, verbs in document()["paths"].items() for verb in verbs}
    assert len(shown) == len(ALL), "the document shows what the server has, and nothing else"


@pytest.mark.parametrize(("verb", "template", "permission"), ALL, ids=lambda value: str(value))
def test_each_role_may_what_the_table_says(verb: str, template: str, permission: str, stage: None, cast: Cast) -> None:
    """The matrix. What gets past the gate fails on an empty body or a stale tag, so that nothing is changed by it."""
    target = address(template)
    roles = {"admin": cast.admin, "operator": cast.operator, "viewer": cast.viewer}

    def ask(rest: Rest) -> Answer:
        body = {} if verb in ("POST", "PUT", "PATCH") else None
        etag = '"0-0"' if verb in ("PUT", "PATCH", "DELETE") else None
        return rest.ask(verb, target, body, etag=etag, query={"wait": 0} if "releases" in template else None)

    for role, rest in roles.items():
        answer = ask(rest)
        if role in TABLE[permission]:
            assert answer.status not in (401, 403, 404), (role, answer.json)
        else:
            assert (answer.status, answer.code) == (403, "not-allowed"), role
            assert role in answer.json["detail"]
    for nobody, code in ((cast.stranger, "bad-token"), (cast.revoked, "bad-token"), (Rest(), "not-signed-in")):
        answer = ask(nobody)
        assert (answer.status, answer.code) == (401, code)


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Basic YWRhOmFkYQ=="])
def test_a_header_without_a_token_is_said_to_hold_none(given: str) -> None:
    answer = Rest().ask("GET", path("certificates"), headers={"Authorization": given})
    assert (answer.status, answer.code) == (401, "not-signed-in")
    assert "holds no bearer token" in answer.json["detail"]


def test_an_operator_of_another_environment_is_refused_by_its_name(stage: None, cast: Cast, ca: Ca) -> None:
    """D-24: every write that touches an environment."""
    mine = cast.test_operator
    place = path("environments", "production")
    cast.operator.post(f"{place}/gateways", {"name": "edge", "kind": "envoy"})
    entry = {"environment": "production", "alias": "x", "source": file(ca.issue("x"))}
    entries = [{**entry, "environment": "test"}, entry]
    for answer in (
        mine.post(path("certificates"), {"name": "x", "entries": [entry]}),
        mine.post(path("certificates"), {"name": "x", "entries": entries}),
        mine.patch(path("certificates", "acme"), {"entries": [entry]}),
        mine.post(f"{place}/gateways", {"name": "x", "kind": "envoy"}),
        mine.patch(f"{place}/gateways/edge", {"options": {}}),
        mine.delete(f"{place}/gateways/edge"),
        mine.get(f"{place}/gateways/edge/bootstrap"),
        mine.post(f"{place}/releases"),
    ):
        assert (answer.status, answer.code) == (403, "not-allowed")
        assert "production" in answer.json["detail"]
    assert mine.get(f"{place}/truststore").status == 200, "looking is for all"
    assert mine.post(f"{path('environments', 'test')}/releases", wait=0).status in (200, 201)


def test_a_session_reads_and_writes_with_its_csrf_token_alone(cast: Cast) -> None:
    user = users.create(ADA, "olga", password="a long and quiet night", role="operator")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    rest = Rest(client=browser)
    assert rest.get(path("certificates")).status == 200
    address = path("environments", "test", "gateways")
    refused = rest.post(address, {"name": "edge", "kind": "envoy"})
    assert (refused.status, refused.code) == (403, "csrf-failed")
    browser.cookies[settings.CSRF_COOKIE_NAME] = secret = "a" * 32
    headers = {"X-CSRFToken": secret}
    assert rest.ask("POST", address, {"name": "edge", "kind": "envoy"}, headers=headers).status == 201
    assert Rest("ty_wrong", browser).get(path("certificates")).status == 401, "a bad token never falls back"
    users.create(ADA, "ada", password="another long and quiet night", role="admin")
    users.disable(ADA, "olga")
    assert rest.get(path("certificates")).status == 401


def test_an_account_that_was_switched_off_is_a_stranger(cast: Cast) -> None:
    user = users.create(ADA, "olga", password="a long and quiet night")
    browser = Client()
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    users.create(ADA, "ada", password="another long and quiet night", role="admin")
    users.disable(ADA, "olga")
    assert Rest(client=browser).get(path("certificates")).status == 401
