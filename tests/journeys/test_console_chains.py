"""The chain picture and the comparison in a real browser, of real servers: whole, shuffled, broken, with gaps."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.console import ALONE, Console, Rest, new_context, sign_in
from tests.journeys.test_console_pages import axe, judge
from tests.server.serving import Serving, run
from tests.tls_servers import Ca, Issued, TlsServer, build, new_key

__all__ = ["axe"]
Unique = Callable[[str], str]
ROOT = Ca.new("Acme Root CA")
SUB = ROOT.subordinate("Acme Issuing CA 1")
LEAF = SUB.issue("partner.acme.test", dns=["partner.acme.test"])
OLD = Ca.new("Legacy Root CA")
LONG = "An authority whose common name goes on and on so that no picture could hold it"  # 78 letters, of 64 allowed

OUTSIDE = """[...document.querySelectorAll('.chain-picture a text')].filter(text => {
    const box = text.closest('a').querySelector('rect').getBBox(), own = text.getBBox();
    return own.x + own.width > box.x + box.width;
}).map(text => text.textContent)"""


def crossed(ca: Ca, issuer: Ca) -> Ca:
    names = ca.certificate.subject, issuer.certificate.subject
    return Ca(build(*names, ca.key.public_key(), issuer.key, is_ca=True), ca.key)


def forged(issuer: Ca) -> Issued:
    private = new_key()
    key = issuer.key.public_key()
    name = LEAF.certificate.subject
    return Issued(build(name, issuer.certificate.subject, private.public_key(), private, issuer_key=key), private)


@pytest.fixture
def store(rest: Rest, unique: Unique) -> Callable[..., str]:
    """Stores a source as an entry in test; the address of the certificate's page."""

    def make(prefix: str, *issued: Issued, url: str = "", place: str = "test", deploy: bool = True) -> str:
        name = unique(prefix)
        data = b"".join(one.cert_pem for one in issued)
        source: dict[str, Any] = {"kind": "connection", "url": url}
        if not url:
            source = {"kind": "file", "filename": "x.pem", "content_base64": base64.b64encode(data).decode()}
        entry = {"environment": place, "alias": name, "source": source}
        if issued:
            entry["choose"] = issued[0].sha256
        rest.post("/certificates?wait=0", name=name, entries=[entry], deploy=deploy)
        return name

    return make


def names(console: Console) -> list[str]:
    """The names of the picture's nodes from the top down."""
    return console.page.locator(".chain-picture .node text.name").all_text_contents()


def test_the_picture_shows_a_shuffled_chain_in_order_and_says_so(console: Console, store: Callable[..., str]) -> None:
    with TlsServer(LEAF, chain=[ROOT.cert_pem, SUB.cert_pem]) as server:
        name = store("shuffled", url=server.url)
    console.show(name)
    assert names(console) == ["Acme Root CA", "Acme Issuing CA 1", "partner.acme.test"]
    page = console.page
    expect(page.get_by_text("stand at places 1, 3, 2")).to_be_visible()
    words = page.locator(".chain-words ol > li")
    expect(words).to_have_count(3)
    expect(words.first).to_contain_text("Issued by Acme Issuing CA 1; the signature verifies.")
    picture = page.get_by_role("region", name=f"Picture of the chain of {name} in test")
    expect(picture.get_by_text("signature verifies").first).to_be_visible()


def test_the_picture_marks_what_is_missing_foreign_broken_and_cross_signed(
    console: Console, store: Callable[..., str]
) -> None:
    page = console.page
    console.show(store("gap", LEAF, ROOT))
    expect(page.locator(".node.missing")).to_have_count(1)
    expect(page.get_by_role("link", name=re.compile("^Missing: CN=Acme Issuing CA 1;"))).to_have_count(1)
    expect(page.locator(".node.foreign text.name")).to_have_text("Acme Root CA")
    console.show(store("forged", forged(SUB), SUB, ROOT))
    expect(page.locator(".chain-picture").get_by_text("signature does not verify", exact=True)).to_be_visible()
    console.show(store("cross", LEAF, SUB, ROOT, crossed(ROOT, OLD)))
    expect(page.get_by_role("link", name=re.compile("^Acme Root CA, cross-signed"))).to_have_count(1)


def test_anchors_stand_with_their_environment_and_lead_to_their_page(
    console: Console, store: Callable[..., str]
) -> None:
    root = store("ca-root", ROOT, place="production")
    console.show(store("trusted", LEAF, SUB))
    chip = console.page.get_by_role("link", name=re.compile(rf"^Anchor. production: alias {root} \(in force\) issued"))
    expect(chip).to_be_visible()
    chip.click()
    expect(console.page.get_by_role("heading", name=root, exact=True)).to_be_visible()
    expect(console.page.get_by_role("heading", name=f"{root} in production", exact=True)).to_be_focused()


def test_the_picture_works_with_the_keyboard_and_leads_to_the_words(
    console: Console, store: Callable[..., str]
) -> None:
    console.show(store("keys", LEAF, SUB, ROOT))
    page = console.page
    page.get_by_role("region", name=re.compile("^Picture of the chain")).focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=re.compile(r"^Acme Root CA\. Issued by itself"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".chain-words li:target")).to_contain_text("Acme Root CA")


