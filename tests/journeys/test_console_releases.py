"""Releases in a browser: what changed, back to an old one, the question afterwards, and from test to production."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Page, expect

from tests.authority import Authority
from tests.journeys.console import Console, Rest, pictures
from tests.journeys.test_console_pages import axe, judge
from tests.server.serving import Serving

__all__ = ["axe"]
Unique = Callable[[str], str]


@pytest.fixture
def place(console: Console, rest: Rest, unique: Unique) -> str:
    """An environment of the test's own, so that its releases begin with 1."""
    console.page.emulate_media(reduced_motion="reduce")  # a dialog that still fades in has no contrast yet
    return rest.place(unique("place"))


@pytest.fixture
def empty(console: Console, rest: Rest, unique: Unique) -> str:
    """An environment without a release."""
    return rest.place(unique("empty"))


@pytest.fixture
def partners(console: Console, rest: Rest, place: str, unique: Unique) -> tuple[str, str]:
    """Two certificates, one release each."""
    authority = Authority("Releases CA")
    one, two = unique("one"), unique("two")
    for name in (one, two):
        rest.certificate(name, authority.issue(name).pem, place)
    return one, two


def narrow(page: Page) -> int:
    """How wide the page is on a telephone."""
    size = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 740})
    width: int = page.evaluate("document.documentElement.scrollWidth")
    assert size is not None
    page.set_viewport_size(size)
    return width


def open_release(console: Console, place: str, number: int) -> None:
    console.open(f"/releases/?environment={place}")
    console.page.get_by_role("link", name=f"Release {number} of {place}", exact=True).click()
    expect(console.page.get_by_role("heading", name=f"Release {number} of {place}", exact=True)).to_be_visible()


def restore_first(console: Console, place: str) -> None:
    open_release(console, place, 1)
    console.button("Restore").click()
    dialog = console.dialog(f"Restore Release 1 of {place}")
    dialog.get_by_label("Note").fill("too early")
    dialog.get_by_role("button", name="Restore", exact=True).click()
    expect(console.page.get_by_role("heading", name=f"Release 3 of {place}", exact=True)).to_be_visible()


def test_an_old_release_is_restored_and_the_next_deploy_asks(
    console: Console, place: str, partners: tuple[str, str], axe: str
) -> None:
    """D-22, with the keyboard where a dialog opens: what comes back is shown first, and so is what a deploy takes."""
    _, two = partners
    page = console.page
    open_release(console, place, 2)
    changed = page.get_by_role("table", name="What it changed")
    expect(changed.get_by_role("row", name=re.compile(two))).to_contain_text("added")
    found = judge(page, axe)
    pictures(page, "release")
    assert narrow(page) <= 360
    open_release(console, place, 1)
    console.button("Restore").focus()
    page.keyboard.press("Enter")
    dialog = console.dialog(f"Restore Release 1 of {place}")
    expect(dialog.get_by_role("row", name=re.compile(two))).to_contain_text("removed")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()  # and the top of a long list is in sight
    found += judge(page, axe)
    pictures(page, "restore")
    page.keyboard.press("Escape")
    expect(console.button("Restore")).to_be_focused()
    restore_first(console, place)
    expect(page.get_by_text("with the content of release 1. too early")).to_be_visible()
    expect(page.get_by_role("table", name="Deployment")).to_be_visible()
    console.open(f"/certificates/truststore/?environment={place}")
    console.button("Deploy").click()
    asked = console.dialog("Restored Release")
    expect(asked.get_by_role("row", name=re.compile(two))).to_contain_text("added")
    found += judge(page, axe)
    pictures(page, "restored")
    asked.get_by_role("button", name="Cancel").click()
    expect(asked).to_be_hidden()
    console.button("Deploy").click()
    asked.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_text(f"Release 4 of {place}.")).to_be_visible()
    console.open(f"/releases/?environment={place}")
    expect(page.get_by_text("restored from 1")).to_be_visible()
    found += judge(page, axe)
    pictures(page, "list")
    assert narrow(page) <= 360
    assert found == []


