"""PostgreSQL fails under a running `serve` that an Envoy is connected to: stopped, cut off, read-only; and is back."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from tests.authority import Authority
from tests.databases import Cluster
from tests.faults.savers import Savers
from tests.faults.story import add, deploy, post, releases
from tests.live.envoy import REFUSED, Envoy, request
from tests.live.stage import Stage
from tests.programs import free_port
from tests.server.serving import PASSWORD, Serving, eventually, run

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(300)]
# What was answered as saved must be on the disk when the power is cut.
SETTINGS = ("fsync=on", "max_connections=100", "shared_buffers=32MB", "listen_addresses=''")
DATABASE = "trustyard"
BOUND = 10.0  # seconds until a request is answered that needs a database which is not there
# Five of silence until it is asked over a new connection, five for that; what others had begun is answered before.
STILL_BOUND = 30.0
OTHERS = f"FROM pg_stat_activity WHERE datname = '{DATABASE}' AND pid <> pg_backend_pid()"


@dataclass
class Scene:
    """A database, Trustyard on it, an Envoy connected to that, and a person at the console."""

    cluster: Cluster
    serving: Serving
    stage: Stage
    envoy: Envoy
    browser: httpx.Client

    def trust(self, name: str, authority: Authority) -> None:
        """Save and Deploy, accepted by both gateways."""
        for gateway in ("edge", "files"):
            deployed = deploy(self.serving, f"{name}-{gateway}", authority, wait=60, gateway=gateway)
            assert deployed["state"] == "accepted", deployed

    def lets_in(self) -> list[int | str]:
        """How the partner and the stranger fare at Envoy, with fresh handshakes."""
        port = self.envoy.port()
        return [request(port, one) for one in (self.stage.partner_cert, self.stage.stranger_cert)]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.serving.url + path, trust_env=False, verify=False, timeout=60)

    def is_whole(self) -> None:
        """The same process goes on, and the audit chain is whole."""
        assert self.serving.process.poll() is None
        verified = run(self.serving.data_dir, "audit", "verify", DATABASE_URL=self.cluster.url + DATABASE)
        assert "each fits" in verified.stdout


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("database")
    cluster, stage = Cluster(*SETTINGS).start(), Stage(folder)
    try:
        with Serving(folder / "data", DATABASE_URL=cluster.create(DATABASE)) as serving, browser(serving) as person:
            add(serving, "envoy", {})
            cert, key = stage.own.written(folder)
            wanted = {"listen": f"127.0.0.1:{free_port()}", "cert": cert, "key": key}
            with serving.client() as client:
                text = client.get("/api/v1/environments/test/gateways/edge/bootstrap", params=wanted).text
            with Envoy(text, folder) as envoy:
                scene = Scene(cluster, serving, stage, envoy, person)
                scene.trust("partner", stage.partner)
                yield scene
    finally:
        cluster.remove()


@contextmanager
def browser(serving: Serving) -> Iterator[httpx.Client]:
    """Signed in."""
    with httpx.Client(base_url=serving.url, trust_env=False, timeout=60) as client:
        client.get("/sign-in/").raise_for_status()
        form = {"login": "admin", "password": PASSWORD}
        answer = client.post("/sign-in/", data=form, headers={"X-CSRFToken": client.cookies["trustyard-csrf"]})
        assert answer.status_code == 302, answer.text
        yield client


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "power cut"])
def test_while_postgresql_is_away_gateways_keep_their_trust_all_else_is_told_so_and_goes_on_afterwards(
    scene: Scene, how: signal.Signals
) -> None:
    published = scene.get("/published/test/jwks.json")
    with Savers(scene.serving) as savers:
        scene.cluster.stop(how)
        try:
            _told_that_it_is_away(scene)
            assert scene.lets_in() == [200, REFUSED]
            assert scene.get("/published/test/jwks.json").content == published.content
        finally:
            scene.cluster.start()
        savers.more()
    eventually(lambda: scene.get("/readyz").status_code == 200, 30)
    # Everything goes on in the same process: saves, the worker, the streams, and hearing of other nodes.
    savers.check(scene.serving)
    scene.trust(f"after {how.name}", Authority("Afterwards"))
    assert scene.lets_in() == [200, REFUSED]
    scene.is_whole()
    eventually(lambda: scene.cluster.execute(f"SELECT 1 {OTHERS} AND application_name = 'trustyard news'"), 30)


def test_a_database_that_stands_still_holds_nobody_up_and_all_goes_on_when_it_wakes(scene: Scene) -> None:
    published = scene.get("/published/test/jwks.json").content
    with Savers(scene.serving) as savers:
        with scene.cluster.asleep(), scene.serving.client() as client:
            began = time.monotonic()
            ready = scene.get("/readyz")
            assert (ready.status_code, ready.json()["detail"]) == (503, "The database cannot be reached.")
            answer = client.get("/api/v1/certificates", timeout=90)
            took = time.monotonic() - began
            print(f"refused after {took:.1f} s")
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/database-unavailable")
            assert took < STILL_BOUND
            assert scene.get("/published/test/jwks.json").content == published
            assert scene.lets_in() == [200, REFUSED]
        savers.more()
    savers.check(scene.serving)
    scene.trust("after sleep", Authority("Afterwards"))
    scene.is_whole()


def _told_that_it_is_away(scene: Scene) -> None:
    ready = scene.get("/readyz")
    assert (ready.status_code, ready.json()["detail"]) == (503, "The database cannot be reached.")
    assert scene.get("/healthz").status_code == 200
    assert "trustyard_database_up 0.0" in scene.get("/metrics").text
    with ThreadPoolExecutor() as pool, scene.serving.client() as client:
        began = time.monotonic()
        asked = [pool.submit(client.get, "/api/v1/certificates") for _ in range(12)]
        asked.append(pool.submit(post, scene.serving, "never", scene.stage.stranger.pem))
        answers = [one.result() for one in asked]
        assert time.monotonic() - began < BOUND
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/database-unavailable")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
    page = scene.browser.get("/certificates/")
    assert page.status_code == 503
    assert "<h1>Not available</h1><p>The database does not answer" in page.text
    assert "console.css" in page.text
    assert "To the start page" in page.text
    part = scene.browser.get("/certificates/", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Retarget"]) == (503, "#notices")
    assert 'role="alert"' in part.text


def test_connections_that_are_cut_amid_saves_cost_a_503_at_most_and_nothing_is_half_saved(scene: Scene) -> None:
    with Savers(scene.serving) as savers:
        for _ in range(4):
            assert scene.cluster.cut(DATABASE)
            savers.more()
    savers.check(scene.serving)
    assert scene.cluster.cut(DATABASE)
    with ThreadPoolExecutor() as pool, scene.serving.client() as client:
        asked = [pool.submit(client.get, "/api/v1/certificates") for _ in range(12)]
        assert {one.result().status_code for one in asked} == {200}
    scene.trust("after cuts", Authority("Afterwards"))
    assert scene.lets_in() == [200, REFUSED]
    scene.is_whole()


def test_while_the_database_takes_no_writes_saves_are_refused_in_words_and_reading_goes_on(scene: Scene) -> None:
    before, published = releases(scene.serving)[0]["number"], scene.get("/published/test/jwks.json").content
    with scene.cluster.read_only():
        refused = eventually(lambda: _refused(scene, f"never {time.monotonic()}"), 30)
        assert refused.json()["type"] == "/problems/database-read-only"
        assert int(refused.headers["Retry-After"]) > 0
        assert scene.browser.get("/certificates/").status_code == 200
        assert scene.get("/published/test/jwks.json").content == published
        assert scene.lets_in() == [200, REFUSED]
        now = releases(scene.serving)[0]["number"]
    eventually(lambda: post(scene.serving, f"again {time.monotonic()}", Authority("Again").pem).status_code == 201, 30)
    assert releases(scene.serving)[0]["number"] == now + 1
    assert now >= before
    scene.trust("after read-only", Authority("Afterwards"))
    scene.is_whole()


def _refused(scene: Scene, alias: str) -> httpx.Response | None:
    answer = post(scene.serving, alias, Authority("Never").pem, wait=0)
    return None if answer.status_code == 201 else answer
