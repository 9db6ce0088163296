"""Every screen of the console: accessible, usable at 360 px, no complaint of the browser; strangers and viewers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.authority import Authority
from tests.journeys.console import Console, Rest, new_context, schemes, sign_in
from tests.server.serving import Serving

Unique = Callable[[str], str]
PAGES = (
    "/certificates/", "/certificates/?q=nothing-has-this-name", "/certificates/truststore/", "/certificates/compare/",
    "/jwks/", "/jwks/create/",
    "/environments/", "/environments/create/", "/environments/1/", "/gateways/", "/gateways/create/", "/gateways/1/",
    "/gateways/1/edit/", "/releases/", "/releases/compare/", "/environments/promote/",
    "/trust-check/", "/audit/", "/users/", "/users/create/", "/users/1/",
    "/users/1/access/",
    "/users/tokens/create/", "/account/", "/account/confirm/",
)  # fmt: skip


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, the judge of accessibility."""
    path = Path(__file__).parents[1] / "oracles" / "node_modules" / "axe-core" / "axe.min.js"
    if not path.is_file():
        assert not os.environ.get("CI"), "axe-core is missing: run make test, which installs tests/oracles"
        pytest.skip("axe-core is not installed (tests/oracles)")
    return path.read_text()


# All in which dark differs from light.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


def judge(page: Page, axe: str) -> list[str]:
    """What axe finds serious or critical, or amiss with headings, in light and in dark, with all that can be opened."""
    page.wait_for_load_state()  # a page whose style sheet is on its way has other colours
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.evaluate(axe)
    found: list[str] = []
    for scheme in schemes(page):
        options = {"resultTypes": ["violations"]} | (COLOURS if scheme == "dark" else {})
        violations = page.evaluate("options => axe.run(options)", options)["violations"]
        serious = [
            one for one in violations if one["impact"] in ("serious", "critical") or one["id"] == "heading-order"
        ]
        found += [f"{page.url} in {scheme}: {one['id']} at {one['nodes'][0]['target']}" for one in serious]
    return found


@pytest.fixture
def filled(console: Console, rest: Rest, unique: Unique) -> str:
    """A certificate with a JWK, so that lists have rows."""
    name = unique("page")
    rest.certificate(name, Authority("Page CA").issue(name).pem, "test")
    rest.jwk(f"{name}-jwk", name, "test")
    return name


@pytest.mark.timeout(300)
def test_axe_finds_nothing_serious_on_any_page(console: Console, filled: str, axe: str) -> None:
    console.page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    for path in PAGES:
        console.open(path)
        expect(console.page.get_by_role("heading", level=1)).to_be_visible()
        found += judge(console.page, axe)
    console.open(f"/jwks/?q={filled}")
    console.page.get_by_role("link", name=f"{filled}-jwk", exact=True).click()
    expect(console.page.get_by_role("heading", level=1, name=f"{filled}-jwk")).to_be_visible()
    found += judge(console.page, axe)
    console.open("/releases/")
    console.page.get_by_role("link", name=re.compile("^Release ")).first.click()
    expect(console.page.get_by_role("heading", level=1, name=re.compile("^Release "))).to_be_visible()
    found += judge(console.page, axe)
    console.find(filled)
    console.button(f"Actions for {filled}").click()
    found += judge(console.page, axe)
    console.page.get_by_role("menuitem", name="Delete", exact=True).click()
    expect(console.dialog("JWK Connection")).to_be_visible()
    found += judge(console.page, axe)
    console.page.keyboard.press("Escape")
    console.page.get_by_role("link", name=filled, exact=True).click()
    expect(console.page.get_by_role("heading", level=1, name=filled)).to_be_visible()
    found += judge(console.page, axe)
    console.button("Edit").click()
    console.button("New Certificate Definition").click()
    expect(console.dialog("New Certificate Definition")).to_be_visible()
    found += judge(console.page, axe)
    assert found == []


