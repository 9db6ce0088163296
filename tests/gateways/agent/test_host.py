"""The agent's folder: written whole, checked, reloaded, or rolled back, whatever commands and disk may do."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.authority import Authority
from tests.gateways.releases import ders, material
from tests.live.envoy import eventually
from trustyard.gateways import folders
from trustyard.gateways.agent import state
from trustyard.gateways.agent.configuration import Configuration
from trustyard.gateways.agent.host import Host
from trustyard.gateways.agent.state import Copied, Journal
from trustyard.gateways.agent.wire import Given
from trustyard.gateways.receipts import Receipt
from trustyard.pki.content import Material
from trustyard.pki.denyall import deny_all_der

Make = Callable[..., Host]
NAMES_CURRENT = 'echo "$RELEASE_NUMBER $(readlink "$0/current")" >> "$0.said"'  # what a command sees, one line a run


def configuration(folder: Path, **more: Any) -> Configuration:
    given = {"address": "http://127.0.0.1:9", "environment": "test", "token": "none", "node": "n", "folder": folder}
    return Configuration.model_validate({**given, **more})


def shell(script: str, *words: object, seconds: float = 20) -> dict[str, Any]:
    return {"command": ["sh", "-c", script, *map(str, words)], "seconds": seconds}


def release(number: int, *authorities: bytes, environment: str = "test") -> Material:
    aliases = {f"alias-{at}": der for at, der in enumerate(authorities)}
    return material(number, aliases, environment=environment)


def apply(host: Host, release: Material, *, allow_older: bool = False) -> tuple[str, str]:
    receipt = host.apply(Given(release, allow_older))
    return receipt.state, receipt.detail


def certificates(path: Path) -> list[bytes]:
    return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(path.read_bytes())]


def used(folder: Path) -> list[bytes]:
    """What is current, which must be whole."""
    assert folders.manifest(folder / "current") is not None
    return certificates(folder / "current" / "used.pem")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "agent"
    place.mkdir()
    return place


@pytest.fixture
def make(folder: Path) -> Make:
    return lambda **more: Host(configuration(folder, **more))


def test_a_release_becomes_the_same_folder_as_of_kind_files(make: Make, folder: Path) -> None:
    one, two = ders()[:2]
    assert apply(make(), release(1, one, two)) == ("accepted", "release 1 is current")
    assert used(folder) == [one, two]
    names = {path.name for path in (folder / "current").iterdir()}
    assert names == {"truststore.pem", "truststore.p12", "truststore.jks", "used.pem", "aliases", "jwks.json",
                     "manifest.json"}  # fmt: skip
    assert (folder / "current" / "used.pem").stat().st_mode & 0o777 == 0o644


def test_check_reload_and_verify_run_in_this_order_and_see_the_new_release(make: Make, folder: Path) -> None:
    see = 'echo "$1 $(readlink "$0/current") $RELEASE_NUMBER $RELEASE_FOLDER" >> "$0.said"'
    host = make(**{name: shell(see, folder, name) for name in ("check", "reload", "verify")})
    made = release(7, ders()[0])
    assert apply(host, made) == ("accepted", "release 7 is current; check, reload, verify passed")
    place = f"releases/7-{made.content.digest()[:12]}"
    said = Path(f"{folder}.said").read_text().splitlines()
    assert said == [f"{name} {place} 7 {folder / place}" for name in ("check", "reload", "verify")]


def test_nothing_is_run_when_nothing_changed(make: Make, folder: Path) -> None:
    host = make(check=shell(NAMES_CURRENT, folder))
    apply(host, release(1, ders()[0]))
    assert apply(host, release(1, ders()[0])) == ("accepted", "release 1 is current")
    assert len(Path(f"{folder}.said").read_text().splitlines()) == 1


@pytest.mark.parametrize("name", ["check", "reload"])
def test_a_release_that_a_command_broke_is_not_said_to_be_in_force(make: Make, folder: Path, name: str) -> None:
    one, two = ders()[:2]
    apply(make(), release(1, one))
    breaks = 'case "$RELEASE_NUMBER" in 2) : > "$0/current/used.pem";; esac'
    assert apply(make(**{name: shell(breaks, folder)}), release(2, two)) == (
        "refused", "release 2 does not read back as written. Rolled back to release 1.",
    )  # fmt: skip
    assert used(folder) == [one]


def test_of_many_releases_the_newest_ten_stay_on_the_host(make: Make, folder: Path) -> None:
    host = make()
    for number in range(95, 106):
        assert apply(host, release(number, ders()[0]))[0] == "accepted"
    kept = sorted(int(path.name.partition("-")[0]) for path in (folder / "releases").iterdir())
    assert kept == list(range(96, 106))


@pytest.mark.parametrize("name", ["check", "reload", "verify"])
def test_what_fails_rolls_the_folder_back_and_its_own_words_are_kept(make: Make, folder: Path, name: str) -> None:
    one, two = ders()[:2]
    apply(make(), release(1, one))
    script = 'case "$(readlink "$0/current")" in releases/2-*) echo "[emerg] no good" >&2; exit 3;; esac'
    state, words = apply(make(**{name: shell(script, folder)}), release(2, two))
    assert state == "refused"
    assert words == f"{name} failed with exit code 3: [emerg] no good. Rolled back to release 1."
    assert used(folder) == [one]
    assert apply(make(), release(2, two)) == ("accepted", "release 2 is current"), "it may be tried again"


@pytest.mark.parametrize(("failing", "runs"), [("check", 0), ("reload", 2), ("verify", 2)])
def test_a_gateway_that_may_have_read_the_new_release_is_reloaded_with_the_old_one(
    make: Make, folder: Path, failing: str, runs: int
) -> None:
    apply(make(), release(1, ders()[0]))
    fail = '; case "$(readlink "$0/current")" in releases/2-*) exit 1;; esac'
    commands = {"reload": shell(NAMES_CURRENT + (fail if failing == "reload" else ""), folder)}
    if failing != "reload":
        commands[failing] = shell("exit 1")
    assert apply(make(**commands), release(2, ders()[1]))[0] == "refused"
    said = Path(f"{folder}.said")
    seen = [line[:12] for line in said.read_text().splitlines()] if said.exists() else []
    assert seen == ["2 releases/2", "1 releases/1"][:runs]


def test_a_reload_that_fails_once_more_is_told_too(make: Make, folder: Path) -> None:
    apply(make(), release(1, ders()[0]))
    words = apply(make(reload=shell("echo broken; exit 1")), release(2, ders()[1]))[1]
    assert words.endswith("Rolled back to release 1. But then reload failed with exit code 1: broken")


def test_a_reload_that_hangs_is_ended_with_all_that_it_started_and_counts_as_failed(make: Make, folder: Path) -> None:
    apply(make(), release(1, ders()[0]))
    hangs = shell('sleep 600 & echo $! > "$0.pid"; wait', folder, seconds=0.4)
    state, words = apply(make(reload=hangs), release(2, ders()[1]))
    assert state == "refused"
    assert "reload did not end within 0.4 seconds and was ended" in words
    assert used(folder) == [ders()[0]]
    sleeping = int(Path(f"{folder}.pid").read_text())
    eventually(lambda: not runs(sleeping))  # it was told to end


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_command_may_leave_a_process_behind_that_holds_its_output(make: Make, folder: Path) -> None:
    leaves = shell("setsid sleep 5 & echo started", folder)
    assert apply(make(reload=leaves), release(1, ders()[0]))[0] == "accepted"


def test_what_a_command_prints_is_cut_in_the_middle_and_cannot_steer_a_terminal(make: Make) -> None:
    noisy = shell("echo first; yes filler | head -n 100000; printf '\\033[31mlast\\377'; exit 1")
    words = apply(make(check=noisy), release(1, ders()[0]))[1]
    assert len(words) < 2300
    assert "first" in words
    assert "last" in words
    assert "…" in words
    assert words.isprintable()


@pytest.mark.parametrize("length", [998, 999])  # at byte 1000: a space; half a letter
def test_what_a_command_prints_is_whole_where_nothing_is_cut(make: Make, length: int) -> None:
    printed = f"{'x' * length}é {'y' * 400}"
    words = apply(make(check=shell(f"echo '{printed}'; exit 1")), release(1, ders()[0]))[1]
    assert printed in words


@pytest.mark.parametrize(
    ("command", "said"),
    [(["/nowhere/at-all"], "No such file or directory (/nowhere/at-all)"), (["/etc"], "Permission denied (/etc)")],
)
def test_a_command_that_cannot_be_started_is_a_failure_in_words(make: Make, command: list[str], said: str) -> None:
    state, words = apply(make(check={"command": command}), release(1, ders()[0]))
    assert state == "refused"
    assert said in words
    assert words.endswith("Rolled back: no release is current.")


def test_the_first_release_that_fails_leaves_no_release_current(make: Make, folder: Path) -> None:
    assert apply(make(check=shell("exit 1")), release(1, ders()[0]))[0] == "refused"
    assert not (folder / "current").exists()


RUNS = 'test -e "$0.runs" || { echo "no pid to signal"; exit 1; }'  # a reload that passes once the program runs


def test_where_nothing_was_before_a_checked_release_stays_until_the_program_takes_it(make: Make, folder: Path) -> None:
    """Else a program that reads `current` could never be started."""
    one, two, three = ders()[:3]
    host = make(check=shell("true"), reload=shell(RUNS, folder))
    for number, trusted in ((1, one), (2, two), (2, two)):
        state, words = apply(host, release(number, trusted))
        assert state == "refused"
        assert words == (
            f"reload failed with exit code 1: no pid to signal. Release {number} stays on disk, as nothing was there "
            "before: a program that starts uses it."
        )
        assert used(folder) == [trusted], "the newest: what it takes away is not trusted any more"
        assert host.in_force() == "", "so that it is asked for and tried again"
        assert make().recover() is None
    Path(f"{folder}.runs").touch()
    assert apply(host, release(2, two)) == ("accepted", "release 2 is current; check, reload passed")
    assert host.in_force()
    Path(f"{folder}.runs").unlink()
    state, words = apply(host, release(3, three))
    assert "Rolled back to release 2." in words, "from now on there is something to go back to"
    assert used(folder) == [two]


def test_what_stays_untaken_is_gone_back_to_when_the_next_one_fails_its_check(make: Make, folder: Path) -> None:
    one, two = ders()[:2]
    apply(make(reload=shell("exit 1")), release(1, one))
    words = apply(make(check=shell("exit 1"), reload=shell("exit 1")), release(2, two))[1]
    assert words.endswith("Rolled back to release 1.")
    assert used(folder) == [one]
    assert make().in_force() == ""


def test_what_stays_untaken_and_fails_its_verify_stays_no_longer(make: Make, folder: Path) -> None:
    apply(make(reload=shell("exit 1")), release(1, ders()[0]))
    words = apply(make(reload=shell("true"), verify=shell("exit 1")), release(1, ders()[0]))[1]
    assert words.endswith("Rolled back: no release is current.")
    assert not (folder / "current").exists()


@pytest.fixture
def own(folder: Path) -> Path:
    """A place where a copy goes, and where somebody's own file is."""
    place = Path(f"{folder}.pem")
    place.write_text("what an administrator put here")
    return place


