"""What a person may not do is not offered, and a form that would be refused is refused before it is filled in."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests.authority import Authority
from trustyard import models
from trustyard.actions import certificates, environments, gateways, jwks
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Paste

from .people import signed_in

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
PLACES = ("test", "production")


@pytest.fixture(autouse=True)
def _stored(db: None) -> None:
    """In each environment an entry that waits for a release, a JWK made of it, and an Envoy."""
    authority = Authority("Roles CA")
    for name in PLACES:
        environments.create(LOCAL, name=name, type=name)
        gateways.create(LOCAL, name, name=f"edge-{name}", kind="envoy", options={})
        entry = EntryGiven((name,), name, Paste("BASE64PEM", authority.issue(name).pem))
        certificates.create(LOCAL, [Definition(name, "", [entry])])
        jwks.create(LOCAL, name=f"key-{name}", source=jwks.FromCertificate(name, name))


@pytest.fixture
def sign_in(client: Client) -> SignIn:
    def person(role: str, *places: str) -> Client:
        return signed_in(client, "somebody", role, *places)

    return person


def addresses(name: str) -> dict[str, str]:
    """The pages of what is in this environment."""
    return {
        "environment": f"/environments/{models.Environment.objects.get(name=name).pk}/",
        "gateway": f"/gateways/{models.Gateway.objects.get(environment__name=name).pk}/",
        "jwk": f"/jwks/{models.Jwk.objects.get(name=f'key-{name}').pk}/",
    }


def test_head_is_answered_as_get_and_presses_no_button(sign_in: SignIn) -> None:
    """It needs no CSRF token."""
    browser, stored = sign_in("operator", "test"), models.AuditEvent.objects.count()
    mine, others = addresses("test"), addresses("production")
    certificate = f"/certificates/{models.Certificate.objects.get(name='test').pk}/"
    for path in (mine["jwk"], mine["gateway"], others["jwk"], others["gateway"], mine["environment"], certificate):
        for button in ("edit/", "delete/"):
            told = browser.get(f"{path}{button}"), browser.head(f"{path}{button}")
            assert told[0].status_code == told[1].status_code, f"{path}{button}"
    assert models.AuditEvent.objects.count() == stored


@pytest.mark.parametrize("path", ["users", "gateways", "jwks", "environments"])
def test_a_form_that_a_role_may_never_use_is_refused_when_it_is_opened(sign_in: SignIn, path: str) -> None:
    answer = sign_in("viewer").get(f"/{path}/create/")
    assert answer.status_code == 403
    assert "The role viewer may not do this" in answer.content.decode()


@pytest.mark.parametrize("form", ["edit", "delete"])
@pytest.mark.parametrize("what", ["gateway", "jwk"])
def test_the_form_of_another_environment_is_refused_when_it_is_opened(sign_in: SignIn, what: str, form: str) -> None:
    operator = sign_in("operator", "test")
    assert operator.get(f"{addresses('test')[what]}{form}/").status_code == 200
    assert operator.get(f"{addresses('production')[what]}{form}/").status_code == 403


def test_deleting_an_environment_is_refused_when_its_dialog_is_opened(sign_in: SignIn) -> None:
    assert sign_in("operator").get(f"{addresses('test')['environment']}delete/").status_code == 403


def test_a_certificate_that_is_elsewhere_too_cannot_be_deleted(sign_in: SignIn) -> None:
    """D-24: the button says why."""
    entry = EntryGiven(("production",), "both", Paste("BASE64PEM", Authority("Both").pem))
    certificates.update(LOCAL, "test", if_match="*", entries=[entry])
    operator = sign_in("operator", "test")
    why = ">It is in production, which you do not operate.<"
    pages = ["/certificates/?q=test", f"/certificates/{models.Certificate.objects.get(name='test').pk}/"]
    for page in pages:
        assert why in operator.get(page).content.decode()
    models.Entry.objects.get(alias="both").delete()
    for page in pages:
        assert why not in operator.get(page).content.decode()


def test_the_form_of_a_certificate_that_is_elsewhere_too_offers_what_one_operates(sign_in: SignIn) -> None:
    """D-24: name and description belong to all of its environments, an entry to its own."""
    entry = EntryGiven(("production",), "both", Paste("BASE64PEM", Authority("Both").pem))
    certificates.update(LOCAL, "test", if_match="*", entries=[entry])
    stored = models.Certificate.objects.get(name="test")
    operator = sign_in("operator", "test")
    address = operator.post(f"/certificates/{stored.pk}/edit/")["Location"]
    form = operator.get(address).content.decode()
    assert re.findall(r'name="(name|description)"[^>]* readonly', form) == ["name", "description"]
    assert "Name and description stay" in form
    assert form.count(">You do not operate production.<") == 2, "Edit and Remove"
    assert "You do not operate test." not in form
    window = operator.post(f"{address}window/", {"name": "test", "description": ""}).content.decode()
    assert "There is a definition for each environment that you operate already" in window
    environments.create(LOCAL, name="third")
    window = operator.post(f"{address}window/", {"name": "test", "description": ""}).content.decode()
    assert re.findall(r'name="environments" value="(\w+)"( disabled)?', window) == [
        ("production", " disabled"), ("test", " disabled"), ("third", " disabled"),
    ]  # fmt: skip


def test_the_form_of_ones_own_certificate_is_all_open(sign_in: SignIn) -> None:
    operator = sign_in("operator", "test")
    for address in (
        operator.post(f"/certificates/{models.Certificate.objects.get(name='test').pk}/edit/")["Location"],
        operator.post("/certificates/create/")["Location"],
    ):
        form = operator.get(address).content.decode()
        assert "readonly" not in form
        assert "You do not operate" not in form
    window = operator.post(f"{address}window/", {"name": "", "description": ""}).content.decode()
    assert re.findall(r'name="environments" value="(\w+)"( disabled)?', window) == [
        ("production", " disabled"), ("test", ""),
    ]  # fmt: skip


def test_certificates_are_promoted_into_what_one_operates(sign_in: SignIn) -> None:
    operator = sign_in("operator", "test")
    listed = operator.get("/environments/").content.decode()
    assert "promote/?from=production" in listed
    assert "promote/?from=test" not in listed, "there is nowhere to go from it"
    _, _, into = operator.get("/environments/promote/").content.decode().partition('name="to"')
    assert re.findall("<option( selected)?>(.+?)</option>", into) == [(" selected", "test")]
    refused = operator.get("/environments/promote/?from=test&to=production")
    assert (refused.status_code, "operator of other environments" in refused.content.decode()) == (403, True)


def test_who_operates_one_environment_is_offered_its_buttons_alone(sign_in: SignIn) -> None:
    """D-24."""
    operator = sign_in("operator", "test")
    offered = {
        ("environment", "", "deploy/"): "/environments/",
        ("environment", "preview/", "deploy/"): None,
        ("environment", "/certificates/truststore/?environment={}", "deploy/"): None,
        ("gateway", "", "edit/"): "/gateways/",
        ("gateway", "", "delete/"): "/gateways/",
        ("gateway", "", "bootstrap/"): None,
        ("gateway", "", "rotate/"): None,
        ("jwk", "", "edit/"): "/jwks/",
    }
    for (what, page, action), listed in offered.items():
        for name in PLACES:
            there = addresses(name)[what]
            shown = [page.format(name) if page.startswith("/") else f"{there}{page}", *([listed] if listed else [])]
            for address in shown:
                said = operator.get(address).content.decode()
                assert (f'"{there}{action}"' in said) == (name == "test"), f"{address}: {there}{action}"


@pytest.mark.parametrize("what", ["gateway", "jwk"])
@pytest.mark.parametrize(
    ("person", "edit", "delete"),
    [
        (("viewer",), "The role viewer may not edit.", "The role viewer may not delete."),
        (("operator", "test"), *["It is in production, which you do not operate."] * 2),
    ],
)
def test_edit_and_delete_say_why_one_may_not(
    sign_in: SignIn, what: str, person: tuple[str, ...], edit: str, delete: str
) -> None:
    """On the page and in the menu of the row, as of a certificate: the button stands there with the reason."""
    somebody = sign_in(*person)
    there = addresses("production")[what]
    for address in (there, f"/{what}s/"):
        said = somebody.get(address).content.decode()
        for label, why in (("Edit", edit), ("Delete", delete)):
            buttons = re.findall(rf'aria-describedby="(why-[\w-]+)"><svg.*?</svg> ?{label}</button>', said, re.DOTALL)
            assert any(f'<small id="{key}"' in said for key in buttons), f"{address}: {label}"
            assert f">{why}<" in said, address
    if edit == delete:
        head = somebody.get(there).content.decode().partition("<section")[0]
        assert head.count(why) == 1, "one reason is said once"


def test_many_environments_are_not_told_one_by_one(sign_in: SignIn) -> None:
    more = [f"place-{number}" for number in range(4)]
    for name in more:
        environments.create(LOCAL, name=name)
    entry = EntryGiven(tuple(more), "much", Paste("BASE64PEM", Authority("Much").pem))
    certificates.update(LOCAL, "test", if_match="*", entries=[entry])
    said = sign_in("operator", "test").get("/certificates/?q=test").content.decode()
    assert ">It is in environments that you do not operate.<" in said
    assert "place-0, which" not in said


def test_who_may_not_see_a_bootstrap_or_deploy_is_told_so(sign_in: SignIn) -> None:
    viewer = sign_in("viewer")
    said = viewer.get(addresses("test")["gateway"]).content.decode()
    assert "Show bootstrap" in said
    assert ">The role viewer may not see it.<" in said
    assert "Rotate token" not in said
    assert ">The role viewer may not deploy.<" in viewer.get("/environments/").content.decode()


def test_a_preview_says_why_there_is_no_deploy(sign_in: SignIn) -> None:
    said = sign_in("operator", "test").get(f"{addresses('production')['environment']}preview/").content.decode()
    assert "You operate other environments" in said


def test_a_new_gateway_is_offered_the_environments_that_one_operates(sign_in: SignIn) -> None:
    said = sign_in("operator", "test").get("/gateways/create/").content.decode()
    assert "<option selected>test</option>" in said
    assert "<option>production</option>" not in said
