"""A sign-in provider that is broken or hostile: nobody comes in as somebody else, and the server says what is wrong."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.databases import chosen, opened, settings_of
from tests.journeys.liar import (
    ANOTHER_KEY,
    CLIENT,
    DESCRIPTION,
    GONE,
    KEY,
    KEYS,
    PERSON,
    SECRET,
    TOKEN,
    Asked,
    Liar,
    Stranger,
    public,
)
from tests.server.serving import Serving, eventually, sign_in

Lie = Callable[[Liar], Any]
AWRY = "What Example AG answered cannot be relied upon, so nobody is signed in."
AWAY = "Example AG does not answer, so nobody can sign in by it now."
FAR = 10**12
DEEP = b"[" * 200_000
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def provider() -> Iterator[Liar]:
    made = Liar()
    yield made
    made.stop()


@pytest.fixture
def liar(provider: Liar) -> Liar:
    provider.honest()
    return provider


@pytest.fixture(scope="module")
def company(provider: Liar, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    secret = tmp_path_factory.mktemp("lies") / "client-secret"
    secret.write_text(SECRET)
    settings = {
        "OIDC_ISSUER": provider.url,
        "OIDC_CLIENT_ID": CLIENT,
        "OIDC_CLIENT_SECRET_FILE": str(secret),
        "OIDC_NAME": "Example AG",
        "OIDC_ROLE_CLAIM": "groups",
        "OIDC_ROLES": "admins=admin,viewers=viewer",
        "TRUSTED_PROXIES": "127.0.0.0/8",
    }
    with Serving(secret.parent / "data", **settings) as serving:
        yield serving


@pytest.fixture
def stranger(company: Serving, liar: Liar) -> Iterator[Stranger]:
    with Stranger(company.url, liar) as browser:
        yield browser


def shown(answer: httpx.Response) -> str:
    """What is said on a page in the product's own layout."""
    assert "console.css" in answer.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def person(browser: Stranger) -> tuple[str, str] | None:
    """Who is signed in, and with which role."""
    answer = browser.get("/account/")
    if answer.status_code == 302:
        return None
    name, role = re.search(r"<h1>(.*?)</h1>", answer.text), re.search(r"with the role (\w+)", shown(answer))
    assert name
    assert role
    return unescape(name[1]), role[1]


def says(path: str, answer: Any) -> Lie:
    return lambda liar: liar.answers.update({path: answer})


def describes(**what: Any) -> Lie:
    return lambda liar: liar.described.update(what)


def claims(**what: Any) -> Lie:
    return lambda liar: liar.claims.update(what)


def tokens(**what: Any) -> Lie:
    return lambda liar: liar.tokens.update(what)


def oct_key(liar: Liar) -> None:
    """The set has a secret, which anybody can read, as if it were a public key."""
    liar.answers[KEYS] = {"keys": [{"kty": "oct", "k": "a" * 43, "kid": "one"}]}
    liar.sign("RS256", b"i\xa6\x9a" * 11)