def copy_to(place: Path) -> list[dict[str, str]]:
    return [{"from": "used.pem", "to": str(place)}]


def test_a_program_that_reads_current_alone_can_start_although_a_file_is_where_a_copy_goes(
    make: Make, folder: Path, own: Path
) -> None:
    """Else the program waits for `current`, and the agent for a program that it can reload."""
    one, two, three = ders()[:3]
    host = make(check=shell("true"), reload=shell(RUNS, folder), copy=copy_to(own))
    for number, trusted in ((1, one), (2, two), (2, two)):
        state, words = apply(host, release(number, trusted))
        assert state == "refused"
        assert words.endswith(
            f"Release {number} stays on disk, as nothing was there before: a program that starts uses it. Your own "
            f"file stays at {own} until reload passes; take it away if the program cannot start with it."
        )
        assert used(folder) == [trusted]
        assert own.read_text() == "what an administrator put here", "no program took what would replace it"
        assert host.in_force() == ""
    Path(f"{folder}.runs").touch()
    assert apply(host, release(2, two)) == ("accepted", "release 2 is current; check, reload passed")
    assert certificates(own) == [two]
    Path(f"{folder}.runs").unlink()
    assert "Rolled back to release 2." in apply(host, release(3, three))[1]
    assert certificates(own) == [two]


