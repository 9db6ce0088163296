"""The console in a real browser: a server of its own, one sign-in, and a page that listens for every complaint."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.databases import settings_of
from tests.programs import need

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct-horse-battery"  # of the throw-away server's administrator
SECONDS = 30
PATIENCE = 20_000  # milliseconds, on a machine that is busy with other tests
expect.set_options(timeout=PATIENCE)


@dataclass
class Served:
    """A running server and how to reach it."""

    url: str
    environment: dict[str, str]

    def trustyard(self, *arguments: str, stdin: str = "") -> str:
        """Runs a local command beside the server."""
        program = Path(sys.executable).parent / "trustyard"
        done = subprocess.run(
            [program, *arguments], env=self.environment, input=stdin, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of this worker's own, with loopback allowed as a source."""
    folder = tmp_path_factory.mktemp("console")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRUSTYARD_")}
    environment = {
        **kept,
        **settings_of(folder / "data"),
        "TRUSTYARD_DATA_DIR": str(folder / "data"),
        "TRUSTYARD_ADMIN_PASSWORD": PASSWORD,
        "TRUSTYARD_LISTEN": "127.0.0.1:0",
        "TRUSTYARD_XDS_LISTEN": "127.0.0.1:0",
        "TRUSTYARD_FETCH_ALLOW": "127.0.0.0/8,::1/128",
    }
    log = folder / "log"
    program = Path(sys.executable).parent / "trustyard"
    with log.open("w") as out, subprocess.Popen([program, "serve"], env=environment, stdout=out, stderr=out) as process:
        try:
            yield Served(_ready(process, log), environment)
        finally:
            process.terminate()
            process.wait(SECONDS)


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"The server did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = need("chromium", package="chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(path), args=FLAGS)
        yield browser
        browser.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Windows that know nothing of others, whose pages show themselves once all of them is there."""
    context = browser.new_context(**options)
    context.add_init_script(WHOLE)
    return context


@pytest.fixture(scope="session")
def signed_in(browser: Browser, served: Served) -> Any:
    """The cookies of one sign-in, used by every test."""
    context = new_context(browser)
    page = context.new_page()
    sign_in(page, served, "admin", PASSWORD)
    state = context.storage_state()
    context.close()
    return state


def sign_in(page: Page, served: Served, username: str, password: str) -> None:
    """Signs in by hand."""
    page.goto(f"{served.url}/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


# The text of a paste and its encoding, as a person's events tell of them.
PASTED = """(encoding, text) => {
  const box = document.getElementById("window-certificate");
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  encoding.click();
}"""
# Nothing is there to act on before the page's scripts are: what a person would not have clicked yet, a test would.
WHOLE = """
const unseen = new CSSStyleSheet();
unseen.replaceSync("html { visibility: hidden }");
document.adoptedStyleSheets = [unseen];
window.addEventListener("load", () => { document.adoptedStyleSheets = []; });
"""
# How many answers a page waits for.
COUNTING = """
window.underWay = 0;
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (...given) {
  window.underWay += 1;
  this.addEventListener("loadend", () => { window.underWay -= 1; });
  return send.apply(this, given);
};
"""


@dataclass
class Console:
    """One person's browser window at the console."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> Console:
        """Collects console errors, broken policies and requests to another host."""
        self.page.add_init_script(COUNTING)
        self.page.on("console", lambda m: self._complained(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._requested)
        self.page.set_default_timeout(PATIENCE)
        return self

    def _complained(self, text: str) -> None:
        """What a person ends by going on is no error, though htmx says two words of it."""
        if text.startswith("htmx:sendAbort"):
            assert self.complaints.pop().startswith("htmx:afterRequest")
        else:
            self.complaints.append(text)

    def _requested(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.complaints.append(f"a request to {request.url}")

    def quiet(self) -> None:
        """Waits for the look-ups under way.

        One of a window that was closed meanwhile has no element any more that would show it, so they are counted.
        """
        self.page.wait_for_function("() => !window.underWay && !document.querySelector('.htmx-request')")

    def open(self, path: str) -> None:
        """Goes to an address of the console."""
        self.quiet()
        self.page.goto(f"{self.url}{path}")

    def button(self, name: str) -> Locator:
        """The button of exactly this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def dialog(self, name: str) -> Locator:
        """The dialog of this title."""
        return self.page.get_by_role("dialog", name=name, exact=True)

    def menu(self, of: str, item: str) -> None:
        """Chooses an item of *Actions for …*, which a list that is drawn anew would take away."""
        self.quiet()
        self.button(f"Actions for {of}").click()
        self.page.get_by_role("menuitem", name=item, exact=True).click()

    def create(self) -> None:
        """An empty form."""
        self.open("/certificates/")
        self.button("Create").click()
        expect(self.page.get_by_role("heading", name="Create Certificate")).to_be_visible()

    def find(self, name: str) -> None:
        """The list, filtered to this name."""
        self.open(f"/certificates/?q={name}")
        expect(self.page.get_by_role("link", name=name, exact=True)).to_be_visible()

    def define(self, environments: list[str], alias: str, pem: str, *, row: str = "") -> None:
        """A definition by paste, applied. With `row` the entry of that menu is edited instead."""
        if row:
            self.menu(row, "Edit")
        else:
            self.button("New Certificate Definition").click()
        window = self.dialog("Edit Certificate Definition" if row else "New Certificate Definition")
        for environment in environments:
            window.get_by_role("checkbox", name=environment, exact=True).check()
        window.get_by_role("radio", name="Paste from Clipboard").check()
        # In one moment, as nobody types: else the text is looked at before its encoding is known, and once more.
        window.get_by_role("radio", name="BASE64PEM", exact=True).evaluate(PASTED, pem)
        expect(window.get_by_label("Content", exact=True)).to_have_value(re.compile("Subject: "))
        if alias:
            window.get_by_label("Alias", exact=True).fill(alias)
        window.get_by_role("button", name="Apply").click()
        expect(window).to_be_hidden()

    def save_and_deploy(self) -> None:
        """Saves, and waits for the certificate's page."""
        self.quiet()
        self.button("Save and Deploy").click()
        self.page.wait_for_url(re.compile(r"/certificates/\d+/"))

    def add(self, name: str, pem: str, environments: list[str], alias: str = "") -> None:
        """A certificate from the form to its page."""
        self.create()
        self.page.get_by_label("Name", exact=True).fill(name)
        self.define(environments, alias or name, pem)
        self.save_and_deploy()

    def add_jwk(self, name: str, certificate: str, environment: str) -> None:
        """A JWK made from a certificate, published."""
        self.open("/jwks/")
        self.button("Create").click()
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Certificate", exact=True).select_option(certificate)
        self.page.get_by_label("Environment", exact=True).select_option(environment)
        expect(self.page.get_by_text("Thumbprint:")).to_be_visible()
        self.save_jwk()

    def save_jwk(self) -> None:
        """Saves and publishes the JWK of the form."""
        self.quiet()
        self.button("Save and Deploy").click()
        self.page.wait_for_url(re.compile(r"/jwks/\d+/"))

    def published(self, environment: str) -> list[dict[str, Any]]:
        """The JWK Set in force."""
        keys = httpx.get(f"{self.url}/published/{environment}/jwks.json", trust_env=False).json()["keys"]
        assert isinstance(keys, list)
        return keys


@pytest.fixture
def context(browser: Browser, signed_in: Any) -> Iterator[BrowserContext]:
    """A window of the administrator's, with nothing in it but the sign-in."""
    context = new_context(browser, storage_state=signed_in, viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def console(context: BrowserContext, served: Served) -> Iterator[Console]:
    """The administrator at the console. Every test also holds that the browser had nothing to complain about."""
    console = Console(context.new_page(), served.url).listen()
    yield console
    assert not console.complaints, "\n".join(console.complaints)
