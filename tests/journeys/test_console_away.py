"""The console where Trustyard does not answer, answers late, or something on the way answers instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.authority import Authority, Issued
from tests.journeys.console import Console

Unique = Callable[[str], str]
SAID_BY_THE_BROWSER = re.compile(r"Failed to load resource|^htmx:|Response Status Error Code|ERR_INTERNET_DISCONNECTED")


@pytest.fixture(scope="module")
def partner() -> Issued:
    return Authority("Away CA").issue("away.example")


Away = Callable[[], AbstractContextManager[None]]
NO_ANSWER = "Trustyard did not answer."


@pytest.fixture
def away(console: Console, context: BrowserContext) -> Iterator[Away]:
    """Cuts the connection for the time of a `with`; what the browser itself says of that is no complaint."""

    @contextmanager
    def cut() -> Iterator[None]:
        context.set_offline(True)
        yield
        context.set_offline(False)

    yield cut
    console.complaints[:] = [said for said in console.complaints if not SAID_BY_THE_BROWSER.search(said)]


def new_definition(console: Console) -> Locator:
    """The window, empty."""
    console.create()
    console.button("New Certificate Definition").click()
    return console.dialog("New Certificate Definition")


def answering(page: Page, path: str, status: int, body: str = "<html><body><h1>Bad Gateway</h1></body></html>") -> None:
    """Something on the way answers requests to this path."""

    def answer(route: Route) -> None:
        route.fulfill(status=status, body=body, content_type="text/html")

    page.route(re.compile(path), answer)


def test_a_save_that_nobody_answers_says_so_and_keeps_what_was_typed(
    console: Console, partner: Issued, unique: Unique, away: Away
) -> None:
    name, page = unique("unanswered"), console.page
    console.create()
    page.get_by_label("Name", exact=True).fill(name)
    console.define(["test"], name, partner.pem)
    console.quiet()
    with away():
        console.button("Save and Deploy").click()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text(f"{NO_ANSWER} What you asked for may not have been done: try again.")
        expect(alert).to_be_in_viewport()
        expect(page.get_by_label("Name", exact=True)).to_have_value(name)
        console.button("New Certificate Definition").click()
        expect(alert).to_have_count(1)
        console.menu(f"{name} in test", "Remove")
        expect(alert).to_have_count(1)
    console.button("New Certificate Definition").click()
    expect(console.dialog("New Certificate Definition")).to_be_visible()
    expect(alert).to_have_count(0)
    page.keyboard.press("Escape")
    console.save_and_deploy()


def test_a_page_of_a_proxy_is_not_put_into_the_console(console: Console, away: Away) -> None:
    page = console.page
    console.create()
    answering(page, "/window/$", 502)
    console.button("New Certificate Definition").click()
    expect(page.get_by_role("alert")).to_contain_text("Trustyard could not answer (502).")
    expect(page.get_by_text("Bad Gateway")).to_have_count(0)
    page.unroute(re.compile("/window/$"))
    console.open("/certificates/")
    answering(page, "expires_within=7", 503)
    page.get_by_label("Expires in (days)").fill("7")
    expect(page.get_by_role("alert")).to_contain_text("Trustyard could not answer (503). Try again.")


def test_what_nobody_answers_in_a_dialog_is_said_in_the_dialog(
    console: Console, partner: Issued, unique: Unique, away: Away
) -> None:
    name = unique("kept")
    console.add(name, partner.pem, ["test"])
    console.find(name)
    console.quiet()
    with away():
        console.menu(name, "Delete")
        expect(console.page.get_by_role("alert")).to_contain_text(f"{NO_ANSWER} Try again.")
    console.menu(name, "Delete")
    dialog = console.dialog("Delete Certificate")
    expect(dialog).to_be_visible()
    expect(console.page.get_by_role("alert")).to_have_count(0)
    with away():
        dialog.get_by_role("button", name="Delete").click()
        expect(dialog.get_by_role("alert")).to_contain_text("may not have been done")
    dialog.get_by_role("button", name="Delete").click()
    expect(console.page.get_by_text(f"{name} is deleted.")).to_be_visible()