AWRY_IF: dict[str, Lie] = {
    **{
        f"{path} {what}": says(path, answer)
        for path in (DESCRIPTION, TOKEN, KEYS, PERSON)
        for what, answer in {
            "is no JSON": b"<html>",
            "is a list": b"[]",
            "is null": b"null",
            "is nested without end": DEEP,
            "is very large": b'{"a": "' + b"x" * 2_000_000 + b'"}',
            "is elsewhere": lambda asked: asked.say(status=307, Location="/elsewhere"),
        }.items()
    },
    **{
        f"{name} is {address}": describes(**{name: address})
        for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
        for address in (
            "http://login.example.org/x",
            "ftp://127.0.0.1/",
            "javascript:alert(1)",
            "/x",
            ["x"],
            "https://[",
        )
    },
    "it has no keys": describes(jwks_uri=None),
    "it calls itself another": describes(issuer="https://login.example.org"),
    "it knows no way to say the secret": describes(token_endpoint_auth_methods_supported=5),
    "the token lasts for ever": tokens(expires_in=FAR),
    "the token lasts infinitely": tokens(expires_in=float("inf")),
    "the token is not text": tokens(id_token={"a": 1}),
    "it has no end": claims(exp=GONE),
    "it has ended": claims(exp=1),
    "its end is infinite": claims(exp=float("inf")),
    "it has no beginning": claims(iat=GONE),
    "it begins later": claims(iat=FAR),
    "it is for another": claims(aud="another"),
    "it is for nobody": claims(aud=GONE),
    "it was made for another": claims(aud=[CLIENT, "another"], azp="another"),
    "it is of another": claims(iss="https://login.example.org"),
    "it answers another request": claims(nonce="another"),
    "it answers no request": claims(nonce=GONE),
    "it is about nobody": claims(sub=GONE),
    "it is about a number": claims(sub=5),
    "it is about emptiness": claims(sub=""),
    "it is about half a character": claims(sub="\ud800"),
    "the user info is about another": says(PERSON, {"sub": "admin", "groups": ["admins"]}),
    "the user info is about nobody": says(PERSON, {"groups": ["admins"]}),
    "it is not signed": lambda liar: liar.sign("none", None),
    "the public key is taken for a secret": lambda liar: liar.sign("HS256", PEM),
    "the client's secret signs it": lambda liar: liar.sign("HS256", SECRET.encode()),
    "a secret is published as a key": oct_key,
    "another key signs it": lambda liar: setattr(liar, "key", ANOTHER_KEY),
    "its key is unknown": lambda liar: liar.header.update(kid="two"),
    "its key is two keys": says(KEYS, {"keys": [public(KEY, kid="one"), public(ANOTHER_KEY, kid="one")]}),
    "its key is of another kind": says(KEYS, {"keys": [{"kty": "EC", "crv": "P-256", "kid": "one"}]}),
}


@pytest.mark.parametrize("lie", AWRY_IF.values(), ids=list(AWRY_IF))
def test_nobody_comes_in_by_what_cannot_be_relied_upon(
    company: Serving, liar: Liar, stranger: Stranger, lie: Lie
) -> None:
    lie(liar)
    heard = len(company.log)
    answer = stranger.sign_in()
    assert (answer.status_code, AWRY in shown(answer)) == (503, True), shown(answer)
    assert person(stranger) is None
    assert not [line for line in company.log[heard:] if "unforeseen" in line or "Traceback" in line]


@pytest.mark.parametrize("path", [DESCRIPTION, TOKEN, KEYS, PERSON])
def test_where_the_provider_breaks_down_the_page_says_so(liar: Liar, stranger: Stranger, path: str) -> None:
    liar.answers[path] = lambda asked: asked.say(b"oops", 500)
    answer = stranger.sign_in()
    assert answer.status_code == 503
    assert (AWRY if path == TOKEN else AWAY) in shown(answer)
    assert person(stranger) is None


def test_the_clients_secret_goes_nowhere_else(liar: Liar, stranger: Stranger) -> None:
    elsewhere = Liar()
    try:
        for path in (DESCRIPTION, TOKEN, KEYS, PERSON):
            liar.honest()
            liar.answers[path] = lambda asked: asked.say(status=307, Location=elsewhere.url + asked.path)
            stranger.sign_in()
        assert elsewhere.asked == []
    finally:
        elsewhere.stop()


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["admins", "viewers"], "admin"),
        ("viewers", "viewer"),
        (["viewers"] * 20_000, "viewer"),
        ([5, None, True, ["admins"], {"admins": 1}, "\ud800"], None),
        ([["admins"]], None),
        ({"admins": True}, None),
        ("admins,viewers", None),
        (["ADMINS", "admins "], None),
        ("*", None),
        (1.5, None),
        (None, None),
        ("x" * 500_000, None),
    ],
)
def test_a_role_comes_of_a_value_that_gives_it_and_of_nothing_like_it(
    liar: Liar, stranger: Stranger, groups: Any, role: str | None
) -> None:
    liar.person["groups"] = groups
    answer = stranger.sign_in()
    assert person(stranger) == (role and (liar.person["sub"], role))
    if role is None:
        assert answer.status_code == 403
        assert "its claim groups holds nothing that gives access" in shown(answer)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("admin", r"admin-\d"),
        ("ADMIN", r"ADMIN-\d"),
        ("\u0430dmin", r"\u0430dmin-\d"),  # with a Cyrillic letter
        ("\uff41dmin", r"\uff41dmin-\d"),
        ("ad\u200bmin", r"person-\d+"),
        ("ann\u00a0lee", r"person-\d+"),
        ("\u202enimda", r"person-\d+"),
        (["admin"], r"person-\d+"),
        ({"admin": 1}, r"person-\d+"),
        (True, r"person-\d+"),
        ("<b>&", "<b>&"),
    ],
)
def test_nobody_is_named_so_that_they_pass_for_somebody_else(
    company: Serving, liar: Liar, stranger: Stranger, name: Any, made: str
) -> None:
    liar.person["preferred_username"] = name
    stranger.sign_in()
    found = person(stranger)
    assert found
    assert re.fullmatch(made, found[0])
    assert found[1] == "viewer"
    with company.client() as client:
        latest = client.get("/api/v1/audit", params={"limit": 2}).json()["items"]
    assert [(one["actor"], one["action"], one["object"]) for one in latest] == [
        (found[0], "user.sign_in", found[0]),
        ("provider:Example AG", "user.create", found[0]),
    ]