def test_long_names_are_shortened_in_the_picture_and_whole_in_the_words(
    console: Console, store: Callable[..., str]
) -> None:
    long = ROOT.issue(LONG[:64], dns=["x.test"])
    console.show(store("long", long, ROOT))
    node = console.page.locator(".node.chosen")
    expect(node.locator("text.name")).to_contain_text("…")
    expect(node.locator("title")).to_contain_text(LONG[:64])
    assert console.page.evaluate(OUTSIDE) == [], "no text runs out of its node"


def test_compare_with_the_server_says_what_was_renewed(console: Console, store: Callable[..., str]) -> None:
    page = console.page
    with TlsServer(LEAF, chain=[SUB.cert_pem]) as server:
        name = store("renewed", url=server.url)
        console.show(name)
        page.get_by_role("link", name=f"Compare {name} in test").click()
        expect(page.get_by_role("radio", name="What the server presents now")).to_be_checked()
        console.button("Compare").click()
        expect(page.get_by_role("heading", name="The same certificate.")).to_be_visible()
        expect(page.locator("#said")).to_have_text("The same certificate.")  # for screen readers, without the table
        server.use(SUB.issue("partner.acme.test", dns=["partner.acme.test"], days=180, private=LEAF.key))
        console.button("Compare").click()
        renewed = "Renewed: same key, same issuer, valid 90 days longer."
        expect(page.get_by_role("heading", name=renewed)).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("^Not after"))).to_contain_text("90 days later")
    console.button("Compare").click()
    expect(page.get_by_role("alert")).to_contain_text("127.0.0.1")
    assert page.get_by_role("alert").evaluate(ALONE)
    expect(console.button("Compare")).to_be_focused()


def test_compare_with_another_entry_and_with_a_file_that_holds_several(
    console: Console, store: Callable[..., str]
) -> None:
    one, two = store("one", LEAF), store("two", SUB.issue("other.test"), place="production")
    page = console.page
    console.show(one)
    page.get_by_role("link", name=f"Compare {one} in test").click()
    expect(page.get_by_role("radio", name="What the server presents now")).to_have_count(0)
    page.get_by_label("Certificate", exact=True).fill(two)
    page.get_by_label("Environment", exact=True).select_option("production")
    console.button("Compare").click()
    expect(page.get_by_role("heading", name=re.compile("^Another subject: other.test"))).to_be_visible()
    page.wait_for_url(re.compile(f"with={two}"))
    page.reload()
    expect(page.get_by_role("heading", name=re.compile("^Another subject: other.test"))).to_be_visible()
    page.get_by_role("radio", name="A file").check()
    several = LEAF.cert_pem + SUB.issue("more.test").cert_pem
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "x.pem", "mimeType": "text/plain", "buffer": several}
    )
    console.button("Compare").click()
    page.get_by_role("radio", name=re.compile("^partner.acme.test")).check()
    console.button("Compare").click()
    expect(page.get_by_role("heading", name="The same certificate.")).to_be_visible()


def test_a_viewer_compares_what_is_stored(
    console: Console, store: Callable[..., str], browser: Browser, served: Serving, unique: Unique
) -> None:
    viewer = unique("looks")
    run(served.data_dir, "user", "add", viewer, "--role", "viewer", stdin="horse-battery-correct\n")
    with TlsServer(LEAF) as server:
        name = store("seen", url=server.url)
    console.show(name)
    address = console.page.get_by_role("link", name=f"Compare {name} in test").get_attribute("href")
    context = new_context(browser)
    page = context.new_page()
    sign_in(page, served, viewer, "horse-battery-correct")
    page.goto(f"{served.url}{address}")
    expect(page.get_by_role("radio", name="What the server presents now")).to_be_disabled()
    expect(page.get_by_role("radio", name="Another entry")).to_be_checked()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="The same certificate.")).to_be_visible()
    context.close()


def test_compare_without_anything_chosen_says_where_to_begin(console: Console) -> None:
    console.open("/certificates/compare/")
    expect(console.page.get_by_text("press Compare beside one of its entries")).to_be_visible()


def test_chain_and_comparison_are_accessible_and_fit_a_telephone(
    console: Console, store: Callable[..., str], axe: str
) -> None:
    store("anchor", ROOT, place="production")
    waits = Ca.new("Waits")
    store("waits", waits, place="production", deploy=False)
    name = store("all", LEAF, ROOT, SUB, crossed(ROOT, OLD), waits)
    gap = store("gap", waits.issue("gap.test"), LEAF)
    page = console.page
    page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for one in (name, gap):
            console.show(one)
            found += judge(page, axe)
            found += too_wide(page)
        page.get_by_role("link", name=f"Compare {gap} in test").click()
        page.get_by_label("Certificate", exact=True).fill(name)
        console.button("Compare").click()
        expect(page.get_by_role("heading", name=re.compile("^Another subject"))).to_be_visible()
        page.locator("details summary").click()
        found += judge(page, axe)
        found += too_wide(page)
    assert found == []


def too_wide(page: Page) -> list[str]:
    """Nothing but its own scroll region is wider than the window."""
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [f"{page.url} is {width} too wide"] if width > 0 else []
