"""What was typed in a form survives what happens to its page: reload, Back, another sign-in, a server that is away."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import BrowserContext, Page, expect

from tests.authority import Authority
from tests.journeys.console import Console, Rest
from tests.server.serving import PASSWORD
from tests.tls_servers import new_key

from .test_console_away import Away, away  # noqa: F401 - a fixture

HERE = "What you typed is here again, and not saved yet."


@pytest.fixture
def signed_out(context: BrowserContext) -> Callable[[], None]:
    """The session ends, as by its age."""
    return lambda: context.clear_cookies(name="trustyard-session")


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_form_whose_fields_follow_a_choice_comes_back_whole(console: Console, signed_out: Callable[[], None]) -> None:
    page = console.page
    name, socket = page.get_by_label("Name"), page.get_by_label("Runtime API", exact=True)

    def typed() -> None:
        expect(socket).to_have_value("/run/haproxy.sock")
        expect(name).to_have_value("edge")
        expect(page.get_by_label("Certificates", exact=True)).to_have_value("all")
        assert page.get_by_label("Environment", exact=True).input_value() == "production"

    console.open("/releases/")
    console.open("/gateways/create/")
    page.get_by_label("Environment", exact=True).select_option("production")
    name.fill("edge")
    page.get_by_role("radio", name="haproxy").check()
    socket.fill("/run/haproxy.sock")
    page.get_by_label("Certificates", exact=True).select_option("all")
    page.reload()
    typed()
    page.go_back()
    expect(page.get_by_role("heading", name="Releases")).to_be_visible()
    page.go_forward()
    typed()
    signed_out()
    console.button("Save").click()
    expect(page.get_by_text("what you sent was not taken")).to_be_visible()
    sign_in(page)
    expect(page.get_by_text(HERE)).to_be_visible()
    typed()
    console.quiet()
    console.button("Save").click()
    expect(page.get_by_text("CA file is missing.").first).to_be_visible()
    typed()
    console.open("/gateways/create/")
    expect(name).to_have_value("")


def test_what_is_typed_over_an_older_version_is_known_as_such_after_another_sign_in(
    console: Console, rest: Rest, context: BrowserContext, unique: Callable[[str], str]
) -> None:
    page, place = console.page, rest.place(unique("again"))
    context.clear_cookies()  # the session that ends here is this test's own
    console.open("/environments/")
    sign_in(page)
    page.get_by_role("link", name=place, exact=True).click()
    page.get_by_label("Certificates with errors").select_option("block")
    etag = rest.client.get(f"/api/v1/environments/{place}").headers["ETag"]
    rest.client.patch(f"/api/v1/environments/{place}", json={"description": "theirs"}, headers={"If-Match": etag})
    there = context.new_page()
    there.goto(f"{console.url}/releases/")
    there.get_by_role("button", name="Sign out").click()
    sign_in(there)
    expect(there.get_by_role("button", name="Sign out")).to_be_visible()
    there.close()
    console.button("Save").click()
    expect(page.get_by_role("heading", name="Not taken")).to_be_visible()
    page.get_by_role("link", name="Back to the form").click()
    expect(page.get_by_text(HERE)).to_be_visible()
    policy = page.get_by_label("Certificates with errors")
    expect(policy).to_have_value("block")
    console.button("Save").click()
    expect(page.get_by_text("Somebody else changed this environment meanwhile.")).to_be_visible()
    expect(policy).to_have_value("block")
    expect(page.get_by_label("Description")).to_have_value("theirs")
    console.complaints[:] = [said for said in console.complaints if "403" not in said]


def test_a_form_that_nobody_answers_stays_and_is_sent_once(
    console: Console,
    unique: Callable[[str], str],
    away: Away,  # noqa: F811
) -> None:
    page, name = console.page, unique("kim")
    console.open("/users/create/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill("a long and quiet night")
    with away():
        console.button("Save").click()
        expect(page.get_by_role("alert")).to_have_text("Trustyard did not answer. Nothing was sent: try again.")
    expect(page.get_by_label("Password")).to_have_value("a long and quiet night")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    console.button("Save").dblclick()
    expect(page.get_by_text(f"The user {name} is made.")).to_be_visible()
    assert len(sent) == 1
    page.go_back()
    expect(page.get_by_label("Username")).to_have_value(name)
    assert "quiet night" not in page.evaluate("JSON.stringify([history.state, {...sessionStorage}])"), (
        "no secret is kept"
    )


KEY = "".join(new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().split("\n")[1:-2])


@pytest.mark.parametrize("pasted", [KEY, quote(f"key={KEY}", safe="")])
def test_a_private_key_without_its_frame_is_not_kept_for_the_next_page(console: Console, pasted: str) -> None:
    """D-07. Beside it what was typed stays, and so does a certificate in the same field."""
    page = console.page
    part, box = page.get_by_label("Part"), page.get_by_label("Certificate", exact=True)
    public = "".join(Authority("Again CA").pem.split("\n")[1:-2])
    for text, stays in ((public, public), (pasted, "")):
        console.open("/trust-check/")
        page.get_by_role("radio", name="Paste from Clipboard").check()
        part.fill("used")
        box.fill(text)
        look = "localStorage.setItem('kept', JSON.stringify([history.state, {...sessionStorage}]))"
        page.evaluate(f"window.addEventListener('pagehide', () => {look})")
        page.reload()
        expect(part).to_have_value("used")
        expect(box).to_have_value(stays)
        assert (text in page.evaluate("localStorage.getItem('kept')")) == bool(stays)


def test_delete_in_a_list_that_is_older_names_who_deleted_it_meanwhile(
    console: Console, rest: Rest, unique: Callable[[str], str]
) -> None:
    name, place = unique("gone"), rest.place(unique("again"))
    rest.certificate(name, Authority("Again CA").issue(name).pem, place)
    console.find(name)
    rest.client.delete(f"/api/v1/certificates/{name}", headers={"If-Match": "*"}).raise_for_status()
    console.menu(name, "Delete")
    said = re.compile(f"deleted the certificate {name} .+, while this was open")
    expect(console.page.locator("#notices").get_by_text(said)).to_be_visible()


def test_a_form_whose_certificate_another_deletes_goes_on_as_that_of_a_new_one(
    console: Console, rest: Rest, unique: Callable[[str], str]
) -> None:
    page, name, place = console.page, unique("gone"), rest.place(unique("again"))
    authority = Authority("Again CA")
    rest.certificate(name, authority.issue(name).pem, place)
    console.find(name)
    console.menu(name, "Edit")
    page.get_by_label("Description").fill("still mine")
    console.define(["test"], f"{name}-new", authority.issue("new").pem)
    address = f"/api/v1/certificates/{name}"
    rest.client.delete(address, headers={"If-Match": "*"}).raise_for_status()
    console.button("Save and Deploy").click()
    expect(page.get_by_role("heading", name="Create Certificate")).to_be_visible()
    expect(page.get_by_text(re.compile("deleted the certificate .+, and nothing was saved"))).to_be_visible()
    expect(page.get_by_label("Description")).to_have_value("still mine")
    expect(page.get_by_role("table", name="Configuration").locator("tbody tr")).to_have_count(1)
    console.save_and_deploy()
    held = rest.client.get(address).json()
    assert (held["description"], [one["alias"] for one in held["entries"]]) == ("still mine", [f"{name}-new"])


def test_what_was_chosen_among_what_a_choice_brought_is_there_again(
    console: Console, rest: Rest, unique: Callable[[str], str]
) -> None:
    page, name = console.page, unique("chosen")
    rest.certificate(
        name, Authority("Chosen CA").issue("chosen.example", rsa.generate_private_key(65537, 2048)).pem, "test"
    )
    console.open("/jwks/create/")
    page.get_by_label("Certificate", exact=True).select_option(name)
    page.get_by_label("Use", exact=True).select_option("enc")
    algorithm = page.get_by_label("Algorithm", exact=True)
    algorithm.select_option("RSA-OAEP-512")
    page.reload()
    expect(algorithm).to_have_value("RSA-OAEP-512")
    expect(page.get_by_label("Use", exact=True)).to_have_value("enc")
