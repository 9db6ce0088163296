"""A gateway that is away, and one whose trust somebody else changed after it had said yes."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.authority import Authority
from tests.faults.story import add, deploy, post, releases, said
from tests.live.envoy import eventually, request
from tests.live.haproxy import HAProxy
from tests.server.serving import Serving
from trustyard.gateways.folders import manifest

FIRST, SECOND = Authority("First CA"), Authority("Second CA")


def test_a_gateway_that_is_away_is_told_to_be_and_takes_the_release_when_it_is_back(tmp_path: Path) -> None:
    client = FIRST.issue("client").written(tmp_path)
    haproxy = HAProxy(tmp_path)
    with Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
        add(serving, "haproxy", haproxy.options)
        assert deploy(serving, "first", FIRST)["state"] == "unreachable"
        with haproxy:
            eventually(lambda: said(serving)["state"] == "accepted")
            assert request(haproxy.port, client) == 200


def test_what_somebody_else_changed_on_disk_while_trustyard_was_away_is_put_back(tmp_path: Path) -> None:
    """The CA file that HAProxy would start with next, and `current` of a folder, turned to an older release."""
    client = FIRST.issue("client").written(tmp_path)
    folder, settings = tmp_path / "trust", {"FILES_ROOTS": str(tmp_path)}
    with HAProxy(tmp_path) as haproxy:
        with Serving(tmp_path / "data", **settings) as serving:
            add(serving, "haproxy", haproxy.options)
            add(serving, "files", {"directory": str(folder)}, "folder")
            deploy(serving, "second", SECOND)
            older = (folder / "current").readlink()
            deploy(serving, "first", FIRST)
            kept = haproxy.ca_file.read_text()
        haproxy.ca_file.write_text(SECOND.pem)
        (folder / "other").symlink_to(older)
        (folder / "other").rename(folder / "current")
        with Serving(tmp_path / "data", **settings) as serving:
            eventually(lambda: (manifest(folder / "current") or {}).get("release") == 2)
            eventually(lambda: haproxy.ca_file.read_text() == kept)
            eventually(lambda: {said(serving, name)["state"] for name in ("edge", "folder")} == {"accepted"})
        haproxy.stop()
        haproxy.start()
        assert request(haproxy.port, client) == 200


def test_releases_made_at_once_are_all_numbered_and_every_gateway_ends_with_the_newest(tmp_path: Path) -> None:
    partners = [Authority(f"Partner {number}") for number in range(6)]
    with HAProxy(tmp_path) as haproxy, Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
        add(serving, "haproxy", haproxy.options)
        assert serving.token
        saving = [
            threading.Thread(target=post, args=(serving, f"partner-{number}", partner.pem, 0))
            for number, partner in enumerate(partners)
        ]
        for thread in saving:
            thread.start()
        for thread in saving:
            thread.join()
        assert [release["number"] for release in releases(serving)] == [6, 5, 4, 3, 2, 1]
        for gateway in ("edge", "files"):
            eventually(lambda gateway=gateway: said(serving, gateway)["state"] == "accepted")
        for partner in partners:
            assert request(haproxy.port, partner.issue("client").written(tmp_path)) == 200
        found = manifest(serving.data_dir / "environments" / "test" / "current")
        assert found is not None
        assert (found["release"], found["digest"]) == (6, releases(serving)[0]["digest"])
        words = [row["state"] for release in releases(serving)[1:] for row in release["gateways"]]
        assert set(words) <= {"accepted", "superseded"}, "an older release waits for nobody"
