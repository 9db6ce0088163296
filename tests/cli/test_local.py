"""Local commands: they need the data directory, not a server."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.db import OperationalError

from tests.databases import chosen, opened
from tests.server.serving import Serving, run
from tests.server.test_upgrade import nothing_yet
from trustyard import __version__
from trustyard.actions import environments, users
from trustyard.actions.actors import LOCAL, Actor
from trustyard.cli import local
from trustyard.cli.failures import Failure
from trustyard.cli.local import Role
from trustyard.errors import StaleVersion, TrustyardError
from trustyard.models import User


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("local") / "data"


def test_a_token_is_printed_alone_and_a_new_data_directory_is_made_for_it(tmp_path: Path) -> None:
    made = run(tmp_path / "new", "token", "create", "ci")
    assert made.stdout.startswith("ty_")
    assert made.stdout.count("\n") == 1
    # Somebody in the wrong folder would look for the mistake in the token.
    assert ("is new: a server that runs on another one knows nothing" in made.stderr) == (not chosen())
    assert run(tmp_path / "new", "token", "create", "cd").stderr == ""
    with Serving(tmp_path / "new") as server, server.client() as client:  # and it still is a first start
        client.headers["Authorization"] = f"Bearer {made.stdout.strip()}"
        assert client.get("/api/v1/environments").json()["total"] == 2


def test_a_token_made_beside_a_running_server_works_at_once_until_it_is_revoked(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as server, server.client() as client:
        secret = run(server.data_dir, "token", "create", "short", "--role", "operator", "--env", "test").stdout.strip()
        client.headers["Authorization"] = f"Bearer {secret}"
        assert client.get("/api/v1/certificates").status_code == 200
        assert client.post("/api/v1/environments", json={"name": "x", "type": "test"}).status_code == 403
        (row,) = [
            one for one in json.loads(run(server.data_dir, "token", "list", "--json").stdout) if one["name"] == "short"
        ]
        assert (row["role"], row["environments"], row["revoked_at"]) == ("operator", ["test"], None)
        assert row["created_at"] <= row["last_used_at"]
        assert secret not in json.dumps(row)
        run(server.data_dir, "token", "revoke", "short")
        assert client.get("/api/v1/certificates").status_code == 401


def test_mistakes_are_sentences_with_the_contracts_exit_codes(data: Path) -> None:
    run(data, "token", "create", "twice")
    assert "already a token named twice" in run(data, "token", "create", "twice", code=1).stderr
    assert "There is no token named nobody" in run(data, "token", "revoke", "nobody", code=1).stderr
    assert "There is no environment named moon" in run(data, "token", "create", "t", "--env", "moon", code=1).stderr
    assert "There is no environment named a,b" in run(data, "token", "create", "t", "--env", r"a\,b", code=1).stderr
    # An unset variable of a script must not make a token for all environments.
    assert "A name is empty" in run(data, "token", "create", "t", "--env", "", code=2).stderr
    for role in ("admin", "viewer"):
        limited = run(data, "token", "create", "t", "--role", role, "--env", "test", code=1).stderr
        assert "Environments limit operators alone" in limited
    assert "boss" in run(data, "token", "create", "t", "--role", "boss", code=2).stderr
    run(data, "token", "create", code=2)
    both = run(data, "backup", "-", "--json", code=2)
    assert both.stderr == "Error: --json and - both want standard output.\n"


def test_a_password_that_cannot_be_asked_for_is_missing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there was none" in run(data, "user", "add", "bob", code=1).stderr
    monkeypatch.setattr(sys, "stdin", None)  # as where the caller has closed it
    with pytest.raises(TrustyardError, match="there was none"):
        local._password()


def test_people_are_added_given_passwords_and_disabled(data: Path) -> None:
    assert "at least 10" in run(data, "user", "add", "bob", stdin="short\n", code=1).stderr
    run(data, "user", "add", "bob", "--role", "operator", stdin="a long enough one\n")
    run(data, "user", "password", "bob", stdin="another long one\n")
    # Nobody is asked for a password that cannot be taken.
    assert "Nobody can be named token:ci" in run(data, "user", "add", "token:ci", code=1).stderr
    assert "already a user named bob" in run(data, "user", "add", "Bob", code=1).stderr
    elsewhere = ("--role", "operator", "--env", "moon,sun")
    said = "Error: There is already a user named bob; case does not count. "
    said += "There is no environment named moon. There is no environment named sun.\n"
    assert run(data, "user", "add", "BOB", *elsewhere, code=1).stderr == said
    for command in ("password", "sessions", "sign-out"):
        assert "There is no user named nobody" in run(data, "user", command, "nobody", code=1).stderr
    assert "standard input" in run(data, "user", "password", "bob", code=1).stderr
    # The last administrator cannot be shut out, so that somebody can let others in again.
    run(data, "user", "add", "ada", "--role", "admin", stdin="a long enough one\n")
    for line in ("disable", "ada"), ("edit", "ada", "--role", "viewer"):
        told = "This is the last administrator who can sign in.\nMake somebody else one first."
        assert told in run(data, "user", *line, code=1).stderr
    run(data, "user", "disable", "bob")
    people = {one["username"]: one for one in json.loads(run(data, "user", "list", "--json").stdout)}
    assert (people["bob"]["role"], people["bob"]["active"]) == ("operator", False)
    assert people["ada"]["active"] is True
    assert "bob" in run(data, "user", "list").stdout
    for _ in range(2):
        assert "bob can sign in again." in run(data, "user", "enable", "bob").stdout
    with opened(data) as database:
        events = database.execute("SELECT actor FROM trustyard_auditevent WHERE action = 'user.update'").fetchall()
    assert [tuple(event) for event in events] == [("command line",)] * 2, "disabled once, enabled once"
    assert "There is no user named nobody" in run(data, "user", "enable", "nobody", code=1).stderr


def test_role_and_environments_of_a_person_are_changed_and_what_is_not_given_stays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Serving(data):
        pass  # it made test and production
    run(data, "user", "add", "olaf", "--role", "operator", "--env", "test", stdin="a long enough one\n")

    def edit(*options: str, code: int = 0) -> str:
        done = run(data, "user", "edit", "olaf", *options, code=code)
        return done.stderr if code else done.stdout

    assert edit("--env", "production") == "olaf has the role operator, for production.\n"
    assert edit("--role", "operator") == "olaf has the role operator, for production.\n", "the environments stay"
    assert edit("--env", "test, production") == "olaf has the role operator, for test, production.\n"
    assert edit("--all-env") == "olaf has the role operator, for all environments.\n"
    assert "There is no environment named moon" in edit("--env", "moon", code=1)
    assert edit("--role", "viewer") == "olaf has the role viewer.\n"
    assert "Environments limit operators alone" in edit("--env", "test", code=1)
    assert "--env, or --all-env" in edit("--role", "operator", code=2)
    assert edit("--role", "operator", "--env", "test") == "olaf has the role operator, for test.\n"
    assert edit(code=2) == "Error: Nothing to change: see `trustyard user edit --help`.\n"
    assert "give one" in edit("--env", "test", "--all-env", code=2)
    assert "boss" in edit("--role", "boss", code=2)
    assert "A name is empty" in edit("--env", "", code=2)
    assert "There is no user named nobody" in run(data, "user", "edit", "nobody", "--role", "viewer", code=1).stderr
    (olaf,) = (one for one in json.loads(run(data, "user", "list", "--json").stdout) if one["username"] == "olaf")
    assert (olaf["role"], olaf["environments"]) == ("operator", ["test"]), "refusals change nothing"


@pytest.mark.django_db
def test_a_role_is_not_given_over_what_another_changed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an operator of some environments, whom another takes the role from meanwhile, would get all of them."""
    environments.create(LOCAL, name="test")
    users.create(LOCAL, "olaf", password="a long enough one", role="operator", environments=["test"])
    read = users.get

    def overtaken(actor: Actor, name: str) -> User:
        users.update(actor, name, role="viewer")
        return row

    row = read(LOCAL, "olaf")
    monkeypatch.setattr(users, "get", overtaken)
    monkeypatch.setattr(local, "database", lambda: nullcontext(LOCAL))
    with pytest.raises(StaleVersion):
        local.user_edit("olaf", Role.operator)
    assert read(LOCAL, "olaf").role == "viewer"


