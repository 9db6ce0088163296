"""The certificate form in a browser: from an empty form to what gateways hold (S-01 to S-20, S-39, S-40)."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from playwright.sync_api import Browser, BrowserContext, expect

from tests.authority import Authority, Issued
from tests.journeys.console import ALONE, PASTED, Console, Rest, new_context, pictures, sign_in
from tests.server.serving import PASSWORD, Serving
from tests.tls_servers import Ca, TlsServer

Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def partner() -> Issued:
    return Authority("Partner CA").issue("partner.example")


def test_a_certificate_goes_from_paste_to_every_gateway(console: Console, partner: Issued, unique: Unique) -> None:
    """S-01, S-02, S-03, S-04, S-05, S-06, S-07, S-12, S-13, S-14, S-15, S-16, S-17, S-40."""
    name = unique("acme")
    console.create()
    page = console.page
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Description", exact=True).fill("Mutual TLS, renewed each spring")
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    window.get_by_role("checkbox", name="test", exact=True).check()
    window.get_by_role("checkbox", name="production", exact=True).check()
    expect(window.get_by_role("textbox", name="URL", exact=True)).to_be_visible()
    window.get_by_role("radio", name="Paste from Clipboard").check()
    expect(window.get_by_role("textbox", name="URL", exact=True)).to_be_hidden()
    window.get_by_label("Certificate", exact=True).fill(partner.pem)
    encoding = window.get_by_role("radiogroup", name="Encoding Type")
    expect(encoding.get_by_role("radio", checked=True)).to_have_count(0)
    encoding.get_by_role("radio", name="BASE64", exact=True).check()
    expect(window.get_by_role("alert")).to_contain_text("looks like BASE64PEM")
    expect(window.get_by_label("Content", exact=True)).to_have_value("")
    encoding.get_by_role("radio", name="BASE64PEM", exact=True).check()
    expect(window.get_by_label("Content", exact=True)).to_have_value(re.compile("Subject: CN=partner.example"))
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("partner.example")
    told = window.locator("[aria-live]").get_by_text("Read: partner.example.")
    expect(told).to_have_count(1)
    window.get_by_label("Alias", exact=True).fill(name)
    window.get_by_role("button", name="Apply").click()
    expect(window).to_be_hidden()
    table = page.get_by_role("table", name="Configuration")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table).to_contain_text(partner.certificate.fingerprint(hashes.SHA1()).hex())
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)  # S-03
    console.save_and_deploy()
    deployment = page.get_by_role("table", name="Deployment")
    expect(deployment.get_by_text("accepted", exact=True)).to_have_count(2)
    console.open(f"/certificates/truststore/?environment=test&q={name}")
    expect(page.get_by_role("table", name="Truststore")).to_contain_text("in force")


def test_a_form_without_name_or_entry_is_refused_and_says_which(console: Console, unique: Unique) -> None:
    """S-04, S-17."""
    console.create()
    name, alert = console.page.get_by_label("Name", exact=True), console.page.get_by_role("alert")
    console.button("Save and Deploy").click()
    expect(alert).to_contain_text("The name is missing.")
    expect(alert).to_contain_text("at least one entry")
    assert alert.evaluate(ALONE)
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    name.fill(unique("nothing"))
    expect(name).not_to_have_attribute("aria-invalid", "true")
    console.button("Save and Deploy").click()
    expect(alert).to_contain_text("at least one entry")
    expect(alert).not_to_contain_text("The name is missing.")
    expect(console.button("New Certificate Definition")).to_be_focused()


def test_apply_brings_what_is_missing_into_sight(console: Console) -> None:
    """The window is longer than a telephone: Apply stands at its end, Environments at its beginning."""
    console.page.set_viewport_size({"width": 360, "height": 640})
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    first = window.get_by_role("group", name="Environments").get_by_role("checkbox").first
    expect(first).to_be_focused()  # and not the box that scrolls
    window.get_by_label("Certificate Name", exact=True).scroll_into_view_if_needed()
    window.get_by_role("button", name="Apply").click()
    expect(window.get_by_text("Tick at least one environment.")).to_be_in_viewport()
    expect(window.get_by_text("Tick at least one environment.")).to_have_count(1)
    expect(first).to_be_focused()
    first.check()
    expect(window.get_by_text("Tick at least one environment.")).to_have_count(0)


def test_behind_a_window_nothing_is_said_of_the_findings_that_stand_in_it(console: Console) -> None:
    """The region for what lists found is of the page, which nobody can reach meanwhile; the window tells by itself."""
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    window.get_by_role("radio", name="Paste from Clipboard").check()
    weak = Ca.new("Weak CA", key="rsa1024", days=4000).cert_pem.decode()
    window.get_by_role("radio", name="BASE64PEM", exact=True).evaluate(PASTED, weak)
    expect(window.get_by_role("list", name="Findings")).to_contain_text("1024")
    console.quiet()
    expect(console.page.locator("#said")).to_have_text("")
    window.get_by_label("Certificate", exact=True).fill("")
    expect(window.get_by_role("list", name="Findings")).to_have_count(0)


def test_a_paste_without_its_encoding_says_that_this_is_missing(console: Console, partner: Issued) -> None:
    """S-13: at once, and once more when Apply is pressed."""
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    window.get_by_role("radio", name="Paste from Clipboard").check()
    window.get_by_label("Certificate", exact=True).fill(partner.pem)
    missing = "Choose the encoding type of the text: BASE64 or BASE64PEM."
    expect(window.get_by_role("status")).to_have_text(missing)
    window.get_by_role("checkbox", name="test", exact=True).check()
    window.get_by_label("Alias", exact=True).fill("encoded")
    window.get_by_role("button", name="Apply").click()
    expect(window.get_by_role("alert")).to_have_text(missing)
    window.get_by_role("radio", name="BASE64PEM", exact=True).check()
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("partner.example")
    expect(window.get_by_text(missing)).to_have_count(0)
    window.get_by_label("Certificate", exact=True).fill("")
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("")
    window.get_by_role("button", name="Apply").click()
    expect(window.get_by_role("alert")).to_have_text("Paste a certificate first.")


def test_receive_shows_what_a_server_presents(console: Console, unique: Unique) -> None:
    """S-08, S-09, S-10, S-15."""
    ca = Ca.new("Partner CA")
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    url = window.get_by_role("textbox", name="URL", exact=True)
    url.fill("ftp://partner.example")
    window.get_by_role("button", name="Receive").click()
    expect(window.get_by_role("alert")).to_be_visible()
    with TlsServer(ca.issue("partner.test", dns=["partner.test"]), chain=[ca.cert_pem]) as server:
        url.fill(f"https://127.0.0.1:{server.port}")
        url.press("Enter")
        expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("partner.test")
    expect(window.get_by_role("alert")).to_have_count(0)
    window.get_by_role("checkbox", name="test", exact=True).check()
    window.get_by_label("Alias", exact=True).fill(unique("received"))
    window.get_by_role("button", name="Apply").click()
    expect(console.page.get_by_role("table", name="Configuration")).to_contain_text("partner.test")


def test_a_file_is_read_when_it_is_chosen_and_a_key_in_it_is_dropped(
    console: Console, partner: Issued, unique: Unique, tmp_path: Path
) -> None:
    """S-11, I-09, D-07."""
    cert, key = partner.written(tmp_path)
    bundle = tmp_path / "both.pem"
    bundle.write_text(Path(cert).read_text() + Path(key).read_text())
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    window.get_by_role("radio", name="Import from File").check()
    with console.page.expect_file_chooser() as chooser:
        window.get_by_role("button", name="Select File").click()
    chooser.value.set_files(str(bundle))
    expect(window.get_by_label("Content", exact=True)).to_have_value(re.compile("Subject: "))
    expect(window.get_by_role("status")).to_contain_text("private key")
    assert "PRIVATE KEY" not in console.page.content()
    with console.page.expect_file_chooser() as chooser:
        window.get_by_role("button", name="Select File").click()
    chooser.value.set_files(key)
    expect(window.get_by_role("alert")).to_contain_text("This is a private key.")
    expect(window.get_by_label("Content", exact=True)).to_have_value("")
    window.get_by_role("button", name="Apply").click()
    expect(window).to_be_visible()


@pytest.mark.parametrize("key", ["Enter", "Tab"])
def test_a_file_with_a_password_is_read_once_when_the_password_is_typed(
    console: Console, partner: Issued, tmp_path: Path, key: str
) -> None:
    """S-11: a wrong one says so and leaves the file chosen."""
    sealed, encryption = tmp_path / "sealed.p12", BestAvailableEncryption(b"right")
    sealed.write_bytes(pkcs12.serialize_key_and_certificates(b"a", None, None, [partner.certificate], encryption))
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    window.get_by_role("radio", name="Import from File").check()
    looks: list[str] = []
    console.page.on("request", lambda sent: looks.append(sent.url) if sent.url.endswith("/look/file/") else None)
    console.page.locator("#window-file").set_input_files(str(sealed))
    password = window.get_by_label("Password", exact=True)
    for typed, said in (("wrong", "The password does not open this PKCS#12 file"), ("right", "")):
        password.fill("")
        password.press_sequentially(typed)
        console.quiet()
        looks.clear()
        password.press(key)
        if said:
            expect(window.get_by_role("alert")).to_contain_text(said)
        else:
            expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("partner.example")
        expect(window.locator("#window-file-name")).to_have_text("sealed.p12")
        console.quiet()
        assert len(looks) == 1


def test_each_source_keeps_what_it_showed_while_another_one_is_looked_at(
    console: Console, partner: Issued, unique: Unique, tmp_path: Path
) -> None:
    """S-09: nobody has to receive, choose or paste the same again, also after a reload."""
    cert, _ = partner.written(tmp_path)
    pasted = Authority("Pasted CA").issue("pasted.example").pem
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    name = window.get_by_label("Certificate Name", exact=True)
    connection, file, paste = (
        window.get_by_role("radio", name=source)
        for source in ("Receive via HTTPS/LDAPS Connection", "Import from File", "Paste from Clipboard")
    )
    ca = Ca.new("Partner CA")
    with TlsServer(ca.issue("received.test", dns=["received.test"]), chain=[ca.cert_pem]) as server:
        window.get_by_role("textbox", name="URL", exact=True).fill(f"https://127.0.0.1:{server.port}")
        window.get_by_role("button", name="Receive").click()
        expect(name).to_have_value("received.test")
    window.get_by_role("radio", name=re.compile("^Partner CA")).check()
    expect(name).to_have_value("Partner CA")
    window.get_by_role("checkbox", name="Add the others too").check()
    file.check()
    expect(name).to_have_value("")
    console.page.locator("#window-file").set_input_files(cert)
    expect(name).to_have_value("partner.example")
    paste.check()
    expect(name).to_have_value("")
    window.get_by_role("radio", name="BASE64PEM", exact=True).evaluate(PASTED, pasted)
    expect(name).to_have_value("pasted.example")
    file.check()
    expect(name).to_have_value("partner.example")
    console.page.on("dialog", lambda asked: asked.accept())
    console.quiet()
    console.page.reload()
    paste.check()
    expect(name).to_have_value("pasted.example")
    expect(window.get_by_label("Certificate", exact=True)).to_have_value(pasted)
    connection.check()
    expect(name).to_have_value("Partner CA")
    expect(window.get_by_role("radio", name=re.compile("^Partner CA"))).to_be_checked()
    expect(window.get_by_role("checkbox", name="Add the others too")).to_be_checked()
    window.get_by_role("checkbox", name="test", exact=True).check()
    window.get_by_label("Alias", exact=True).fill(unique("received"))
    window.get_by_role("button", name="Apply").click()
    expect(console.page.get_by_role("table", name="Configuration")).to_contain_text("Partner CA")
    expect(console.page.get_by_text("Saved with it")).to_be_visible()


def test_a_chosen_file_applied_at_once_is_the_one_that_counts(
    console: Console, partner: Issued, unique: Unique, tmp_path: Path
) -> None:
    """D-20: nobody has to wait for Content before Apply."""
    cert, _ = partner.written(tmp_path)
    console.create()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    window.get_by_role("checkbox", name="test", exact=True).check()
    window.get_by_role("radio", name="Import from File").check()
    window.get_by_label("Alias", exact=True).fill(unique("quick"))
    console.page.locator("#window-file").set_input_files(cert)
    window.get_by_role("button", name="Apply").click()
    expect(console.page.get_by_role("table", name="Configuration")).to_contain_text("partner.example")


def test_a_reload_asks_first_and_brings_the_draft_back(console: Console, partner: Issued, unique: Unique) -> None:
    """D-20: before Save nothing is stored, and nothing that was typed is lost."""
    name = unique("draft")
    page = console.page
    console.create()
    page.get_by_label("Name", exact=True).fill(name)
    console.define(["test"], name, partner.pem)
    console.button("New Certificate Definition").click()
    console.dialog("New Certificate Definition").get_by_label("URL", exact=True).fill("https://partner.example")
    page.get_by_role("dialog").get_by_label("Alias", exact=True).fill("half-typed")
    with page.expect_response(lambda kept: "half-typed-alias" in (kept.request.post_data or "")):
        page.get_by_role("dialog").get_by_label("Alias", exact=True).press("End")
        page.keyboard.type("-alias")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"]
    window = console.dialog("New Certificate Definition")
    expect(window.get_by_label("URL", exact=True)).to_have_value("https://partner.example")
    expect(window.get_by_label("Alias", exact=True)).to_have_value("half-typed-alias")
    page.keyboard.press("Escape")
    expect(window).to_be_hidden()
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    expect(page.get_by_role("table", name="Configuration")).to_contain_text("partner.example")
    other = page.context.new_page()
    other.goto(f"{console.url}/certificates/?q={name}")
    expect(other.get_by_text("No certificates match")).to_be_visible()


def test_names_and_aliases_are_checked_while_they_are_typed(
    console: Console, rest: Rest, partner: Issued, unique: Unique
) -> None:
    """I-12, D-09, D-10."""
    name = unique("Taken")
    rest.certificate(name, partner.pem, "test")
    console.create()
    console.page.get_by_label("Name", exact=True).fill(name.upper())
    expect(
        console.page.get_by_text(f"There is already a certificate named {name}; case does not count.")
    ).to_be_visible()
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    window.get_by_role("checkbox", name="test", exact=True).check()
    window.get_by_label("Alias", exact=True).fill(name.lower())
    expect(window.get_by_text(f"is taken in test by the certificate {name}")).to_be_visible()


def test_a_double_click_and_the_back_button_make_no_second_certificate(
    console: Console, partner: Issued, unique: Unique
) -> None:
    """D-20."""
    name = unique("once")
    console.create()
    console.page.get_by_label("Name", exact=True).fill(name)
    console.define(["test"], name, partner.pem)
    form = console.page.url
    console.button("Save and Deploy").dblclick()
    console.page.wait_for_url(re.compile(r"/certificates/\d+/"))
    saved = console.page.url.split("?")[0]
    console.page.goto(form)
    assert console.page.url.startswith(saved)
    console.find(name)
    expect(console.page.locator("tbody tr")).to_have_count(1)


def test_several_certificates_are_offered_and_the_others_can_come_too(console: Console, unique: Unique) -> None:
    """I-10, D-08."""
    root = Authority(unique("Root CA"))
    leaf = root.issue(unique("leaf.example"))
    name = unique("chain")
    console.create()
    page = console.page
    page.get_by_label("Name", exact=True).fill(name)
    console.button("New Certificate Definition").click()
    window = console.dialog("New Certificate Definition")
    window.get_by_role("checkbox", name="test", exact=True).check()
    window.get_by_role("radio", name="Paste from Clipboard").check()
    window.get_by_role("radio", name="BASE64PEM", exact=True).check()
    window.get_by_label("Certificate", exact=True).fill(root.pem + leaf.pem)
    offered = window.get_by_role("radiogroup", name="Certificates in this source")
    expect(offered.get_by_role("radio")).to_have_count(2)
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value(re.compile("leaf.example"))
    offered.get_by_role("radio").nth(1).check()
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value(re.compile("Root CA"))
    offered.get_by_role("radio").nth(0).check()
    window.get_by_role("checkbox", name="Add the others too").check()
    window.get_by_label("Alias", exact=True).fill(name)
    window.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Saved with it")).to_be_visible()
    common = root.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    expect(console.button(f"Leave out {common}")).to_have_css("border-top-style", "solid")
    console.save_and_deploy()
    expect(page.get_by_text(f"{name} is saved. With it, each as a certificate of its own: {common}.")).to_be_visible()
    console.find(str(common))


def test_export_downloads_the_archive_at_once(console: Console, rest: Rest, partner: Issued, unique: Unique) -> None:
    """S-39."""
    name = unique("ürün")
    rest.certificate(name, partner.pem, "test", "production")
    console.find(name)
    with console.page.expect_download() as download:
        console.menu(name, "Export")
    assert download.value.suggested_filename.endswith(".zip")
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
        ders = [archive.read(entry) for entry in archive.namelist() if entry.endswith(".cer")]
    assert ders == [partner.der, partner.der]


def test_two_people_at_one_certificate_do_not_overwrite_each_other(
    console: Console, rest: Rest, context: BrowserContext, partner: Issued, unique: Unique
) -> None:
    """D-05, S-18, S-19."""
    name = unique("shared")
    rest.certificate(name, partner.pem, "test")
    console.show(name)
    console.button("Edit").click()
    console.page.get_by_label("Description", exact=True).fill("mine")
    other = Console(context.new_page(), console.url)
    other.show(name)
    other.button("Edit").click()
    other.page.get_by_label("Description", exact=True).fill("theirs")
    other.save_and_deploy()
    console.button("Save and Deploy").click()
    expect(console.page.get_by_role("alert")).to_contain_text("Somebody else changed this certificate")
    expect(console.page.get_by_label("Description", exact=True)).to_have_value("mine")
    console.save_and_deploy()
    expect(console.page.get_by_text("mine", exact=True)).to_be_visible()

    # What one did not touch is shown as it is stored by then.
    console.button("Edit").click()
    other.show(name)
    other.button("Edit").click()
    other.page.get_by_label("Description", exact=True).fill("theirs again")
    other.save_and_deploy()
    console.page.get_by_label("Name", exact=True).fill(f"{name}-2")
    console.button("Save").click()
    expect(console.page.get_by_role("alert")).to_contain_text("Somebody else changed this certificate")
    expect(console.page.get_by_label("Description", exact=True)).to_have_value("theirs again")
    expect(console.page.get_by_label("Name", exact=True)).to_have_value(f"{name}-2")


def test_save_stores_and_the_list_says_what_waits(console: Console, partner: Issued, unique: Unique) -> None:
    """D-21, D-26."""
    name = unique("waiting")
    console.create()
    console.page.get_by_label("Name", exact=True).fill(name)
    console.define(["test"], name, partner.pem)
    console.button("Save").click()
    console.page.wait_for_url(re.compile(r"/certificates/$"))
    console.find(name)
    expect(console.page.locator("tbody tr")).to_contain_text("waits")

    # Whoever deploys something else there is told that it goes along.
    console.create()
    console.define(["test"], f"{name}-2", partner.pem)
    expect(console.page.get_by_text(re.compile(r"^Save and Deploy brings .+ of test that wait"))).to_be_visible()
    console.menu(f"{name}-2 in test", "Remove")
    expect(console.page.get_by_text("No definition yet.")).to_be_visible()
    expect(console.button("New Certificate Definition")).to_be_focused()


def test_revoke_and_restore_are_in_force_at_once(console: Console, rest: Rest, unique: Unique) -> None:
    """S-19, D-13."""
    name = unique("revoked")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    rest.certificate(name, Authority("Revoked CA").issue(name, key).pem, "test")
    rest.jwk(f"{name}-jwk", name, "test")
    console.find(name)
    console.menu(name, "Edit")
    console.menu(f"{name} in test", "Edit")
    console.dialog("Edit Certificate Definition").get_by_role("button", name="Revoke Certificate").click()
    dialog = console.dialog("Revoke Certificate")
    expect(dialog).to_contain_text(f"{name}-jwk")
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog.get_by_role("alert")).to_contain_text("needs a reason")
    dialog.get_by_label("Reason").fill("The key is lost")
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog).to_be_hidden()
    table = console.page.get_by_role("table", name="Configuration")
    row = console.button(f"Actions for {name} in test")
    expect(table.get_by_text("revoked", exact=True)).to_be_visible()
    expect(row).to_be_focused()
    assert not [jwk for jwk in console.published("test") if name in str(jwk.get("x5c", jwk))]
    console.menu(f"{name} in test", "Restore")
    expect(table.get_by_text("valid", exact=True)).to_be_visible()
    expect(row).to_be_focused()
    back = console.page.get_by_text(re.compile(rf"^{name} \({name}\) is trusted again in test, with release \d+\."))
    expect(back).to_contain_text(f"the JWK {name}-jwk was enabled and is published again")
    console.button("Revoke again").click()  # Restore asks nothing, so it is easily taken back
    dialog.get_by_label("Reason").fill("That was the wrong row")
    dialog.get_by_role("button", name="Confirm").click()
    expect(table.get_by_text("revoked", exact=True)).to_be_visible()
    expect(console.button("Revoke again")).to_be_hidden()


def test_a_revocation_names_the_other_entry_that_trusts_the_certificate(
    console: Console, rest: Rest, unique: Unique
) -> None:
    name, pem = unique("twice"), Authority("Twice CA").issue("twice.example").pem
    for alias in (name, f"{name}-2"):
        rest.certificate(alias, pem, "test")
    console.find(f"{name}-2")
    console.menu(f"{name}-2", "Edit")
    console.menu(f"{name}-2 in test", "Edit")
    console.dialog("Edit Certificate Definition").get_by_role("button", name="Revoke Certificate").click()
    dialog = console.dialog("Revoke Certificate")
    still = f"The same certificate is still trusted in test, as {name} (certificate {name}): revoke it there too."
    expect(dialog).to_contain_text(still)
    pictures(console.page, "revoke-twin")
    dialog.get_by_label("Reason").fill("The key is lost")
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog).to_be_hidden()
    expect(console.page.get_by_text(f"{name}-2 is revoked in test. {still}")).to_be_visible()
    console.create()
    console.page.get_by_label("Name", exact=True).fill(f"{name}-3")
    console.define(["test"], f"{name}-3", pem)
    console.button("Save").click()
    there = f"The same certificate is revoked in test as {name}-2 (certificate {name}-2)."
    expect(console.page.get_by_text(there)).to_be_visible()


def test_what_stands_in_the_window_outlives_a_revocation(console: Console, rest: Rest, unique: Unique) -> None:
    """D-13: a new certificate in a revoked entry clears the revocation, so it may be there already."""
    name = unique("replaced")
    authority = Authority("Replaced CA")
    rest.certificate(name, authority.issue("old.example").pem, "test")
    console.find(name)
    console.menu(name, "Edit")
    console.menu(f"{name} in test", "Edit")
    window = console.dialog("Edit Certificate Definition")
    window.get_by_role("radio", name="Paste from Clipboard").check()
    window.get_by_label("Certificate", exact=True).fill(authority.issue("new.example").pem)
    window.get_by_role("radio", name="BASE64PEM", exact=True).check()
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("new.example")
    window.get_by_role("button", name="Revoke Certificate").click()
    dialog = console.dialog("Revoke Certificate")
    dialog.get_by_label("Reason").fill("The key is lost")
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog).to_be_hidden()
    expect(window.get_by_text("Revoked. What stands here is not applied yet.")).to_be_visible()
    expect(window.get_by_label("Certificate Name", exact=True)).to_have_value("new.example")
    window.get_by_role("button", name="Apply").click()
    expect(window).to_be_hidden()
    table = console.page.get_by_role("table", name="Configuration")
    expect(table).to_contain_text("new.example")
    console.save_and_deploy()
    expect(console.page.get_by_text("revoked", exact=True)).to_have_count(0)


def test_a_draft_outlives_a_sign_out_and_the_next_sign_in(browser: Browser, served: Serving) -> None:
    """D-20: neither a page from before the sign-in nor a session that ended takes what was typed."""
    context = new_context(browser)
    mine, other = Console(context.new_page(), served.url), context.new_page()
    page = mine.page
    sign_in(page, served, "admin", PASSWORD)
    mine.create()
    draft = page.url
    page.get_by_label("Name", exact=True).press_sequentially("typed before")
    with page.expect_response(re.compile("/besides/")):  # the last of what the page asks by itself
        mine.button("New Certificate Definition").click()
    window = mine.dialog("New Certificate Definition")
    expect(window).to_be_visible()
    other.goto(served.url)
    other.get_by_role("button", name="Sign out").click()
    sign_in(other, served, "admin", PASSWORD)
    window.get_by_label("Alias", exact=True).press_sequentially("late")
    expect(window.get_by_role("alert")).to_contain_text("You signed in again since this page was opened")
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    page.on("dialog", lambda dialog: dialog.accept())
    with page.expect_response(lambda kept: kept.url.endswith("/keep/") and kept.ok):  # what the reload put back
        window.get_by_role("link", name="Load the page again").click()
    expect(window.get_by_label("Alias", exact=True)).to_have_value("late")
    expect(page.get_by_label("Name", exact=True)).to_have_value("typed before")
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_label("Username")).to_be_visible()
    window.get_by_role("button", name="Apply").click()
    page.wait_for_url(re.compile("/sign-in/"))
    expect(page.get_by_text("what you sent was not taken")).to_be_visible()
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(draft)
    expect(page.get_by_label("Name", exact=True)).to_have_value("typed before")
    context.close()
