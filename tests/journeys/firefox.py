"""Debian's own Firefox, driven without a program in between: Marionette, JSON over a socket of loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.programs import need

PATIENCE = 45.0  # seconds, on a machine that is busy with other tests
STARTING = 60.0
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver, section 11: how an element is written in JSON
# Nothing leaves loopback: all else goes to a proxy that is not there.
PREFERENCES: dict[str, str | int | bool] = {
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "marionette.port": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.no_proxies_on": "127.0.0.1, localhost",
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.type": 1,
    "toolkit.telemetry.enabled": False,
}
# A control in sight, of these kinds and with this name, in the dialog that is open, if any; a select has this option.
# Not while an answer is awaited: it may draw the control anew between two keys, and the other keys would go nowhere.
FIND = """
const [kinds, name, option] = arguments;
if (document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling")) return null;
const words = (it) => it.getAttribute("aria-label") ?? it.labels?.[0]?.innerText ?? it.innerText;
const named = (it) => words(it).replace(/\\s+/g, " ").trim();
const root = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
return [...root.querySelectorAll(kinds)].find((it) => it.getClientRects().length && named(it) === name
  && (!option || [...it.options].some(({ text }) => text === option))) ?? null;
"""
SAID = """
return Services.console.getMessageArray().filter((one) => one instanceof Ci.nsIScriptError)
  .filter((one) => one.sourceName.startsWith(arguments[0])).map((one) => `${one.category}: ${one.errorMessage}`);
"""


class Refused(Exception):
    """Firefox could not do it; in its own words."""


class Firefox:
    """One window of a Firefox that knows nothing, at the console of this address."""

    def __init__(self, profile: Path, url: str) -> None:
        self.url = url
        profile.mkdir()
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("".join(lines))
        program = need("firefox-esr", package="firefox-esr")
        # What its own console says is read with the rights of the browser itself.
        command = [program, "--headless", "--marionette", "--remote-allow-system-access", "--profile", str(profile)]
        env = {**os.environ, "HOME": str(profile)}
        self._opened = ExitStack()
        log = self._opened.enter_context((profile / "said.txt").open("wb"))
        self.process = self._opened.enter_context(subprocess.Popen(command, env=env, stdout=log, stderr=log))
        self._opened.callback(self.process.terminate)
        try:
            self._greet(profile)
        except BaseException:
            self.end()
            raise

    def _greet(self, profile: Path) -> None:
        address = ("127.0.0.1", self._port(profile))
        self._socket = self._opened.enter_context(socket.create_connection(address, STARTING))
        self._stream = self._opened.enter_context(self._socket.makefile("rb"))
        self._asked = 0
        self._answer()  # it speaks first
        self.ask("WebDriver:NewSession")

    def _port(self, profile: Path) -> int:
        file, deadline = profile / "MarionetteActivePort", monotonic() + STARTING
        while not (file.exists() and file.read_text().strip()):
            assert self.process.poll() is None, (profile / "said.txt").read_text()
            assert monotonic() < deadline, "Firefox never listened"
            sleep(0.05)
        return int(file.read_text())

    def ask(self, command: str, **given: Any) -> Any:
        """A command of Marionette's, and what it answers."""
        self._asked += 1
        message = json.dumps([0, self._asked, command, given]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, number, error, answer = self._answer()
        assert number == self._asked
        if error is not None:
            raise Refused(error)
        return answer.get("value") if isinstance(answer, dict) else answer

    def _answer(self) -> Any:
        length = b""
        while (octet := self._stream.read(1)) != b":":
            assert octet, "Firefox ended"
            length += octet
        return json.loads(self._stream.read(int(length)))

    def run(self, script: str, *given: Any) -> Any:
        """The answer of a script in the page."""
        return self.ask("WebDriver:ExecuteScript", script=script, args=list(given))

    def until(self, script: str, *given: Any) -> Any:
        """The first answer of a script that is not false, empty or null."""
        deadline = monotonic() + PATIENCE
        while not (answer := self.run(script, *given)):
            assert monotonic() < deadline, (script, given, self.run("return document.body.innerText"))
            sleep(0.05)
        return answer

    def open(self, path: str) -> None:
        """Goes to an address of the console."""
        self.ask("WebDriver:Navigate", url=f"{self.url}{path}")

    def reload(self) -> None:
        """As F5."""
        self.ask("WebDriver:Refresh")

    def press(self, name: str, kinds: str = "button, a.button, [role=menuitem], label.choice") -> None:
        """Clicks what has this name."""
        self._act("WebDriver:ElementClick", kinds, name)

    def write(self, label: str, text: str) -> None:
        """Types into the box of this label."""
        self._act("WebDriver:ElementSendKeys", "input, textarea", label, text=text)

    def choose(self, label: str, option: str) -> None:
        """Chooses an option of the select of this label by typing it, as a person can."""
        self._act("WebDriver:ElementSendKeys", "select", label, option, text=option)

    def _act(self, command: str, *which: str, **given: Any) -> None:
        """With the control that FIND finds; one that was drawn anew meanwhile is found again."""
        deadline = monotonic() + PATIENCE
        while True:
            try:
                return self.ask(command, id=self.until(FIND, *which)[ELEMENT], **given)
            except Refused as refused:
                if "stale" not in str(refused) or monotonic() > deadline:
                    raise

    def dialog(self, title: str) -> None:
        """Waits for the dialog of this title."""
        self.until("return document.querySelector('dialog[open] h2')?.innerText === arguments[0]", title)

    def complaints(self) -> list[str]:
        """What its console says of our pages: errors, warnings and what the policy forbade."""
        self.ask("Marionette:SetContext", value="chrome")
        said = self.run(SAID, self.url)
        self.ask("Marionette:SetContext", value="content")
        assert isinstance(said, list)
        return said

    def end(self) -> None:
        """Ends it, and waits for that."""
        self._opened.close()


@pytest.fixture
def firefox(served: Any, tmp_path: Path) -> Iterator[Firefox]:
    """A person's Firefox. Every test also holds that it had nothing to complain about."""
    firefox = Firefox(tmp_path / "profile", served.url)
    try:
        yield firefox
        assert not firefox.complaints()
    finally:
        firefox.end()