def test_audit_verify_finds_an_event_that_was_changed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in ("one", "two", "three"):
        run(data, "token", "create", name)
    assert "3 events" in run(data, "audit", "verify").stdout
    with opened(data) as database:
        database.execute("UPDATE trustyard_auditevent SET actor = 'somebody else' WHERE id = 2")
    assert "broken at event 2" in run(data, "audit", "verify", code=1).stderr


@pytest.mark.parametrize(
    "command",
    [
        "audit verify", "backup it.backup", "secret rotate", "secret forget", "token list", "token revoke ci",
        "user list", "user edit ada --role viewer", "user sessions ada", "user sign-out ada",
        "user password ada", "user disable ada", "user enable ada", "user reset-mfa ada",
    ],
)  # fmt: skip
@pytest.mark.sqlite
def test_a_wrong_data_directory_is_no_empty_one(tmp_path: Path, command: str) -> None:
    said = run(tmp_path / "data", *command.split(), code=1)
    assert said.stderr.startswith(f"Error: There is no Trustyard in the data directory {tmp_path / 'data'}")
    assert "`trustyard check`" in said.stderr
    assert said.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_a_table_is_no_empty_one(tmp_path: Path) -> None:
    settings = nothing_yet(tmp_path / "data")
    if not settings:
        (tmp_path / "data").mkdir(mode=0o700)
        (tmp_path / "data" / "trustyard.db").touch()
    for command in (("backup", "it.backup"), ("audit", "verify")):
        said = run(tmp_path / "data", *command, code=1, **settings).stderr
        assert "There is no Trustyard in this database: it has no tables." in said
    run(tmp_path / "data", "token", "create", "ci", **settings)
    assert "1 event, " in run(tmp_path / "data", "audit", "verify", **settings).stdout


