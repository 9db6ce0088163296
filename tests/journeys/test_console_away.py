"""The console where Trustyard does not answer, answers late, or something on the way answers instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.authority import Authority, Issued
from tests.journeys.console import ALONE, PASTED, Console, Rest, pictures
from tests.tls_servers import Ca, TlsServer

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


def answering(page: Page, path: str, status: int) -> None:
    """Something on the way answers requests to this path."""

    def answer(route: Route) -> None:
        route.fulfill(status=status, body="<html><body><h1>Bad Gateway</h1></body></html>", content_type="text/html")

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
        assert alert.evaluate(ALONE)
        pictures(page, "form-unanswered")
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
    console: Console, rest: Rest, partner: Issued, unique: Unique, away: Away
) -> None:
    name = unique("kept")
    rest.certificate(name, partner.pem, "test")
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


@pytest.fixture
def files(partner: Issued, tmp_path: Path) -> tuple[str, str]:
    """A file that can be read, and one of 11 MB."""
    large = tmp_path / "large.pem"
    large.write_bytes(b"\n" * 11_000_000)
    return partner.written(tmp_path)[0], str(large)


def shows_nothing(window: Locator) -> None:
    """Content and Certificate Name are empty."""
    expect(window.get_by_label("Content", exact=True)).to_have_value("")
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("")


def refuses_apply(window: Locator, sentence: str) -> None:
    """Apply, with all else given, is refused."""
    window.get_by_role("checkbox", name="test", exact=True).check()
    window.get_by_label("Alias", exact=True).fill("refused")
    window.get_by_role("button", name="Apply").click()
    expect(window.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    shows_nothing(window)


def choose(window: Locator, path: str) -> None:
    window.get_by_role("radio", name="Import from File").check()
    window.locator("#window-file").set_input_files(path)


@pytest.mark.parametrize("before", [True, False])
def test_a_file_that_is_too_large_takes_the_place_of_the_one_before(
    console: Console, files: tuple[str, str], before: bool
) -> None:
    """S-15: unreadable input leaves Content empty and refuses Apply."""
    good, large = files
    window = new_definition(console)
    if before:
        choose(window, good)
        expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("away.example")
    choose(window, large)
    expect(window.get_by_role("alert")).to_contain_text("large.pem is larger than 10 MB")
    shows_nothing(window)
    refuses_apply(window, "Select a file first.")
    pictures(console.page, "window-refused")
    choose(window, good)
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("away.example")
    window.get_by_role("button", name="Apply").click()
    expect(console.page.get_by_role("table", name="Configuration")).to_contain_text("away.example")


def test_a_refusal_by_the_browser_stays_when_what_the_source_showed_comes_later(
    console: Console, files: tuple[str, str]
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    window = new_definition(console)
    console.page.route("**/window/keep/", hold)
    with console.page.expect_request("**/window/keep/"):
        choose(window, files[1])
    refusal = window.get_by_role("alert")
    expect(refusal).to_contain_text("large.pem is larger than 10 MB")
    with console.page.expect_response("**/window/keep/"):
        held.pop(0).continue_()
    console.page.wait_for_timeout(300)  # until it would have been shown
    expect(refusal).to_contain_text("large.pem is larger than 10 MB")


def paste(window: Locator, text: str) -> None:
    window.get_by_role("radio", name="Paste from Clipboard").check()
    window.get_by_role("radio", name="BASE64PEM", exact=True).evaluate(PASTED, text)


LARGE = "navigator.clipboard.writeText('A'.repeat(15_000_000))"


def test_a_paste_that_is_too_large_takes_the_place_of_the_one_before(console: Console, partner: Issued) -> None:
    """S-15, and no browser has to lay out 15 MB."""
    console.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    window = new_definition(console)
    paste(window, partner.pem)
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("away.example")
    console.page.evaluate(LARGE)
    box = window.get_by_label("Certificate", exact=True)
    box.press("ControlOrMeta+a")
    box.press("ControlOrMeta+v")
    expect(window.get_by_role("alert")).to_have_text("This text is larger than 10 MB and was not read.")
    expect(box).to_have_value("")
    shows_nothing(window)
    pictures(console.page, "window-paste-refused")
    console.page.wait_for_timeout(400)  # until a look at the box would have been sent
    expect(window.get_by_role("alert")).to_have_text("This text is larger than 10 MB and was not read.")
    refuses_apply(window, "Paste a certificate first.")
    paste(window, partner.pem)
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("away.example")


def test_a_paste_that_is_too_large_leaves_another_box_as_it_is(console: Console) -> None:
    page = console.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.open("/jwks/create/")
    page.evaluate(LARGE)
    box = page.get_by_label("Description")
    box.fill("Of the partner")
    box.press("ControlOrMeta+v")
    expect(page.get_by_role("alert")).to_have_text("This text is larger than 10 MB and was not read.")
    expect(box).to_have_value("Of the partner")


def test_a_file_that_was_lost_on_the_way_leaves_nothing_to_apply(
    console: Console, files: tuple[str, str], away: Away
) -> None:
    good, _ = files
    other = Path(good).with_name("other.pem")
    other.write_text(Authority("Second CA").issue("second.example").pem)
    window = new_definition(console)
    choose(window, good)
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("away.example")
    console.quiet()
    with away():
        choose(window, str(other))
        expect(window.get_by_role("alert")).to_contain_text(f"{NO_ANSWER} Nothing was read: try again.")
        shows_nothing(window)
    refuses_apply(window, "Select a file first.")


def test_an_address_whose_look_was_lost_leaves_nothing_to_apply(console: Console, away: Away) -> None:
    window = new_definition(console)
    ca = Ca.new("Lost CA")
    with TlsServer(ca.issue("lost.test", dns=["lost.test"]), chain=[ca.cert_pem]) as server:
        window.get_by_label("URL", exact=True).fill(f"https://127.0.0.1:{server.port}")
        window.get_by_role("button", name="Receive").click()
        expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("lost.test")
        console.quiet()
        with away():
            window.get_by_role("button", name="Receive").click()
            expect(window.get_by_role("alert")).to_contain_text(f"{NO_ANSWER} Nothing was read: try again.")
            shows_nothing(window)
        refuses_apply(window, "press Receive")
        window.get_by_role("button", name="Receive").click()
        expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("lost.test")


def test_a_paste_that_was_lost_on_the_way_is_shown_before_it_is_applied(
    console: Console, partner: Issued, away: Away
) -> None:
    """What Content shows is what Apply takes, and nothing else."""
    window = new_definition(console)
    paste(window, partner.pem)
    name = window.get_by_label("Certificate Name", exact=True)
    expect(name).to_have_value("away.example")
    window.get_by_role("checkbox", name="test", exact=True).check()
    window.get_by_label("Alias", exact=True).fill("lost")
    console.quiet()
    with away():
        paste(window, Authority("Second CA").issue("second.example").pem)
        expect(window.get_by_role("alert")).to_contain_text(f"{NO_ANSWER} Nothing was read: try again.")
        shows_nothing(window)
    window.get_by_role("button", name="Apply").click()
    expect(window.get_by_role("alert")).to_contain_text("Look at Content, then press Apply again.")
    expect(name).to_have_value("second.example")
    window.get_by_role("button", name="Apply").click()
    table = console.page.get_by_role("table", name="Configuration")
    expect(table).to_contain_text("second.example")
    expect(table).not_to_contain_text("away.example")


def test_apply_is_not_sent_after_a_look_that_it_waited_for_and_that_failed(
    console: Console, files: tuple[str, str], away: Away
) -> None:
    window = new_definition(console)
    window.get_by_role("checkbox", name="test", exact=True).check()
    window.get_by_label("Alias", exact=True).fill("waits")
    console.quiet()
    held: list[Route] = []
    console.page.route(re.compile("/look/file/"), lambda route: held.append(route))
    with console.page.expect_request(re.compile("/look/file/")):
        choose(window, files[0])
    window.get_by_role("button", name="Apply").click()
    held[0].abort("connectionreset")
    expect(window.get_by_role("alert")).to_contain_text("Nothing was read")
    expect(console.page.get_by_role("table", name="Configuration")).not_to_contain_text("away.example")
    expect(window).to_be_visible()


@contextmanager
def slow(page: Page, path: str) -> Iterator[None]:
    """Answers to these requests stay away until the `with` ends."""
    held: list[Route] = []
    page.route(re.compile(path), lambda route: held.append(route))
    with page.expect_request(re.compile(path)):
        yield
    for route in held:
        route.continue_()
    page.unroute(re.compile(path))


def test_what_takes_longer_than_a_moment_shows_that_it_is_under_way(
    console: Console, rest: Rest, partner: Issued, unique: Unique
) -> None:
    page, name = console.page, unique("slow")
    sign = page.get_by_text("Working…", exact=True)
    rest.certificate(name, partner.pem, "test")
    console.create()
    with slow(page, "/window/$"):
        console.button("New Certificate Definition").click()
        expect(sign).to_be_visible()
        expect(page.get_by_role("main")).to_have_attribute("aria-busy", "true")
    window = console.dialog("New Certificate Definition")
    expect(window).to_be_visible()
    expect(sign).to_have_count(0)
    expect(page.locator("[aria-busy]")).to_have_count(0)
    paste(window, partner.pem)
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("away.example")
    with slow(page, "/look/paste/"):
        paste(window, Authority("Second CA").issue("second.example").pem)
        expect(sign).to_be_in_viewport()
        shows_nothing(window)
        pictures(page, "window-looking")
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("second.example")
    console.open(f"/certificates/?q={name}")
    with slow(page, r"/delete/\?"):
        console.menu(name, "Delete")
        expect(sign).to_be_visible()
    expect(console.dialog("Delete Certificate")).to_be_visible()


def test_a_new_receive_takes_away_what_the_one_before_it_said(console: Console) -> None:
    window = new_definition(console)
    window.get_by_label("URL", exact=True).fill("ftp://partner.example")
    window.get_by_role("button", name="Receive").click()
    expect(window.get_by_role("alert")).to_be_visible()
    with slow(console.page, "/look/connection/"):
        window.get_by_role("button", name="Receive").click()
        expect(window.get_by_role("alert")).to_have_count(0)
    expect(window.get_by_role("alert")).to_be_visible()


def test_another_address_asks_for_receive_and_is_never_given_the_certificate_of_the_one_before(
    console: Console, unique: Unique
) -> None:
    """S-10, S-15."""
    window = new_definition(console)
    url, ca, alias = window.get_by_label("URL", exact=True), Ca.new("Two CA"), unique("address")
    with (
        TlsServer(ca.issue("one.test", dns=["one.test"]), chain=[ca.cert_pem]) as one,
        TlsServer(ca.issue("two.test", dns=["two.test"]), chain=[ca.cert_pem]) as two,
    ):
        url.fill(f"https://127.0.0.1:{one.port}")
        window.get_by_role("button", name="Receive").click()
        expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("one.test")
        url.fill(f"https://127.0.0.1:{two.port}")
        shows_nothing(window)
        expect(window.get_by_role("status")).to_have_text("The address was changed: press Receive.")
        window.get_by_role("checkbox", name="test", exact=True).check()
        window.get_by_label("Alias", exact=True).fill(alias)
        window.get_by_role("button", name="Apply").click()
        expect(window.get_by_role("alert")).to_have_text("The address was changed: press Receive.")
        window.get_by_role("button", name="Receive").click()
        expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("two.test")
        window.get_by_role("button", name="Apply").click()
    expect(console.page.get_by_role("table", name="Configuration")).to_contain_text("two.test")
    console.menu(f"{alias} in test", "Edit")
    window = console.dialog("Edit Certificate Definition")
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("two.test")
    window.get_by_label("URL", exact=True).fill("https://three.example")
    shows_nothing(window)
    window.get_by_role("button", name="Apply").click()
    expect(window.get_by_role("alert")).to_have_text("The address was changed: press Receive.")


def test_what_leaving_a_page_ends_is_not_said_to_have_failed(console: Console) -> None:
    """WebKit reports it like an answer that never came, while the next page is on its way."""
    page, ended = console.page, re.compile("/certificates/\\?q=left")
    console.open("/certificates/")

    def leave(route: Route) -> None:
        page.evaluate("window.dispatchEvent(new Event('beforeunload'))")
        route.abort()

    page.route(ended, leave)
    with page.expect_event("requestfailed"):
        page.get_by_label("Search").fill("left")
    console.quiet()
    expect(page.get_by_role("alert")).to_have_count(0)
    console.complaints[:] = [said for said in console.complaints if not SAID_BY_THE_BROWSER.search(said)]
