"""How the console looks where names are as long as they may be, and on narrow screens: nothing is cut off."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import Page, expect

from tests.authority import Authority
from tests.journeys.console import Console, Rest, pictures, schemes
from tests.journeys.geometry import broken_words, cut_off, out_of_sight
from tests.server.serving import Serving, run

Unique = Callable[[str], str]


def long(text: str) -> str:
    """A name as long as names may be, without a place to break it."""
    return f"{text}{'w' * 100}"[:100].replace("-", "x")


@dataclass
class Names:
    """Names of 100 letters."""

    place: str
    gateway: str
    certificate: str
    jwk: str


@pytest.fixture
def longest(rest: Rest, unique: Unique) -> Names:
    """One of each noun with the longest of names; one release is deployed, another change waits."""
    names = Names(*(long(unique(noun)) for noun in ("place", "gateway", "certificate", "jwk")))
    rest.post("/environments", name=names.place, type="test")
    rest.post(f"/environments/{names.place}/gateways", name=names.gateway, kind="envoy", options={})
    rest.certificate(
        names.certificate, Authority(long("Issuer")[:60]).issue(names.certificate[:60]).pem, names.place, deploy=False
    )
    rest.jwk(names.jwk, names.certificate, names.place)
    rest.certificate(long(unique("waits")), Authority("Waits CA").issue("waits").pem, names.place, deploy=False)
    return names


def shown(console: Console, where: str, widths: Sequence[int]) -> list[str]:
    """What is cut off on the page that is open, in windows of these widths; the last one stays."""
    found: list[str] = []
    for width in widths:
        resize(console.page, width)
        console.quiet()
        pictures(console.page, where, [width])
        found += [f"{where} at {width}: {what}" for what in cut_off(console.page)]
    return found


def resize(page: Page, width: int) -> None:
    """Returns once the page is drawn at that width."""
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_function("(width) => innerWidth === width", arg=width)
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def pages_with_long_names(console: Console, names: Names) -> Iterator[str]:
    """Every page that shows one of them, open, with its name."""
    page = console.page
    for path in (
        f"/certificates/?q={names.certificate}",
        f"/certificates/truststore/?environment={names.place}",
        f"/jwks/?q={names.jwk}",
        "/jwks/create/",
        "/environments/",
        f"/gateways/?environment={names.place}",
        f"/releases/?environment={names.place}",
        f"/releases/compare/?environment={names.place}",
        f"/environments/promote/?from={names.place}",
        f"/trust-check/?environment={names.place}",
        f"/audit/?q={names.certificate}",
    ):
        console.open(path)
        yield path.partition("?")[0]
    for path, link in (
        (f"/jwks/?q={names.jwk}", names.jwk),
        (f"/gateways/?environment={names.place}", names.gateway),
        (f"/releases/?environment={names.place}", f"Release 1 of {names.place}"),
        ("/environments/", names.place),
        (f"/certificates/?q={names.certificate}", names.certificate),
    ):
        console.open(path)
        page.get_by_role("link", name=link, exact=True).click()
        expect(page.get_by_role("heading", level=1, name=link, exact=True)).to_be_visible()
        yield f"the page of {link[:12]}"


def dialogs_with_long_names(console: Console, names: Names) -> Iterator[str]:
    """Every dialog that asks about one of them, open, with its title."""
    console.open(f"/jwks/?q={names.jwk}")
    console.menu(names.jwk, "Delete")
    yield _title(console, "Delete JWK")
    console.open("/environments/")
    console.menu(names.place, "Delete")
    yield _title(console, "Delete Environment")
    console.open(f"/gateways/?environment={names.place}")
    console.page.get_by_role("link", name=names.gateway, exact=True).click()
    console.button("Delete").click()
    yield _title(console, "Delete Gateway")
    console.find(names.certificate)
    console.menu(names.certificate, "Delete")
    yield _title(console, "JWK Connection")
    console.button("Delete JWKS").click()
    yield _title(console, "Confirm Deletion")
    console.find(names.certificate)
    console.menu(names.certificate, "Edit")
    console.page.wait_for_url(re.compile("/certificates/drafts/"))
    yield "the form"
    console.menu(f"{names.certificate} in {names.place}", "Edit")
    yield _title(console, "Edit Certificate Definition")
    console.button("Revoke Certificate").click()
    yield _title(console, "Revoke Certificate")


def _title(console: Console, title: str) -> str:
    expect(console.dialog(title)).to_be_visible()
    return title


def test_nothing_is_cut_off_where_names_are_as_long_as_they_may_be(console: Console, longest: Names) -> None:
    """D-10: 100 letters and no place to break them; what has to be typed is read first (S-29)."""
    console.page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    for where in itertools.chain(pages_with_long_names(console, longest), dialogs_with_long_names(console, longest)):
        found += shown(console, where, (360, 1024, 1280))
    assert not found, "\n".join(found)


@dataclass
class Usual:
    """Names as partners have them."""

    place: str
    certificate: str


@pytest.fixture
def usual(rest: Rest, unique: Unique) -> Usual:
    """An environment with roots, one certificate in force, one that was revoked and one that waits."""
    place, names = unique("preprod"), [unique(name) for name in ("partner-acme", "partner-bank", "partner-new")]
    rest.post("/environments", name=place, type="test", root_set="mozilla")
    ca = Authority("Acme Issuing CA 2031")
    for name in names[:2]:
        issued = ca.issue(f"leaf.{name}.example")
        rest.certificate(name, issued.pem, place)
    rest.post(f"/certificates/{names[1]}/entries/{place}/revoke", reason="lost")
    rest.certificate(names[2], ca.issue(f"api.{names[2]}.example").pem, place, deploy=False)
    return Usual(place, names[1])


def test_the_truststore_shows_all_columns_wherever_it_is_a_table(console: Console, usual: Usual) -> None:
    """S-40: also beside the navigation; and no word is broken."""
    page = console.page
    console.open(f"/certificates/truststore/?environment={usual.place}")
    partners = page.get_by_role("table", name="Truststore").locator("tbody tr", has_text="Acme Issuing CA")
    columns = ("Certificate Name", "Issuer", "Status", "In force")
    cells = partners.locator(",".join(f"[data-label='{column}']" for column in columns))
    for width in (1440, 1280, 1024, 1023, 900, 832):
        resize(page, width)
        pictures(page, "truststore", [width])
        assert out_of_sight(page, "Truststore") == [], width
        expect(page.get_by_text("More columns stand to the side")).to_be_hidden()
        assert broken_words(cells) == [], width


def test_the_form_shows_all_columns_of_its_definitions_wherever_they_are_a_table(
    console: Console, usual: Usual
) -> None:
    """S-07: also that an entry is revoked (D-13), and whole headers."""
    page = console.page
    console.find(usual.certificate)
    console.menu(usual.certificate, "Edit")
    table = page.get_by_role("table", name="Configuration")
    cells = table.locator(":is([data-label='Certificate'], [data-label='Subject DN'], thead th)")
    expect(table.get_by_text("revoked", exact=True)).to_be_visible()
    for width in (1280, 1024, 1023, 900, 832):
        resize(page, width)
        pictures(page, "form", [width])
        assert out_of_sight(page, "Configuration") == [], width
        expect(page.get_by_text("More columns stand to the side")).to_be_hidden()
        assert broken_words(cells) == [], width


# What was just now on a free machine is seconds ago on a busy one, and takes more room.
AGES = """() => document.querySelectorAll("time").forEach((one) => {
  if (/ago$|^just now$/.test(one.textContent)) one.textContent = "59 seconds ago";
})"""


def test_no_list_is_wider_than_its_card_on_a_tablet(
    console: Console, served: Serving, rest: Rest, usual: Usual, unique: Unique
) -> None:
    """Neither below the navigation nor beside it, whatever was last when."""
    widths = (832, 900, 1024, 1216)
    found: list[str] = []
    run(served.data_dir, "token", "create", unique("ci"), "--role", "operator", "--env", usual.place, "--expires", "5d")
    rest.post("/environments", name=unique("live"), type="production", root_set="mozilla")
    for path in ("certificates", "jwks", "environments", "gateways", "releases", "audit", "users", "account"):
        console.open(f"/{path}/")
        console.page.evaluate(AGES)
        found += shown(console, path, widths)
    console.open(f"/releases/?environment={usual.place}")
    console.page.get_by_role("link", name=f"Release 1 of {usual.place}").click()
    found += shown(console, "a release", widths)
    assert not found, "\n".join(found)


def test_a_hint_says_where_columns_stand_to_the_side(console: Console, longest: Names) -> None:
    """With names as long as they may be even the folded table is wider than its card."""
    page = console.page
    page.set_viewport_size({"width": 900, "height": 800})
    console.open(f"/certificates/truststore/?environment={longest.place}")
    wider = page.get_by_role("region", name="Truststore rows").evaluate("(box) => box.scrollWidth > box.clientWidth")
    expect(page.get_by_text("More columns stand to the side")).to_be_visible(visible=wider)


def test_the_jwks_of_a_connection_are_read_whole_on_a_telephone(console: Console, rest: Rest, unique: Unique) -> None:
    """D-04, S-24: what each JWK becomes, and why, is reached by scrolling the dialog and stands in no smaller box."""
    page, name = console.page, unique("turns")
    ca = Authority("Turning CA")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    rest.certificate(name, ca.issue(name, key).pem, "test", deploy=False)
    rest.jwk(f"{name}-jwk", name, "test", alg="RS256")
    console.find(name)
    console.menu(name, "Edit")
    console.define([], "", ca.issue(name).pem, row=f"{name} in test")
    console.quiet()
    console.button("Save and Deploy").click()
    dialog = console.dialog("JWK Connection")
    expect(dialog).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 740})
    why = dialog.get_by_text("because RS256 does not fit the new key")
    why.scroll_into_view_if_needed()
    pictures(page, "jwk-connection", [360])
    assert cut_off(page) == []
    boxed = dialog.locator(".boxed")
    assert boxed.evaluate("(box) => box.scrollHeight - box.clientHeight") == 0
    room = boxed.evaluate(
        "(box) => [...box.querySelectorAll('.hash')].map((one) => "
        "box.getBoundingClientRect().right - one.getBoundingClientRect().right)"
    )
    assert min(room) >= 8


def test_controls_have_room_for_what_they_hold_on_a_telephone(console: Console) -> None:
    """S-10: an address is typed and read beside Receive; a sort order is read whole."""
    page = console.page
    page.set_viewport_size({"width": 360, "height": 740})
    console.open("/certificates/")
    assert (page.get_by_label("Sort", exact=True).bounding_box() or {})["width"] > 280
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    window.get_by_role("radio", name="Receive via HTTPS/LDAPS Connection").check()
    pictures(page, "window", [360])
    assert (window.get_by_label("URL", exact=True).bounding_box() or {})["width"] > 240
    assert cut_off(page) == []


def test_a_file_of_roots_is_asked_for_where_it_counts(console: Console) -> None:
    """D-16."""
    page = console.page
    console.open("/environments/create/")
    file = page.get_by_label("Root certificates (PEM)")
    for kind, asked in (("none", False), ("mozilla", False), ("uploaded", True)):
        page.get_by_label("Root set").select_option(kind)
        expect(file).to_be_visible(visible=asked)
    pictures(page, "environment")
    page.get_by_label("Name", exact=True).fill("has-no-file")
    console.button("Save").click()
    expect(file).to_be_focused()
    expect(file).to_have_accessible_description(re.compile("Select the file that holds them."))


def test_a_question_that_is_longer_than_the_window_begins_at_cancel(console: Console) -> None:
    console.page.set_viewport_size({"width": 360, "height": 240})
    console.open("/users/")
    console.menu("admin", "Disable")
    expect(console.dialog("Disable User").get_by_role("button", name="Cancel")).to_be_focused()


@pytest.mark.parametrize(
    ("path", "button", "label"),
    [
        ("/environments/create/", "Save", "Name"),
        ("/gateways/create/", "Save", "Name"),
        ("/jwks/create/", "Save", "Name"),
        ("/users/create/", "Save", "Username"),
        ("/users/tokens/create/", "Create", "Name"),
    ],
)
def test_a_form_that_was_refused_leads_to_the_control_at_fault(
    console: Console, path: str, button: str, label: str
) -> None:
    """By keyboard and screen reader too: one goes on where something is missing, and hears what."""
    console.open(path)
    console.button(button).click()
    expect(console.page.get_by_role("alert")).to_be_visible()
    control = console.page.get_by_label(label, exact=True)
    expect(control).to_be_focused()
    expect(control).to_have_attribute("aria-invalid", "true")
    expect(control).to_have_accessible_description(re.compile("missing"))
    console.page.keyboard.type("x")
    expect(control).not_to_have_attribute("aria-invalid", "true")


def test_no_trail_ends_with_a_slash(console: Console) -> None:
    for path in ("/environments/1/", "/gateways/1/edit/", "/jwks/create/", "/certificates/compare/", "/users/create/"):
        console.open(path)
        trail = console.page.locator(".trail")
        assert not trail.inner_text().strip().endswith("/")
        assert trail.get_by_role("link").count()


def test_the_menu_of_a_row_is_of_the_colour_of_its_row(console: Console, usual: Usual) -> None:
    """Also where it stands still over what goes by below it, and while the pointer is on its row."""
    page = console.page
    page.set_viewport_size({"width": 900, "height": 800})
    console.find(usual.certificate)
    console.menu(usual.certificate, "Edit")
    row = page.get_by_role("table", name="Configuration").locator("tbody tr")
    for hovered in (False, True):
        if hovered:
            row.locator("td").nth(2).hover()
        for scheme in schemes(page):
            painted = row.evaluate(_PAINTED)
            assert all(max(shades) - min(shades) < 3 for shades in zip(*painted, strict=True)), (scheme, painted)


# The colours behind the text of a row's cells as they are painted: each over the card's own.
_PAINTED = """(row) => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  return [...row.cells].map((cell) => {
    for (const box of [cell.closest(".card"), cell]) {
      canvas.fillStyle = getComputedStyle(box).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data];
  });
}"""


def test_the_menu_of_a_row_is_as_high_as_its_items_in_webkit_too(console: Console, usual: Usual) -> None:
    """With the height that browsers give to popovers themselves, WebKit draws a grid as high as the window."""
    console.find(usual.certificate)
    console.button(f"Actions for {usual.certificate}").click()
    menu = console.page.get_by_role("menu")
    assert menu.evaluate("it => it.computedStyleMap().get('height').toString()") == "auto"


def test_the_source_is_in_sight_where_there_are_a_hundred_environments(console: Console) -> None:
    page = console.page
    page.set_viewport_size({"width": 1280, "height": 640})
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    places = window.get_by_role("group", name="Environments").locator("label")
    places.first.evaluate(_A_HUNDRED)
    expect(window.get_by_role("radio", name="Paste from Clipboard")).to_be_in_viewport()
    places.last.get_by_role("checkbox").focus()
    expect(places.last).to_be_in_viewport()
    pictures(page, "window-of-a-hundred", [1280, 360])
    assert cut_off(page) == []


_A_HUNDRED = """(one) => {
  for (let at = 0; at < 100; at++) {
    one.parentElement.append(one.cloneNode(true));
    one.parentElement.lastElementChild.append(` of a hundred, ${at}`);
  }
}"""


def test_the_tab_that_is_open_is_told_from_the_other_in_forced_colours(console: Console) -> None:
    page = console.page
    console.open("/certificates/")
    page.emulate_media(forced_colors="active")
    line = "tab => getComputedStyle(tab).borderBlockEndColor"
    tabs = [page.get_by_role("tab", name=name).evaluate(line) for name in ("Certificates", "Truststore")]
    page.emulate_media(forced_colors="none")
    assert tabs[0] != tabs[1]


def test_a_select_keeps_its_arrow_in_forced_colours(console: Console) -> None:
    """These take away arrows that are drawn as gradients: then it is the browser's own."""
    page = console.page
    console.open("/certificates/")
    shown = "box => [getComputedStyle(box).backgroundImage, getComputedStyle(box).appearance]"
    for forced, expected in (("none", ["conic-gradient", "none"]), ("active", ["none", "auto"])):
        page.emulate_media(forced_colors=forced)
        image, appearance = page.get_by_label("Status").evaluate(shown)
        assert [image.partition("(")[0], appearance] == expected
    page.emulate_media(forced_colors="none")


def test_on_paper_stands_what_a_page_says_and_nothing_that_is_pressed(console: Console, usual: Usual) -> None:
    console.show(usual.certificate)
    page, revoked = console.page, console.page.get_by_text("revoked", exact=True).first
    expect(console.button("Sign out")).to_be_visible()
    page.emulate_media(media="print")
    for pressed in (console.button("Sign out"), console.button("Delete"), page.get_by_role("link", name="Audit")):
        expect(pressed).to_be_hidden()
    expect(page.get_by_text("pkilint's judgement").first).to_be_hidden()  # which a button without it would say
    expect(page.get_by_role("heading", name=usual.certificate, exact=True)).to_be_visible()
    expect(revoked).to_be_visible()


def test_icons_grow_with_the_text(console: Console) -> None:
    console.open("/certificates/")
    icon = console.button("Create").locator("svg")
    before = icon.bounding_box() or {}
    console.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert (icon.bounding_box() or {})["height"] == pytest.approx(2 * before["height"])
