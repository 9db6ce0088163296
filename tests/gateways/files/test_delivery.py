"""Kind `files`: a folder that always holds one whole release."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.authority import Authority
from tests.gateways.releases import ders, material, place, write_as_before
from tests.pki.handmade import compressed
from tests.pki.worst import with_text
from tests.programs import need
from trustyard.errors import Refused
from trustyard.gateways import folders
from trustyard.gateways.files import check_directory, deliver
from trustyard.pki.denyall import deny_all_der


def _certificates(path: Path) -> list[bytes]:
    return [c.public_bytes(Encoding.DER) for c in x509.load_pem_x509_certificates(path.read_bytes())]


def _keytool(*arguments: str) -> str:
    keytool = need("keytool", package="default-jdk-headless")
    command = [keytool, "-J-Duser.language=en", *arguments, "-storepass", "changeit"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_release_becomes_the_files_that_the_contract_names(tmp_path: Path) -> None:
    one, two, root = ders()[:3]
    jwk = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "k1"}
    release = material(3, {"acme": one, "İş bankası": two}, (root,), (jwk,))
    receipt = deliver(release, {}, place(tmp_path))
    assert (receipt.state, receipt.detail) == ("accepted", "release 3 written to current")
    assert receipt.milliseconds is not None
    current = tmp_path / "environments" / "test" / "current"
    assert current.is_symlink()
    assert current.resolve().parent == current.parent.resolve() / "releases"
    assert sorted(_certificates(current / "truststore.pem")) == sorted([one, two, root])
    assert sorted(_certificates(current / "used.pem")) == sorted([one, two])
    assert _certificates(current / "aliases" / "acme.pem") == [one]
    assert _certificates(next((current / "aliases").glob("Is-bankas*~????????.pem"))) == [two]
    assert json.loads((current / "jwks.json").read_bytes()) == {"keys": [jwk]}
    manifest = json.loads((current / "manifest.json").read_bytes())
    assert (manifest["release"], manifest["digest"]) == (3, release.content.digest())
    assert (manifest["environment"], manifest["created_at"]) == ("test", "2026-03-04T12:30:00Z")
    written = {str(path.relative_to(current)) for path in current.rglob("*") if path.is_file()}
    assert written == set(manifest["files"]) | {"manifest.json"}
    for name, sha256 in manifest["files"].items():
        assert hashlib.sha256((current / name).read_bytes()).hexdigest() == sha256


def test_java_reads_both_truststores_with_every_certificate_once(tmp_path: Path) -> None:
    """I-12: a certificate under two aliases stands once in a truststore, and has a file for each alias."""
    one, two, root = ders()[:3]
    deliver(material(1, {"Acme": one, "acme-again": one, "bank": two}, (root,)), {}, place(tmp_path))
    current = tmp_path / "environments" / "test" / "current"
    for name in ("truststore.p12", "truststore.jks"):
        listed = _keytool("-list", "-keystore", str(current / name))
        entries = sorted(line.split(",")[0] for line in listed.splitlines() if "trustedCertEntry" in line)
        assert entries == ["acme", "bank", f"root-{hashlib.sha256(root).hexdigest()[:16]}"], name
    assert sorted(path.name for path in (current / "aliases").iterdir()) == ["Acme.pem", "acme-again.pem", "bank.pem"]


def test_what_java_cannot_read_costs_nobody_else_and_is_named(tmp_path: Path) -> None:
    """D-19: with such a certificate in it Java refuses a truststore whole."""
    one, odd = ders()[0], compressed()
    receipt = deliver(material(1, {"acme": one, "Odd": odd}), {}, place(tmp_path))
    said = "not in truststore.p12 and truststore.jks, which Java would refuse whole with them: Odd"
    assert (receipt.state, receipt.detail) == ("accepted", f"release 1 written to current; {said}")
    current = tmp_path / "environments" / "test" / "current"
    for name in ("truststore.p12", "truststore.jks"):
        listed = _keytool("-list", "-keystore", str(current / name))
        assert [line.split(",")[0] for line in listed.splitlines() if "trustedCertEntry" in line] == ["acme"], name
    assert sorted(_certificates(current / "used.pem")) == sorted([one, odd])
    deliver(material(2, {"Odd": odd}), {}, place(tmp_path))
    for name in ("truststore.p12", "truststore.jks"):
        assert "deny-all" in _keytool("-list", "-keystore", str(current / name)), name


def test_what_openssl_cannot_read_costs_nobody_else_and_is_named(tmp_path: Path) -> None:
    """D-19: with such a certificate in it OpenSSL refuses a bundle whole, and nginx does not start."""
    authority, odd = Authority("Read by all"), with_text(b"\xff")
    receipt = deliver(material(1, {"acme": authority.der, "Odd": odd}), {}, place(tmp_path))
    said = "not in truststore.pem and used.pem, which OpenSSL would refuse whole with them: Odd"
    assert (receipt.state, receipt.detail) == ("accepted", f"release 1 written to current; {said}")
    current = tmp_path / "environments" / "test" / "current"
    leaf, _ = authority.issue("leaf").written(tmp_path)
    for name in ("truststore.pem", "used.pem"):
        command = [need("openssl", package="openssl"), "verify", "-CAfile", str(current / name), str(leaf)]
        assert subprocess.run(command, capture_output=True, timeout=60).returncode == 0, name
    assert (current / "aliases" / "Odd.pem").exists()
    deliver(material(2, {"Odd": odd}), {}, place(tmp_path))
    assert _certificates(current / "used.pem") == [deny_all_der()]


def test_a_release_that_trusts_nobody_holds_the_deny_all_anchor_in_each_truststore(tmp_path: Path) -> None:
    """D-17."""
    deliver(material(1), {}, place(tmp_path))
    current = tmp_path / "environments" / "test" / "current"
    assert _certificates(current / "truststore.pem") == [deny_all_der()]
    assert _certificates(current / "used.pem") == [deny_all_der()]
    for name in ("truststore.p12", "truststore.jks"):
        listed = _keytool("-list", "-rfc", "-keystore", str(current / name))
        assert (
            x509.load_pem_x509_certificate(listed[listed.index("-----BEGIN") :].encode()).public_bytes(Encoding.DER)
            == deny_all_der()
        )
    assert json.loads((current / "jwks.json").read_bytes()) == {"keys": []}


def test_used_is_deny_all_where_only_roots_are_trusted(tmp_path: Path) -> None:
    root = ders()[0]
    deliver(material(1, {}, (root,)), {}, place(tmp_path))
    current = tmp_path / "environments" / "test" / "current"
    assert _certificates(current / "truststore.pem") == [root]
    assert _certificates(current / "used.pem") == [deny_all_der()]


def test_the_same_release_again_is_accepted_and_writes_nothing(tmp_path: Path) -> None:
    release = material(2, {"acme": ders()[0]})
    deliver(release, {}, place(tmp_path))
    manifest = tmp_path / "environments" / "test" / "current" / "manifest.json"
    before = manifest.stat().st_ino
    receipt = deliver(release, {}, place(tmp_path))
    assert (receipt.state, receipt.detail) == ("accepted", "release 2 is current")
    assert manifest.stat().st_ino == before


def test_a_folder_that_somebody_changed_is_written_again(tmp_path: Path) -> None:
    release = material(2, {"acme": ders()[0]})
    deliver(release, {}, place(tmp_path))
    current = tmp_path / "environments" / "test" / "current"
    (current / "used.pem").write_text("not what was deployed")
    assert deliver(release, {}, place(tmp_path)).state == "accepted"
    assert _certificates(current / "used.pem") == [ders()[0]]
    (current / "jwks.json").unlink()
    assert deliver(release, {}, place(tmp_path)).state == "accepted"
    assert (current / "jwks.json").exists()
    (current / "manifest.json").write_text("{}")
    assert deliver(release, {}, place(tmp_path)).state == "accepted"
    assert json.loads((current / "manifest.json").read_bytes())["release"] == 2


def test_old_releases_are_pruned_and_the_current_one_never(tmp_path: Path) -> None:
    for number in range(1, 15):
        deliver(material(number, {"acme": ders()[number % 6]}), {}, place(tmp_path))
    releases = tmp_path / "environments" / "test" / "releases"
    assert sorted(int(path.name.partition("-")[0]) for path in releases.iterdir()) == list(range(5, 15))
    # An environment made anew counts from 1 again: the current one is then the oldest by number.
    deliver(material(1, {"acme": ders()[0]}), {}, place(tmp_path))
    current = json.loads((releases.parent / "current" / "manifest.json").read_bytes())
    assert current["release"] == 1


def test_only_the_owner_reads_the_data_directory_and_everybody_a_directory_for_others(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        deliver(material(1, {"a": ders()[0]}), {}, place(tmp_path / "data"))
        (tmp_path / "srv").mkdir(mode=0o755)
        served = tmp_path / "srv" / "trust" / "test"
        deliver(material(1, {"a": ders()[0]}), {"directory": str(served)}, place(tmp_path / "data", tmp_path / "srv"))
    finally:
        os.umask(before)
    for base, folder, file in ((tmp_path / "data", 0o700, 0o600), (tmp_path / "srv", 0o755, 0o644)):
        paths = [path for path in base.rglob("*") if not path.is_symlink()]
        assert len(paths) > 10
        assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {folder}
        assert {path.stat().st_mode & 0o777 for path in paths if path.is_file() and path.name != ".lock"} == {file}


def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "environments").write_text("a file where a folder should be")
    receipt = deliver(material(4), {}, place(tmp_path))
    assert receipt.state == "refused"
    assert "Release 4 could not be written: " in receipt.detail
    assert str(tmp_path / "environments") in receipt.detail


def test_current_that_is_no_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "environments" / "test" / "current").mkdir(parents=True)
    receipt = deliver(material(1), {}, place(tmp_path))
    assert receipt.state == "refused"
    assert (tmp_path / "environments" / "test" / "current").is_dir()


def test_a_full_disk_is_unreachable_and_leaves_the_old_release_current(tmp_path: Path) -> None:
    """I-08."""
    deliver(material(1, {"acme": ders()[0]}), {}, place(tmp_path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        receipt = deliver(material(2, {"acme": ders()[1]}), {}, place(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert receipt.state == "unreachable"
    assert "Release 2 could not be written: File too large" in receipt.detail
    directory = tmp_path / "environments" / "test"
    assert json.loads((directory / "current" / "manifest.json").read_bytes())["release"] == 1
    assert [path.name for path in (directory / "releases").iterdir() if path.name.startswith(".")] == []
    assert deliver(material(2, {"acme": ders()[1]}), {}, place(tmp_path)).state == "accepted"


@pytest.mark.parametrize("broken", [False, True])
def test_what_somebody_changed_back_or_broke_meanwhile_is_not_said_to_be_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    one, two = ders()[:2]
    deliver(material(1, {"a": one}), {}, place(tmp_path))
    before = (tmp_path / "environments" / "test" / "current").resolve()
    make_current = folders.make_current

    def and_then(directory: Path, folder: Path) -> None:
        make_current(directory, folder if broken else before)
        if broken:
            (folder / "used.pem").write_bytes(b"")

    monkeypatch.setattr(folders, "make_current", and_then)
    receipt = deliver(material(2, {"a": two}), {}, place(tmp_path))
    assert (receipt.state, receipt.detail) == (
        "unreachable", "Release 2 was written, but does not read back as written.",
    )  # fmt: skip


def test_a_folder_of_another_environment_is_refused(tmp_path: Path) -> None:
    where, options = place(tmp_path, tmp_path / "srv"), {"directory": str(tmp_path / "srv" / "trust")}
    assert deliver(material(1), options, where).state == "accepted"
    receipt = deliver(material(1, environment="production"), options, where)
    assert receipt.state == "refused"
    assert "holds releases of the environment test" in receipt.detail


def test_two_writers_at_once_leave_one_whole_release(tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=deliver, args=(material(n, {"a": ders()[n]}), {}, place(tmp_path))) for n in range(1, 6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    directory = tmp_path / "environments" / "test"
    assert folders.manifest(directory / "current") is not None
    assert len(list((directory / "releases").iterdir())) == 5


def test_what_a_version_before_wrote_is_written_anew_where_java_would_refuse_it(tmp_path: Path) -> None:
    """An upgrade mends folders without a release: number and digest are those of before."""
    release = material(3, {"acme": ders()[0], "odd": compressed()})
    deliver(release, {}, place(tmp_path))
    current = tmp_path / "environments" / "test" / "current"
    before = current.readlink()
    write_as_before(current, release)
    with pytest.raises(subprocess.CalledProcessError):
        _keytool("-list", "-keystore", str(current / "truststore.jks"))
    words = "not in truststore.p12 and truststore.jks, which Java would refuse whole with them: odd"
    receipt = deliver(release, {}, place(tmp_path))
    assert (receipt.state, receipt.detail) == ("accepted", f"release 3 written to current; {words}")
    assert "acme" in _keytool("-list", "-keystore", str(current / "truststore.jks"))
    assert (after := current.readlink()) != before
    assert deliver(release, {}, place(tmp_path)).detail == f"release 3 is current; {words}"
    assert current.readlink() == after


KILLED = """
import itertools, sys
from pathlib import Path
from tests.gateways.releases import material, place, ders
from trustyard.gateways.files import deliver
made = [material(n, {f"alias{n}": ders()[n % 6]}) for n in range(1, 40)]
print("ready", flush=True)
for release in itertools.cycle(made):
    assert deliver(release, {}, place(Path(sys.argv[1]))).state == "accepted"
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_release(tmp_path: Path, root: Path) -> None:
    import random

    seed = random.randrange(10**6)
    print(f"seed {seed}")
    moments = random.Random(seed)
    directory = tmp_path / "environments" / "test"
    deliver(material(1), {}, place(tmp_path))
    for _ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(moments.uniform(0, 0.15))
        writer.kill()
        writer.wait()
        writer.stdout.close()
        assert folders.manifest(directory / "current") is not None
    assert deliver(material(50), {}, place(tmp_path)).state == "accepted"
    assert [path.name for path in directory.rglob(".new-*")] == []
    assert [path.name for path in directory.glob(".current-*")] == []


