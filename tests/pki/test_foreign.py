"""Files of other programs that people try: each is refused by its name, with what to do instead."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import sqlite3
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tls_servers import Ca
from trustyard.errors import InputRefused
from trustyard.pki import der, foreign
from trustyard.pki.containers import read_file

CA = Ca.new("Test CA")
LEAF = CA.issue("leaf.test")
ENCODED = base64.b64encode(CA.cert_pem).decode()


def refusal(data: bytes) -> InputRefused:
    """Why a file is refused."""
    with pytest.raises(InputRefused) as caught:
        read_file(data)
    return caught.value


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    """A tar archive of one file."""
    out, info = io.BytesIO(), tarfile.TarInfo(name)
    info.size = len(content)
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_an_export_is_refused_as_a_zip_archive_that_names_its_certificates() -> None:
    files = {f"acme-{place}.cer": CA.cert_der for place in ("test", "production")}
    refused = refusal(zipped({**files, "SHA256SUMS": b"x"}))
    assert (refused.code, refused.sentence) == ("zip-archive", "This is a ZIP archive.")
    assert refused.advice == "Unpack it and give one of its files: acme-test.cer, acme-production.cer."


def test_of_many_certificates_in_a_zip_archive_a_few_are_named() -> None:
    refused = refusal(zipped({f"{number}.pem": b"" for number in range(9)}))
    assert refused.advice == "Unpack it and give one of its files: 0.pem, 1.pem, 2.pem, 3.pem, 4.pem and 4 more."


def test_of_a_long_zip_archive_the_first_names_alone_are_looked_at() -> None:
    names = {f"{number}.txt": b"" for number in range(foreign.MAX_FILES)}
    assert foreign.certificate_files(zipped({**names, "last.cer": b""})) == []
    assert foreign.certificate_files(zipped({"first.cer": b"", **names})) == ["first.cer"]


@pytest.mark.parametrize(
    "name", ["\x1b[31m.cer", "a\n.pem", "şirket.cer", f"{'a' * 200}.pem", "x.exe", "../x.cer", ".cer"]
)
def test_a_name_in_a_zip_archive_that_is_not_plain_is_not_repeated(name: str) -> None:
    assert refusal(zipped({name: b""})).advice == "Unpack it and give one of its files."


def test_a_zip_archive_is_not_read_in_part_though_something_of_it_stands_in_the_open() -> None:
    stored = zipped({"small.pem": CA.cert_pem}, zipfile.ZIP_STORED)
    assert CA.cert_pem in stored
    assert refusal(stored).code == "zip-archive"


@pytest.mark.parametrize("damage", [slice(-60, None), slice(30, 60), slice(-10, None)])
def test_a_damaged_zip_archive_is_still_one(damage: slice) -> None:
    data = bytearray(zipped({"a.cer": CA.cert_der, "b.cer": LEAF.cert_der}))
    del data[damage]
    assert refusal(bytes(data)).code == "zip-archive"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("gzip", gzip.compress(CA.cert_pem)),
        ("bzip2", bz2.compress(CA.cert_pem)),
        ("xz", lzma.compress(CA.cert_pem)),
        ("Zstandard", bytes.fromhex("28b52ffd2058") + bytes(40)),
        ("7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(40)),
        ("RAR", b"Rar!\x1a\x07\x01\0" + bytes(40)),
        ("tar", tarred("a.cer", CA.cert_der)),
    ],
)  # fmt: skip
def test_what_is_packed_is_named_with_how(kind: str, data: bytes) -> None:
    refused = refusal(data)
    assert (refused.code, f"({kind})" in refused.sentence, "Unpack it" in refused.advice) == ("archive", True, True)


def algorithm(oid: str) -> bytes:
    """An AlgorithmIdentifier without parameters."""
    return der.encode(der.SEQUENCE, der.encode_oid(oid))


def bcfks() -> bytes:
    """A store of Bouncy Castle's FIPS provider: what is encrypted, then how its MAC is made, and the MAC."""
    pbes2, hmac, pbkdf2 = map(algorithm, ("1.2.840.113549.1.5.13", "1.2.840.113549.2.11", "1.2.840.113549.1.5.12"))
    sealed = der.encode(der.SEQUENCE, pbes2, der.encode(der.OCTET_STRING, bytes(48)))
    return der.encode(der.SEQUENCE, sealed, der.encode(der.SEQUENCE, hmac, pbkdf2, der.encode(der.OCTET_STRING, b"m")))


