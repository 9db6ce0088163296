"""Copies in a folder where somebody else may write at any moment: nothing that they put there is followed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.gateways.agent.test_host import apply, certificates, configuration, release
from tests.gateways.releases import ders
from trustyard.gateways.agent import copies
from trustyard.gateways.agent.configuration import Copy
from trustyard.gateways.agent.host import Host

THEIRS = "what somebody else put here"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A release's folder."""
    folder = tmp_path / "agent"
    folder.mkdir()
    apply(Host(configuration(folder)), release(1, ders()[0]))
    return folder / "current"


@pytest.fixture
def to(tmp_path: Path) -> Path:
    place = tmp_path / "app" / "trust.pem"
    place.parent.mkdir()
    place.write_text(THEIRS)
    return place


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A file that is not there, where only the agent's user may write."""
    return tmp_path / "cron"


def planned(to: Path) -> tuple[copies.Copied, ...]:
    return copies.planned([Copy.model_validate({"from": "used.pem", "to": str(to)})], None)


def test_a_link_that_is_put_where_the_old_file_is_kept_is_refused_and_not_written_through(
    made: Path, to: Path, elsewhere: Path
) -> None:
    plan = planned(to)
    (to.parent / ".trust.pem.before").symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"no regular file.*/app/\.trust\.pem\.before"):
        copies.put(plan, made)
    assert not elsewhere.exists()
    assert to.read_text() == THEIRS


@pytest.mark.parametrize("links", [True, False], ids=["with links", "without"])
def test_what_was_there_comes_back_with_its_bits_and_owner(
    made: Path, to: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:  # no file system without them is at hand here
        monkeypatch.setattr(os, "link", refuses)
    to.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(to, 65534, 65534)
    before = to.stat()
    plan = planned(to)
    copies.put(plan, made)
    assert certificates(to) == [ders()[0]]
    assert stat.S_IMODE(to.stat().st_mode) == 0o644
    copies.put_back(plan)
    after = to.stat()
    assert to.read_text() == THEIRS
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert [path.name for path in to.parent.iterdir()] == ["trust.pem"]


def refuses(*_: object, **__: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_without_links_a_link_that_is_put_there_in_between_is_not_written_through(
    made: Path, to: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def comes_between(*_: object, **__: object) -> None:
        (to.parent / ".trust.pem.before").symlink_to(elsewhere)
        refuses()

    plan = planned(to)
    monkeypatch.setattr(os, "link", comes_between)
    with pytest.raises(FileExistsError):
        copies.put(plan, made)
    assert not elsewhere.exists()


def test_a_link_that_is_put_in_the_place_of_the_old_file_is_not_kept_and_what_it_leads_to_is_not_linked(
    made: Path, to: Path, elsewhere: Path
) -> None:
    plan = planned(to)
    elsewhere.write_text("for root alone")
    to.unlink()
    to.symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"no regular file.*/app/\.trust\.pem\.before"):
        copies.put(plan, made)
    assert elsewhere.stat().st_nlink == 1
    assert [path.name for path in to.parent.iterdir()] == ["trust.pem"]


def test_what_a_kill_after_the_last_step_left_beside_a_copy_goes_at_the_next_start(tmp_path: Path, to: Path) -> None:
    (tmp_path / "agent").mkdir()
    host = Host(configuration(tmp_path / "agent", copy=[{"from": "used.pem", "to": str(to)}]))
    assert apply(host, release(1, ders()[0]))[0] == "accepted"
    (to.parent / ".trust.pem.before").write_text(THEIRS)
    assert host.recover() is None
    assert [path.name for path in to.parent.iterdir()] == ["trust.pem"]


def odd_ones(place: Path, target: Path) -> None:
    place.unlink()
    if target.name == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(target)


@pytest.mark.parametrize("target", ["secret", "nothing", "pipe"])
def test_a_place_that_is_no_regular_file_is_refused_by_name_and_neither_read_nor_replaced(
    tmp_path: Path, to: Path, target: str
) -> None:
    (tmp_path / "secret").write_text("for root alone")
    odd_ones(to, tmp_path / target)
    folder = tmp_path / "agent"
    folder.mkdir()
    host = Host(configuration(folder, copy=[{"from": "used.pem", "to": str(to)}]))
    state, words = apply(host, release(1, ders()[0]))
    assert state == "refused"
    assert f"this is no regular file, and is neither followed nor replaced ({to})" in words
    assert not to.is_file() or to.is_symlink()
    assert [path.name for path in to.parent.iterdir()] == ["trust.pem"]