def test_two_tabs_both_come_in_and_neither_comes_in_twice_or_elsewhere(
    company: Serving, liar: Liar, stranger: Stranger
) -> None:
    stranger.begin()
    first, first_nonce = stranger.sent["state"], liar.nonce
    stranger.begin()
    assert stranger.come_back().status_code == 302
    liar.nonce = first_nonce
    assert stranger.come_back(first).status_code == 302
    assert person(stranger) == (liar.person["sub"], "viewer")
    assert "begun elsewhere, or too long ago" in shown(stranger.come_back(first))
    stranger.begin()
    liar.nonce = first_nonce
    assert AWRY in shown(stranger.come_back()), "an ID token of another sign-in"
    stranger.begin()
    with Stranger(company.url, liar) as other:
        assert other.come_back(stranger.sent["state"]).status_code == 401
        assert person(other) is None


@pytest.mark.skipif(not chosen(), reason="SQLite has one writer at a time")
def test_of_two_who_come_for_the_first_time_under_one_name_the_later_gets_another(
    company: Serving, liar: Liar, stranger: Stranger
) -> None:
    name = liar.person["sub"]
    address = settings_of(company.data_dir)["TRUSTYARD_DATABASE_URL"]
    with opened(company.data_dir) as looking, psycopg.connect(address) as first, ThreadPoolExecutor(1) as pool:
        first.execute(
            "INSERT INTO trustyard_user (username, password, email, role, is_active, created_at)"
            " VALUES (%s, '!', '', 'viewer', true, now())",
            [name],
        )
        answer = pool.submit(stranger.sign_in)
        waiting = "wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%trustyard_user%'"
        eventually(lambda: looking.execute(f"SELECT 1 FROM pg_stat_activity WHERE {waiting}").fetchall())
        first.commit()
        assert answer.result(20).status_code == 302
    assert person(stranger) == (f"{name}-2", "viewer")


def test_who_is_signed_in_here_becomes_whom_the_provider_names_and_neither_account_the_other(
    company: Serving, liar: Liar, stranger: Stranger
) -> None:
    assert sign_in(stranger, company.url)
    liar.person |= {"email": "admin@example.org", "email_verified": True}
    assert stranger.sign_in().status_code == 302
    assert person(stranger) == (liar.person["sub"], "viewer")


def test_a_provider_that_does_not_answer_holds_up_nobody_but_who_waits_for_it(
    company: Serving, liar: Liar, stranger: Stranger
) -> None:
    let_go = threading.Event()

    def hold(asked: Asked) -> None:
        let_go.wait(30)
        asked.say(status=500)

    def begin() -> httpx.Response:
        with Stranger(company.url, liar) as one:
            return one.begin()

    liar.answers[DESCRIPTION] = hold
    with ThreadPoolExecutor(12) as pool, httpx.Client(base_url=company.url, trust_env=False, timeout=20) as another:
        asking = [pool.submit(begin) for _ in range(12)]
        try:
            eventually(lambda: (len(liar.asked), sum(one.done() for one in asking)) == (8, 4))
            told = [one.result() for one in asking if one.done()]
            assert another.get("/sign-in/").status_code == 200
        finally:
            let_go.set()
    assert {answer.status_code for answer in told} == {503}
    assert "Many wait for Example AG already." in shown(told[0])
    assert {AWAY in shown(one.result()) for one in asking if one.result() not in told} == {True}
