"""The console in a real browser: a server of its own, one sign-in, and a page that listens for every complaint."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.programs import need
from tests.server.serving import PASSWORD, Serving

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 45_000  # milliseconds, on a machine that is busy with other tests
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server of this worker's own, with loopback allowed as a source."""
    with Serving(tmp_path_factory.mktemp("console") / "data", FETCH_ALLOW="127.0.0.0/8,::1/128") as server:
        yield server


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
def signed_in(browser: Browser, served: Serving) -> Any:
    """The cookies of one sign-in, used by every test."""
    context = new_context(browser)
    page = context.new_page()
    sign_in(page, served, "admin", PASSWORD)
    state = context.storage_state()
    context.close()
    return state


def sign_in(page: Page, served: Serving, username: str, password: str) -> None:
    """Signs in by hand."""
    page.goto(f"{served.url}/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")


def schemes(page: Page) -> Iterator[Literal["dark", "light"]]:
    """The page in the colours of each; in light ones it stays."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_function(_SETTLED, arg=scheme)
        yield scheme


def pictures(page: Page, name: str, widths: Sequence[int] = (1280, 360)) -> None:
    """Keeps what is on the screen in these widths, dark and light, where PICTURES names a folder."""
    folder, size = os.environ.get("PICTURES"), page.viewport_size
    if not folder or size is None:
        return
    plain = re.sub("[^A-Za-z0-9-]+", "_", name)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in schemes(page):
            page.screenshot(path=Path(folder) / f"{plain}-{scheme}-{width}.png", full_page=True)
    page.set_viewport_size(size)


# Whether a page has these colours, and all that it waits for: what is still on its way has others.
_SETTLED = """scheme => matchMedia(`(prefers-color-scheme: ${scheme})`).matches
  && !document.querySelector(".htmx-request")
  && !document.getAnimations().some((one) => one.playState === "running")"""


@dataclass
class Rest:
    """The same server by its REST interface, to fill it quickly."""

    client: httpx.Client

    def post(self, path: str, **given: Any) -> None:
        """Makes something."""
        answer = self.client.post(f"/api/v1{path}", json=given)
        assert answer.status_code < 300, answer.text

    def place(self, name: str) -> str:
        """An environment of this name, which it answers."""
        self.post("/environments", name=name, type="test")
        return name

    def certificate(self, name: str, pem: str, *environments: str, alias: str = "", deploy: bool = True) -> None:
        """A certificate with the same entry in these environments."""
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": pem}
        entry = {"environments": list(environments), "alias": alias or name, "source": source}
        self.post("/certificates", name=name, entries=[entry], deploy=deploy)

    def jwk(self, name: str, certificate: str, environment: str, **given: Any) -> None:
        """A JWK made of a certificate, published."""
        source = {"kind": "certificate", "certificate": certificate, "environment": environment}
        self.post("/jwks", name=name, source=source, deploy=True, **given)


@pytest.fixture(scope="session")
def rest(served: Serving) -> Iterator[Rest]:
    """As an administrator."""
    headers = {"Authorization": f"Bearer {served.token}"}
    with httpx.Client(base_url=served.url, headers=headers, trust_env=False, timeout=60) as client:
        yield Rest(client)


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
# What screen readers speak by itself is spoken once where no other such part is around it.
ALONE = "it => !it.parentElement.closest('[aria-live], [role=alert], [role=status]')"
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

    def show(self, certificate: str) -> None:
        """Goes to the page of a certificate."""
        self.find(certificate)
        self.page.get_by_role("link", name=certificate, exact=True).click()
        expect(self.page.get_by_role("heading", name=certificate, exact=True)).to_be_visible()

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

    def save_jwk(self) -> None:
        """Saves and publishes the JWK of the form."""
        self.quiet()
        self.button("Save and Deploy").click()
        self.page.wait_for_url(re.compile(r"/jwks/\d+/"))

    def published(self, environment: str) -> list[dict[str, Any]]:
        """The JWK Set in force."""
        keys = httpx.get(f"{self.url}/published/{environment}/jwks.json", trust_env=False, timeout=30).json()["keys"]
        assert isinstance(keys, list)
        return keys


@pytest.fixture
def context(browser: Browser, signed_in: Any) -> Iterator[BrowserContext]:
    """A window of the administrator's, with nothing in it but the sign-in."""
    context = new_context(browser, storage_state=signed_in, viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def console(context: BrowserContext, served: Serving) -> Iterator[Console]:
    """The administrator at the console. Every test also holds that the browser had nothing to complain about."""
    console = Console(context.new_page(), served.url).listen()
    yield console
    assert not console.complaints, "\n".join(console.complaints)
