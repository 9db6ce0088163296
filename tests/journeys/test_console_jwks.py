"""JWKs and their certificates in a browser: the dialogs JWK Connection and the typed confirmation (S-21 to S-38)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import BrowserContext, Locator, expect

from tests.authority import Authority
from tests.journeys.console import Console, Rest

Unique = Callable[[str], str]


def rsa_pem(name: str) -> str:
    return Authority("JWK CA").issue(name, rsa.generate_private_key(public_exponent=65537, key_size=2048)).pem


@pytest.fixture
def signer(console: Console, rest: Rest, unique: Unique) -> str:
    """A certificate in two environments with a JWK made from each."""
    name = unique("signer")
    rest.certificate(name, rsa_pem(name), "test", "production")
    for environment in ("test", "production"):
        rest.jwk(f"{name}-{environment}", name, environment)
    return name


def key_of(console: Console, environment: str, kid: str) -> str | None:
    return next((str(key["n"]) for key in console.published(environment) if key["kid"] == kid and "n" in key), None)


def kid_of(console: Console, jwk: str) -> str:
    console.open(f"/jwks/?q={jwk}")
    row = console.page.get_by_role("row").filter(has=console.page.get_by_role("link", name=jwk, exact=True))
    return row.locator(".hash").inner_text()


def renew(console: Console, name: str, environment: str, pem: str) -> Locator:
    """Edits one entry and presses Save and Deploy; the dialog that opens."""
    console.find(name)
    console.menu(name, "Edit")
    console.define([], "", pem, row=f"{name} in {environment}")
    console.button("Save and Deploy").click()
    return console.dialog("JWK Connection")


def test_an_update_asks_and_brings_the_jwk_along(console: Console, signer: str) -> None:
    """S-21 to S-25, S-28 to S-30, D-02: only the JWK of the entry that changes."""
    before, other = kid_of(console, f"{signer}-test"), kid_of(console, f"{signer}-production")
    dialog = renew(console, signer, "test", rsa_pem(signer))
    expect(dialog).to_contain_text("This Certificate is used in 1 JWK(s). What would you like to do?")
    expect(dialog).to_contain_text(f"{signer}-test")
    expect(dialog).not_to_contain_text(f"{signer}-production")
    assert kid_of_published(console, "test", before)  # nothing is written yet
    dialog.get_by_role("button", name="Update related JWKs", exact=True).click()
    confirm = console.dialog("Confirm Update")
    press = confirm.get_by_role("button", name="Confirm", exact=True)
    expect(press).to_be_disabled()
    confirm.get_by_label("Name of the certificate", exact=True).fill(signer.upper())
    expect(press).to_be_disabled()
    confirm.get_by_label("Name of the certificate", exact=True).fill(signer)
    press.click()
    expect(console.page.get_by_role("table", name="Deployment")).to_be_visible()
    after = kid_of(console, f"{signer}-test")
    assert after != before
    assert kid_of(console, f"{signer}-production") == other
    assert kid_of_published(console, "test", after)
    assert not kid_of_published(console, "test", before)


def kid_of_published(console: Console, environment: str, kid: str) -> bool:
    return any(key["kid"] == kid for key in console.published(environment))


def test_an_update_can_disconnect_and_the_jwk_keeps_its_key(console: Console, signer: str) -> None:
    """S-26: a later update finds none."""
    kid = kid_of(console, f"{signer}-test")
    key = key_of(console, "test", kid)
    dialog = renew(console, signer, "test", rsa_pem(signer))
    dialog.get_by_role("button", name="Update certificate only and disconnect", exact=True).click()
    confirm = console.dialog("Confirm Update")
    confirm.get_by_label("Name of the certificate", exact=True).fill(signer)
    confirm.get_by_role("button", name="Confirm", exact=True).click()
    expect(console.page.get_by_role("table", name="Deployment")).to_be_visible()
    assert key_of(console, "test", kid) == key
    console.open(f"/jwks/?q={signer}-test")
    expect(console.page.get_by_text("not connected")).to_be_visible()
    console.find(signer)
    console.menu(signer, "Edit")
    console.define([], "", rsa_pem(signer), row=f"{signer} in test")
    console.save_and_deploy()


def test_cancel_changes_nothing_and_gives_the_focus_back(console: Console, signer: str) -> None:
    """S-27, S-30."""
    kid = kid_of(console, f"{signer}-test")
    dialog = renew(console, signer, "test", rsa_pem(signer))
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(console.button("Save and Deploy")).to_be_focused()
    console.button("Save and Deploy").click()
    dialog.get_by_role("button", name="Update related JWKs", exact=True).click()
    expect(console.dialog("Confirm Update")).to_be_visible()
    console.page.keyboard.press("Escape")
    expect(console.dialog("Confirm Update")).to_be_hidden()
    assert kid_of_published(console, "test", kid)


def test_another_key_type_says_what_the_algorithm_becomes(console: Console, signer: str) -> None:
    """D-04, I-06."""
    dialog = renew(console, signer, "test", Authority("EC CA").issue(signer).pem)
    expect(dialog).to_contain_text("ES256, because RS256 does not fit the new key")


def test_an_update_and_a_removal_ask_in_turn_and_confirm_once(console: Console, signer: str) -> None:
    """D-27, I-04."""
    console.find(signer)
    console.menu(signer, "Edit")
    console.menu(f"{signer} in production", "Remove")
    console.define([], "", rsa_pem(signer), row=f"{signer} in test")
    console.button("Save and Deploy").click()
    dialog = console.dialog("JWK Connection")
    dialog.get_by_role("button", name="Update related JWKs", exact=True).click()
    dialog.get_by_role("button", name="Delete Disconnect", exact=True).click()
    confirm = console.dialog("Confirm Update")
    confirm.get_by_label("Name of the certificate", exact=True).fill(signer)
    confirm.get_by_role("button", name="Confirm", exact=True).click()
    expect(console.page.get_by_role("table", name="Deployment")).to_be_visible()
    console.open(f"/jwks/?q={signer}-production")
    expect(console.page.get_by_text("not connected")).to_be_visible()


def test_a_jwk_made_meanwhile_opens_the_dialog_again(console: Console, context: BrowserContext, signer: str) -> None:
    """D-05, I-07."""
    dialog = renew(console, signer, "test", rsa_pem(signer))
    dialog.get_by_role("button", name="Update related JWKs", exact=True).click()
    other = Console(context.new_page(), console.url)
    other.open("/jwks/create/")
    other.page.get_by_label("Name", exact=True).fill(f"{signer}-second")
    other.page.get_by_label("Certificate", exact=True).select_option(signer)
    expect(other.page.get_by_text("Thumbprint:")).to_be_visible()
    other.page.get_by_label("Environment", exact=True).select_option("test")
    other.page.get_by_label("Key ID", exact=True).fill(f"{signer}-second")
    other.save_jwk()
    confirm = console.dialog("Confirm Update")
    confirm.get_by_label("Name of the certificate", exact=True).fill(signer)
    confirm.get_by_role("button", name="Confirm", exact=True).click()
    expect(dialog).to_contain_text("This Certificate is used in 2 JWK(s).")
    expect(dialog.get_by_role("status")).to_contain_text("Something changed")


def test_a_jwk_that_was_changed_meanwhile_is_asked_for_again_in_the_same_place(
    console: Console, context: BrowserContext, signer: str
) -> None:
    console.open(f"/jwks/?q={signer}-test")
    console.menu(f"{signer}-test", "Delete")
    other = Console(context.new_page(), console.url)
    other.open(f"/jwks/?q={signer}-test")
    other.menu(f"{signer}-test", "Edit")
    other.page.get_by_label("Name", exact=True).fill(f"{signer}-renamed")
    other.save_jwk()
    dialog = console.dialog("Delete JWK")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("Something changed while this was open")
    expect(dialog).to_contain_text(f"The JWK {signer}-renamed is deleted")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(console.page.get_by_text(f"{signer}-renamed is deleted.")).to_be_visible()


@pytest.mark.parametrize("choice", ["Delete JWKS", "Delete Disconnect"])
def test_a_deletion_takes_the_jwks_or_leaves_them(console: Console, signer: str, choice: str) -> None:
    """S-31 to S-37."""
    kid = kid_of(console, f"{signer}-test")
    console.find(signer)
    console.menu(signer, "Delete")
    dialog = console.dialog("JWK Connection")
    expect(dialog).to_contain_text("This Certificate is used in 2 JWK(s). What would you like to do?")
    dialog.get_by_role("button", name=choice, exact=True).click()
    confirm = console.dialog("Confirm Deletion")
    expect(confirm.get_by_role("button", name="Delete", exact=True)).to_be_disabled()
    expect(confirm).to_contain_text("a release takes it out of each environment at once")
    for place in ("test", "production"):
        expect(confirm.get_by_role("listitem").filter(has_text=f"{signer} in {place}").first).to_be_visible()
    confirm.get_by_label("Name of the certificate", exact=True).fill(signer)
    confirm.get_by_role("button", name="Delete", exact=True).click()
    expect(console.page.get_by_text(f"{signer} is deleted.")).to_be_visible()
    console.open(f"/certificates/?q={signer}")
    expect(console.page.get_by_text("No certificates match")).to_be_visible()
    assert kid_of_published(console, "test", kid) == (choice == "Delete Disconnect")


def test_a_certificate_without_jwks_is_deleted_after_a_plain_question(
    console: Console, rest: Rest, unique: Unique
) -> None:
    """S-32, S-35, S-38."""
    name = unique("plain")
    rest.certificate(name, rsa_pem(name), "test")
    console.find(name)
    console.menu(name, "Delete")
    dialog = console.dialog("Delete Certificate")
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(console.button(f"Actions for {name}")).to_be_focused()
    console.menu(name, "Delete")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(console.page.get_by_text(f"{name} is deleted.")).to_be_visible()
    expect(console.page.get_by_role("table", name="Deployment")).to_be_visible()


def test_what_the_browser_puts_back_into_a_form_brings_what_hangs_on_it(
    console: Console, rest: Rest, unique: Unique
) -> None:
    """Back restores what was chosen and says nothing: Environment, Use and Algorithm would stay those of nothing."""
    name, page = unique("restored"), console.page
    certificate, place = page.get_by_label("Certificate", exact=True), page.get_by_label("Environment", exact=True)
    rest.certificate(name, rsa_pem(name), "production")
    console.open("/gateways/create/")
    page.get_by_role("radio", name="haproxy").check()
    socket = page.get_by_role("textbox", name="Runtime API", exact=True)
    expect(socket).to_be_visible()
    console.open("/jwks/create/")
    page.get_by_label("Name", exact=True).fill(f"{name}-key")
    certificate.select_option(name)
    expect(page.get_by_text("Thumbprint:")).to_be_visible()
    console.open("/jwks/")
    page.go_back()
    expect(certificate).to_have_value(name)
    expect(place).to_have_value("production")
    console.quiet()
    page.go_back()
    expect(page.get_by_role("radio", name="haproxy")).to_be_checked()
    expect(socket).to_be_visible()
    console.quiet()
    page.go_forward()
    expect(page.get_by_label("Algorithm", exact=True)).to_have_value("RS256")
    page.reload()
    expect(place).to_have_value("production")
    expect(page.get_by_label("Name", exact=True)).to_have_value(f"{name}-key")
    console.save_jwk()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("State", exact=True).select_option("disabled")
    console.open("/jwks/")
    page.go_back()
    expect(page.get_by_label("State", exact=True)).to_have_value("disabled")  # with the version that it was chosen over


def test_what_was_missing_is_no_longer_said_once_it_is_chosen(console: Console, signer: str) -> None:
    page = console.page
    console.open("/jwks/")
    console.button("Create").click()
    console.button("Save and Deploy").click()
    certificate = page.get_by_label("Certificate", exact=True)
    expect(page.get_by_text("Choose a certificate.")).to_be_visible()
    expect(certificate).to_have_attribute("aria-invalid", "true")
    certificate.select_option(signer)
    expect(page.get_by_text("Choose a certificate.")).to_have_count(0)
    expect(certificate).not_to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("The name is missing.")).to_be_visible()
    console.quiet()
