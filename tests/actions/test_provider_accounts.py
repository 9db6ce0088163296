"""Roles from a claim: where it stands, which value counts, and what never makes somebody more than they are."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount

from trustyard import models
from trustyard.actions import provider_accounts, users
from trustyard.actions.actors import LOCAL, Actor
from trustyard.actions.provider_accounts import Granted, granted, values
from trustyard.errors import Conflict, NotAllowed, Refused
from trustyard.server.configuration import Configuration, ConfigurationRefused

PROVIDER = Actor("provider:Example AG", "admin", None, "192.0.2.1", "console")


def grants(text: str) -> Any:
    provider = configured(OIDC_ROLES=text).identity.provider
    assert provider is not None
    return provider.grants


def configured(**settings: str) -> Configuration:
    given = {"OIDC_ISSUER": "https://login.example.org/realms/x/", "OIDC_CLIENT_ID": "t", "OIDC_ROLES": "a=admin"}
    return Configuration.from_environment({f"TRUSTYARD_{name}": value for name, value in {**given, **settings}.items()})


@pytest.mark.parametrize(
    ("claims", "path", "expected"),
    [
        ({"groups": ["a", "b"]}, "groups", ["a", "b"]),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ["a"]),
        ({"https://example.org/roles": ["a"]}, "https://example.org/roles", ["a"]),
        ({"department": "platform"}, "department", ["platform"]),
        ({"groups": {"a": 1}}, "groups", []),
        ({"groups": None}, "groups", []),
        ({"realm_access": "x"}, "realm_access.roles", []),
        ({}, "groups", []),
    ],
)
def test_a_claim_is_found_by_its_name_or_by_dots(claims: dict[str, Any], path: str, expected: list[str]) -> None:
    assert values(claims, path) == expected


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (["boss", "all"], Granted("admin")),
        (["t", "p"], Granted("operator", ("production", "test"))),
        (["t", "platform"], Granted("operator")),
        (["t", "gone", "all"], Granted("operator", ("test",))),
        (["gone", "all"], Granted("viewer")),
        (["gone"], None),
        (["BOSS"], None),
        (["CN=x,OU=y"], Granted("viewer")),
        ([], None),
    ],
)
def test_the_highest_role_counts_and_a_place_that_is_gone_gives_nothing(
    held: list[str], expected: Granted | None
) -> None:
    text = r"boss=admin,t=operator:test,p=operator:production,platform=operator,gone=operator:moon,all=viewer"
    assert granted(held, grants(rf"{text},CN=x\,OU=y=viewer"), ["test", "production"]) == expected


def test_a_star_lets_everybody_in_whom_the_provider_knows() -> None:
    assert granted([], grants("*=viewer,boss=admin"), []) == Granted("viewer")


@pytest.mark.django_db
def test_who_lost_the_last_role_loses_access_and_names_stay_their_owners() -> None:
    users.create(LOCAL, "Admin", password="a long and quiet night", role="admin")
    claims = {"sub": "1", "preferred_username": "admin"}
    made = provider_accounts.take(PROVIDER, None, claims, Granted("operator", ("test",)))
    assert (made.username, made.has_usable_password()) == ("admin-2", False)
    assert [place.name for place in made.environments.all()] == ["test"]
    odd = provider_accounts.take(PROVIDER, None, {"sub": "2", "preferred_username": "\x00\n"}, Granted("viewer"))
    assert odd.username == "2", "a name that cannot be one gives way to the next claim"
    with pytest.raises(NotAllowed, match="its claim groups holds nothing"):
        provider_accounts.role_of(PROVIDER, made, {"groups": ["x"]}, "groups", grants("a=admin"))
    assert models.AuditEvent.objects.filter(action="user.sign_in_refused", object_name="admin-2").exists()
    with pytest.raises(NotAllowed):
        provider_accounts.role_of(PROVIDER, None, {}, "groups", grants("a=admin"))


@pytest.mark.django_db
def test_who_comes_by_the_provider_gets_no_password_here() -> None:
    """It would outlive what the provider says of them."""
    made = provider_accounts.take(PROVIDER, None, {"sub": "1", "preferred_username": "ida"}, Granted("viewer"))
    SocialAccount.objects.create(user=made, provider="https://login.example.org", uid="1")
    with pytest.raises(Refused, match="by the company's provider") as refused:
        users.set_password(LOCAL, "ida", "a long and quiet night")
    assert refused.value.code == "provider-account"
    made.refresh_from_db()
    assert not made.has_usable_password()


@pytest.mark.django_db
@pytest.mark.parametrize(("first", "second", "third"), [("Ödön", "ödön", "ÖDÖN"), ("irem", "\u0130rem", "\u0130REM")])
def test_two_names_are_one_whatever_the_case_of_letters_beyond_ascii(first: str, second: str, third: str) -> None:
    users.create(LOCAL, first, password="a long and quiet night")
    with pytest.raises(Conflict, match=f"There is already a user named {first}; case does not count"):
        users.create(LOCAL, second, password="a long and quiet night")
    made = provider_accounts.take(PROVIDER, None, {"sub": "1", "preferred_username": third}, Granted("viewer"))
    assert made.username == f"{third}-2"


@pytest.mark.django_db
def test_a_claim_may_demote_the_last_administrator_and_the_command_line_helps() -> None:
    users.create(LOCAL, "rescue", password="a long and quiet night", role="admin")
    boss = provider_accounts.take(PROVIDER, None, {"sub": "1", "preferred_username": "boss"}, Granted("admin"))
    users.disable(LOCAL, "rescue")
    provider_accounts.take(PROVIDER, boss, {"sub": "1"}, Granted("viewer"))
    assert not models.User.objects.filter(role="admin", is_active=True).exists()
    users.disable(LOCAL, "boss")  # who is no administrator is not the last one
    users.enable(LOCAL, "rescue")
    with pytest.raises(Conflict, match="last administrator"):
        users.disable(LOCAL, "rescue")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["token:me", "Provider:ann", "command line", "TrustYard"])
def test_nobody_comes_to_be_named_like_a_token_a_provider_or_trustyard_itself(name: str) -> None:
    with pytest.raises(NotAllowed, match=f"Nobody can be named {name}"):
        provider_accounts.take(PROVIDER, None, {"sub": "1", "preferred_username": name}, Granted("viewer"))
    with pytest.raises(Refused, match=f"Nobody can be named {name}") as caught:
        users.create(LOCAL, name, password="a long and quiet night")
    assert (caught.value.code, caught.value.fields[0].field) == ("reserved-name", "username")
    assert not models.User.objects.exists()
    assert not models.AuditEvent.objects.filter(action="user.create").exists()


@pytest.mark.django_db
def test_who_had_such_a_name_before_comes_in_and_other_names_with_colons_are_free() -> None:
    old = models.User.objects.create(username="token:me")
    assert provider_accounts.take(PROVIDER, old, {"sub": "1"}, Granted("admin")).role == "admin"
    made = provider_accounts.take(PROVIDER, None, {"sub": "2", "upn": "dept:trustyard"}, Granted("viewer"))
    assert made.username == "dept:trustyard"


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"OIDC_ISSUER": "http://login.example.org"}, "OIDC_ISSUER"),
        ({"OIDC_ISSUER": "login.example.org"}, "OIDC_ISSUER"),
        ({"OIDC_CLIENT_ID": ""}, "OIDC_CLIENT_ID"),
        ({"OIDC_ROLES": ""}, "OIDC_ROLES"),
        ({"OIDC_ROLES": "a=boss"}, "OIDC_ROLES"),
        ({"OIDC_ROLES": "a=viewer:test"}, "OIDC_ROLES"),
        ({"OIDC_CLIENT_SECRET_FILE": "/nowhere"}, "OIDC_CLIENT_SECRET_FILE"),
        ({"OIDC_ISSUER": "", "LOCAL_SIGN_IN": "off"}, "LOCAL_SIGN_IN"),
        ({"REQUIRE_MFA": "some"}, "REQUIRE_MFA"),
        ({"TOKEN_MAX_DAYS": "soon"}, "TOKEN_MAX_DAYS"),
    ],
)
def test_a_setting_that_would_let_nobody_or_anybody_in_is_refused_by_name(settings: dict[str, str], fault: str) -> None:
    with pytest.raises(ConfigurationRefused) as caught:
        configured(**settings)
    assert [field.field for field in caught.value.fields] == [f"TRUSTYARD_{fault}"]


def test_the_issuer_may_be_written_as_people_copy_it() -> None:
    for written in (
        "https://x.example/r/",
        "https://x.example/r",
        "https://x.example/r/.well-known/openid-configuration",
    ):
        provider = configured(OIDC_ISSUER=written, OIDC_CLIENT_SECRET="s3cret").identity.provider
        assert provider is not None
        assert provider.issuer == "https://x.example/r"
        assert "s3cret" not in repr(provider)
