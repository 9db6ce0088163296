"""Files, pasted text and what a server presented: a reading or a refusal, and the same again after export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from fuzz.counting import budget
from fuzz.targets.certificates import MOMENT, examine
from trustyard.errors import TrustyardError
from trustyard.pki import der, foreign, keystores, pasted, pkcs12, truststores
from trustyard.pki.containers import MAX_CERTIFICATES, read_file, read_paste, read_presented
from trustyard.pki.reading import Reading

PASSWORDS = (None, "changeit")


def file(data: bytes) -> None:
    """`read_file` without a password and with one; exported in every form and read again."""
    for password in PASSWORDS:
        with suppress(TrustyardError), budget(len(data)):
            judge(read_file(data, password))


def judge(reading: Reading) -> None:
    """What is promised of every reading."""
    assert 0 < len(reading.certificates) <= MAX_CERTIFICATES
    ders = [one.der for one in reading.certificates]
    assert len(set(ders)) == len(ders), "the same certificate twice"
    for one in reading.certificates[:10]:
        examine(one, one.der)
    for exported in (
        truststores.pem_bundle(ders),
        truststores.pkcs7(ders),
        truststores.jks([(str(number), one) for number, one in enumerate(ders)], "changeit", MOMENT),
    ):
        assert read_file(exported, "changeit").certificates == reading.certificates, "export and import differ"
    fitting = [("a", one) for one in ders if truststores.fits_pkcs12(one)]
    if fitting:
        again = read_file(truststores.pkcs12(fitting, ""), None)
        assert [one.der for one in again.certificates] == [one for _, one in fitting], "PKCS#12 and back differ"


def paste(data: bytes) -> None:
    """`read_paste` in both encodings; the text may hold halves of characters."""
    text = data.decode("utf-8", "surrogateescape")
    for encoding in ("BASE64", "BASE64PEM"):
        with suppress(TrustyardError), budget(len(data)):
            judge(read_paste(text, encoding))


def presented(data: bytes) -> None:
    """`read_presented` of certificates, each after its length in two bytes, as TLS sends them."""
    with suppress(TrustyardError), budget(len(data)):
        judge(read_presented(list(_pieces(data))))


def _pieces(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        yield data[at + 2 : end]
        at = end


def pkcs12_file(data: bytes) -> None:
    """The PKCS#12 reader itself."""
    try:
        element = der.read_all(data)
    except der.DerError:
        return
    for password in PASSWORDS if pkcs12.is_pkcs12(element) else ():
        with suppress(TrustyardError), budget(len(data)):
            ders, _ = pkcs12.read(element, password)
            assert all(isinstance(one, bytes) for one in ders)


def keystore(data: bytes) -> None:
    """The reader of Java keystores itself; what follows its first four bytes is anything."""
    for magic in (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"):
        for password in PASSWORDS:
            with suppress(TrustyardError), budget(len(data)):
                ders, _ = keystores.read(magic + data[4:], password)
                assert sum(map(len, ders)) <= len(data)


def copied(data: bytes) -> None:
    """The body of a PEM block that was copied out of something: what is left of it is no longer than it was."""
    with budget(len(data)):
        left = pasted.plain(data)
        assert len(left) <= len(data)
        assert len(pasted.unescaped(b"-----BEGIN%20" + data)) <= len(data) + 13


def archive(data: bytes) -> None:
    """The names in a ZIP archive, and what a file is by its first bytes."""
    with budget(len(data)):
        for name in foreign.certificate_files(data):
            assert name.isprintable()
            assert name.encode("ascii") in data
        foreign.kind_of_archive(data)
        foreign.kind_of_file(data)
