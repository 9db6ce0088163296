"""`trustyard cert chain` and `cert compare` against a real server and real TLS peers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cast import Stage
from tests.tls_servers import Ca, Issued, TlsServer

from .conftest import Canned, Program

Unique = Callable[[str], str]
ROOT = Ca.new("Tree Root")
SUB = ROOT.subordinate("Tree Sub")
LEAF = SUB.issue("partner.test", dns=["partner.test"])


@pytest.fixture
def server() -> Iterator[TlsServer]:
    with TlsServer(LEAF, chain=[ROOT.cert_pem, SUB.cert_pem]) as running:
        yield running


@pytest.fixture
def acme(stage: Stage, server: TlsServer, unique: Unique) -> str:
    """An entry in test that came from a live server."""
    name = unique("acme")
    done = stage.cli("cert", "add", name, "--env", "test", "--alias", name, "--url", server.url, "--deploy")
    assert done.returncode == 0, done.stderr
    return name


def written(folder: Path, name: str, *issued: Issued) -> str:
    path = folder / name
    path.write_bytes(b"".join(one.cert_pem for one in issued))
    return str(path)


def test_a_chain_is_a_tree_with_the_root_on_top(stage: Stage, acme: str) -> None:
    done = stage.cli("cert", "chain", acme, "--env", "test", role="viewer")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("The chain is whole: 3 certificates up to Tree Root")
    assert lines[1].startswith("Note: Presented out of order")
    named = [line for line in lines if line.strip(" └─") in ("Tree Root", "Tree Sub", "partner.test")]
    assert named == ["Tree Root", "└─ Tree Sub", "   └─ partner.test"]
    assert f"anchor: test: alias {acme} (in force) is partner.test itself." in done.stdout


def test_a_missing_issuer_and_a_foreign_certificate_stand_in_the_tree(
    stage: Stage, unique: Unique, tmp_path: Path
) -> None:
    name = unique("gap")
    source = written(tmp_path, "gap.pem", LEAF, ROOT)
    stage.cli("cert", "add", name, "--env", "test", "--alias", name, "--file", source, "--choose", LEAF.sha256)
    shown = stage.cli("cert", "chain", name, "--env", "test").stdout
    assert "CN=Tree Sub, not in the source\n│  key identifier" in shown
    assert "Also in this source:" in shown
    assert "Issued itself, and no certificate of this chain." in shown
    found = json.loads(stage.cli("cert", "chain", name, "--env", "test", "--json").stdout)
    assert (found["state"], found["others"][0]["kind"]) == ("open", "foreign")


def test_of_two_files_the_one_that_holds_a_private_key_is_named(stage: Stage, tmp_path: Path) -> None:
    """D-07."""
    (tmp_path / "both.pem").write_bytes(LEAF.key_pem + LEAF.cert_pem)
    alone = written(tmp_path, "alone.pem", LEAF)
    done = stage.cli("cert", "compare", alone, str(tmp_path / "both.pem"))
    assert done.stderr.startswith("Notice: both.pem: The input also held a private key."), done.stderr
    assert done.stderr.count("Notice") == 1


def test_an_entry_is_compared_with_its_live_server(stage: Stage, acme: str, server: TlsServer) -> None:
    same = stage.cli("cert", "compare", acme, "--env", "test", "--exit-code")
    assert (same.returncode, same.stdout.splitlines()[0]) == (0, "The same certificate.")
    server.use(SUB.issue("partner.test", dns=["partner.test"], days=180, private=LEAF.key))
    renewed = stage.cli("cert", "compare", acme, "--env", "test")
    assert renewed.returncode == 0, "differences are no error"
    assert renewed.stdout.startswith("Renewed: same key, same issuer, valid 90 days longer.\n")
    assert "facts are the same; --all lists them." in renewed.stdout
    assert stage.cli("cert", "compare", acme, "--env", "test", "--exit-code").returncode == 1
    everything = stage.cli("cert", "compare", acme, "--env", "test", "--all").stdout
    assert "Subject CN" in everything


def test_two_files_are_compared_and_an_entry_with_a_file_an_address_or_another_entry(
    stage: Stage, acme: str, server: TlsServer, tmp_path: Path
) -> None:
    other = SUB.issue("other.test", dns=["partner.test"])
    one, two = written(tmp_path, "one.pem", LEAF), written(tmp_path, "two.pem", other)
    strange = stage.cli("cert", "compare", acme, one)
    assert "The name of a certificate goes with --env." in strange.stderr
    told = "Another subject: other.test instead of partner.test; new key, same issuer."
    for arguments in (
        (one, two),
        (acme, two, "--env", "test"),
        (acme, "--env", "test", "--file", two),
        (server.url, two),
    ):
        done = stage.cli("cert", "compare", *arguments)
        assert done.stdout.splitlines()[0] == told, done.stderr
    pasted = stage.cli("cert", "compare", acme, "--env", "test", "--paste", stdin=other.cert_pem.decode())
    assert pasted.stdout.splitlines()[0] == told
    asked = json.loads(stage.cli("cert", "compare", one, "--url", server.url, "--json").stdout)
    assert (asked["same"], asked["right"]["label"]) == (True, f"{server.url}, now")
    seen = json.loads(stage.cli("cert", "inspect", server.url, "--json").stdout)["token"]
    again = stage.cli("cert", "compare", acme, "--env", "test", "--inspected", seen, "--exit-code")
    assert again.returncode == 0, again.stderr
    itself = stage.cli("cert", "compare", acme, "--env", "test", "--with", acme, role="viewer")
    assert itself.stdout.splitlines()[0] == "The same certificate."


def test_an_unclear_choice_lists_the_certificates(stage: Stage, tmp_path: Path) -> None:
    several = written(tmp_path, "several.pem", LEAF, SUB.issue("other.test"))
    unclear = stage.cli("cert", "compare", several, several)
    assert unclear.returncode == 1
    assert f"  {LEAF.sha256}  partner.test" in unclear.stderr
    chosen = stage.cli("cert", "compare", several, several, "--choose-left", LEAF.sha256, "--choose", LEAF.sha256)
    assert chosen.stdout.splitlines()[0] == "The same certificate."


def test_a_viewer_may_not_make_the_server_connect(stage: Stage, acme: str) -> None:
    refused = stage.cli("cert", "compare", acme, "--env", "test", role="viewer")
    assert refused.returncode == 1
    assert "certificates.inspect" in refused.stderr


def test_names_in_a_chain_cannot_steer_the_terminal(run: Program, canned: Canned) -> None:
    answer = {"sentence": "\x1b[31mred", "notes": [], "links": [], "missing": [], "others": [], "anchors": []}
    canned.answer("GET", "/api/v1/certificates/acme/entries/test/chain", answer)
    assert "\x1b" not in run("cert", "chain", "acme", "--env", "test").stdout
