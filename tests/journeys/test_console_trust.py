"""Trust Check in a browser: a server that forgets its intermediate, and what makes it accepted."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.journeys.console import Console, Rest
from tests.journeys.test_console_pages import axe, judge
from tests.tls_servers import Ca, TlsServer

__all__ = ["axe"]
Unique = Callable[[str], str]


def check(page: Page, **filled: str) -> None:
    """Fills fields by their labels and asks."""
    for label, value in filled.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Check", exact=True).click()


def test_a_server_is_checked_before_anything_is_deployed(
    console: Console, rest: Rest, unique: Unique, axe: str
) -> None:
    console.page.emulate_media(reduced_motion="reduce")
    root = Ca.new(unique("Journey Root"))
    sub = root.subordinate(unique("Journey Sub"))
    leaf = sub.issue("partner.test", ip=["127.0.0.1"])
    alias = unique("journey-root")
    page = console.page
    with TlsServer(leaf) as server:
        console.open("/releases/")
        page.get_by_role("navigation").get_by_role("link", name="Trust Check", exact=True).click()
        expect(page.get_by_role("heading", name="Trust Check", exact=True)).to_be_visible()
        page.get_by_label("Environment", exact=True).select_option("test")
        check(page, URL=server.url)
        expect(page.get_by_role("heading", name="Refused")).to_be_visible()
        expect(page.locator("#answer")).to_contain_text("The issuer of partner.test is neither")
        expect(page.get_by_text("No anchor", exact=True)).to_be_visible()
        expect(page.locator("#said")).to_contain_text("Refused.")  # what a screen reader is told
        found = judge(page, axe)

        rest.certificate(alias, root.cert_pem.decode(), "production")
        console.open("/trust-check/")
        page.get_by_label("Environment", exact=True).select_option("test")
        page.get_by_label("Paste from Clipboard").check()
        expect(page.get_by_label("URL", exact=True)).to_be_hidden()
        check(page, Certificate=(leaf.cert_pem + sub.cert_pem).decode(), Name="127.0.0.1")
        expect(
            page.get_by_text(f"it is in production as alias {alias}. With it the answer is: accepted.")
        ).to_be_visible()
        found += judge(page, axe)

        page.get_by_label("Environment", exact=True).select_option("production")
        console.button("Check").click()
        expect(page.get_by_role("heading", name="Accepted")).to_be_visible()
        expect(page.get_by_role("table", name="Validators").get_by_text("accepted", exact=True)).to_have_count(2)
        found += judge(page, axe)

        page.get_by_label("Receive via HTTPS/LDAPS Connection").check()
        server.use(leaf, [sub.cert_pem])
        check(page, URL=server.url, Name="")
        root_name = root.certificate.subject.rfc4514_string()[3:]
        expect(page.locator("#answer")).to_contain_text(f"The path from partner.test to the anchor {root_name}")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert found == []


def test_a_refusal_of_the_source_stands_where_the_answer_would(console: Console) -> None:
    console.open("/trust-check/")
    check(console.page, URL="http://partner.test")
    expect(console.page.get_by_role("alert")).to_contain_text("https")
    expect(console.button("Check")).to_be_focused()