class TestDirectories:
    """Where a gateway may write is the operator's decision, not that of who adds the gateway."""

    def test_a_folder_under_a_root_is_taken_even_before_it_exists(self, tmp_path: Path) -> None:
        assert check_directory(f"{tmp_path}/a/../b", place(tmp_path, tmp_path)) == tmp_path / "b"

    @pytest.mark.parametrize("path", ["/etc", "relative", "/srv\0/x", "ROOT/../elsewhere", "ROOT-longer/x", "LINK/x"])
    def test_a_folder_outside_is_refused(self, tmp_path: Path, path: str) -> None:
        inside = tmp_path / "root"
        inside.mkdir()
        (inside / "link").symlink_to("/etc")
        text = path.replace("ROOT", str(inside)).replace("LINK", str(inside / "link"))
        with pytest.raises(Refused) as caught:
            check_directory(text, place(tmp_path, inside))
        assert caught.value.fields[0].field == "options.directory"

    def test_without_roots_the_setting_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="TRUSTYARD_FILES_ROOTS"):
            check_directory(str(tmp_path), place(tmp_path))

    def test_a_link_made_after_the_gateway_was_saved_leads_nowhere(self, tmp_path: Path) -> None:
        inside, outside = tmp_path / "root", tmp_path / "outside"
        inside.mkdir()
        outside.mkdir()
        (inside / "trust").symlink_to(outside)
        receipt = deliver(material(1), {"directory": str(inside / "trust")}, place(tmp_path, inside))
        assert receipt.state == "refused"
        assert list(outside.iterdir()) == []

    def test_a_link_where_the_releases_go_is_refused_by_name_and_what_it_leads_to_is_left_alone(
        self, tmp_path: Path
    ) -> None:
        inside, outside = tmp_path / "root", tmp_path / "outside"
        for folder in (inside, *(outside / str(number) for number in range(20))):
            folder.mkdir(parents=True)
        (inside / "releases").symlink_to(outside)
        receipt = deliver(material(1), {"directory": str(inside)}, place(tmp_path, inside))
        assert receipt.state == "refused"
        assert receipt.detail.endswith(f"a symbolic link stands there, and is not followed ({inside}/releases).")
        assert len(list(outside.iterdir())) == 20
        assert not (inside / "current").is_symlink()

    def test_a_link_put_where_the_releases_go_during_a_delivery_leads_nowhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who may write in the folder exchanges it between a look at it and its use, as often as it takes."""
        inside, outside = tmp_path / "root", tmp_path / "outside"
        for folder in (inside, *(outside / str(number) for number in range(20))):
            folder.mkdir(parents=True)
        options, real = {"directory": str(inside)}, os.fsync

        def exchanged(descriptor: int) -> None:
            real(descriptor)
            if not (inside / "releases").is_symlink():
                (inside / "releases").rename(inside / "moved")
                (inside / "releases").symlink_to(outside)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", exchanged)
            receipt = deliver(material(1), options, place(tmp_path, inside))
        assert receipt.state in ("refused", "unreachable")
        assert {path.name for path in outside.iterdir()} == {str(number) for number in range(20)}
        assert "/proc/" not in receipt.detail

    def test_however_many_folders_somebody_else_puts_there_a_release_finds_a_name(self, tmp_path: Path) -> None:
        inside, release = tmp_path / "root", material(1)
        name = f"1-{release.content.digest()[:12]}"
        for taken in (name, *(f"{name}.{number}" for number in range(2, 10_001))):
            (inside / "releases" / taken).mkdir(parents=True)
        assert deliver(release, {"directory": str(inside)}, place(tmp_path, inside)).state == "accepted"

    @pytest.mark.parametrize("huge", ["manifest.json", "hole"])
    def test_a_file_of_somebody_else_that_is_a_hole_of_gigabytes_is_not_read(self, tmp_path: Path, huge: str) -> None:
        inside = tmp_path / "root"
        theirs = inside / "releases" / "x"
        theirs.mkdir(parents=True)
        (inside / "current").symlink_to("releases/x")
        (theirs / "manifest.json").write_text(json.dumps({"environment": "other", "files": {"hole": ""}}))
        with (theirs / huge).open("a") as file:
            file.truncate(1_000_000_000 if huge == "manifest.json" else 20_000_000_000)
        started = time.process_time()
        tracemalloc.start()
        receipt = deliver(material(1), {"directory": str(inside)}, place(tmp_path, inside))
        assert (receipt.state, tracemalloc.get_traced_memory()[1] < 100_000_000) == ("accepted", True)
        tracemalloc.stop()
        assert time.process_time() - started < 5

    @pytest.mark.parametrize("what", ["device", "pipe", "folder", "link", "elsewhere"])
    def test_a_manifest_of_somebody_else_makes_nobody_read_what_is_no_file_of_a_release(
        self, tmp_path: Path, what: str
    ) -> None:
        inside = tmp_path / "root"
        theirs = inside / "releases" / "x"
        theirs.mkdir(parents=True)
        (inside / "current").symlink_to("releases/x")
        os.mkfifo(theirs / "pipe")  # without a writer it is waited for
        (theirs / "link").symlink_to("/dev/zero")  # which never ends
        named = {"device": "/dev/zero", "folder": "../x", "elsewhere": "../../releases/x/pipe"}.get(what, what)
        (theirs / "manifest.json").write_text(json.dumps({"environment": "other", "files": {named: ""}}))
        receipt = deliver(material(1), {"directory": str(inside)}, place(tmp_path, inside))
        assert receipt.state == "accepted"