def test_no_page_is_wider_than_a_telephone(console: Console, filled: str) -> None:
    """360 px: nothing but a table scrolls sideways."""
    console.page.set_viewport_size({"width": 360, "height": 740})
    wide = []
    for path in (*PAGES, f"/certificates/?q={filled}"):
        console.open(path)
        width = console.page.evaluate("document.documentElement.scrollWidth")
        wide += [f"{path}: {width}"] if width > 360 else []
    assert wide == []
    expect(console.page.get_by_role("navigation")).to_be_hidden()
    console.button("Menu").click()
    expect(console.page.get_by_role("navigation").get_by_role("link", name="JWKs", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_long_words_make_no_page_wider_than_its_window(
    console: Console, rest: Rest, unique: Unique, width: int
) -> None:
    """An alias of many letters without a space on its card, and events of the audit that are shown whole."""
    name, alias = unique("wide"), f"{unique('w')}-{'w' * 80}"
    rest.certificate(name, Authority("Wide CA").issue(name).pem, "test", alias=alias)
    console.show(name)
    console.page.set_viewport_size({"width": width, "height": 740})
    wide = {"card": console.page.evaluate("document.documentElement.scrollWidth")}
    for action in ("certificate.create", "release.deploy"):
        console.open(f"/audit/?action={action}")
        console.page.get_by_text("Show", exact=True).first.click()
        expect(console.page.get_by_role("heading", name="After", exact=True).first).to_be_visible()
        wide[action] = console.page.evaluate("document.documentElement.scrollWidth")
    assert {what: pixels for what, pixels in wide.items() if pixels > width} == {}


def test_the_first_control_of_each_page_skips_to_content(console: Console) -> None:
    for path in PAGES:
        console.open(path)
        console.page.keyboard.press("Tab")
        expect(console.page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(console.page.get_by_role("navigation")).to_have_count(1)


def test_what_a_search_found_is_said_to_screen_readers(console: Console, rest: Rest, unique: Unique) -> None:
    """In a region that was there before: one that is put in with its words is passed over by most."""
    name = unique("sought")
    rest.certificate(name, Authority("Sought CA").issue(name).pem, "test")
    console.open("/certificates/")
    console.page.evaluate("window.region = document.getElementById('said')")
    search = console.page.get_by_role("searchbox", name="Search")
    for words, said in ((name, "1 of 1"), (f"{name}-none", "Nothing found.")):
        search.fill(words)
        console.page.wait_for_function(
            "said => window.region.isConnected && window.region.role === 'status' && region.innerText.startsWith(said)",
            arg=said,
        )
        expect(search).to_be_focused()


def test_a_search_that_finds_as_much_as_the_last_is_said_anew(console: Console, rest: Rest, unique: Unique) -> None:
    """The region is empty in between: the same words in place of themselves are no news to a screen reader."""
    name = unique("anew")
    rest.certificate(name, Authority("Anew CA").issue(name).pem, "test")
    console.open("/certificates/")
    console.page.evaluate("""() => {
      const region = document.getElementById("said");
      window.heard = [];
      new MutationObserver(() => window.heard.push(region.textContent)).observe(region, { childList: true });
    }""")
    search = console.page.get_by_role("searchbox", name="Search")
    for times, words in enumerate((name, name.upper()), start=1):
        search.fill(words)
        console.page.wait_for_function("times => window.heard.filter(Boolean).length === times", arg=times)
    assert console.page.evaluate("window.heard") == ["1 of 1", "", "1 of 1"]


def test_a_row_menu_works_with_the_keyboard(console: Console, filled: str) -> None:
    console.find(filled)
    button = console.button(f"Actions for {filled}")
    button.focus()
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("menuitem", name="Edit", exact=True)).to_be_focused()
    console.page.keyboard.press("ArrowDown")
    expect(console.page.get_by_role("menuitem", name="Delete", exact=True)).to_be_focused()
    console.page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_the_space_bar_presses_what_is_called_a_button_an_item_or_a_tab(console: Console, filled: str) -> None:
    page = console.page
    console.open("/jwks/create/")
    console.button("Cancel").press(" ")
    page.wait_for_url(re.compile("/jwks/$"))
    console.find(filled)
    console.button(f"Actions for {filled}").press(" ")
    expect(page.get_by_role("menuitem", name="Edit", exact=True)).to_be_focused()
    with page.expect_download():
        page.get_by_role("menuitem", name="Export", exact=True).press(" ")
    page.get_by_role("tab", name="Truststore").press(" ")
    page.wait_for_url(re.compile("/truststore/$"))


def test_a_stranger_is_led_to_sign_in_and_finds_the_way_home(served: Serving) -> None:
    with httpx.Client(base_url=served.url, trust_env=False, follow_redirects=False) as stranger:
        for path in PAGES:
            assert stranger.get(path).headers["location"].startswith("/sign-in/?next="), path
        lost = stranger.get("/nothing-here/")
        assert lost.status_code == 404
        assert 'href="/"' in lost.text
        assert "Skip to content" in lost.text


@pytest.fixture
def viewer(browser: Browser, served: Serving, console: Console, unique: Unique) -> Iterator[Console]:
    """Somebody who only looks, made on the screen Users."""
    name = unique("viewer")
    console.open("/users/create/")
    console.page.get_by_label("Username", exact=True).fill(name)
    console.page.get_by_label("Password", exact=True).fill("horse-battery-correct")
    console.button("Save").click()
    expect(console.page.get_by_text(f"The user {name} is made.")).to_be_visible()
    context = new_context(browser)
    page = context.new_page()
    sign_in(page, served, name, "horse-battery-correct")
    yield Console(page, served.url)
    context.close()


@pytest.mark.parametrize("path", ["/users/create/", "/users/tokens/create/"])
def test_environments_open_with_the_role_operator_and_close_with_a_reason(
    console: Console, unique: Unique, path: str, axe: str
) -> None:
    name = unique("limited")
    console.open(path)
    console.page.get_by_label(re.compile("^(Username|Name)$")).fill(name)
    if "tokens" not in path:
        console.page.get_by_label("Password", exact=True).fill("horse-battery-correct")
    role, group = console.page.get_by_label("Role", exact=True), console.page.get_by_role("group", name="Environments")
    place = group.get_by_role("checkbox", name="test", exact=True)
    role.select_option("operator")
    expect(group).to_have_accessible_description("None ticked: all of them.")
    place.check()
    role.select_option("viewer")
    expect(place).to_be_disabled()
    reason = "A viewer sees all environments; only an operator is limited to some."
    expect(group).to_have_accessible_description(reason)
    expect(console.page.get_by_text(reason)).to_be_visible()
    assert judge(console.page, axe) == []
    console.button("Create" if "tokens" in path else "Save").click()
    expect(group).to_have_count(0)
    console.open("/users/")
    expect(console.page.get_by_role("row", name=re.compile(name))).to_contain_text("all")


def test_why_a_button_cannot_be_pressed_is_found_by_keyboard_and_screen_reader(
    viewer: Console, filled: str, axe: str
) -> None:
    page = viewer.page
    viewer.open("/jwks/")
    create = viewer.button("Create")
    expect(create).to_have_accessible_description("The role viewer may not create JWKs.")
    page.get_by_role("link", name="Skip to content").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(create).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="JWKs", exact=True)).to_be_visible()
    expect(page.get_by_text("The role viewer may not create JWKs.")).to_be_visible()
    found = judge(page, axe)
    viewer.find(filled)
    viewer.button(f"Actions for {filled}").focus()
    page.keyboard.press("Enter")
    delete = page.get_by_role("menuitem", name="Delete", exact=True)
    expect(delete).to_have_accessible_description("The role viewer may not delete.")
    expect(page.get_by_role("menuitem", name="Edit", exact=True)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(delete).to_be_focused()
    page.keyboard.press("Enter")
    expect(delete).to_be_focused()
    expect(page.get_by_text("The role viewer may not delete.")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert found + judge(page, axe) == []


def test_a_reason_beside_a_button_makes_no_page_wider_than_a_telephone(viewer: Console, filled: str) -> None:
    viewer.page.set_viewport_size({"width": 360, "height": 740})
    viewer.find(filled)
    viewer.button(f"Actions for {filled}").click()
    expect(viewer.page.get_by_text("The role viewer may not delete.")).to_be_visible()
    wide = [viewer.page.evaluate("document.documentElement.scrollWidth")]
    viewer.show(filled)
    wide += [viewer.page.evaluate("document.documentElement.scrollWidth")]
    assert max(wide) <= 360


LOOKS = ("color", "border-top-color", "background-color")


def looks_of(button: Locator, part: str) -> str:
    return str(button.evaluate("(button, part) => getComputedStyle(button).getPropertyValue(part)", part))


def test_who_has_no_javascript_is_told_why_nothing_happens(browser: Browser, served: Serving, signed_in: Any) -> None:
    for runs in (False, True):
        context = browser.new_context(storage_state=signed_in, java_script_enabled=runs)
        page = context.new_page()
        page.goto(f"{served.url}/certificates/")
        expect(page.locator("noscript .notice")).to_be_visible(visible=not runs)
        context.close()


def test_a_viewer_sees_and_may_not_change(viewer: Console, filled: str) -> None:
    expect(viewer.button("Create")).to_be_disabled()
    viewer.find(filled)
    viewer.page.get_by_role("link", name=filled, exact=True).click()
    delete, edit = viewer.button("Delete"), viewer.button("Edit")
    expect(delete).to_be_disabled()
    assert [looks_of(delete, part) for part in LOOKS] == [looks_of(edit, part) for part in LOOKS]
    viewer.find(filled)
    viewer.button(f"Actions for {filled}").click()
    expect(viewer.page.get_by_role("menuitem", name="Edit", exact=True)).to_be_disabled()
    answer = viewer.page.goto(f"{viewer.url}/users/")
    assert answer is not None
    assert answer.status == 403
    expect(viewer.page.get_by_role("link", name="To the start page")).to_be_visible()


def test_back_leads_to_the_form_after_a_refusal_and_not_to_a_question_of_the_browser(
    console: Console, unique: Unique
) -> None:
    page = console.page
    console.open("/users/")
    console.open("/users/create/")
    page.get_by_label("Username").fill(unique("kim"))
    console.button("Save").click()
    refused = page.get_by_text("This password is too short.").first
    expect(refused).to_be_visible()
    page.reload()
    expect(refused).to_be_visible()  # a reload asks again, and what was typed stays
    page.get_by_label("Password").fill("a long and quiet night")
    console.button("Save").click()
    expect(page.get_by_text("is made.")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Create User")).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("heading", name="Users", exact=True)).to_be_visible()


def test_a_token_is_shown_once_and_can_be_revoked(console: Console, unique: Unique) -> None:
    name = unique("token")
    console.open("/users/")
    console.button("Create Token").click()
    console.page.get_by_label("Name", exact=True).fill(name)
    console.button("Create").click()
    assert console.page.get_by_label("Token", exact=True).input_value().startswith("ty_")
    console.page.reload()
    expect(console.page.get_by_text(f"The token {name} was shown once, when it was made.")).to_be_visible()
    expect(console.page.get_by_label("Token", exact=True)).to_be_hidden()
    expect(console.button("Create Token")).to_be_visible()
    console.open("/users/")
    expect(console.button(f"Revoke {name}")).to_have_count(1)
    console.button(f"Revoke {name}").click()
    console.dialog("Revoke Token").get_by_role("button", name="Revoke Token").click()
    expect(console.page.get_by_text(f"The token {name} is revoked.")).to_be_visible()


@pytest.mark.parametrize(
    ("clipboard", "shown", "told"),
    [("is there", "Copied", "Copied"), ("is not lent", "Selected", "Selected; copy it with the keyboard")],
)
def test_copy_says_that_it_did_to_eyes_and_screen_readers(
    console: Console, unique: Unique, clipboard: str, shown: str, told: str
) -> None:
    """Browsers lend the clipboard over https and to loopback alone; elsewhere the text is selected instead."""
    page = console.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if clipboard == "is not lent":
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    console.open("/users/tokens/create/")
    page.get_by_label("Name", exact=True).fill(unique("copied"))
    console.button("Create").click()
    token = page.get_by_label("Token", exact=True)
    console.button("Copy").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text(told)
    assert page.evaluate("getComputedStyle(document.querySelector('[data-copy]'), '::after').content").startswith(
        f'"{shown}"'
    )
    expect(console.button("Copy")).to_be_visible()  # whose name stays what it is
    if clipboard == "is there":
        assert page.evaluate("navigator.clipboard.readText()") == token.input_value()
    else:
        assert page.evaluate("getSelection().toString()") == token.input_value()
    expect(page.locator("[data-said]")).to_have_count(0)


def test_an_environment_offers_deploy_for_a_changed_root_set(console: Console, unique: Unique) -> None:
    """D-16, D-21."""
    name = unique("place")
    console.open("/environments/")
    console.button("Create").click()
    console.page.get_by_label("Name", exact=True).fill(name)
    console.page.get_by_label("Root set", exact=True).select_option("mozilla")
    console.button("Save").click()
    console.menu(name, "Edit")
    console.button("Deploy").click()
    expect(console.page.get_by_role("table", name="Deployment")).to_contain_text(name)
    console.open(f"/certificates/truststore/?environment={name}&origin=root")
    expect(
        console.page.get_by_role("table", name="Truststore").get_by_text("in force", exact=True).first
    ).to_be_visible()


def test_an_envoy_gateway_shows_its_bootstrap_to_operators(console: Console, unique: Unique) -> None:
    name = unique("edge")
    console.open("/gateways/")
    console.button("Create").click()
    console.page.get_by_label("Name", exact=True).fill(name)
    console.page.get_by_role("radio", name=re.compile("^envoy")).check()
    console.button("Save").click()
    expect(console.page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    console.button("Show bootstrap").click()
    shown = console.page.get_by_label(f"Bootstrap of {name}")
    expect(shown).to_contain_text(f"test/{name}")
    expect(shown).to_be_focused()
    console.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.button("Copy bootstrap").click()
    expect(console.page.locator("#said")).to_have_text("Copied")
    assert console.page.evaluate("navigator.clipboard.readText()") == shown.text_content()
    # What would shut every node out asks first.
    console.button("Rotate token").click()
    dialog = console.dialog("Rotate Token")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    console.button("Rotate token").click()
    dialog.get_by_role("button", name="Rotate Token").click()
    expect(console.page.get_by_text("The token is another one now; give every node the new bootstrap.")).to_be_visible()


def test_a_filter_that_is_no_number_of_days_says_so_instead_of_showing_other_rows(
    console: Console, filled: str
) -> None:
    name = filled
    console.find(name)
    days, row = console.page.get_by_label("Expires in (days)"), console.page.get_by_role("link", name=name, exact=True)
    days.fill("-5")
    expect(console.page.get_by_role("alert")).to_contain_text("a whole number of days, from 0 to 999999")
    expect(row).to_have_count(0)
    days.fill("5000")
    expect(row).to_be_visible()
    expect(console.page.get_by_role("alert")).to_have_count(0)
    days.press("Control+a")
    days.press_sequentially("soon")  # Firefox takes letters in a box for numbers too, and sends none of them
    expect(console.page.get_by_role("alert")).to_contain_text("a whole number of days, from 0 to 999999")


def test_where_a_click_gives_no_focus_a_dialog_returns_to_what_was_clicked(console: Console) -> None:
    """Safari, and Firefox on a Mac, leave it to the page around the button."""
    console.create()
    console.page.evaluate("document.addEventListener('mousedown', (event) => event.preventDefault())")
    console.button("New Certificate Definition").click()
    console.dialog("New Certificate Definition").get_by_role("button", name="Cancel").click()
    expect(console.button("New Certificate Definition")).to_be_focused()


# What happens when Back shows a page that was kept whole, as Chromium does not here: WebKit empties the box meanwhile.
KEPT = """() => {
  const tell = (name) => window.dispatchEvent(new PageTransitionEvent(name, { persisted: true }));
  tell("pagehide");
  tell("pageshow");
  document.getElementById("q").value = "";
}"""


def test_a_page_that_was_kept_whole_shows_what_was_written_in_it_and_nothing_after_a_sign_out(console: Console) -> None:
    page = console.page
    console.open("/certificates/?q=")
    search = page.get_by_label("Search")
    search.fill("partner")
    page.wait_for_url(re.compile("q=partner"))
    console.quiet()
    page.evaluate(KEPT)
    expect(search).to_have_value("partner")
    page.context.clear_cookies()
    page.evaluate(KEPT)
    page.wait_for_url(re.compile("/sign-in/"))
