"""Local commands `backup` and `restore`: everything as one file, and back."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from trustyard.pki.sentences import plural

from .failures import Failure, Usage
from .local import AsJson, database, told
from .options import at_terminal
from .screen import clean, json_text, say

SECRETS = "It holds the secret key and the hashes of passwords and tokens: keep it as you keep those."
HASHES = "It holds no secret key, but the hashes of passwords and tokens: keep it where few can read it."

NOT_IN_IT = "What the newer version added is not in this backup, which is one of this version."


def register(app: typer.Typer) -> None:
    """Adds the two commands to the program."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write it; - for standard output.")],
    without_secret_key: Annotated[
        bool,
        typer.Option("--without-secret-key", help="Leave out what gateways' tokens are derived from."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file of that name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything of this moment into one file. Works beside a running server, on either database."""
    to_stdout = file == "-"
    if to_stdout and as_json:
        raise Usage("--json and - both want standard output.")
    with database(changes=False):
        from trustyard.server.backup.making import make
        from trustyard.server.configuration import Configuration

        made = make(Configuration.from_environment(), file, secret_key=not without_secret_key, overwrite=overwrite)
    if made.newer:
        say(clean(f"Warning: the database is of a newer Trustyard ({', '.join(made.newer)}). {NOT_IN_IT}"), error=True)
    if as_json:
        say(json_text({**_shown(made), "rows": made.manifest.rows}))
        return
    where = "standard output" if to_stdout else clean(file)
    say(f"Wrote {where}: {_total(made.manifest.rows)} ({made.bytes} bytes, SHA-256 {made.sha256}).", error=to_stdout)
    say(SECRETS if made.secret_key else HASHES, error=to_stdout)


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A backup, made on either database; - for standard input.")
    ],
    without_secret_key: Annotated[
        bool, typer.Option("--without-secret-key", help="Keep the data directory's own secret key, or make a new one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a backup into an empty database and data directory, whole or not at all. No server may run there."""
    if str(file) == "-" and at_terminal():
        raise Usage("Standard input is a terminal: name a file, or let a program write the backup into this one.")
    with told():
        from trustyard.server.backup.restoring import restore as run
        from trustyard.server.configuration import Configuration

        restored = run(Configuration.from_environment(), file, secret_key=not without_secret_key)
    if as_json:
        say(json_text({**_shown(restored), "rows": restored.manifest.rows}))
    else:
        manifest = restored.manifest
        say(f"Restored {_total(manifest.rows)} as of {manifest.made_at} (Trustyard {manifest.version}).")
        say(f"{restored.events} audit events came with it.")
        if not restored.secret_key:
            say("The secret key did not come with it: with another, every gateway that connects needs a new bootstrap.")
            if manifest.rows.get("mfa.authenticator"):
                say("Authenticator apps and recovery codes are sealed with it, too: trustyard user reset-mfa NAME.")
    if restored.broken:
        raise Failure(f"All is restored, but its audit chain was broken when the backup was made, {restored.broken}.")


def _shown(ended: Any) -> dict[str, Any]:
    facts = {field.name: getattr(ended, field.name) for field in dataclasses.fields(ended)}
    manifest = facts.pop("manifest")
    return {**facts, "made_at": manifest.made_at, "version": manifest.version, "database": manifest.database}


def _total(rows: dict[str, int]) -> str:
    told = {"trustyard.certificate": "certificate", "trustyard.jwk": "JWK", "trustyard.release": "release"}
    return ", ".join(plural(rows.get(table, 0), word) for table, word in told.items())