def test_check_shows_every_setting_hides_secrets_and_changes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    shown = run(data, "check", DATABASE_URL="", LISEN="x").stdout
    assert "TRUSTYARD_LISEN is no setting" in shown
    assert "(hidden)" in shown
    assert not data.exists()
    wrong = run(data, "check", code=1, LISTEN="nonsense", XDS_CERT="/no/such/file")
    assert "TRUSTYARD_LISTEN" in wrong.stderr
    assert "TRUSTYARD_XDS_CERT" in wrong.stderr


def test_a_data_directory_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert (
        "cannot be used"
        in run(tmp_path / "data", "token", "create", "ci", code=1, DATA_DIR=str(tmp_path / "file" / "data")).stderr
    )


def test_the_version_is_printed(data: Path) -> None:
    assert run(data, "--version").stdout == f"trustyard {__version__}\n"


def test_what_the_database_refuses_is_a_sentence() -> None:
    with pytest.raises(Failure) as ended, local.told():
        raise OperationalError("attempt to write a readonly database")
    said = "The database does not do what it was asked: attempt to write a readonly database."
    assert (ended.value.code, ended.value.sentence) == (1, said)
    with pytest.raises(ValueError, match="ours"), local.told():
        raise ValueError("a mistake of ours stays one")


def test_a_file_of_the_data_directory_that_stops_it_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "data" / "migrate.lock"
    lock.mkdir(parents=True)
    assert f"Is a directory ({lock})" in run(tmp_path / "data", "token", "create", "x", code=1).stderr
