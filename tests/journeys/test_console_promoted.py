"""The page Promote of many certificates in a browser: what is ticked survives turning its pages, Back and a reload."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.authority import Authority
from tests.journeys.console import Console, Rest, pictures

COUNT = 60


@pytest.fixture
def places(console: Console, rest: Rest, unique: Callable[[str], str]) -> tuple[str, str]:
    """An environment with more certificates than a page has, and an empty one."""
    authority, start = Authority("Many CA"), rest.place(unique("start"))
    for number in range(COUNT):
        name = f"{start}-{number:02}"
        rest.certificate(name, authority.issue(name).pem, start, deploy=False)
    return start, rest.place(unique("target"))


def box(page: Page, start: str, number: int) -> Locator:
    return page.get_by_role("checkbox", name=re.compile(f"^{start}-{number:02} "))


def unanswered(page: Page, act: Callable[[], object]) -> None:
    """Does that, whereupon the page asks for another part of the list, and goes before it is answered."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        first = route.request.method == "POST" and not held
        held.append(route) if first else route.continue_()

    page.route(re.compile("/environments/promote/"), hold)
    with page.expect_request(lambda request: request.method == "POST"):
        act()
    page.reload()
    page.unroute_all()


def test_what_is_unticked_on_two_pages_is_not_promoted_whatever_happens_to_the_page(
    console: Console, rest: Rest, places: tuple[str, str]
) -> None:
    page, (start, target) = console.page, places
    console.open(f"/environments/promote/?from={start}")
    page.get_by_label("To", exact=True).select_option(target)
    expect(page.get_by_role("heading", name=f"What changes in {target}")).to_be_visible()
    console.quiet()
    part = page.locator("#promoted")
    box(page, start, 3).uncheck()
    part.get_by_role("button", name="Next").click()
    box(page, start, 55).uncheck()
    expect(page.get_by_text("49 of the 50 certificates that are not shown here are ticked.")).to_be_visible()
    page.get_by_label("Note").fill("half of them")

    page.reload()
    expect(box(page, start, 55)).not_to_be_checked()
    expect(box(page, start, 54)).to_be_checked()
    expect(page.get_by_label("Note")).to_have_value("half of them")
    expect(page.get_by_text("49 of the 50 certificates that are not shown here are ticked.")).to_be_visible()

    console.open("/releases/")
    unanswered(page, page.go_back)
    expect(box(page, start, 55)).not_to_be_checked()
    part.get_by_role("button", name="Previous").click()
    expect(box(page, start, 3)).not_to_be_checked()
    expect(page.get_by_text("9 of the 10 certificates that are not shown here are ticked.")).to_be_visible()
    box(page, start, 4).uncheck()
    pictures(page, "promote-many")

    page.get_by_label("To", exact=True).select_option("test")
    expect(page.get_by_role("heading", name="What changes in test")).to_be_visible()
    expect(page.get_by_label("To", exact=True)).to_be_focused()
    expect(box(page, start, 3)).to_be_checked()
    box(page, start, 6).uncheck()
    page.go_back()
    expect(page.get_by_role("heading", name=f"What changes in {target}")).to_be_visible()
    expect(page.get_by_label("To", exact=True)).to_have_value(target)
    expect(box(page, start, 4)).not_to_be_checked()
    expect(box(page, start, 6)).to_be_checked()
    page.go_forward()
    expect(box(page, start, 6)).not_to_be_checked()
    expect(box(page, start, 4)).to_be_checked()
    page.go_back()
    expect(box(page, start, 4)).not_to_be_checked()
    expect(page.get_by_text("9 of the 10 certificates that are not shown here are ticked.")).to_be_visible()

    page.reload()
    expect(box(page, start, 3)).not_to_be_checked()
    expect(box(page, start, 4)).not_to_be_checked()
    expect(page.get_by_text("9 of the 10 certificates that are not shown here are ticked.")).to_be_visible()
    console.button("Promote").click()
    expect(page.get_by_text(f"57 certificates of {start} are in {target} now")).to_be_visible()
    held = rest.client.get("/api/v1/certificates", params={"environment": target, "limit": 500}).json()["items"]
    ticked = set(range(COUNT)) - {3, 4, 55}
    assert {one["name"] for one in held} == {f"{start}-{number:02}" for number in ticked}
    console.open(f"/environments/promote/?from={start}&to={target}")
    expect(page.locator("#promoted input[type=checkbox]:checked")).to_have_count(3)