def attribute_certificate() -> bytes:
    """RFC 5755, section 4.1, with nothing in its parts that is not needed to know it."""
    empty = der.encode(der.SEQUENCE)
    times = [der.encode(der.GENERALIZED_TIME, moment) for moment in (b"20260101000000Z", b"20270101000000Z")]
    signing = algorithm("1.2.840.10045.4.3.2")
    parts = [
        der.encode(der.INTEGER, b"\1"), empty, der.encode(0xA0, empty), signing, der.encode(der.INTEGER, b"\5"),
        der.encode(der.SEQUENCE, *times), empty,
    ]  # fmt: skip
    return der.encode(der.SEQUENCE, der.encode(der.SEQUENCE, *parts), signing, der.encode(der.BIT_STRING, b"\0sig"))


def bouncy(version: int) -> bytes:
    """How BKS and UBER begin: version, salt, rounds; then entries, or what is encrypted."""
    return struct.pack(">II", version, 20) + bytes(range(20)) + struct.pack(">I", 1567) + b"\1\0\2ca" + bytes(60)


SERIALIZED = b"\0\0\0\0CERT" + struct.pack("<III", 32, 1, len(CA.cert_der)) + CA.cert_der + bytes(12)


@pytest.mark.parametrize(
    ("code", "words", "data"),
    [
        ("office-document", "office", zipped({"[Content_Types].xml": b"", "word/document.xml": b""})),
        ("office-document", "office", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)),
        ("foreign-store", "Bouncy Castle", bouncy(1)),
        ("foreign-store", "Bouncy Castle", bouncy(2)),
        ("foreign-store", "Bouncy Castle", bcfks()),
        ("foreign-store", "PKCS #7 (.p7b)", SERIALIZED),
        ("foreign-store", "security find-certificate", b"kych\0\1\0\0" + bytes(60)),
        ("private-key", "private key", b"\x1e\xf1\xb5\xb0" + bytes(60)),
        ("pgp", "OpenPGP", bytes.fromhex("99010d0463a1b2c301") + bytes(300)),
        ("attribute-certificate", "attribute certificate", attribute_certificate()),
        ("printout", "openssl x509 without -noout", b"Certificate:\n    Data:\n        Version: 3 (0x2)\n"),
        ("json", "Paste one text of an x5c", json.dumps({"keys": [{"kty": "EC", "x5c": ["MII"]}]}).encode()),
        ("kubernetes", "base64 -d", f"apiVersion: v1\nkind: Secret\ndata:\n  tls.crt: {ENCODED}\n".encode()),
        ("kubernetes", "base64 -d", json.dumps({"apiVersion": "v1", "data": {"tls.crt": ENCODED}}, indent=4).encode()),
        ("kubernetes", "base64 -d", f"kind: Config\nclusters:\n- cluster: {ENCODED}\napiVersion: v1\n".encode()),
        ("double-base64", "Decode it once", f"CA_CERT={ENCODED}\n".encode()),
        ("double-base64", "Decode it once", json.dumps({"ca": ENCODED}).encode()),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_what_another_program_made_is_refused_by_name_with_what_to_do(code: str, words: str, data: bytes) -> None:
    refused = refusal(data)
    assert (refused.code, words in refused.detail) == (code, True)
    assert refused.sentence.count(". ") == 0, "one sentence"


def test_the_certificates_of_a_browser_are_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cert9.db") as database:
        database.execute("CREATE TABLE nssPublic (id PRIMARY KEY)")
    database.close()
    assert refusal((tmp_path / "cert9.db").read_bytes()).code == "foreign-store"


def test_what_stands_in_a_tar_archive_as_pem_is_read() -> None:
    assert [one.der for one in read_file(tarred("a.pem", CA.cert_pem)).certificates] == [CA.cert_der]
