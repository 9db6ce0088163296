"""What an input is when it is no certificate: refused by what it is, never quoting its content."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trustyard.errors import FieldError, InputRefused, holds_private_key
from trustyard.pki import der
from trustyard.pki.sentences import few

_ADVICE_KEY = "Trustyard takes public material only; keep private keys where they are used."

# kind -> code, sentence, advice
_KINDS: dict[str, tuple[str, str, str]] = {
    "private key": ("private-key", "This is a private key.", _ADVICE_KEY + " Treat this one as exposed."),
    "encrypted private key": ("encrypted-private-key", "This is an encrypted private key.", _ADVICE_KEY),
    "certificate request": (
        "certificate-request",
        "This is a certificate request (CSR), not a certificate.",
        "Give the certificate that the authority issued for it.",
    ),
    "revocation list": ("revocation-list", "This is a revocation list (CRL), not a certificate.", ""),
    "public key": (
        "public-key",
        "This is a bare public key, not a certificate.",
        "A public key can be kept as a JWK; a certificate entry needs the certificate.",
    ),
    "web page": (
        "web-page",
        "This is a web page (HTML), not a certificate.",
        "The download was probably an error or sign-in page; open it in a browser and look.",
    ),
    "UTF-16 text": (
        "utf-16",
        "This text is encoded as UTF-16.",
        "Save it as UTF-8 or ASCII (in PowerShell: -Encoding ascii).",
    ),
    "SSH key": ("ssh-key", "This is an SSH key, not an X.509 certificate.", ""),
    "SSH private key": ("private-key", "This is an SSH private key, not an X.509 certificate.", _ADVICE_KEY),
    "PGP": ("pgp", "This is OpenPGP material, not an X.509 certificate.", ""),
    "JSON": ("json", "This is JSON, not a certificate.", "A JWK is added under JWKs."),
    "JSON with x5c": (
        "json",
        "This is JSON, not a certificate, and has certificates in x5c.",
        "Paste one text of an x5c as BASE64; the JWK itself is added under JWKs.",
    ),
    "Kubernetes": (
        "kubernetes",
        "This is an object of Kubernetes, such as a Secret or a kubeconfig, whose values are base64.",
        "Give a value decoded: kubectl get secret NAME -o jsonpath='{.data.tls\\.crt}' | base64 -d",
    ),
    "PEM in base64": (
        "double-base64",
        "This text holds PEM in base64.",
        "Decode it once and give the PEM text.",
    ),
    "printout": (
        "printout",
        "This is a printout of a certificate, and not the certificate itself.",
        "Give it as PEM: openssl x509 without -noout, keytool with -rfc.",
    ),
    "XML": ("xml", "This is XML, not a certificate.", "Take out the base64 of the certificate and paste it as BASE64."),
    "ZIP": ("zip-archive", "This is a ZIP archive.", "Unpack it and give one of its files."),
    **{
        name: ("archive", f"This is an archive or a compressed file ({name}).", "Unpack it and give one of its files.")
        for name in ("gzip", "bzip2", "xz", "Zstandard", "7z", "RAR", "tar")
    },
    "Office document": (
        "office-document",
        "This is a document of an office program, not a certificate.",
        "Take the certificate out of it, as a file or as text to paste.",
    ),
    "Bouncy Castle keystore": (
        "foreign-store",
        "This is a keystore of Bouncy Castle (BKS, UBER or BCFKS).",
        "Convert it to PKCS#12: keytool -importkeystore -deststoretype PKCS12, with that provider.",
    ),
    "serialized store": (
        "foreign-store",
        "This is a serialized certificate store of Windows (.sst).",
        "Export the certificates as PKCS #7 (.p7b) instead.",
    ),
    "keychain": (
        "foreign-store",
        "This is a keychain of macOS.",
        "Take the certificates out as PEM: security find-certificate -a -p FILE",
    ),
    "SQLite": (
        "foreign-store",
        "This is a SQLite database, such as the certificates of Firefox or NSS (cert9.db).",
        "Take the certificate out as PEM: certutil -L -d FOLDER -n NAME -a",
    ),
    "PDF": ("pdf", "This is a PDF document, not a certificate.", ""),
    "attribute certificate": ("attribute-certificate", "This is an attribute certificate, not a public-key one.", ""),
    "empty": ("empty-input", "This is empty.", "Choose a file or paste text that holds a certificate."),
}

# PEM labels (RFC 7468 and older habits) of things that are no certificates.
_LABELS = {
    "CERTIFICATE REQUEST": "certificate request",
    "NEW CERTIFICATE REQUEST": "certificate request",
    "X509 CRL": "revocation list",
    "CRL": "revocation list",
    "PUBLIC KEY": "public key",
    "RSA PUBLIC KEY": "public key",
    "SSH2 PUBLIC KEY": "SSH key",
    "OPENSSH PRIVATE KEY": "SSH private key",
    "SSH2 ENCRYPTED PRIVATE KEY": "SSH private key",
    "ENCRYPTED PRIVATE KEY": "encrypted private key",
    "ATTRIBUTE CERTIFICATE": "attribute certificate",
}

_TEXT = re.compile(rb"[\t\n\r -~]+")
_BEGINNINGS = (  # in lower case
    (b"%pdf", "PDF"),
    (b"<?xml", "XML"),
    (b"ssh-", "SSH key"),
    (b"ecdsa-sha2-", "SSH key"),
    (b"sk-ssh-", "SSH key"),
    (b"---- begin ssh2", "SSH key"),
    (b"putty-user-key-file", "SSH private key"),
)
_NAMED = 5  # files of an archive that are told
_KUBERNETES = re.compile(rb"""(?m)^[ \t{]*+["']?apiVersion["']?[ \t]*+:""")  # in one line each, and so linear
_PRINTOUTS = (b"certificate:\n    data:", b"certificate:\r\n    data:", b"owner: ", b"alias name: ")
_ENCODED_PEM = b"LS0tLS1CRUdJTi"  # base64 of how PEM begins
_LIST = re.compile(rb"\[\s*[\[{\"\]]")  # of JSON; what begins a file of settings is none


def refusal(kind: str, files: Sequence[str] = ()) -> InputRefused:
    """The refusal for one of the kinds above, with the files in it that may be what is meant."""
    code, sentence, advice = _KINDS[kind]
    if files:
        advice = f"Unpack it and give one of its files: {few(files, _NAMED)}."
    return InputRefused(sentence, code=code, advice=advice)


def refuse_private_key(text: str, field: str) -> None:
    """Raises `InputRefused` (`private-key`) where somebody put a private key into a name, a note or an address (D-07).

    Such texts are kept, in the audit for good.
    """
    if holds_private_key(text):
        code, _, advice = _KINDS["private key"]
        sentence = "This text holds a private key, and was not taken."
        raise InputRefused(sentence, code=code, advice=advice, fields=[FieldError(field, sentence)])


def nothing_known() -> InputRefused:
    """The refusal for what has no name."""
    return InputRefused(
        "This holds no certificate in a form that Trustyard reads.",
        code="no-certificate",
        advice="PEM, DER, base64, PKCS#7, PKCS#12 and JKS are read.",
    )


def kind_of_label(label: str) -> str | None:
    """The kind behind a PEM label, or None where the label has no meaning here."""
    if label in _LABELS:
        return _LABELS[label]
    if label.endswith("PRIVATE KEY"):
        return "private key"
    return "PGP" if label.startswith("PGP ") else None


def kind_of_text(data: bytes) -> str | None:
    """The kind that a text or a file of another sort gives away by how it begins."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16 text"
    if not data.strip(b"\0"):
        return "empty"
    if _is_utf_16(data[:64]):
        return "UTF-16 text"
    start = data[:2048].removeprefix(b"\xef\xbb\xbf").strip().lower()
    if not start:
        return "empty"
    if b"<html" in start or b"<!doctype html" in start:
        return "web page"
    if _KUBERNETES.search(data[:65_536]):
        return "Kubernetes"
    if start.startswith(_PRINTOUTS):
        return "printout"
    if _LIST.match(start) or start.startswith(b"{"):
        return _kind_of_json(data)
    return next((kind for beginning, kind in _BEGINNINGS if start.startswith(beginning)), None)


def _kind_of_json(data: bytes) -> str:
    if holds_encoded_pem(data):
        return "PEM in base64"
    return "JSON with x5c" if b'"x5c"' in data else "JSON"


def holds_encoded_pem(data: bytes) -> bool:
    """Whether a PEM text in base64 stands anywhere, as in settings and Secrets."""
    return _ENCODED_PEM in data


def is_text(data: bytes) -> bool:
    """Whether it begins as ASCII text does."""
    return _TEXT.fullmatch(data[:64]) is not None


def _is_utf_16(start: bytes) -> bool:
    """Whether most of every other octets are zero, and those between them text: binary files have zeros too."""
    return len(start) >= 4 and any(
        zeros.count(0) * 2 > len(zeros) and _TEXT.fullmatch(letters)
        for zeros, letters in ((start[1::2], start[::2]), (start[::2], start[1::2]))
    )


def kind_of_der(data: bytes) -> str | None:
    """What a DER structure is, judged by its shape: keys, requests, lists."""
    try:
        parts = der.read(data).expect(der.SEQUENCE).children()
        return _kind_of_parts(parts)
    except (ValueError, IndexError):
        return None


def _kind_of_parts(parts: list[der.Element]) -> str | None:
    tags = [part.tag for part in parts]
    if tags[:3] == [der.INTEGER, der.SEQUENCE, der.OCTET_STRING]:  # PKCS#8 (RFC 5208)
        return "private key"
    if tags[:2] == [der.INTEGER, der.OCTET_STRING]:  # EC (RFC 5915)
        return "private key"
    if len(tags) >= 6 and set(tags[:6]) == {der.INTEGER}:  # RSA (RFC 8017), DSA
        return "private key"
    if tags == [der.SEQUENCE, der.OCTET_STRING]:  # PKCS#8 encrypted (RFC 5958)
        return "encrypted private key"
    if tags == [der.SEQUENCE, der.BIT_STRING] or tags == [der.INTEGER, der.INTEGER]:
        return "public key"
    if tags == [der.SEQUENCE, der.SEQUENCE]:
        return _kind_of_two(*parts)
    return _kind_of_signed(parts[0]) if tags == [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING] else None


def _kind_of_signed(signed: der.Element) -> str | None:
    inner = [part.tag for part in signed.children()]
    if inner[:6] == [der.INTEGER, der.SEQUENCE, 0xA0, der.SEQUENCE, der.INTEGER, der.SEQUENCE]:  # RFC 5755, section 4.1
        return "attribute certificate"
    if inner[:3] == [der.INTEGER, der.SEQUENCE, der.SEQUENCE] and 0xA0 in inner[3:]:  # PKCS#10 (RFC 2986)
        return "certificate request"
    times = (der.UTC_TIME, der.GENERALIZED_TIME)
    if inner[:3] in ([der.SEQUENCE, der.SEQUENCE, t] for t in times) or inner[3:4] in ([t] for t in times):
        return "revocation list"
    return None


def _kind_of_two(store: der.Element, check: der.Element) -> str | None:
    """BCFKS: what is encrypted after its algorithm, then two algorithms and a MAC."""
    sealed, checked = [part.tag for part in store.children()], [part.tag for part in check.children()]
    both = sealed == [der.SEQUENCE, der.OCTET_STRING], checked == [der.SEQUENCE, der.SEQUENCE, der.OCTET_STRING]
    return "Bouncy Castle keystore" if all(both) else None
