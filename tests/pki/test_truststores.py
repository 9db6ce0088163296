"""Truststores as files, read back by the programs that they are for."""

from __future__ import annotations

import io
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.pki.handmade import certificate
from tests.pki.moments import NOON
from tests.programs import need
from tests.tls_servers import Ca
from trustyard.errors import InputRefused
from trustyard.pki import der, truststores
from trustyard.pki.containers import read_file
from trustyard.pki.denyall import deny_all_der

ONE, TWO = Ca.new("Bir"), Ca.new("İki", key="rsa")
ENTRIES = [("acme", ONE.cert_der), ("ığdır", TWO.cert_der)]


def keytool(file: Path, password: str, kind: str) -> str:
    """What keytool lists, in English."""
    program = need("keytool", package="default-jdk-headless")
    command = [program, "-J-Duser.language=en", "-J-Dfile.encoding=UTF-8", "-J-Dsun.stdout.encoding=UTF-8", "-list"]
    command += ["-keystore", str(file), "-storetype", kind, "-storepass", password]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize("kind", ["pkcs12", "jks"])
def test_java_lists_every_certificate_of_a_truststore(kind: str, tmp_path: Path) -> None:
    data = truststores.pkcs12(ENTRIES, "changeit") if kind == "pkcs12" else truststores.jks(ENTRIES, "changeit", NOON)
    (tmp_path / "trust").write_bytes(data)
    listed = keytool(tmp_path / "trust", "changeit", kind)
    assert listed.count("trustedCertEntry") == 2
    for issued in (ONE, TWO):
        assert issued.sha256.upper() in listed.replace(":", "")


PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))


