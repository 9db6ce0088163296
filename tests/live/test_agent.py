"""A real agent beside a real Trustyard: away and back, killed at any moment, commands that fail, a full disk."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authority import Authority
from tests.server import loaded
from tests.server.serving import Serving, eventually
from tests.tls_servers import Ca, TlsServer

from .agents import Agent, Place, commands

KILLS = 20
CAS = [Authority(f"Agent CA {number}") for number in range(4)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("agents") / "data") as serving:
        yield serving


@pytest.fixture
def place(server: Serving) -> Place:
    return Place(server)


def test_a_release_is_in_force_on_the_host_before_save_and_deploy_answers(place: Place, tmp_path: Path) -> None:
    with Agent(place, tmp_path, commands(check=["true"], reload=["true"])) as agent:
        eventually(place.connected)
        row = place.trust("a", CAS[0])
        assert (row["node"], row["state"]) == ("host-1", "accepted")
        row = place.trust("b", CAS[1])
        assert row["state"] == "accepted"
        assert row["detail"] == "release 2 is current; check, reload passed"
        assert agent.release() == 2
        assert agent.used() == [CAS[0].der, CAS[1].der]
        assert place.distrust("a")["state"] == "accepted"
        assert agent.used() == [CAS[1].der]
        assert agent.terminate() == 0


def test_once_asks_once_and_its_exit_code_says_what_came_of_it(place: Place, tmp_path: Path) -> None:
    agent = Agent(place, tmp_path)
    assert (agent.once().returncode, agent.once().stdout) == (0, "Nothing is new.\n")
    place.trust("a", CAS[0], wait=0)
    done = agent.once()
    assert (done.returncode, done.stdout) == (0, "Release 1 accepted: release 1 is current\n")
    assert place.said()["state"] == "accepted"
    agent.configure(commands(check=["sh", "-c", "echo no; exit 1"]))
    place.trust("b", CAS[1], wait=0)
    done = agent.once()
    assert done.returncode == 4
    assert "Release 2 refused: check failed with exit code 1: no. Rolled back to release 1." in done.stdout
    assert place.said()["state"] == "refused"
    assert agent.release() == 1


def test_a_check_that_fails_is_told_in_the_commands_own_words_and_the_old_release_stays(
    place: Place, tmp_path: Path
) -> None:
    place.trust("a", CAS[0], wait=0)
    script = 'test "$(wc -l < "$0/current/used.pem")" -lt 15 || { echo "[emerg] too many lines" >&2; exit 7; }'
    with Agent(place, tmp_path, commands(check=["sh", "-c", script, str(tmp_path / "agent")])) as agent:
        agent.until(1)
        row = place.trust("b", CAS[1])
        assert row["state"] == "refused"
        assert row["detail"] == "check failed with exit code 7: [emerg] too many lines. Rolled back to release 1."
        assert (agent.release(), agent.used()) == (1, [CAS[0].der])
        assert place.distrust("a")["state"] == "accepted", "the next release is judged by itself"


def test_what_was_refused_is_tried_again_when_it_is_deployed_again_or_the_gateway_changed(
    place: Place, tmp_path: Path
) -> None:
    """By itself it would be after ten seconds, then twenty, forty, …"""
    tries, mended = tmp_path / "tries", tmp_path / "mended"
    script = f"echo >> {tries}; test -e {mended}"
    again = f"/environments/{place.name}/releases?wait="
    with Agent(place, tmp_path, commands(check=["sh", "-c", script])):
        eventually(place.connected)
        assert place.trust("a", CAS[0])["state"] == "refused"
        for number in range(2, 5):
            eventually(lambda: place.rest("POST", f"{again}1", {}) and tries.stat().st_size >= number)  # noqa: B023
        mended.touch()
        gateway = f"/environments/{place.name}/gateways/edge"
        place.rest("PATCH", gateway, {"options": {"allow_older": True}}, **{"If-Match": "*"})
        eventually(lambda: place.said()["state"] == "accepted")


def test_a_reload_that_hangs_is_ended_and_told(place: Place, tmp_path: Path) -> None:
    place.trust("a", CAS[0], wait=0)
    script = 'case "$(readlink "$0/current")" in releases/2-*) exec sleep 600;; esac'
    hangs = commands(reload=(["sh", "-c", script, str(tmp_path / "agent")], 0.5))
    with Agent(place, tmp_path, hangs) as agent:
        agent.until(1)
        row = place.trust("b", CAS[1])
        assert row["state"] == "refused"
        assert row["detail"].startswith("reload did not end within 0.5 seconds and was ended")
        assert (agent.release(), agent.used()) == (1, [CAS[0].der])


def test_a_disk_that_is_full_leaves_the_old_release_and_the_new_one_comes_when_there_is_room(
    place: Place, tmp_path: Path
) -> None:
    place.trust("a", CAS[0], wait=0)
    with Agent(place, tmp_path) as agent:
        agent.until(1)
        agent.limit_files(0)
        row = place.trust("b", CAS[1])
        assert row["state"] == "unreachable"
        assert "File too large" in row["detail"]
        assert (agent.release(), agent.used()) == (1, [CAS[0].der])
        agent.limit_files(-1)
        eventually(lambda: place.said()["state"] == "accepted")
        assert agent.release() == 2
        # What cannot be read ends it as little.
        current = agent.folder / "current"
        kept = current.rename(tmp_path / "kept")
        current.mkdir()
        assert "Invalid argument" in place.trust("c", CAS[2])["detail"]
        words = agent.log
        eventually(lambda: agent.log != words)
        current.rmdir()
        kept.rename(current)
        agent.until(3)
        # A release that is not whole gives way to the next one.
        (current / "used.pem").unlink()
        (current / "used.pem").mkdir()
        assert place.trust("d", CAS[0])["state"] == "accepted"


def test_an_agent_with_a_wrong_token_keeps_what_it_has_and_says_why(place: Place, tmp_path: Path) -> None:
    place.trust("a", CAS[0], wait=0)
    with Agent(place, tmp_path) as agent:
        agent.until(1)
        path = f"/environments/{place.name}/gateways/edge"
        etag = place.rest("GET", path).headers["ETag"]
        place.rest("PATCH", path, {"rotate_token": True}, **{"If-Match": etag})
        eventually(lambda: "Trustyard answered 401" in agent.log)
        place.trust("b", CAS[1], wait=0)
        assert agent.release() == 1
        agent.terminate()
        agent.configure()
        agent.start()
        agent.until(2)
        eventually(lambda: place.said()["state"] == "accepted")
    agent.configure(bootstrap=place.bootstrap().replace("agent.", "agent.9"))
    done = agent.once()
    assert done.returncode == 1
    assert "This is not the present token of a gateway of kind agent" in done.stderr
    assert "agent.9" not in done.stderr


def test_two_releases_while_a_host_is_busy_and_the_newest_wins(place: Place, tmp_path: Path) -> None:
    place.trust("a", CAS[0], wait=0)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    waits = ["sh", "-c", 'case "$(readlink "$0/current")" in releases/2-*) cat "$1";; esac', str(tmp_path / "agent")]
    with Agent(place, tmp_path, commands(check=[*waits, str(gate)])) as agent:
        agent.until(1)
        place.trust("b", CAS[1], wait=0)
        agent.until(2)  # it is being checked, and that takes its time
        place.trust("c", CAS[2], wait=0)
        place.distrust("a", wait=0)
        gate.write_text("go on")
        agent.until(4)
        eventually(lambda: place.said()["state"] == "accepted")
        assert agent.used() == [CAS[1].der, CAS[2].der]
        assert "Release 3" not in agent.log


def test_trustyard_away_costs_nothing_and_what_was_saved_comes_when_it_is_back(tmp_path: Path) -> None:
    data = tmp_path / "server" / "data"
    data.parent.mkdir()
    server = Serving(data)
    try:
        place = Place(server)
        place.trust("a", CAS[0], wait=0)
        port = server.url.rpartition(":")[2]
        with Agent(place, tmp_path) as agent:
            agent.until(1)
            eventually(lambda: place.said()["state"] == "accepted")
            token = server.token
            server.kill()
            eventually(lambda: "cannot be reached" in agent.log)
            assert agent.used() == [CAS[0].der]
            agent.terminate()
            agent.start()  # and a restart of the agent meanwhile costs nothing either
            eventually(lambda: agent.log.count("cannot be reached") > 1)
            assert agent.used() == [CAS[0].der]
            server = place.server = Serving(data, LISTEN=f"127.0.0.1:{port}")
            server._token = token
            assert eventually(lambda: (row := place.said())["state"] == "accepted" and row)
            place.trust("b", CAS[1], wait=0)
            agent.until(2)
            eventually(lambda: place.said()["state"] == "accepted")
    finally:
        server.kill()


@pytest.mark.timeout(300)
def test_a_kill_at_any_moment_leaves_one_release_whole_and_a_restart_goes_on(place: Place, tmp_path: Path) -> None:
    """I-08, on the gateway's host: copies and commands included."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    moments = random.Random(seed)
    copied = tmp_path / "clients.pem"
    said = tmp_path / "reloads"
    reload = ["sh", "-c", 'cp "$0/current/used.pem" "$1.new" && mv "$1.new" "$1"', str(tmp_path / "agent"), str(said)]
    more = f'[[copy]]\nfrom = "used.pem"\nto = "{copied}"\n' + commands(check=["true"], reload=reload)
    place.trust("a", CAS[0], wait=0)
    agent = Agent(place, tmp_path, more)
    outcomes = []
    try:
        agent.start()
        agent.until(1)
        eventually(lambda: place.said()["state"] == "accepted")
        begun = time.monotonic()
        place.trust("b", CAS[1], wait=20)
        whole = time.monotonic() - begun  # from the click to the receipt, on this machine and today
        for number in range(KILLS):
            before = agent.release()
            change = place.trust if number % 2 else place.distrust
            arguments = ("b", CAS[1]) if number % 2 else ("b",)
            changing = threading.Thread(target=change, args=arguments, kwargs={"wait": 0})
            changing.start()
            threading.Event().wait(whole * moments.uniform(0.2, 1.2))
            agent.kill()
            changing.join()
            after = agent.release()  # asserts that it is whole
            assert after in (before, before + 1)
            outcomes.append(after - before)
            whole *= 0.8 if after > before else 1.25  # as busy as it is now
            agent.start()
            agent.until(before + 1)
            eventually(lambda: place.said()["state"] == "accepted")
            used = (tmp_path / "agent" / "current" / "used.pem").read_bytes()
            assert copied.read_bytes() == said.read_bytes() == used, "copied and reloaded"
            assert not [path for path in tmp_path.iterdir() if path.name.startswith(".clients")]
    finally:
        agent.kill()
    print(outcomes, f"{whole:.3f} s")
    assert {0, 1} == set(outcomes), "all kills fell on one side of the change"


def test_an_agent_reaches_trustyard_over_tls_with_a_ca_of_its_own(tmp_path: Path) -> None:
    """Whoever shows a certificate of somebody else is given no token."""
    ca, other = Ca.new("Trustyard's CA"), Ca.new("Somebody else")
    (tmp_path / "ca.pem").write_bytes(ca.cert_pem)
    file = tmp_path / "agent.toml"
    said = []
    for authority in (other, ca):
        with TlsServer(authority.issue("here", ip=["127.0.0.1"])) as peer:
            file.write_text(
                f'address = "{peer.url}"\nenvironment = "test"\ntoken = "agent.1.1.x"\nca = "{tmp_path}/ca.pem"\n'
                f'folder = "{tmp_path}/agent"\n'
            )
            done = loaded.run("agent", "--config", str(file), "--once", env=dict(os.environ), cwd=tmp_path)
            assert done.returncode == 1
            said.append(done.stderr)
    assert "certificate verify failed" in said[0]
    assert "The answer is no release." in said[1]
