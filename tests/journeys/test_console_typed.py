"""The certificate form keeps what was typed, however soon the page goes (D-20)."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import APIResponse, Request, Route, expect

from tests.authority import Authority
from tests.journeys.console import Console, Rest

Unique = Callable[[str], str]


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


def test_what_was_typed_is_there_again_when_it_was_kept_while_the_next_page_was_on_its_way(console: Console) -> None:
    page = console.page
    page.on("dialog", lambda asked: asked.accept())
    console.create()
    console.quiet()
    late: list[Route] = []  # what is sent to the draft, until the next page is made
    made: list[tuple[Route, APIResponse]] = []

    def keep(route: Route) -> None:
        route.continue_() if made else late.append(route)

    def next_page(route: Route) -> None:
        made.append((route, route.fetch()))
        for one in late:
            one.continue_()

    def kept(request: Request) -> None:
        if request.resource_type == "xhr" and made:
            page.unroute(form)
            route, answer = made[0]
            route.fulfill(response=answer)

    form = page.url
    page.route(re.compile("/define/"), keep)
    page.route(form, next_page)
    page.on("requestfinished", kept)
    page.get_by_label("Name", exact=True).fill("overtaken")
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("overtaken")


def test_what_apply_was_refused_for_stays_there_when_it_was_typed_just_before(
    console: Console, rest: Rest, unique: Unique
) -> None:
    taken = unique("taken")
    rest.certificate(taken, Authority("Partner CA").issue("partner.example").pem, "test")
    console.page.clock.install()
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    window.get_by_role("checkbox", name="test", exact=True).check()
    alias = window.get_by_label("Alias", exact=True)
    for text, words in ((taken, f"is taken in test by the certificate {taken}"), ("", "The alias is missing.")):
        alias.fill(text)
        window.get_by_role("button", name="Apply").click()
        expect(window.get_by_role("alert").filter(has_text=words)).to_be_visible()
        console.page.clock.run_for(1000)  # longer than the pause after which what is typed is kept
        console.quiet()
        expect(window.get_by_role("alert").filter(has_text=words)).to_be_visible()