def test_a_program_at_work_with_somebody_s_file_is_reloaded_with_it_when_it_does_not_take_the_release_s(
    make: Make, folder: Path, own: Path
) -> None:
    takes = 'cat "$1" >> "$0.read"; grep -q administrator "$1"'
    assert apply(make(reload=shell(takes, folder, own), copy=copy_to(own)), release(1, ders()[0]))[0] == "refused"
    assert own.read_text() == "what an administrator put here"
    assert Path(f"{folder}.read").read_text().endswith("what an administrator put here")


def test_a_file_that_the_check_refuses_gives_way_to_the_release_s_and_is_kept_beside_it(
    make: Make, folder: Path, own: Path
) -> None:
    """A program that cannot start with it would wait for the agent, and the agent for the program."""
    one, two = ders()[:2]
    own.write_text("")
    host = make(check=shell('test -s "$0"', own), reload=shell(RUNS, folder), copy=copy_to(own))
    words = apply(host, release(1, one))[1]
    beside = own.with_name(f".{own.name}.own")
    assert words.endswith(f"So do its copies, for check fails with what was at {own}, which is kept as {beside}.")
    assert certificates(own) == [one]
    assert beside.read_text() == ""
    assert "kept as" not in apply(host, release(2, two))[1], "what is replaced now is of a release"
    assert certificates(own) == [two]
    Path(f"{folder}.runs").touch()
    assert apply(host, release(2, two))[0] == "accepted"
    assert [path.name for path in own.parent.iterdir() if path.name.startswith(".")] == [beside.name]


