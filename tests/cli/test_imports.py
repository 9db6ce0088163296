"""`trustyard cert import`: which files it takes, what it sends, what it shows, and how it ends."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.cli.conftest import Canned, Program
from trustyard.cli.batches import batches
from trustyard.cli.failures import Failure

IMPORT = "/api/v1/certificates/import"
PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"


def says(canned: Canned, stored: int, *left_out: tuple[str, str, str], **more: Any) -> None:
    """The server's lines: progress, and what it did."""
    rows = [dict(zip(("item", "reason", "code"), row, strict=True)) for row in left_out]
    last = {"stored": stored, "left_out": rows, "certificates": [], "notices": [], **more}
    lines = [{"read": 1, "of": 2}, {"read": 2, "of": 2}, {"storing": stored}, last]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    canned.answer("POST", IMPORT, data, Content_Type="application/x-ndjson")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of certificates among others that are none of our business."""
    (tmp_path / "more").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "acme.pem").write_text(PEM)
    (tmp_path / "more" / "bank.CER").write_bytes(b"\x30\x00")
    for passed_over in ("acme.key", "README.md", ".hidden.pem", ".git/old.pem"):
        (tmp_path / passed_over).write_text(PEM)
    return tmp_path


def test_a_folder_gives_its_certificates_and_nothing_else(canned: Canned, run: Program, folder: Path) -> None:
    says(canned, 2)
    done = run("cert", "import", str(folder), "--env", "test,production", "--deploy", "--wait", "1")
    assert done.exit_code == 0, done.output
    assert canned.last.target == f"{IMPORT}?wait=1"
    assert "application/x-ndjson" in canned.last.headers["Accept"]
    assert canned.last.body == {
        "environments": ["test", "production"],
        "files": [
            {"filename": str(folder / "acme.pem"), "pem": PEM},
            {"filename": str(folder / "more" / "bank.CER"), "content_base64": "MAA="},
        ],
        "deploy": True,
    }
    assert done.stdout == "Stored 2 in test, production, 0 were there already.\n"
    assert done.stderr == ""


def test_a_file_that_is_named_is_taken_whatever_it_is_called(canned: Canned, run: Program, folder: Path) -> None:
    says(canned, 1)
    run("cert", "import", str(folder / "README.md"), "-", "--env", "test", "--password", "secret", stdin=PEM)
    assert [file["filename"] for file in canned.last.body["files"]] == [str(folder / "README.md"), "-"]
    assert canned.last.body["password"] == "secret"


def test_what_was_left_out_stands_on_standard_error(canned: Canned, run: Program, folder: Path) -> None:
    there = [(f"a.pem, certificate {n}", "Already in test as a.", "already-there") for n in range(30)]
    says(canned, 1, *there, ("bad.pem", "This base64 is \x1b[31mdamaged.", "bad-base64"))
    done = run("cert", "import", str(folder), "--env", "test")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "Stored 1 in test, 30 were there already.",
        # Whatever releases leave out of it: an import is of any certificates.
        "None of it is in force before a release: `trustyard release preview ENV` shows what the next one takes.",
    ]
    rows = done.stderr.splitlines()
    assert rows[1].startswith("bad.pem")
    assert "\x1b" not in done.stderr
    assert rows[-1] == "… and 10 more that are there already; --json names them all."


def test_json_is_the_last_line_alone(canned: Canned, run: Program, folder: Path) -> None:
    says(canned, 1, ("bad.pem", "No.", "bad-base64"))
    done = run("cert", "import", str(folder), "--env", "test", "--json")
    assert json.loads(done.stdout)["left_out"] == [{"item": "bad.pem", "reason": "No.", "code": "bad-base64"}]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("code", "exit_code"), [("already-there", 0), ("bad-base64", 1), ("name-taken", 1)], ids=lambda value: str(value)
)
def test_it_fails_when_nothing_could_be_taken(
    canned: Canned, run: Program, folder: Path, code: str, exit_code: int
) -> None:
    says(canned, 0, ("a.pem", "Because.", code))
    assert run("cert", "import", str(folder), "--env", "test").exit_code == exit_code


def test_a_problem_in_the_last_line_is_an_error(canned: Canned, run: Program, folder: Path) -> None:
    lines = (
        b'{"read": 1, "of": 1}\n{"type": "/problems/conflict", "title": "Conflict", "status": 409, "detail": "No."}\n'
    )
    canned.answer("POST", IMPORT, lines, Content_Type="application/x-ndjson")
    done = run("cert", "import", str(folder), "--env", "test")
    assert (done.exit_code, done.stderr) == (1, "Error: No.\n")


def test_an_answer_that_breaks_off_is_no_success(canned: Canned, run: Program, folder: Path) -> None:
    for said in (b'{"read": 1, "of": 2}\n', b'{"read": 1, "of"', b"", b"[]\n"):
        canned.answer("POST", IMPORT, said, Content_Type="application/x-ndjson")
        done = run("cert", "import", str(folder), "--env", "test")
        assert done.exit_code == 1
        assert "Error: " in done.stderr


def test_nothing_is_sent_when_there_is_nothing_to_send(canned: Canned, run: Program, folder: Path) -> None:
    (folder / "empty").mkdir()
    for given, words in (("empty", "no file of certificates"), ("missing.pem", "cannot be read")):
        done = run("cert", "import", str(folder / given), "--env", "test")
        assert done.exit_code == 1
        assert words in done.stderr
    assert canned.asked == []


def test_what_may_not_be_looked_into_is_named_and_the_rest_is_taken() -> None:
    with TemporaryDirectory() as name:
        folder, user = Path(name), os.geteuid()
        closed, listed = folder / "closed", folder / "listed"
        for file in (folder / "acme.pem", closed / "acme.pem", listed / "bank.pem"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(PEM)
            file.chmod(0o644)  # whatever the umask is by now
        for place, mode in ((closed, 0o000), (listed, 0o444), (folder, 0o755)):
            place.chmod(mode)
        os.seteuid(65534 if user == 0 else user)
        try:
            [batch] = batches([name], 100)
            with pytest.raises(Failure, match="cannot be read: Permission denied"):
                list(batches([f"{closed}/acme.pem"], 100))
        finally:
            os.seteuid(user)
            for place in (closed, listed):
                place.chmod(0o700)
    assert [file["filename"] for file in batch.files] == [f"{name}/acme.pem"]
    assert [(row["item"], row["reason"]) for row in batch.unreadable] == [
        (str(path), f"{path} cannot be read: Permission denied.") for path in (listed / "bank.pem", closed)
    ]


def test_a_file_that_is_more_than_the_server_takes_is_not_sent(canned: Canned, run: Program, folder: Path) -> None:
    with (folder / "huge.pem").open("wb") as huge:
        huge.truncate(50_000_000)  # a third longer on the way
    done = run("cert", "import", str(folder), "--env", "test")
    assert done.exit_code == 1
    assert "64 MB" in done.stderr
    assert canned.asked == []


def test_more_than_a_batch_goes_in_several_and_the_last_deploys(canned: Canned, run: Program, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.pem").write_text(PEM * 8_000)
    says(canned, 16_000)
    done = run("cert", "import", str(tmp_path), "--env", "test", "--deploy")
    assert [len(asked.body["files"]) for asked in canned.asked] == [2, 1]
    assert [asked.body["deploy"] for asked in canned.asked] == [False, True]
    assert done.stdout.startswith("Stored 32000 in test"), "what all of them answered together"
    assert "Batch 1: stored 16000" in done.stderr