def openssl_opens(file: Path, password: str) -> bool:
    command = [need("openssl", package="openssl"), "pkcs12", "-in", str(file), "-nokeys", "-passin", "stdin"]
    done = subprocess.run(command, input=password + "\n", capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0 and "BEGIN CERTIFICATE" in done.stdout


def java_opens(file: Path, password: str, kind: str) -> bool:
    try:
        return "trustedCertEntry" in keytool(file, password, kind)
    except subprocess.CalledProcessError:
        return False


@pytest.mark.parametrize("password", [PRINTABLE, "tab\tinside", "pässword", "пароль", "😀😀😀😀😀😀"], ids=ascii)
def test_java_opens_a_pkcs12_file_with_exactly_the_passwords_that_are_said_to_fit(
    password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")  # what Java makes of its command line hangs on it
    (tmp_path / "trust.p12").write_bytes(truststores.pkcs12(ENTRIES, password))
    (tmp_path / "trust.jks").write_bytes(truststores.jks(ENTRIES, password, NOON))
    assert openssl_opens(tmp_path / "trust.p12", password)
    assert java_opens(tmp_path / "trust.p12", password, "pkcs12") is truststores.fits_java(password)
    assert java_opens(tmp_path / "trust.jks", password, "jks"), "of the old type, any password will do"


def test_no_form_of_a_pkcs12_file_makes_java_open_it_with_a_password_beyond_ascii(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The MAC alone is enough: so such passwords are refused, and not written in some other way."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    (tmp_path / "one.pem").write_bytes(ONE.cert_pem)
    command = [need("openssl", package="openssl"), "pkcs12", "-export", "-nokeys", "-in", str(tmp_path / "one.pem")]
    command += ["-certpbe", "NONE", "-out", str(tmp_path / "plain.p12"), "-passout", "stdin"]
    subprocess.run(command, input="pässword\n", text=True, check=True, timeout=60, capture_output=True)
    assert openssl_opens(tmp_path / "plain.p12", "pässword")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        keytool(tmp_path / "plain.p12", "pässword", "pkcs12")
    assert "Password is not ASCII" in refused.value.stdout


def test_a_certificate_of_an_unheard_version_fits_no_pkcs12_file_and_stops_none() -> None:
    """`cryptography` has an error of its own for it, which is no ValueError."""
    version_2 = certificate(version=der.encode(0xA0, der.encode(der.INTEGER, b"\x01")))
    assert not truststores.fits_pkcs12(version_2)
    with pytest.raises(InputRefused, match="odd"):
        truststores.pkcs12([("odd", version_2)], "changeit")


def test_java_refuses_a_keystore_of_ours_with_another_password(tmp_path: Path) -> None:
    (tmp_path / "trust").write_bytes(truststores.jks(ENTRIES, "changeit", NOON))
    with pytest.raises(subprocess.CalledProcessError):
        keytool(tmp_path / "trust", "wrong-one", "jks")


def test_a_keystore_made_by_java_is_read(tmp_path: Path) -> None:
    program = need("keytool", package="default-jdk-headless")
    file = tmp_path / "java.jks"
    (tmp_path / "one.pem").write_bytes(ONE.cert_pem)
    base = [program, "-keystore", str(file), "-storetype", "JKS", "-storepass", "changeit", "-noprompt"]
    subprocess.run([*base, "-importcert", "-alias", "bir", "-file", str(tmp_path / "one.pem")], check=True, timeout=60,
                   capture_output=True)  # fmt: skip
    subprocess.run([*base, "-genkeypair", "-alias", "me", "-keyalg", "EC", "-dname", "CN=me", "-keypass", "changeit"],
                   check=True, timeout=60, capture_output=True)  # fmt: skip
    reading = read_file(file.read_bytes(), "changeit")
    assert (reading.format, len(reading.certificates)) == ("jks", 2)
    assert ONE.sha256 in [c.sha256 for c in reading.certificates]
    assert [n.code for n in reading.notices] == ["private-key-dropped"]


@pytest.mark.parametrize(("kind", "form"), [("JCEKS", "jks"), ("PKCS12", "pkcs12")])
def test_secret_keys_in_a_keystore_made_by_java_are_passed_over(kind: str, form: str, tmp_path: Path) -> None:
    program = need("keytool", package="default-jdk-headless")
    base = [program, "-keystore", "store", "-storetype", kind, "-storepass", "changeit", "-noprompt"]
    secret = ["-genseckey", "-keyalg", "AES", "-keysize", "128"]
    for alias, issued in (("one", ONE), ("two", TWO)):
        (tmp_path / alias).write_bytes(issued.cert_pem)
        for more in (["-importcert", "-alias", alias, "-file", alias], [*secret, "-alias", f"{alias}-key"]):
            subprocess.run([*base, *more], cwd=tmp_path, check=True, timeout=60, capture_output=True)
    data = (tmp_path / "store").read_bytes()
    reading = read_file(data, "changeit")
    assert (reading.format, {c.der for c in reading.certificates}) == (form, {ONE.cert_der, TWO.cert_der})
    with pytest.raises(InputRefused) as refusal:
        read_file(data, "another")
    assert refusal.value.code == "password-wrong"


def test_a_keystore_is_the_same_bytes_each_time_and_reads_back() -> None:
    data = truststores.jks(ENTRIES, "changeit", NOON)
    assert data == truststores.jks(ENTRIES, "changeit", NOON)
    assert [c.der for c in read_file(data, "changeit").certificates] == [ONE.cert_der, TWO.cert_der]
    assert len(read_file(data).certificates) == 2
    with pytest.raises(InputRefused) as refusal:
        read_file(data, "wrong")
    assert refusal.value.code == "password-wrong"
    with pytest.raises(InputRefused):
        read_file(data[:-30])


@pytest.mark.parametrize(
    ("form", "data", "password"),
    [
        ("pem-bundle", truststores.pem_bundle([ONE.cert_der, TWO.cert_der]), None),
        ("pkcs7-der", truststores.pkcs7([ONE.cert_der, TWO.cert_der]), None),
        ("pkcs12", truststores.pkcs12(ENTRIES, "changeit"), "changeit"),
        ("pkcs12", truststores.pkcs12(ENTRIES, ""), None),
    ],
    ids=["pem", "pkcs7", "pkcs12", "pkcs12 without a password"],
)
def test_a_truststore_reads_back_as_the_same_certificates(form: str, data: bytes, password: str | None) -> None:
    """S-39."""
    reading = read_file(data, password)
    assert reading.format == form
    assert [c.der for c in reading.certificates] == [ONE.cert_der, TWO.cert_der]


def test_openssl_reads_our_pkcs7(tmp_path: Path) -> None:
    (tmp_path / "trust.p7b").write_bytes(truststores.pkcs7([ONE.cert_der, TWO.cert_der]))
    command = [need("openssl", package="openssl"), "pkcs7", "-inform", "DER", "-in", str(tmp_path / "trust.p7b"),
               "-print_certs", "-noout"]  # fmt: skip
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.count("subject=") == 2


def test_pem_has_64_columns_and_ends_with_a_line_feed() -> None:
    lines = truststores.pem_bundle([ONE.cert_der]).decode().split("\n")
    assert lines[-1] == ""
    assert {len(line) for line in lines[1:-3]} == {64}


def test_aliases_that_java_takes_for_one_are_made_unique() -> None:
    """I-12: Java loses one of two certificates whose aliases differ in case alone."""
    a, b, c = "a" * 64, "b" * 64, "c" * 64
    assert truststores.java_aliases([("CA1", a), ("ca1", b), ("x", c)]) == ["ca1", f"ca1-{'b' * 16}", "x"]
    many = truststores.java_aliases([("CA1", a), ("ca1", a), ("cA1", a), ("", b), ("", b)])
    assert len(set(many)) == 5
    assert truststores.root_alias("ABCDEF0123456789ABC") == "root-abcdef0123456789"


def test_an_archive_is_the_same_bytes_each_time_and_carries_its_moment() -> None:
    files = {"partner-test.cer": ONE.cert_der, "SHA256SUMS": truststores.sha256sums({"partner-test.cer": ONE.cert_der})}
    data = truststores.zip_of(files, NOON)
    assert data == truststores.zip_of(files, NOON)
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.namelist() == list(files)
    assert archive.getinfo("partner-test.cer").date_time == (2026, 6, 15, 12, 0, 0)
    assert archive.getinfo("partner-test.cer").external_attr >> 16 == 0o644, "unpacked, others can read it"
    assert archive.read("SHA256SUMS").decode() == f"{ONE.sha256}  partner-test.cer\n"
    assert truststores.zip_of(files, datetime(1970, 1, 1, tzinfo=UTC))


def test_a_certificate_that_java_could_not_load_is_named_by_its_alias() -> None:
    assert not truststores.fits_pkcs12(b"\x30\x00")
    assert truststores.fits_pkcs12(ONE.cert_der)
    with pytest.raises(InputRefused, match="bad one") as refusal:
        truststores.pkcs12([("bad one", b"\x30\x00")], "changeit")
    assert refusal.value.code == "not-for-java"


def test_a_small_keystore_full_of_zero_bytes_is_not_taken_for_utf_16() -> None:
    data = truststores.jks([("x", ONE.cert_der)], "changeit", datetime(1970, 1, 1, tzinfo=UTC))
    assert read_file(data).format == "jks"


def test_the_deny_all_anchor_is_a_ca_that_is_valid_for_ever_and_loads_everywhere(tmp_path: Path) -> None:
    """D-17."""
    facts = read_file(deny_all_der()).certificates[0].facts
    assert (facts.is_ca, facts.path_len, facts.self_signed) == (True, 0, True)
    assert (facts.not_before.year, facts.not_after.year) == (1970, 9999)
    (tmp_path / "deny.pem").write_bytes(truststores.pem_bundle([deny_all_der()]))
    verify = [need("openssl", package="openssl"), "verify", "-CAfile", str(tmp_path / "deny.pem")]
    assert subprocess.run([*verify, str(tmp_path / "deny.pem")], capture_output=True, timeout=60).returncode == 0
    (tmp_path / "one.pem").write_bytes(ONE.cert_pem)
    assert subprocess.run([*verify, str(tmp_path / "one.pem")], capture_output=True, timeout=60).returncode != 0
    (tmp_path / "deny.jks").write_bytes(truststores.jks([("deny-all", deny_all_der())], "changeit", NOON))
    assert "trustedCertEntry" in keytool(tmp_path / "deny.jks", "changeit", "jks")