def test_a_file_that_is_taken_away_as_advised_is_replaced(make: Make, folder: Path, own: Path) -> None:
    one, two = ders()[:2]
    host = make(reload=shell("exit 1"), copy=copy_to(own))
    assert "take it away" in apply(host, release(1, one))[1]
    own.unlink()
    for number, trusted in ((1, one), (2, two)):
        assert apply(host, release(number, trusted))[1].endswith("a program that starts uses it.")
        assert certificates(own) == [trusted]


@pytest.mark.parametrize("put_back", [True, False])
def test_a_kill_while_somebody_s_file_is_put_back_loses_neither_the_file_nor_the_release(
    make: Make, folder: Path, own: Path, put_back: bool
) -> None:
    journal(folder, release(1, ders()[0]), step="reloading", copies=(Copied("used.pem", str(own), existed=True),))
    folders.make_current(folder, folder / "releases" / "1-x")
    if not put_back:
        own.rename(own.with_name(f".{own.name}.before"))
        own.write_bytes((folder / "current" / "used.pem").read_bytes())
    assert "Your own file stays" in recovered(make(reload=shell("exit 1"), copy=copy_to(own))).detail
    assert own.read_text() == "what an administrator put here"
    assert used(folder) == [ders()[0]]


@pytest.mark.parametrize("listed", [True, False])
def test_a_kill_while_a_first_release_is_left_in_place_changes_nothing(make: Make, folder: Path, listed: bool) -> None:
    """Before it is written down that no program took it, and after that."""
    journal(folder, release(1, ders()[0]), step="reloading")
    folders.make_current(folder, folder / "releases" / "1-x")
    if listed:
        state.write_untaken(folder, "releases/1-x")
    assert "stays on disk" in recovered(make(reload=shell("exit 1"))).detail
    assert used(folder) == [ders()[0]]
    assert make().in_force() == ""
    assert make().recover() is None


def test_a_release_of_another_environment_is_refused(make: Make, folder: Path) -> None:
    state, words = apply(make(), release(1, ders()[0], environment="production"))
    assert state == "refused"
    assert words == "This is a release of the environment production, and this agent is for test."
    assert not (folder / "current").exists()


