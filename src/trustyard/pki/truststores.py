"""Truststores as files: PEM, PKCS#7, PKCS#12, JKS, ZIP archives and lists of digests."""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore

from trustyard.errors import InputRefused
from trustyard.pki import keystores
from trustyard.pki import pkcs7 as pkcs7_structure
from trustyard.pki.certificates import pem

Entries = Sequence[tuple[str, bytes]]


def pem_bundle(ders: Iterable[bytes]) -> bytes:
    """Canonical PEM of each certificate, 64 columns, in the order given."""
    return "".join(pem(der) for der in ders).encode()


def pkcs7(ders: Iterable[bytes]) -> bytes:
    """A certificates-only PKCS#7 structure in DER (`.p7b`)."""
    return pkcs7_structure.write(list(ders))


def fits_java(password: str) -> bool:
    """Whether Java opens a PKCS#12 file with this password: from 0x20 to 0x7E alone, `Password is not ASCII` else.

    Measured with Java 17: its PBEKey refuses before any derivation, of MAC and encryption alike, so no form of the file
    would help. OpenSSL takes any. A JKS file, whose password goes in as UTF-16, Java opens with any.
    """
    return all(" " <= character <= "~" for character in password)


def pkcs12(entries: Entries, password: str) -> bytes:
    """A PKCS#12 file that Java takes as a truststore. Salted: two files of one truststore differ.

    Java opens it where the password `fits_java`; nothing here looks at that.

    `entries` are aliases (see `java_aliases`) and DER; an empty password means no encryption and no integrity check.
    `InputRefused` (`not-for-java`) names the alias of a certificate that cannot be put into such a file.
    """
    packed = [PKCS12Certificate(_loaded(alias, der), alias.encode()) for alias, der in entries]
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return serialize_java_truststore(packed, encryption)


def jks(entries: Entries, password: str, moment: datetime) -> bytes:
    """A Java keystore of the old type JKS; the same bytes for the same arguments."""
    return keystores.write(entries, password, moment)


def fits_pkcs12(der: bytes) -> bool:
    """Whether `pkcs12` can hold this certificate."""
    try:
        _loaded("", der)
    except InputRefused:
        return False
    return True


def zip_of(files: Mapping[str, bytes], moment: datetime) -> bytes:
    """A ZIP archive with these files in their order, all of the time `moment` (UTC, 1980 to 2107)."""
    stamp = max(moment.astimezone(UTC).timetuple()[:6], (1980, 1, 1, 0, 0, 0))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, stamp)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def sha256sums(files: Mapping[str, bytes]) -> bytes:
    """What `sha256sum --check` reads: a digest and a name a line."""
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()


def root_alias(sha256: str) -> str:
    """The alias of a certificate of the root set: `root-` and 16 hex digits of its SHA-256."""
    return f"root-{sha256.lower()[:16]}"


def java_aliases(entries: Iterable[tuple[str, str]]) -> list[str]:
    """An alias for each (wanted alias, SHA-256): lower case and unique, for Java loses one of two that look alike.

    The second of a kind, and whatever follows, gets `-` and 16 hex digits of its digest (and a number, if need be).
    """
    taken: set[str] = set()
    made = []
    for wanted, sha256 in entries:
        plain = wanted.lower() or "certificate"
        alias = plain
        number = 1
        while alias in taken:
            alias = f"{plain}-{sha256[:16]}" if number == 1 else f"{plain}-{sha256[:16]}-{number}"
            number += 1
        taken.add(alias)
        made.append(alias)
    return made


def _loaded(alias: str, der: bytes) -> x509.Certificate:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, x509.InvalidVersion):
        sentence = f"The certificate {alias} cannot be put into a PKCS#12 truststore."
        raise InputRefused(sentence, code="not-for-java") from None
