"""The certificate form keeps what was typed, however soon the page goes (D-20)."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.journeys.console import Console


def test_what_was_typed_just_before_a_reload_is_there_again(console: Console) -> None:
    page = console.page
    page.on("dialog", lambda asked: asked.accept())
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    expect(window).to_be_visible()
    console.quiet()
    window.get_by_role("checkbox", name="production", exact=True).check()
    window.get_by_label("Alias", exact=True).fill("at-once")
    page.reload()
    expect(window.get_by_label("Alias", exact=True)).to_have_value("at-once")
    expect(window.get_by_role("checkbox", name="production", exact=True)).to_be_checked()
    console.quiet()
    window.get_by_role("radio", name="Paste from Clipboard").check()
    page.reload()
    expect(window.get_by_role("radio", name="Paste from Clipboard")).to_be_checked()
    page.keyboard.press("Escape")
    for text in ("first", "second"):
        page.get_by_label("Name", exact=True).fill(text)
        page.get_by_label("Description", exact=True).fill(f"{text} words")
        page.reload()
        expect(page.get_by_label("Name", exact=True)).to_have_value(text)
        expect(page.get_by_label("Description", exact=True)).to_have_value(f"{text} words")
    console.quiet()
    assert page.evaluate("sessionStorage.getItem('trustyard-typed')") is None, "nothing stays behind in the tab"


def test_what_was_typed_just_before_leaving_is_in_the_draft(console: Console) -> None:
    page = console.page
    page.on("dialog", lambda asked: asked.accept())
    console.create()
    form = page.url
    console.quiet()
    page.get_by_label("Name", exact=True).fill("left at once")
    with page.expect_request(re.compile("/define/")):
        page.goto(f"{console.url}/jwks/")
    assert page.evaluate("sessionStorage.getItem('trustyard-typed')") is None
    page.goto(form)
    expect(page.get_by_label("Name", exact=True)).to_have_value("left at once")