def test_a_link_that_leads_to_another_folder_is_no_release_and_gives_way(make: Make, folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    one, two = ders()[:2]
    apply(Host(configuration(elsewhere)), release(1, one))
    (folder / "current").symlink_to((elsewhere / "current").resolve())
    assert apply(make(), release(2, two)) == ("accepted", "release 2 is current")
    assert used(folder) == [two]
    assert used(elsewhere) == [one]


def test_an_older_release_is_refused_unless_the_server_says_so(make: Make, folder: Path) -> None:
    one, two = ders()[:2]
    host = make()
    apply(host, release(5, one))
    for number in (4, 5):
        state, words = apply(host, release(number, two))
        assert state == "refused"
        assert words.startswith(f"Release {number} is not newer than release 5, which is current.")
    assert used(folder) == [one]
    assert apply(host, release(4, two), allow_older=True) == ("accepted", "release 4 is current")
    assert used(folder) == [two]


def test_a_release_that_trusts_nobody_holds_the_deny_all_anchor_in_every_file(make: Make, folder: Path) -> None:
    """D-17."""
    apply(make(anchors="roots"), release(1))
    for name in ("used.pem", "truststore.pem", "used-roots.pem", "truststore-roots.pem"):
        assert certificates(folder / "current" / name) == [deny_all_der()]


def test_pins_are_not_in_the_files_for_gateways_that_take_none_and_are_named(make: Make, folder: Path) -> None:
    """D-18."""
    root, pin = Authority("Root"), Authority("Elsewhere").issue("pin")
    host = make(anchors="roots")
    assert apply(host, release(1, root.der, pin.der))[0] == "accepted"
    assert certificates(folder / "current" / "used-roots.pem") == [root.der]
    assert used(folder) == [root.der, pin.der]
    state, words = apply(host, release(2, pin.der))
    assert state == "accepted"
    assert "alias-0" in words
    assert certificates(folder / "current" / "used-roots.pem") == [deny_all_der()]


def test_a_release_with_a_certificate_that_is_none_is_refused_in_words(make: Make, folder: Path) -> None:
    one = ders()[0]
    host = make(anchors="roots")
    apply(host, release(1, one))
    words = "Release 2 cannot be read: This is not a readable X.509 certificate."
    assert apply(host, release(2, b"\x30\x03junk")) == ("refused", words)
    assert used(folder) == [one]


def test_a_copy_is_replaced_by_rename_and_put_back_when_the_release_is_rolled_back(make: Make, tmp_path: Path) -> None:
    one, two = ders()[:2]
    place = tmp_path / "clients.pem"
    place.write_text("what an administrator put here")
    copy = [{"from": "used.pem", "to": str(place)}]
    assert apply(make(copy=copy, check=shell("exit 1")), release(1, one))[0] == "refused"
    assert place.read_text() == "what an administrator put here"
    apply(make(copy=copy), release(1, one))
    assert certificates(place) == [one]
    assert apply(make(copy=copy, verify=shell("exit 1")), release(2, two))[0] == "refused"
    assert certificates(place) == [one]
    assert apply(make(copy=copy), release(2, two))[0] == "accepted"
    assert certificates(place) == [two]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_copy_that_somebody_changed_is_mended_with_the_same_release(make: Make, tmp_path: Path) -> None:
    place = tmp_path / "clients.pem"
    host = make(copy=[{"from": "used.pem", "to": str(place)}])
    apply(host, release(1, ders()[0]))
    assert host.in_force()
    place.write_text("changed")
    assert host.in_force() == ""
    apply(host, release(1, ders()[0]))
    assert certificates(place) == [ders()[0]]


def test_a_copied_alias_that_the_release_does_not_have_trusts_nobody(make: Make, tmp_path: Path) -> None:
    """D-17: else its certificate would stay trusted after it was taken away."""
    place = tmp_path / "partner.pem"
    host = make(copy=[{"from": "aliases/alias-0.pem", "to": str(place)}])
    apply(host, release(1, ders()[0]))
    assert certificates(place) == [ders()[0]]
    apply(host, release(2))
    assert certificates(place) == [deny_all_der()]


def test_a_copy_to_a_folder_that_is_not_there_is_refused_in_words(make: Make, folder: Path) -> None:
    one, two = ders()[:2]
    apply(make(), release(1, one))
    state, words = apply(make(copy=[{"from": "used.pem", "to": "/nowhere/clients.pem"}]), release(2, two))
    assert state == "unreachable"
    assert "No such file or directory" in words
    assert used(folder) == [one]


def test_a_disk_that_takes_no_more_leaves_the_old_release_current(make: Make, folder: Path) -> None:
    one = ders()[0]
    apply(make(), release(1, one))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, before[1]))
    try:
        state, words = apply(make(), release(2, *ders()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert state == "unreachable"
    assert words.startswith("Release 2 could not be written: File too large")
    assert used(folder) == [one]
    assert apply(make(), release(2, *ders()))[0] == "accepted"


def journal(folder: Path, after: Material, **changes: Any) -> None:
    """As if the agent had been killed in the middle of a change to this release, which is written already."""
    target = folders.write(folder, f"{after.number}-x", dict(_files(after)), folders.FOR_OTHERS)
    now = folders.current(folder)
    made = Journal(
        after.number,
        after.content.digest(),
        str(now.relative_to(folder)) if now else None,
        str(target.relative_to(folder)),
        (),
        "",
    )
    state.write_journal(folder, made.at(**changes) if changes else made)


def _files(release: Material) -> dict[str, bytes]:
    from trustyard.gateways.contents import files_of

    return dict(files_of(release).files)


def recovered(host: Host) -> Receipt:
    found = host.recover()
    assert found is not None
    return found[1]


def test_a_change_that_was_cut_off_is_finished(make: Make, folder: Path) -> None:
    one, two = ders()[:2]
    apply(make(), release(1, one))
    journal(folder, release(2, two))
    host = make(check=shell(NAMES_CURRENT, folder))
    assert host.in_force() == "", "nothing is in force before it is finished"
    assert recovered(host).state == "accepted"
    assert used(folder) == [two]
    assert Path(f"{folder}.said").read_text().startswith("2 releases/2-")
    assert host.recover() is None


def test_a_change_that_was_cut_off_and_fails_now_is_rolled_back(make: Make, folder: Path) -> None:
    one, two = ders()[:2]
    apply(make(), release(1, one))
    journal(folder, release(2, two))
    folders.make_current(folder, folder / "releases" / "2-x")
    assert recovered(make(check=shell("exit 1"))).state == "refused"
    assert used(folder) == [one]


def test_a_rollback_that_was_cut_off_is_carried_on_with_its_words(make: Make, folder: Path) -> None:
    one, two = ders()[:2]
    apply(make(), release(1, one))
    journal(folder, release(2, two), step="undoing", state="refused", words="check failed: no good")
    folders.make_current(folder, folder / "releases" / "2-x")
    receipt = recovered(make(check=shell(NAMES_CURRENT, folder)))
    assert (receipt.state, receipt.detail) == ("refused", "check failed: no good. Rolled back to release 1.")
    assert used(folder) == [one]
    assert not Path(f"{folder}.said").exists()


def test_an_unreadable_journal_is_no_journal(make: Make, folder: Path) -> None:
    apply(make(), release(1, ders()[0]))
    for text in ("", "{}", "[1]", json.dumps({"number": 1})):
        (folder / ".agent" / "journal.json").write_text(text)
        assert make().recover() is None


def test_an_agent_without_a_release_has_none(make: Make) -> None:
    assert make().current() is None
    assert make().in_force() == ""


def test_the_agent_and_what_it_loads_know_no_server() -> None:
    code = (
        "import sys, trustyard.gateways.agent.running, trustyard.gateways.agent.pulling; "
        "print(*(name for name in sys.modules if name.split('.')[0] in ('django', 'ninja', 'uvicorn')"
        " or name.startswith(('trustyard.server', 'trustyard.actions', 'trustyard.models'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.split() == []