def test_a_save_over_a_restored_release_asks_and_saves_once(
    console: Console, place: str, partners: tuple[str, str], unique: Unique
) -> None:
    """D-22, D-20: the form is saved with the answer, and not before."""
    restore_first(console, place)
    name = unique("three")
    console.create()
    console.page.get_by_label("Name", exact=True).fill(name)
    console.define([place], name, Authority("Third CA").issue(name).pem)
    console.quiet()
    console.button("Save and Deploy").click()
    asked = console.dialog("Restored Release")
    expect(asked.get_by_role("row", name=re.compile(name))).to_contain_text("added")
    asked.get_by_role("button", name="Deploy", exact=True).click()
    console.page.wait_for_url(re.compile(r"/certificates/\d+/\?releases="))
    expect(console.page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_two_releases_are_compared_and_a_moment_is_looked_up(
    console: Console, place: str, empty: str, partners: tuple[str, str], axe: str
) -> None:
    """D-21."""
    _, two = partners
    page = console.page
    console.open(f"/releases/compare/?environment={place}&from=1&to=2")
    table = page.get_by_role("table", name="Difference")
    expect(table.get_by_role("row", name=re.compile(two))).to_contain_text("added")
    page.get_by_label("To", exact=True).select_option("1")
    expect(page.get_by_text("No difference.")).to_be_visible()
    page.get_by_label("From", exact=True).focus()
    page.get_by_label("From", exact=True).select_option("2")
    expect(table.get_by_role("row", name=re.compile(two))).to_contain_text("removed")
    expect(page.get_by_label("From", exact=True)).to_be_focused()
    found = judge(page, axe)
    pictures(page, "compare")
    assert narrow(page) <= 360
    page.get_by_label("Environment", exact=True).select_option(empty)
    expect(page.get_by_text("No release yet")).to_be_visible()
    console.open(f"/releases/?environment={place}")
    page.get_by_label("In force at (UTC)").fill("2020-01-01T00:00")
    expect(page.get_by_text("Nothing was in force then")).to_be_visible()
    page.get_by_label("In force at (UTC)").fill("2100-01-01T00:00")
    expect(page.get_by_role("link", name=f"Release 2 of {place}", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=f"Release 1 of {place}", exact=True)).to_be_hidden()
    assert found == []


def test_certificates_are_promoted_after_the_difference_was_shown(
    console: Console, rest: Rest, place: str, partners: tuple[str, str], unique: Unique, axe: str
) -> None:
    """D-02: with the JWKs of what changes in the target decided on the page."""
    one, two = partners
    page = console.page
    target, shared = rest.place(unique("target")), unique("shared")
    authority = Authority("Shared CA")
    rest.certificate(shared, authority.issue(shared).pem, place, target)
    rest.jwk(f"{shared}-jwk", shared, target)
    console.find(shared)
    console.menu(shared, "Edit")
    console.define([], "", authority.issue(shared).pem, row=f"{shared} in {place}")
    console.save_and_deploy()
    console.open("/environments/")
    console.menu(place, "Promote")
    page.get_by_label("To", exact=True).select_option(target)
    changes = page.get_by_role("table", name="What changes")
    expect(changes.get_by_role("row", name=re.compile(shared))).to_contain_text("replaced")
    expect(changes.get_by_role("row", name=re.compile(one))).to_contain_text("added")
    found = judge(page, axe)
    pictures(page, "promote")
    assert narrow(page) <= 360
    page.get_by_role("checkbox", name=re.compile(two)).uncheck()
    console.button("Promote and Deploy").click()
    expect(page.get_by_role("alert")).to_contain_text("Say what becomes of the JWKs")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(page.get_by_role("main")).to_be_focused()
    page.get_by_role("radio", name="Update related JWKs").check()
    page.get_by_label("Name of the certificate").fill(shared)
    before: list[dict[str, Any]] = console.published(target)
    console.button("Promote and Deploy").click()
    expect(page.get_by_text(f"2 certificates of {place} are in {target} now.")).to_be_visible()
    assert console.published(target)[0]["kid"] != before[0]["kid"]
    assert found == []


def test_the_keyboard_finds_why_jwks_cannot_be_updated_by_a_promotion(
    console: Console, rest: Rest, place: str, unique: Unique, axe: str
) -> None:
    """D-04: the choice is there, says why it cannot be made, and is not made."""
    page = console.page
    target, name = rest.place(unique("target")), unique("stuck")
    authority = Authority("Stuck CA")
    rest.certificate(name, authority.issue(name).pem, place, target)
    rest.jwk(f"{name}-jwk", name, target)
    console.find(name)
    console.menu(name, "Edit")
    console.define(
        [], "", authority.issue(name, ec.generate_private_key(ec.BrainpoolP256R1())).pem, row=f"{name} in {place}"
    )
    console.save_and_deploy()
    console.open(f"/environments/promote/?from={place}&to={target}")
    update = page.get_by_role("radio", name="Update related JWKs")
    disconnect = page.get_by_role("radio", name="Update certificate only and disconnect")
    reason = f"{name}-jwk cannot be updated with the new key, so it can only be disconnected."
    expect(page.get_by_text(reason)).to_be_visible()
    expect(update).to_have_accessible_description(reason)
    page.get_by_role("checkbox", name=re.compile(name)).focus()
    page.keyboard.press("Tab")
    expect(update).to_be_focused()
    page.keyboard.press("Space")
    expect(update).not_to_be_checked()
    page.keyboard.press("ArrowDown")
    expect(disconnect).to_be_checked()
    page.keyboard.press("ArrowUp")
    expect(disconnect).to_be_checked()
    page.get_by_text("Update related JWKs", exact=True).click(force=True)  # as a mouse does, which knows no aria
    expect(update).not_to_be_checked()
    found = judge(page, axe)
    pictures(page, "promote-blocked")
    assert narrow(page) <= 360
    page.get_by_label("Name of the certificate").fill(name)
    console.button("Promote and Deploy").click()
    expect(page.get_by_text(f"1 certificate of {place} is in {target} now.")).to_be_visible()
    assert found == []


def test_a_gateway_that_was_refused_and_mended_is_seen_on_the_page_that_is_open(
    console: Console, rest: Rest, served: Serving, place: str, unique: Unique
) -> None:
    """D-06: it is tried again by itself, and the page says so, with words and without a reload."""
    page = console.page
    console.open("/gateways/create/")
    page.get_by_label("Name", exact=True).fill("folder")
    page.get_by_label("Environment", exact=True).select_option(place)
    page.get_by_role("radio", name=re.compile("^files")).check()
    console.button("Save").click()
    expect(page.get_by_role("heading", name="folder", exact=True)).to_be_visible()
    in_the_way = served.data_dir / "environments" / place / "current"
    (in_the_way / "something").mkdir(parents=True)
    name = unique("refused")
    rest.certificate(name, Authority("Refused CA").issue(name).pem, place)
    console.show(name)
    table = page.get_by_role("table", name="Deployment")
    expect(table).to_contain_text(re.compile("refused|unreachable"))
    expect(page.get_by_text("It is tried again by itself")).to_be_visible()
    expect(page.get_by_text("in force, accepted by no gateway")).to_be_visible()
    pictures(page, "refused")
    console.open(f"/certificates/truststore/?environment={place}")
    expect(page.get_by_text("is in force, but accepted by no gateway.")).to_be_visible()
    pictures(page, "truststore-refused")
    page.get_by_role("link", name=f"Release 1 of {place}").click()
    expect(table).to_contain_text(re.compile("refused|unreachable"))
    (in_the_way / "something").rmdir()
    in_the_way.rmdir()
    expect(table.get_by_text("accepted", exact=True)).to_be_visible(timeout=90_000)  # its pauses grow while it fails
    expect(page.get_by_text("Every node that is there has answered.")).to_be_visible()
    expect(page.get_by_text("in force", exact=True)).to_be_visible()


def test_one_of_many_entries_is_loaded_when_it_is_opened_and_stays_open(
    console: Console, rest: Rest, place: str, unique: Unique, axe: str
) -> None:
    """By the keyboard, again where it failed, and while the page asks how the deployment goes."""
    page = console.page
    rest.post(f"/environments/{place}/gateways", name="edge", kind="envoy", options={})
    places = [place, *(rest.place(unique("wide")) for _ in range(10))]
    name = unique("wide")
    rest.certificate(name, Authority("Wide CA").issue(name).pem, *places)
    shown = re.compile("shown=[0-9a-f]+")
    page.route("**/deployment/**", lambda route: route.continue_(url=shown.sub("shown=", route.request.url)))
    console.show(name)
    at, last = page.url, max(places)
    summary = page.get_by_text(f"Findings, facts and chain of {name} in {last}")
    section = page.locator("section.card", has=summary)
    page.route("**/in/*/", lambda route: route.abort())
    summary.focus()
    page.keyboard.press("Enter")
    expect(section.get_by_text("This was not loaded.")).to_be_visible()
    console.quiet()
    console.complaints.clear()
    page.unroute("**/in/*/")
    page.keyboard.press("Enter")  # closed, and what is there already when it is open
    page.keyboard.press("Enter")
    expect(section.get_by_role("heading", name="Chain")).to_be_visible()
    expect(section.get_by_text("This was not loaded.")).to_have_count(0)
    expect(summary).to_be_focused()
    pictures(page, "entry-opened")
    assert judge(page, axe) == []
    with page.expect_response("**/deployment/**"), page.expect_response(at):
        pass
    console.quiet()
    expect(section.get_by_role("heading", name="Chain")).to_be_visible()
    expect(summary).to_be_focused()


def test_what_was_opened_in_the_table_deployment_stays_open_with_the_focus_in_it(
    console: Console, rest: Rest, place: str, unique: Unique
) -> None:
    page = console.page
    second = rest.place(unique("second"))
    rest.post(f"/environments/{place}/gateways", name="edge", kind="envoy", options={})
    name, gone = unique("kept"), unique("revoked")
    authority = Authority("Kept CA")
    rest.certificate(gone, authority.issue(gone).pem, place)
    rest.post(f"/certificates/{gone}/entries/{place}/revoke", reason="For this test", deploy=False)
    rest.certificate(name, authority.issue(name).pem, place, second)
    # The server is told that something else is shown, so it draws the table anew each time that the page asks.
    shown = re.compile("shown=[0-9a-f]+")
    page.route("**/deployment/**", lambda route: route.continue_(url=shown.sub("shown=", route.request.url)))
    console.show(name)
    at = page.url
    left_out = page.get_by_text(re.compile(rf"^Left out of release \d+ of {place}: 1$"))
    left_out.focus()
    page.keyboard.press("Enter")
    reason = page.get_by_text(f"{gone}: Revoked in Trustyard.")
    expect(reason).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response("**/deployment/**"), page.expect_response(at):
        pass
    console.quiet()
    expect(reason).to_be_visible()
    expect(left_out).to_be_focused()
    assert asked.count(at) == 1, "one question for the badges of all environments"


def test_a_page_that_is_turned_leads_to_its_table_which_says_where_one_is(
    console: Console, rest: Rest, place: str, unique: Unique
) -> None:
    page, name = console.page, unique("paged")
    for number in range(51):
        rest.post(f"/environments/{place}/gateways", name=f"edge-{number:02}", kind="envoy", options={})
    rest.certificate(name, Authority("Paged CA").issue(name).pem, place)
    console.open(f"/gateways/?environment={place}")
    list_of_gateways = page.get_by_role("table", name="Gateways")
    page.get_by_role("link", name="Next").press("Enter")
    expect(list_of_gateways.get_by_role("link", name="edge-50", exact=True)).to_be_visible()
    expect(list_of_gateways).to_be_focused()
    expect(list_of_gateways).to_have_accessible_description("51 of 51")
    console.show(name)
    deployment = page.get_by_role("table", name="Deployment")
    for button, at in (("Next", "51 of 51"), ("Previous", "1–50 of 51")):
        console.button(button).press("Enter")
        expect(deployment).to_have_accessible_description(at)
        expect(deployment).to_be_focused()
        expect(deployment.get_by_role("row").nth(1)).to_be_in_viewport()


def test_a_preview_says_that_the_name_is_another_one_and_shows_what_was_saved_meanwhile(
    console: Console, rest: Rest, unique: Unique
) -> None:
    page, place, gone, late = console.page, unique("production"), unique("gone"), unique("late")
    authority = Authority("Preview CA")
    rest.post("/environments", name=place, type="production")
    rest.certificate(gone, authority.issue(gone).pem, place)
    rest.client.delete(f"/api/v1/certificates/{gone}?deploy=false", headers={"If-Match": "*"}).raise_for_status()
    console.open(f"/environments/?q={place}")
    console.menu(place, "Preview")
    name = page.get_by_label("Name of the environment")
    name.fill("another")
    console.button("Deploy").click()
    expect(name).to_have_accessible_description(f"This is not the name {place}.")
    expect(name).to_be_focused()
    rest.certificate(late, authority.issue(late).pem, place, deploy=False)
    name.fill(place)
    console.button("Deploy").click()
    expect(page.get_by_role("alert")).to_contain_text("What is saved is not what it was when this was shown.")
    expect(page.get_by_role("row", name=late)).to_contain_text("added")
    name.fill(place)
    console.button("Deploy").click()
    expect(page.get_by_role("table", name="Deployment").get_by_role("row", name=place)).to_be_visible()
