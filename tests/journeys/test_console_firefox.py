"""The main story in Firefox, whose engine puts forms back, lays out cells and reads policies in ways of its own."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.authority import Authority
from tests.journeys.console import Rest
from tests.journeys.firefox import Firefox, firefox
from tests.server.serving import PASSWORD

__all__ = ["firefox"]

AUTHORITY = Authority("Partner CA of the North")
ACCEPTED = """
const states = [...document.querySelectorAll("[aria-label=Deployment] .badge")];
return states.some((it) => it.innerText === "accepted");
"""
LINES = """
const cell = [...document.querySelectorAll("[data-label=Issuer]")].find((it) => it.innerText.includes("of the North"));
const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
const tops = new Set();
for (const range = new Range(); texts.nextNode();) {
  range.selectNode(texts.currentNode);
  [...range.getClientRects()].forEach(({ top }) => tops.add(top));
}
return tops.size;
"""


def sign_in(firefox: Firefox) -> None:
    """As the first administrator; the list of certificates is shown."""
    firefox.open("/")
    firefox.write("Username", "admin")
    firefox.write("Password", PASSWORD)
    firefox.press("Sign in")


def paste(firefox: Firefox, pem: str, name: str) -> None:
    """Into the window that is open, and applied."""
    firefox.press("Paste from Clipboard")
    firefox.press("BASE64PEM")
    firefox.write("Certificate", pem)
    firefox.until("return document.getElementById('window-name').value === arguments[0]", name)
    firefox.press("Apply")
    firefox.until("return !document.querySelector('dialog[open]')")


def test_a_certificate_is_made_deployed_and_renewed_with_its_jwk(
    firefox: Firefox, rest: Rest, unique: Callable[[str], str]
) -> None:
    """S-01 to S-17, S-21 to S-30, D-20."""
    name, key = unique("fox"), rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sign_in(firefox)
    firefox.press("Create")
    firefox.write("Name", name)
    firefox.press("New Certificate Definition")
    firefox.press("test")
    firefox.write("Alias", name)
    firefox.until("return document.querySelector('[data-typed=window]') && !document.querySelector('.htmx-request')")
    firefox.reload()
    firefox.until("return document.getElementById('window-alias')?.value === arguments[0]", name)
    paste(firefox, AUTHORITY.issue("old.example", key).pem, "old.example")
    firefox.press("Save and Deploy")
    firefox.until(ACCEPTED)

    # What hangs on a choice is there again after a reload.
    firefox.open("/jwks/create/")
    firefox.write("Name", f"{name}-jwk")
    firefox.choose("Certificate", name)
    firefox.choose("Use", "enc (encryption)")
    firefox.choose("Algorithm", "RSA-OAEP-512")
    firefox.reload()
    firefox.until("return document.getElementById('alg').value === 'RSA-OAEP-512'")
    firefox.press("Save and Deploy")
    firefox.until("return /^.jwks.[0-9]+.$/.test(location.pathname)")

    firefox.open(f"/certificates/?q={name}")
    firefox.press(f"Actions for {name}")
    firefox.press("Edit")
    firefox.press(f"Actions for {name} in test")
    firefox.press("Edit")
    firefox.dialog("Edit Certificate Definition")
    paste(firefox, AUTHORITY.issue("new.example", key).pem, "new.example")
    firefox.press("Save and Deploy")
    firefox.dialog("JWK Connection")
    firefox.press("Update related JWKs")
    firefox.dialog("Confirm Update")
    assert firefox.run("return document.querySelector('[data-when-typed]').disabled")
    firefox.write("Name of the certificate", name)
    firefox.press("Confirm")
    firefox.until(ACCEPTED)
    jwk = rest.client.get(f"/api/v1/jwks/{name}-jwk").json()
    assert (jwk["alg"], jwk["connected_to"]["certificate"]) == ("RSA-OAEP-512", name)

    firefox.ask("WebDriver:SetWindowRect", width=600, height=900)
    firefox.open(f"/certificates/truststore/?environment=test&q={name}")
    assert firefox.run(LINES) == 1


COPIED = """
document.addEventListener("copy", (event) => {
  event.clipboardData.setData("text/plain", "A".repeat(15_000_000));
  event.preventDefault();
});
"""
CONTROL = "\ue009"  # WebDriver, section 17.4.2: held until all keys are written


def test_a_paste_of_15_mb_is_refused_at_once(firefox: Firefox) -> None:
    """Laying it out took half a minute, in which the whole window stood still."""
    sign_in(firefox)
    firefox.press("Create")
    firefox.press("New Certificate Definition")
    firefox.press("Paste from Clipboard")
    firefox.run(COPIED)
    for key in "cv":
        firefox.write("Certificate", f"{CONTROL}{key}")
    firefox.until("return document.querySelector('dialog [role=alert]')?.innerText.includes('larger than 10 MB')")
    assert firefox.run("return document.getElementById('window-certificate').textLength") == 0
