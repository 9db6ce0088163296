"""What several nodes of one PostgreSQL share: the start, the secret key, people's sessions, drafts and attempts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from tests.databases import chosen
from trustyard.gateways.agent import wire

from .nodes import Nodes
from .serving import PASSWORD, Serving, eventually, run

CSRF = "trustyard-csrf"
pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """On a database without any table."""
    name = f"empty{secrets.token_hex(6)}"
    with psycopg.connect(f"{chosen()}postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]  # hex
    with Nodes(tmp_path_factory.mktemp("nodes"), DATABASE_URL=chosen() + name) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def pair(nodes: Nodes) -> tuple[Serving, Serving]:
    """Two that were started at the same moment."""
    with ThreadPoolExecutor() as pool:
        a, b = pool.map(nodes.start, ("a", "b"))
    return a, b


def submit(browser: httpx.Client, url: str, **values: str) -> httpx.Response:
    """A form, with the token of the page before it, from whichever node that came."""
    if CSRF not in browser.cookies:
        browser.get(url).raise_for_status()
    return browser.post(url, data=values, headers={"X-CSRFToken": browser.cookies[CSRF]})


def test_two_that_start_at_once_on_an_empty_database_make_one_of_everything(
    pair: tuple[Serving, Serving], nodes: Nodes
) -> None:
    said = [line for node in pair for line in node.said if line.startswith("User admin")]
    assert len(said) == 1
    for node in pair:
        with node.client() as client:
            listed = client.get("/api/v1/environments").json()
            assert [one["name"] for one in listed["items"]] == ["test", "production"]
    run(nodes.folder / "a", "audit", "verify", **nodes.settings)


def test_a_node_with_another_secret_key_is_refused_by_name(pair: tuple[Serving, Serving], nodes: Nodes) -> None:
    other = nodes.folder / "other-key"
    other.write_text(secrets.token_urlsafe(48))
    settings = {**nodes.settings, "SECRET_KEY_FILE": str(other)}
    assert f"The secret key in {other} is not the one" in run(nodes.folder / "a", "check", code=1, **settings).stderr
    for command in ("serve", "worker"):
        refused = run(nodes.folder / "stranger", command, code=1, **settings)
        assert f"The secret key in {other} is not the one that this database was made with." in refused.stderr
        assert "TRUSTYARD_SECRET_KEY_FILE" in refused.stderr


def test_who_signs_in_at_one_node_goes_on_at_the_other_with_the_same_draft(pair: tuple[Serving, Serving]) -> None:
    a, b = pair
    with httpx.Client(trust_env=False, timeout=60) as browser:  # cookies go by host, not by port: as behind one address
        assert submit(browser, f"{a.url}/sign-in/", login="admin", password=PASSWORD).status_code == 302
        assert browser.get(f"{b.url}/certificates/").status_code == 200
        made = submit(browser, f"{a.url}/certificates/create/")
        assert made.status_code in (302, 303), made.text
        draft = made.headers["Location"]
        page = submit(browser, f"{b.url}{draft}define/", name="made at a")
        assert page.status_code in (200, 302), page.text
        assert "made at a" in browser.get(f"{a.url}{draft}").text


def test_two_agents_of_one_name_at_two_nodes_are_noticed_and_said_once(pair: tuple[Serving, Serving]) -> None:
    """Each node hears one of them alone; what they heard together says that there are two."""
    place, gateway = "/api/v1/environments/test/gateways", "/api/v1/environments/test/gateways/edge"
    with pair[0].client() as rest:
        rest.post(place, json={"name": "edge", "kind": "agent"}).raise_for_status()
        told = rest.get(f"{gateway}/bootstrap").text
        token = next(line.split('"')[1] for line in told.splitlines() if line.startswith("token = "))

        def spoken() -> list[str]:
            headers = {"Authorization": f"Bearer {token}"}
            for node, process in zip(pair, ("one", "two"), strict=True):
                query = {"node": "clone", "process": process}
                with httpx.Client(base_url=node.url, headers=headers, trust_env=False, verify=False) as agent:
                    eventually(lambda: agent.get(wire.RELEASE, params=query).status_code in (200, 204))  # noqa: B023 - at once
            return [address for node in rest.get(gateway).json()["nodes"] for address in node["agents"]]

        assert spoken() == []
        assert eventually(spoken) == ["127.0.0.1", "127.0.0.1"]
        spoken()
    assert sum("agents.one_name" in line for node in pair for line in node.log) == 1


def test_attempts_to_sign_in_count_together_wherever_they_are_made(pair: tuple[Serving, Serving]) -> None:
    """Five in five minutes for one name: behind a balancer they come by different nodes."""
    one_address = {"Host": "localhost"}
    with httpx.Client(trust_env=False, headers=one_address, timeout=60) as browser:
        answers = [
            submit(browser, f"{pair[turn % 2].url}/sign-in/", login="somebody", password=f"wrong {turn}").status_code
            for turn in range(6)
        ]
    assert answers[:5] == [200] * 5
    assert answers[5] == 429
