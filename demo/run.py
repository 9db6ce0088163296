"""The whole story, with real programs: a gateway refuses a partner, the partner is taken in, and changes its key.

`make demo` runs it in about a minute. Every sentence with a mark is checked before it is printed; the exit code is 0
only if all of them held.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from people import Authority, Pair, Server
from programs import Directory, Envoy, Trustyard, free_port, slapd


class Broken(Exception):
    """The story cannot go on."""


class Story:
    """What is told and whether it held."""

    def __init__(self) -> None:
        self.held: list[bool] = []
        self.chapters: list[tuple[str, bool]] = []

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """A part of the story, with a number."""
        print(f"\n{len(self.chapters) + 1}. {title}", flush=True)
        before = len(self.held)
        try:
            yield
        except BaseException:
            self.held.append(False)
            raise
        finally:
            self.chapters.append((title, all(self.held[before:]) and len(self.held) > before))

    def tell(self, sentence: str) -> None:
        """What happens."""
        print(f"   {sentence}", flush=True)

    def check(self, sentence: str, held: object) -> None:
        """What must be so."""
        self.held.append(bool(held))
        print(f"   {'ok ' if held else 'NO '} {sentence}", flush=True)

    def command(self, trustyard: Trustyard, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """A command as a person would type it; another exit code than expected ends the story with its words."""
        print(f"   $ trustyard {' '.join(word if ' ' not in word else repr(word) for word in words)}", flush=True)
        ended = trustyard.run(*words)
        if ended.returncode != code:
            raise Broken(f"{ended.stdout}{ended.stderr}\nexit code {ended.returncode} instead of {code}")
        return ended

    def end(self) -> int:
        """The summary; the exit code."""
        print("\nWhat was shown:")
        for title, held in self.chapters:
            print(f"   {'ok ' if held else 'NO '} {title}")
        good = all(self.held) and all(held for _, held in self.chapters)
        print(f"{sum(self.held)} of {len(self.held)} checks held.")
        return 0 if good else 1


def main() -> int:
    """Tells the story in a folder that goes away afterwards."""
    story, begun = Story(), time.monotonic()
    with ExitStack() as stage:
        folder = Path(stage.enter_context(tempfile.TemporaryDirectory(prefix="trustyard-demo-")))
        try:
            _tell(story, folder, lambda program: stage.callback(program.stop))
        except Broken as broken:
            print(f"   NO  {broken}")
    code = story.end()
    print(f"It took {time.monotonic() - begun:.0f} seconds.")
    return code


def _tell(story: Story, folder: Path, keep: Callable[[Trustyard | Envoy | Directory], object]) -> None:
    acme = Authority("Acme Internal CA", folder)
    first = acme.issue("api.acme.example", "acme-first")
    stranger = Authority("Somebody Else", folder).issue("api.acme.example", "stranger")
    gateway = Authority("Our Gateways", folder).issue("edge", "edge")
    server = Server(first)

    with story.chapter("Trustyard and a gateway start; the gateway trusts nobody"):
        trustyard = Trustyard(folder)
        keep(trustyard)
        story.tell(f"Trustyard listens at {trustyard.url}, in a folder of its own.")
        envoy = _gateway(story, trustyard, folder, gateway)
        keep(envoy)
        story.tell(f"Acme, a partner, has a server at https://127.0.0.1:{server.port}, of a CA that nobody knows.")
        story.check("Envoy refuses Acme's client certificate", not envoy.accepts(first.files))
        story.check("Envoy refuses a client without a certificate", not envoy.accepts(None))
        story.check("Envoy refuses Acme's token", not envoy.takes(first.token("any")))

    with story.chapter("Acme's certificate is taken from its live server, saved and deployed"):
        _take_in(story, trustyard, envoy, server, first, stranger)

    ldap = slapd()
    if ldap:
        with story.chapter("The certificate of Acme's directory is taken over LDAPS"):
            directory = Directory(ldap, folder, acme.issue("ldap.acme.example", "ldap").files, acme.file)
            keep(directory)
            url = f"ldaps://127.0.0.1:{directory.port}"
            story.command(trustyard, "cert", "add", "acme-directory", "--env", "test", "--alias", "ldap",
                          "--url", url, "--deploy")  # fmt: skip
            entry = _entry(trustyard, "acme-directory")
            story.check("it is in force: ldap.acme.example", entry.get("certificate_name") == "ldap.acme.example"
                        and entry.get("in_force"))  # fmt: skip
    else:
        story.tell("(No slapd on this machine: the part about LDAPS is left out.)")

    with story.chapter("A JWK is made of the certificate, and Acme's tokens get through"):
        story.command(trustyard, "jwk", "add", "acme-signing", "--certificate", "partner-acme", "--env", "test",
                      "--use", "sig", "--alg", "RS256", "--deploy")  # fmt: skip
        kid = _kid(trustyard)
        old_token = first.token(kid)
        story.check("Envoy takes a token that Acme signed", envoy.takes(old_token))
        story.check("Envoy refuses one that somebody else signed", not envoy.takes(stranger.token(kid)))
        story.check("Envoy refuses a request without a token", not envoy.takes(None))

    with story.chapter("Acme renews its certificate with a new key: nothing is cut silently"):
        second = acme.issue("api.acme.example", "acme-second")
        server.present(second)
        _renew(story, trustyard, envoy, server, first, second, old_token)

    with story.chapter("The certificate is deleted, and with it everything that was made of it"):
        story.command(trustyard, "cert", "delete", "partner-acme", "--jwks", "delete", "--confirm", "partner-acme")
        story.check("Envoy refuses Acme again", not envoy.accepts(second.files))
        story.check("Envoy refuses Acme's tokens again", not envoy.takes(second.token(kid)))
        story.check("the published JWK Set is empty", trustyard.published("test") == [])

    with story.chapter("Every change is in the audit, and everything stops cleanly"):
        verified = story.command(trustyard, "audit", "verify")
        story.check("the chain of audit events is whole", verified.returncode == 0)
        story.check("Envoy stops", envoy.stop() in (0, -15))
        story.check("Trustyard stops", trustyard.stop() == 0)
    server.close()


def _gateway(story: Story, trustyard: Trustyard, folder: Path, own: Pair) -> Envoy:
    story.command(trustyard, "gateway", "add", "test", "edge", "--kind", "envoy")
    cert, key = own.files
    arguments = ["--listen", f"127.0.0.1:{free_port()}", "--cert", cert, "--key", key]
    printed = trustyard.run("gateway", "bootstrap", "test", "edge", *arguments)
    story.tell("$ trustyard gateway bootstrap test edge --listen … --cert … --key … > envoy.yaml")
    story.tell("$ envoy -c envoy.yaml")
    return Envoy(printed.stdout, folder)


def _take_in(story: Story, trustyard: Trustyard, envoy: Envoy, server: Server, acme: Pair, stranger: Pair) -> None:
    url = f"https://127.0.0.1:{server.port}"
    seen = story.command(trustyard, "cert", "inspect", url).stdout
    story.check("it is shown before anything is stored", "api.acme.example" in seen)
    story.check("and Envoy still refuses Acme", not envoy.accepts(acme.files))
    story.command(trustyard, "cert", "add", "partner-acme", "--env", "test,production", "--alias", "acme",
                  "--url", url, "--deploy")  # fmt: skip
    story.check("Envoy accepts Acme", envoy.accepts(acme.files))
    story.check("Envoy refuses somebody else of the same name", not envoy.accepts(stranger.files))
    receipts = _receipts(trustyard)
    envoys = [row for row in receipts if row["gateway"] == "edge"]
    story.check(
        f"Envoy said so itself, {envoys[0]['milliseconds'] if envoys else '?'} ms after it was told",
        [row["state"] for row in envoys] == ["accepted"],
    )
    story.check("the folder for other programs is written too", [
        row["state"] for row in receipts if row["gateway"] == "files"] == ["accepted"])  # fmt: skip


def _renew(
    story: Story, trustyard: Trustyard, envoy: Envoy, server: Server, first: Pair, second: Pair, old_token: str
) -> None:
    change = ["cert", "edit", "partner-acme", "--env", "test", "--url", f"https://127.0.0.1:{server.port}", "--deploy"]
    asked = story.command(trustyard, *change, code=3)
    story.check("it is refused until somebody says what becomes of the JWK", "acme-signing" in asked.stderr)
    story.check("and until then all is as before: the old certificate and the old token are good",
                envoy.accepts(first.files) and envoy.takes(old_token) and not envoy.accepts(second.files))  # fmt: skip
    story.command(trustyard, *change, "--jwks", "update", "--confirm", "partner-acme")
    new_token = second.token(_kid(trustyard))
    story.check("Envoy accepts Acme with the new certificate", envoy.accepts(second.files))
    story.check("Envoy refuses the old one", not envoy.accepts(first.files))
    story.check("Envoy takes tokens of the new key", envoy.takes(new_token))
    story.check("Envoy refuses those of the old key", not envoy.takes(old_token))


def _entry(trustyard: Trustyard, name: str) -> dict[str, object]:
    shown = trustyard.json("cert", "show", name)
    entries = [entry for entry in (shown or {"entries": []})["entries"] if entry["environment"] == "test"]
    return entries[0] if entries else {}


def _kid(trustyard: Trustyard) -> str:
    shown = trustyard.json("jwk", "show", "acme-signing")
    return str(shown["kid"]) if shown else ""


def _receipts(trustyard: Trustyard) -> list[dict[str, object]]:
    releases = trustyard.json("release", "list", "test")
    return releases["items"][0]["gateways"] if releases and releases["items"] else []


if __name__ == "__main__":
    sys.exit(main())
