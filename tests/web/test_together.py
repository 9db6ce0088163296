"""Forms with several faults: each is said at its control, all at once, and nothing is stored."""

from __future__ import annotations

import html
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.tls_servers import new_key
from trustyard import models
from trustyard.actions import environments, gateways, jwks, users
from trustyard.actions.actors import LOCAL
from trustyard.pki.jwks import jwk_of_key

from .people import signed_in

pytestmark = pytest.mark.django_db
LIMITS = "Environments limit operators alone; a viewer sees all and an administrator may do all."
NO_DIGEST = "The deny list names certificates by their SHA-256 in hex (64 digits)."
ENVIRONMENT = {"type": "no", "description": "x" * 4001, "deny_list": "zz", "policy_weak": "no", "root_set": "uploaded"}


@pytest.fixture
def person(client: Client) -> Client:
    """An administrator; there is one of each that has a form."""
    environments.create(LOCAL, name="test")
    gateways.create(LOCAL, "test", name="edge", kind="agent")
    users.create(LOCAL, "olaf", password="a long and quiet night", role="operator")
    jwks.create(LOCAL, name="sign", source=jwks.HandGiven(jwk_of_key(new_key("p256").public_key()), ["test"]))
    jwks.create(LOCAL, name="other", source=jwks.HandGiven(jwk_of_key(new_key("p256").public_key()), ["test"]))
    return signed_in(client, "ada", "admin")


def said(page: str) -> dict[str, str]:
    """What stands at each control, which is marked and names it."""
    found = {key: html.unescape(text) for key, text in re.findall(r'id="p-(\w+)"[^>]*>([^<]+)</p>', page)}
    for key in found:
        [control] = re.findall(rf'<[^>]*aria-describedby="[^"]*\bp-{key}\b[^>]*>', page)
        assert control.startswith("<fieldset") or 'aria-invalid="true"' in control, control
        assert ("aria-required" in control) or not re.fullmatch(r"The (user)?name is missing\.", found[key]), control
    return found


@pytest.mark.parametrize(
    ("address", "given", "faults"),
    [
        (
            "/environments/create/",
            {"name": "Test", **ENVIRONMENT},
            {
                "name": "There is already an environment named test; case does not count.",
                "type": "The type of an environment is one of test, production.",
                "description": "A description is text of at most 4000 characters.",
                "bundle": "No root certificates are uploaded here yet. Select the file that holds them.",
                "deny_list": NO_DIGEST,
                "policy_weak": "This must be 'warn', 'leave out' or 'block'.",
            },
        ),
        ("/environments/1/", ENVIRONMENT, {"type", "description", "bundle", "deny_list", "policy_weak"}),
        (
            "/users/create/",
            {"username": "OLAF", "password": "1234567", "role": "viewer", "environments": ["test"]},
            {
                "username": "There is already a user named olaf; case does not count.",
                "password": "This password is too short. It must contain at least 10 characters."
                " This password is too common. This password is entirely numeric.",
                "limits": LIMITS,
            },
        ),
        (
            "/users/create/",
            {"username": "", "password": "", "role": "operator", "environments": ["moon", "sun"]},
            {"username", "password", "limits"},
        ),
        (
            "/users/tokens/create/",
            {"name": "", "role": "operator", "environments": ["moon", "sun"], "expires": "2020-02-03"},
            {
                "name": "The name is missing.",
                "limits": "There is no environment named moon. There is no environment named sun.",
                "expires": "2020-02-03 is over already.",
            },
        ),
        (
            "/gateways/create/",
            {"environment": "test", "name": " ", "kind": "haproxy", "ca_file": "/c.pem", "probes": "[{"},
            {
                "name": "The name begins or ends with a space.",
                "socket": "Runtime API is missing.",
                "probes": "Probes: this is not readable JSON.",
            },
        ),
        (
            "/gateways/create/",
            {"environment": "test", "name": "EDGE", "kind": "files", "directory": "here"},
            {
                "name": "There is already a gateway named edge; case does not count.",
                "directory": "The directory is an absolute path, such as /srv/trust/test.",
            },
        ),
        (
            "/jwks/create/",
            {"name": "sign", "kind": "jwk", "jwk": "{", "kid": "a\nb", "description": "x" * 4001},
            {
                "name": "There is already a JWK named sign.",
                "description": "A description is text of at most 4000 characters.",
                "jwk": 'This is not a JWK: a JSON object such as {"kty": "EC", …}.',
                "environments": "A JWK given by hand needs at least one environment.",
                "kid": "A key ID is 1 to 256 printable characters.",
            },
        ),
        (
            "/jwks/1/edit/",
            {"name": "OTHER", "description": "x" * 4001, "state": "no"},
            {
                "name": "There is already a JWK named other; case does not count.",
                "description": "A description is text of at most 4000 characters.",
                "state": "The state of a JWK is active or disabled.",
            },
        ),
    ],
)
def test_all_faults_are_said_at_once(
    person: Client, address: str, given: dict[str, str], faults: dict[str, str] | set[str]
) -> None:
    models_ = (models.Environment, models.User, models.Token, models.Gateway, models.Jwk)
    before = [list(model.objects.order_by("pk").values()) for model in models_]
    for number, rows in (("environments/1", models.Environment), ("jwks/1", models.Jwk)):
        address = address.replace(number, f"{number[:-2]}/{rows.objects.order_by('pk')[0].pk}")
    page = person.post(address, {"etag": "*", **given}).content.decode()
    found = said(page)
    assert (found if isinstance(faults, dict) else set(found)) == faults
    assert [list(model.objects.order_by("pk").values()) for model in models_] == before


def test_a_file_that_holds_no_roots_is_told_at_its_control_beside_the_other_faults(person: Client) -> None:
    file = SimpleUploadedFile("roots.pem", b"nothing to see")
    given = {"name": "", "type": "test", "root_set": "uploaded", "bundle": file}
    found = said(person.post("/environments/create/", given).content.decode())
    assert found["name"] == "The name is missing."
    assert found["bundle"].endswith("roots.pem is not kept when the form comes back: select a file again.")
    assert not found["bundle"].startswith("roots.pem")
