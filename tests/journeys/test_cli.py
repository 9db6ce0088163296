"""The command line against a real server: the contract's examples, and what each ends with."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates

from tests.cast import Stage
from tests.journeys.command_line import CommandLine
from tests.tls_servers import Ca, TlsServer, self_signed

Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def ca() -> Ca:
    return Ca.new("Partner CA")


@pytest.fixture
def trustyard(server: Stage, tmp_path: Path) -> CommandLine:
    """The administrator's command line, in a folder of the test's own."""
    return CommandLine(server.url, server.token("admin"), tmp_path)


@pytest.fixture
def partner(ca: Ca) -> Iterator[TlsServer]:
    """A partner's server, presenting a chain of two."""
    issued = ca.issue("partner.test", dns=["partner.test"], key="rsa")
    with TlsServer(issued, chain=[ca.cert_pem]) as server:
        yield server


@pytest.fixture
def place(trustyard: CommandLine, unique: Unique) -> str:
    """An environment of the test's own, with a gateway of kind files."""
    name = unique("place")
    trustyard("env", "add", name, "--type", "test")
    trustyard("gateway", "add", name, "files", "--kind", "files")
    return name


def digest(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def published(trustyard: CommandLine, environment: str) -> list[dict[str, str]]:
    keys = httpx.get(f"{trustyard.url}/published/{environment}/jwks.json", trust_env=False, timeout=30).json()["keys"]
    assert isinstance(keys, list)
    return keys


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # of a root in Mozilla's set
def test_the_contracts_examples_work_as_written(
    trustyard: CommandLine, ca: Ca, partner: TlsServer, unique: Unique
) -> None:
    """S-10, S-11, S-12, S-25, S-37."""
    bank, other, fresh = (ca.issue(f"{name}.test", key="rsa") for name in ("bank", "x", "new"))
    (trustyard.folder / "bank.p7b").write_bytes(
        serialize_certificates([bank.certificate, ca.certificate], Encoding.DER)
    )
    (trustyard.folder / "partner-x.pem").write_bytes(other.cert_pem)
    (trustyard.folder / "new.pem").write_bytes(fresh.cert_pem)
    words = {word: unique(word) for word in ("partner-acme", "partner-bank", "acme-signing", "edge")}
    words |= {" partner-x ": f" {unique('partner-x')} ", "--alias acme": f"--alias {unique('acme')}"}
    words |= {"--alias bank": f"--alias {unique('bank')}", "--alias x": f"--alias {unique('x')}"}
    words |= {"https://127.0.0.1:9443": partner.url}
    for example in """
trustyard cert inspect https://127.0.0.1:9443
trustyard cert add partner-acme --env test,production --alias acme --url https://127.0.0.1:9443 --deploy
trustyard cert add partner-bank --env test --alias bank --file bank.p7b --deploy
cat partner-x.pem | trustyard cert add partner-x --env test --alias x --paste --encoding BASE64PEM --deploy
trustyard jwk add acme-signing --certificate partner-acme --env test --use sig --alg RS256
trustyard cert edit partner-acme --env test --file new.pem --jwks update --confirm partner-acme --deploy
trustyard cert delete partner-acme --jwks disconnect --confirm partner-acme
trustyard truststore export test --format pkcs12 --password changeit -o trust.p12
trustyard gateway add test edge --kind envoy && trustyard gateway bootstrap test edge > envoy.yaml
""".strip().splitlines():
        line = example
        for word, own in words.items():
            line = line.replace(word, own)
        trustyard.line(line)
    opened = pkcs12.load_pkcs12((trustyard.folder / "trust.p12").read_bytes(), b"changeit")
    assert bank.sha256 in {digest(one.certificate) for one in opened.additional_certs}
    assert f"test/{words['edge']}" in (trustyard.folder / "envoy.yaml").read_text()
    kept = trustyard("jwk", "show", words["acme-signing"], "--json").json
    assert kept["connected_to"] is None
    assert kept["jwk"]["n"]
    assert kept["jwk"]["x5t#S256"]


def test_what_is_inspected_is_stored_nowhere_and_is_what_is_saved(
    trustyard: CommandLine, partner: TlsServer, ca: Ca, place: str, unique: Unique
) -> None:
    """S-06, S-10."""
    seen = trustyard("cert", "inspect", partner.url, "--json").json
    assert seen["format"] == "connection"
    assert len(seen["certificates"]) == 2
    assert partner.url not in trustyard("cert", "list", "--env", place, "--json").text
    partner.use(ca.issue("another.test"))  # what was seen counts, not what is there now
    saved = trustyard(
        "cert", "add", unique("acme"), "--env", place, "--alias", "a", "--inspected", seen["token"], "--json"
    ).json
    assert saved["entries"][0]["sha256"] == seen["certificates"][0]["sha256"]
    assert saved["entries"][0]["in_force"] is False


def test_json_is_what_rest_answers(trustyard: CommandLine, partner: TlsServer, place: str, unique: Unique) -> None:
    name = unique("acme")
    trustyard("cert", "add", name, "--env", place, "--alias", "a", "--url", partner.url, "--deploy")
    headers = {"Authorization": f"Bearer {trustyard.token}"}
    answer = httpx.get(f"{trustyard.url}/api/v1/certificates/{name}", headers=headers, trust_env=False, timeout=30)
    assert trustyard("cert", "show", name, "--json").json == answer.json()


def test_save_and_deploy_shows_what_each_gateway_said(
    trustyard: CommandLine, partner: TlsServer, place: str, unique: Unique
) -> None:
    """S-17, S-40."""
    shown = trustyard(
        "cert", "add", unique("acme"), "--env", place, "--alias", "acme", "--url", partner.url, "--deploy"
    )
    assert "accepted" in shown.text
    rows = trustyard("truststore", "list", place, "--json").json["items"]
    assert [(row["alias"], row["origin"], row["pending"]) for row in rows] == [("acme", "certificate", None)]
    releases = trustyard("release", "list", place, "--json").json
    assert releases["total"] == len(releases["items"])
    assert releases["items"][0]["gateways"][0]["state"] == "accepted"
    assert "Nothing changed" in trustyard("release", "deploy", place).text
    assert "release.deploy" in trustyard("audit", "list", "--limit", "500").text


def test_a_release_says_of_its_gateways_what_its_deployment_says(
    trustyard: CommandLine, ca: Ca, place: str, unique: Unique
) -> None:
    name = unique("acme")
    (trustyard.folder / "acme.pem").write_bytes(ca.issue("acme.test").cert_pem)
    trustyard("cert", "add", name, "--env", place, "--alias", "a", "--file", "acme.pem")
    made = trustyard("release", "deploy", place, "--json").json
    trustyard("cert", "edit", name, "--env", place, "--alias", "b", "--deploy")
    back = trustyard("release", "restore", place, str(made["number"]), "--json").json
    for answer in (made, back):
        [deployed] = answer["deployment"]["environments"]
        assert [gateway["state"] for gateway in deployed["gateways"]] == ["accepted"]
        assert answer["gateways"] == deployed["gateways"]


def test_a_certificate_that_waits_is_deployed_by_an_edit_that_changes_nothing(
    trustyard: CommandLine, ca: Ca, place: str, unique: Unique
) -> None:
    name = unique("acme")
    (trustyard.folder / "acme.pem").write_bytes(ca.issue("acme.test").cert_pem)
    trustyard("cert", "add", name, "--env", place, "--alias", "a", "--file", "acme.pem")
    deployed = trustyard("cert", "edit", name, "--deploy", "--json").json
    assert deployed["entries"][0]["in_force"] is True
    assert "accepted" in trustyard("cert", "edit", name, "--deploy").text


def test_an_edit_that_changes_nothing_says_so(trustyard: CommandLine, ca: Ca, place: str, unique: Unique) -> None:
    """And not that a change waits for a release."""
    name, jwk = unique("acme"), unique("signing")
    (trustyard.folder / "same.pem").write_bytes(ca.issue("same.test", key="rsa").cert_pem)
    taken = ("--env", place, "--file", "same.pem")
    trustyard("cert", "add", name, *taken, "--alias", "a", "--deploy")
    trustyard("jwk", "add", jwk, "--certificate", name, "--env", place, "--use", "sig", "--deploy")
    releases = trustyard("release", "list", place).text
    said = trustyard("cert", "edit", name, *taken).text
    assert said.startswith(f"Nothing changed in {name}\n")
    assert "next release" not in said
    for edit in (
        ("jwk", "edit", jwk, "--use", "sig"),
        ("env", "edit", place, "--type", "test"),
        ("gateway", "edit", place, "files", "--option", "directory=null"),
    ):
        assert trustyard(*edit).text.endswith("\nNothing changed.\n")
    assert trustyard("release", "list", place).text == releases
    for edit in (("cert", "edit", name), ("jwk", "edit", jwk), ("env", "edit", place)):
        assert "Nothing changed" not in trustyard(*edit, "--description", "Of the partner").text


def test_an_environment_is_called_by_its_own_name_however_it_was_typed(
    trustyard: CommandLine, ca: Ca, place: str, unique: Unique
) -> None:
    name, typed = unique("acme"), place.upper()
    (trustyard.folder / "acme.pem").write_bytes(ca.issue("acme.test").cert_pem)
    trustyard("cert", "add", name, "--env", typed, "--alias", "a", "--file", "acme.pem")
    for line, said in (
        (("release", "deploy", typed), f"Made release 1 of {place} ("),
        (("release", "deploy", typed), f"the newest is release 1 of {place} ("),
        (("cert", "revoke", name, "--env", typed, "--reason", "lost"), f"Revoked in {place}: {name}"),
        (("release", "restore", typed, "1"), f"the newest is release 2 of {place} ("),
        (("gateway", "remove", typed, "files", "--yes"), f"Removed files from {place}."),
    ):
        assert said in trustyard(*line).text


def test_a_gateway_that_cannot_take_a_release_ends_with_4_and_catches_up(
    trustyard: CommandLine, server: Stage, partner: TlsServer, unique: Unique
) -> None:
    """I-08, D-06."""
    name, blocked = unique("place"), unique("acme")
    trustyard("env", "add", name, "--type", "test")
    (server.data_dir / "environments").mkdir(exist_ok=True)
    (server.data_dir / "environments" / name).write_text("a file where the folder should be")
    trustyard("gateway", "add", name, "files", "--kind", "files")
    line = ("cert", "add", blocked, "--env", name, "--alias", "a", "--url", partner.url, "--deploy", "--wait", "10")
    ended = trustyard(*line, code=4)
    assert f"in {name} is refused: Release 1 could not be written" in ended.err
    assert trustyard("gateway", "list", name, "--state", "refused").text.splitlines()[1].split()[2] == "refused"
    assert trustyard("cert", "show", blocked, "--json").json["entries"][0]["in_force"] is True  # saved all the same
    (server.data_dir / "environments" / name).unlink()
    trustyard("release", "deploy", name, code=None)  # delivery is tried again, at once
    deadline = time.monotonic() + 30
    while "accepted" not in trustyard("release", "list", name).text:
        assert time.monotonic() < deadline
    assert "accepted" in trustyard("release", "deploy", name).text


def test_a_gateway_that_nobody_joined_is_not_waited_for(
    trustyard: CommandLine, partner: TlsServer, unique: Unique
) -> None:
    name = unique("place")
    trustyard("env", "add", name, "--type", "test")
    trustyard("gateway", "add", name, "edge", "--kind", "envoy")
    added = trustyard(
        "cert", "add", unique("acme"), "--env", name, "--alias", "a", "--url", partner.url, "--deploy", "--json"
    )
    assert added.json["deployment"]["environments"][0]["gateways"][0]["state"] == "pending"


def test_a_release_of_before_counts_no_gateway_that_came_after_it(
    trustyard: CommandLine, partner: TlsServer, unique: Unique
) -> None:
    name = unique("place")
    trustyard("env", "add", name, "--type", "test")
    trustyard("release", "deploy", name)
    line = ("cert", "add", unique("acme"), "--env", name, "--alias", "a", "--url", partner.url, "--deploy")
    trustyard(*line)
    trustyard("gateway", "add", name, "files", "--kind", "files")
    trustyard("release", "deploy", name, "--wait", "30")
    trustyard("env", "edit", name, "--root-set", "mozilla")
    trustyard("release", "deploy", name, "--wait", "30")
    trustyard("gateway", "add", name, "edge", "--kind", "envoy")
    listed = trustyard("release", "list", name, "--json").json["items"]
    said = {one["number"]: [(each["gateway"], each["state"]) for each in one["gateways"]] for one in listed}
    assert said == {1: [], 2: [("files", "accepted")], 3: [("edge", "pending"), ("files", "accepted")]}
    rows = [row.split()[3:] for row in trustyard("release", "list", name).text.splitlines()[1:]]
    assert [" ".join(row[:-1]) for row in rows] == ["1 pending, 1 accepted", "1 accepted", "none"]


def test_related_jwks_are_asked_about_and_then_updated_disconnected_or_deleted(
    trustyard: CommandLine, ca: Ca, place: str, unique: Unique
) -> None:
    """S-21, S-22, S-25, S-26, S-36, D-04, D-14, D-15."""
    name, signing, sealing = unique("acme"), unique("signing"), unique("sealing")
    first, second = ca.issue("first.test", key="rsa"), ca.issue("second.test", key="ec")
    for stem, issued in (("first", first), ("second", second)):
        (trustyard.folder / f"{stem}.pem").write_bytes(issued.cert_pem)
    trustyard("cert", "add", name, "--env", place, "--alias", "a", "--file", "first.pem", "--deploy")
    for jwk, use, alg in ((signing, "sig", "RS256"), (sealing, "enc", "RSA-OAEP-256")):
        trustyard("jwk", "add", jwk, "--certificate", name, "--env", place, "--use", use, "--alg", alg, "--deploy")
    before = published(trustyard, place)
    assert len(before) == 2

    asked = trustyard("cert", "edit", name, "--env", place, "--file", "second.pem", "--deploy", code=3)
    assert "This Certificate is used in 2 JWK(s). What would you like to do?" in asked.err
    assert signing in asked.err
    assert sealing in asked.err
    assert f"--jwks update --confirm {name}" in asked.err
    assert not asked.out
    wrong = ("cert", "edit", name, "--env", place, "--file", "second.pem", "--jwks", "update")
    trustyard(*wrong, "--confirm", name.upper(), code=1)
    trustyard(*wrong, code=1)
    unfit = trustyard(*wrong, "--confirm", name, "--algorithm", f"{signing}=RS256", code=1)
    assert signing in unfit.err
    assert published(trustyard, place) == before
    assert trustyard("cert", "show", name, "--json").json["entries"][0]["sha256"] == first.sha256

    done = trustyard(*wrong, "--confirm", name, "--algorithm", f"{signing}=ES256", "--deploy")
    assert f"JWK {signing} in {place}: updated" in done.text
    keys = published(trustyard, place)
    assert {key["kty"] for key in keys} == {"EC"}

    cut = trustyard(
        "cert", "edit", name, "--env", place, "--file", "first.pem", "--jwks", "disconnect", "--confirm", name
    )
    assert f"JWK {sealing} in {place}: disconnected" in cut.text
    assert published(trustyard, place) == keys
    assert trustyard("jwk", "show", signing, "--json").json["connected_to"] is None
    trustyard("cert", "delete", name, "--yes")  # nothing is related any more


def test_a_jwk_is_renamed_and_disabled_and_keeps_its_key(
    trustyard: CommandLine, ca: Ca, place: str, unique: Unique
) -> None:
    acme, name, other = unique("acme"), unique("signing"), unique("other")
    (trustyard.folder / "a.pem").write_bytes(ca.issue("a.test", key="rsa").cert_pem)
    trustyard("cert", "add", acme, "--env", place, "--alias", "a", "--file", "a.pem")
    made = trustyard("jwk", "add", name, "--certificate", acme, "--env", place, "--deploy", "--json").json
    trustyard("jwk", "edit", name, "--name", other, "--alg", "PS256", "--kid", "k1")
    assert [key["kid"] for key in published(trustyard, place)] == [made["kid"]]
    edited = trustyard("jwk", "edit", other, "--deploy", "--json").json
    assert (edited["name"], edited["jwk"]["n"]) == (other, made["jwk"]["n"])
    assert [(key["kid"], key["alg"]) for key in published(trustyard, place)] == [("k1", "PS256")]
    assert "These fit: RS256, RS384" in trustyard("jwk", "edit", other, "--alg", "ES256", code=1).err
    trustyard("jwk", "edit", other, "--state", "disabled", "--thumbprint", "--deploy")
    assert published(trustyard, place) == []
    assert trustyard("jwk", "show", other, "--json").json["kid"] == made["kid"]


def test_deleting_asks_about_jwks_and_takes_them_along(
    trustyard: CommandLine, ca: Ca, place: str, unique: Unique
) -> None:
    """S-32, S-33, S-34, S-36."""
    name, jwk, by_hand = unique("acme"), unique("jwk"), unique("hand")
    (trustyard.folder / "a.pem").write_bytes(ca.issue("a.test").cert_pem)
    trustyard("cert", "add", name, "--env", place, "--alias", "a", "--file", "a.pem")
    made = trustyard("jwk", "add", jwk, "--certificate", name, "--env", place, "--json").json
    (trustyard.folder / "k.json").write_text(json.dumps({**made["jwk"], "kid": "by hand"}))
    trustyard("jwk", "add", by_hand, "--file", "k.json", "--env", place, "--deploy")
    asked = trustyard("cert", "delete", name, "--yes", code=3)
    assert "used in 1 JWK(s)" in asked.err
    assert "--jwks delete" in asked.err
    trustyard("cert", "delete", name, "--jwks", "delete", "--confirm", name + "x", code=1)
    gone = trustyard("cert", "delete", name, "--jwks", "delete", "--confirm", name)
    assert f"JWK {jwk} in {place}: deleted" in gone.text
    trustyard("cert", "show", name, code=1)
    trustyard("jwk", "show", jwk, code=1)
    assert [key["kid"] for key in published(trustyard, place)] == ["by hand"]  # with the same key, and not related
    assert trustyard("truststore", "list", place, "--json").json["items"] == []


def test_removing_an_entry_asks_about_its_jwks_alone(trustyard: CommandLine, ca: Ca, unique: Unique) -> None:
    """I-03, I-04, D-02."""
    one, two, name, jwk = unique("one"), unique("two"), unique("acme"), unique("jwk")
    for place in (one, two):
        trustyard("env", "add", place)
    (trustyard.folder / "a.pem").write_bytes(ca.issue("a.test").cert_pem)
    (trustyard.folder / "b.pem").write_bytes(ca.issue("b.test").cert_pem)
    trustyard("cert", "add", name, "--env", f"{one},{two}", "--alias", "a", "--file", "a.pem")
    trustyard("jwk", "add", jwk, "--certificate", name, "--env", one)
    trustyard("cert", "edit", name, "--env", two, "--file", "b.pem")  # the other entry: nothing to ask
    asked = trustyard("cert", "edit", name, "--remove-env", one, "--env", two, "--alias", "b", code=3)
    assert "--jwks delete" in asked.err
    line = ("cert", "edit", name, "--remove-env", one, "--env", two, "--alias", "b", "--confirm", name)
    after = trustyard(*line, "--jwks", f"{one}=disconnect", "--json").json
    assert [(entry["environment"], entry["alias"]) for entry in after["entries"]] == [(two, "b")]
    assert trustyard("jwk", "show", jwk, "--json").json["connected_to"] is None


def test_revoking_takes_entry_and_jwk_out_and_restoring_brings_them_back(
    trustyard: CommandLine, ca: Ca, place: str, unique: Unique
) -> None:
    """S-19, D-13."""
    name, jwk = unique("acme"), unique("jwk")
    (trustyard.folder / "a.pem").write_bytes(ca.issue("a.test").cert_pem)
    trustyard("cert", "add", name, "--env", place, "--alias", "a", "--file", "a.pem", "--deploy")
    trustyard("jwk", "add", jwk, "--certificate", name, "--env", place, "--deploy")
    trustyard("cert", "revoke", name, "--env", place, "--reason", " ", code=1)  # a reason is needed
    revoked = trustyard("cert", "revoke", name, "--env", place, "--reason", "lost its key")
    assert f"JWK {jwk} in {place}: disabled" in revoked.text
    assert published(trustyard, place) == []
    assert "lost its key" in trustyard("cert", "show", name).text
    restored = trustyard("cert", "restore", name, "--env", place, "--reason", "found it", "--deploy")
    assert f"JWK {jwk} in {place}: enabled" in restored.text
    assert len(published(trustyard, place)) == 1


@pytest.mark.parametrize("name", ["a/b", "ğüş İ", "50% off?#&=+", "inspect", "export", "it's", '"; rm -rf'])
def test_any_name_can_be_used(trustyard: CommandLine, ca: Ca, place: str, unique: Unique, name: str) -> None:
    """D-10, I-13, I-15."""
    name = f"{name} {unique('x')}"
    issued = ca.issue("a.test")
    (trustyard.folder / "a.pem").write_bytes(issued.cert_pem)
    trustyard("cert", "add", name, "--env", place, "--alias", name, "--file", "a.pem", "--deploy")
    assert trustyard("cert", "show", name, "--json").json["name"] == name
    assert name in trustyard("cert", "list", "--env", place).text
    trustyard("cert", "export", name)
    (archive,) = trustyard.folder.glob("*.zip")
    with zipfile.ZipFile(archive) as opened:
        (member,) = (member for member in opened.namelist() if member.endswith(".cer"))
        assert hashlib.sha256(opened.read(member)).hexdigest() == issued.sha256
    trustyard("cert", "edit", name, "--description", "changed")
    trustyard("cert", "delete", name, "--yes")


def test_an_export_comes_back_as_the_same_certificate(
    trustyard: CommandLine, ca: Ca, place: str, unique: Unique
) -> None:
    """S-39."""
    issued, name = ca.issue("a.test"), unique("acme")
    (trustyard.folder / "a.pem").write_bytes(issued.cert_pem)
    trustyard("cert", "add", name, "--env", place, "--alias", "a", "--file", "a.pem")
    for wanted in ("pem", "der", "pkcs7"):
        trustyard("cert", "export", name, "--format", wanted, "-o", f"out.{wanted}")
        seen = trustyard("cert", "inspect", f"out.{wanted}", "--json").json
        assert [one["sha256"] for one in seen["certificates"]] == [issued.sha256]
    archive = trustyard("cert", "export", name, "--env", place, "-o", "-").out
    assert zipfile.ZipFile(io.BytesIO(archive)).testzip() is None


def test_truststores_are_exported_in_every_format(trustyard: CommandLine, ca: Ca, place: str, unique: Unique) -> None:
    """S-40."""
    nothing = trustyard("truststore", "export", place, code=1)
    assert not nothing.out
    issued = ca.issue("a.test")
    (trustyard.folder / "a.pem").write_bytes(issued.cert_pem)
    trustyard("cert", "add", unique("acme"), "--env", place, "--alias", "a", "--file", "a.pem", "--deploy")
    pem = trustyard("truststore", "export", place, "-o", "-").out
    assert [digest(one) for one in x509.load_pem_x509_certificates(pem)] == [issued.sha256]
    for wanted in ("zip", "pkcs7", "pkcs12", "jks"):
        written = trustyard("truststore", "export", place, "--format", wanted, "-o", f"trust.{wanted}", "--json").json
        assert (trustyard.folder / f"trust.{wanted}").stat().st_size == written["bytes"] > 100


def test_several_certificates_want_a_choice(trustyard: CommandLine, ca: Ca, place: str, unique: Unique) -> None:
    """I-10, D-08."""
    one, two, name = ca.issue("one.test"), ca.issue("two.test"), unique("acme")
    (trustyard.folder / "two.pem").write_bytes(one.cert_pem + two.cert_pem)
    line = ("cert", "add", name, "--env", place, "--alias", "a", "--file", "two.pem")
    asked = trustyard(*line, code=1)
    assert one.sha256 in asked.err
    assert two.sha256 in asked.err
    assert "--choose" in asked.err
    saved = trustyard(*line, "--choose", two.sha256.upper(), "--json").json
    assert saved["entries"][0]["sha256"] == two.sha256


def test_bad_input_is_one_sentence_and_nothing_is_stored(
    trustyard: CommandLine, ca: Ca, place: str, unique: Unique
) -> None:
    """S-08, S-10, S-13, I-09, I-12."""
    issued, name = ca.issue("a.test"), unique("acme")
    (trustyard.folder / "a.pem").write_bytes(issued.cert_pem)
    (trustyard.folder / "a.key").write_bytes(issued.key_pem)
    (trustyard.folder / "page.html").write_text("<!DOCTYPE html><html></html>")
    sealed = pkcs12.serialize_key_and_certificates(
        b"a", None, None, [issued.certificate], BestAvailableEncryption(b"right")
    )
    (trustyard.folder / "a.p12").write_bytes(sealed)
    base = ("cert", "add", name, "--env", place, "--alias", "a")
    assert "private key" in trustyard(*base, "--file", "a.key", code=1).err
    assert "PRIVATE KEY-----\n" not in trustyard(*base, "--file", "a.key", code=1).err
    trustyard(*base, "--file", "page.html", code=1)
    for command in base, ("cert", "inspect"):
        needed = trustyard(*command, "--file", "a.p12", code=1).err
        assert "This PKCS#12 file needs a password." in needed
        assert "--password-file" in needed
    assert "password" in trustyard(*base, "--file", "a.p12", "--password", "wrong", code=1).err.lower()
    trustyard(*base, "--url", "ftp://127.0.0.1", code=1)
    assert "127.0.0.1" in trustyard(*base, "--url", "https://127.0.0.1:1", code=1).err
    mixed = trustyard(*base, "--paste", "--encoding", "BASE64", stdin=issued.cert_pem, code=1)
    assert "BASE64PEM" in mixed.err
    nowhere = trustyard("cert", "add", name, "--env", "nowhere-at-all", "--alias", "a", "--file", "a.pem", code=1)
    assert "nowhere-at-all" in nowhere.err
    trustyard("cert", "show", name, code=1)
    trustyard(*base, "--file", "a.p12", "--password", "right")
    clash = trustyard("cert", "add", unique("other"), "--env", place, "--alias", "A", "--file", "a.pem", code=1)
    assert "alias" in clash.err
    assert "already" in trustyard(*base, "--file", "a.pem", code=1).err


def test_a_question_is_answered_at_a_terminal_or_in_a_pipe(
    trustyard: CommandLine, ca: Ca, place: str, unique: Unique
) -> None:
    """S-35."""
    name = unique("acme")
    (trustyard.folder / "a.pem").write_bytes(ca.issue("a.test").cert_pem)
    trustyard("cert", "add", name, "--env", place, "--alias", "a", "--file", "a.pem")
    assert "--yes" in trustyard("cert", "delete", name, code=1).err
    assert "Nothing was changed." in trustyard("cert", "delete", name, stdin=b"no\n", code=1).err
    assert "--yes" in trustyard("cert", "delete", name, stdin=b"\xff\n", code=1).err
    code, screen = trustyard.asked("cert", "delete", name, answer="n\n")
    assert code == 1
    assert f"Delete the certificate {name} in {place}?" in screen
    trustyard("cert", "show", name)
    code, screen = trustyard.asked("cert", "delete", name, answer="y\n")
    assert code == 0, screen
    trustyard("cert", "show", name, code=1)
    for answer in (b"y\n", b"Yes"):
        trustyard("cert", "add", name, "--env", place, "--alias", "a", "--file", "a.pem")
        asked = trustyard("cert", "delete", name, stdin=answer)
        assert f"Delete the certificate {name} in {place}? [y/N]" in asked.err
        trustyard("cert", "show", name, code=1)


def test_environments_and_gateways_are_kept_from_the_command_line(trustyard: CommandLine, unique: Unique) -> None:
    """D-16."""
    name = unique("place")
    root = self_signed("Our own root")
    (trustyard.folder / "roots.pem").write_bytes(Ca.new("Our own root").cert_pem + root.cert_pem)
    made = trustyard("env", "add", name, "--type", "production", "--root-set", "roots.pem", "--json").json
    assert (made["type"], made["root_set"], made["roots"]) == ("production", "uploaded", 2)
    assert trustyard("env", "edit", name, "--deny", root.sha256, "--json").json["roots"] == 1
    assert trustyard("env", "edit", name, "--allow", root.sha256, "--root-set", "none", "--json").json["roots"] == 0
    trustyard("gateway", "add", name, "edge", "--kind", "envoy", "--issuer", "https://idp.example")
    assert trustyard("gateway", "show", name, "edge", "--json").json["options"]["issuers"][0]["issuer"]
    probes = [{"address": "127.0.0.1:9", "node": None, "trust": "used"}]
    trustyard("gateway", "edit", name, "edge", "--option", f"probes={json.dumps(probes)}")
    changed = trustyard("gateway", "edit", name, "edge", "--issuer", "https://other.example", "--json").json["options"]
    assert (changed["probes"], [one["issuer"] for one in changed["issuers"]]) == (probes, ["https://other.example"])
    assert "do not fit the kind envoy" in trustyard("gateway", "edit", name, "edge", "--directory", "/x", code=1).err
    assert "edge" in trustyard("gateway", "list", name).text
    boot = trustyard("gateway", "bootstrap", name, "edge", "--json").json
    assert boot["node"]["cluster"] == f"{name}/edge"
    used = trustyard("env", "remove", name, "--yes", code=1)
    assert "edge" in used.err
    trustyard("gateway", "remove", name, "edge", "--yes")
    trustyard("env", "remove", name, "--yes")
    trustyard("env", "show", name, code=1)


def test_a_bad_token_and_a_missing_one_are_told_apart_from_a_missing_server(trustyard: CommandLine) -> None:
    for command in (
        CommandLine(trustyard.url, "ty_not-a-token", trustyard.folder),
        CommandLine(trustyard.url, "", trustyard.folder),
    ):
        assert "trustyard token create" in command("cert", "list", code=1).err


def test_a_viewer_reads_and_changes_nothing(trustyard: CommandLine, server: Stage, place: str) -> None:
    viewer = CommandLine(server.url, server.token("viewer"), trustyard.folder)
    viewer("env", "show", place)
    for line in (
        ["env", "edit", place, "--description", "x"],
        ["release", "deploy", place],
        ["env", "add", place + "x"],
    ):
        assert viewer(*line, code=1).err.startswith("Error: ")
    assert trustyard("env", "show", place, "--json").json["description"] == ""
