"""Any input to certificates: PEM, DER, base64, PKCS#7, PKCS#12, JKS; everything else is refused by its name."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from trustyard.errors import InputRefused, Refused, TooLarge
from trustyard.pki import armour, der, foreign, keystores, pasted, pkcs7, pkcs12, refusals
from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.reading import KEY_DROPPED, MAX_CERTIFICATES, Notice, Reading, check_count, reading_of

__all__ = [
    "MAX_BYTES",
    "MAX_CERTIFICATES",
    "Notice",
    "Opened",
    "Reading",
    "open_file",
    "read_file",
    "read_paste",
    "read_presented",
]

MAX_BYTES = 10_000_000  # 10 MB a file

_TRUSTED = "TRUSTED CERTIFICATE"  # openssl's own: behind the certificate stands what it may be used for
_CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE", _TRUSTED)
_PKCS7_LABELS = ("PKCS7", "PKCS #7 SIGNED DATA", "CMS")
_SETTINGS = Notice(
    "passed-over",
    "The input also held openssl's trust settings, which were passed over. "
    "A certificate that openssl is told to reject is taken like any other.",
)
# A SEQUENCE of more than 127 bytes: no text begins so, whatever text stands in it.
_DER = re.compile(rb"\x30[\x80-\x84]")
_DER_FORMS = {"certificate": "der", "pkcs7": "pkcs7-der", "pkcs12": "pkcs12"}
_ONLY_BASE64 = re.compile(rb"[A-Za-z0-9+/_=\s-]+")
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u00a0"), " ")  # what web pages leave in copied text


@dataclass(frozen=True)
class Opened:
    """A file taken apart, its certificates not yet read: the DER of each, or why this one cannot be had."""

    format: str
    parts: tuple[bytes | InputRefused, ...]
    notices: tuple[Notice, ...] = ()


def read_file(data: bytes, password: str | None = None) -> Reading:
    """The certificates of a file, judged by its content alone: what its name ends in proves nothing.

    `password` is for PKCS#12 and Java keystores. Raises `TooLarge` over 10 MB and `InputRefused` for all that is
    no certificate, with the code and the name of what it is. Nothing of the content is ever in the message.
    """
    _check_size(len(data))
    opened = open_file(data, password)
    ders = []
    for part in opened.parts:
        if isinstance(part, InputRefused):
            raise part
        ders.append(part)
    return reading_of(opened.format, ders, opened.notices)


def open_file(data: bytes, password: str | None = None, most: int = MAX_CERTIFICATES) -> Opened:
    """As `read_file`, of any size and unread: in PEM a damaged block costs itself alone, its refusal is in its place.

    Raises `InputRefused` when the whole can be no container of certificates, or holds more than `most`.
    """
    if keystores.is_keystore(data):
        return _with_key("jks", *keystores.read(data, password), most)
    if _DER.match(data):
        return _open_der(data, password, _DER_FORMS, most)
    if (kind := foreign.kind_of_archive(data)) is not None:  # of what is packed a part may stand in the open
        raise refusals.refusal(kind, foreign.certificate_files(data))
    if armour.is_armoured(data) or armour.is_armoured(data := pasted.unescaped(data)):
        return _open_pem(data, most)
    if (kind := foreign.kind_of_file(data) or refusals.kind_of_text(data)) is not None:
        raise refusals.refusal(kind)
    if data[:1] == b"\x30" and not refusals.is_text(data):
        return _open_der(data, password, _DER_FORMS, most)
    if _is_base64(data):
        forms = {"certificate": "base64", "pkcs7": "base64", "pkcs12": "pkcs12"}
        return _open_der(_not_armoured(_decoded(data)), password, forms, most)
    if data.strip().startswith(b"MI") and _ONLY_BASE64.fullmatch(data):
        raise InputRefused(
            "This base64 is damaged: its length or its padding cannot be right.",
            code="bad-base64",
            advice="It was probably cut off; copy it again from its first to its last character.",
        )
    raise refusals.refusal("PEM in base64") if refusals.holds_encoded_pem(data) else refusals.nothing_known()


def read_paste(text: str, encoding: str) -> Reading:
    """The certificates of a pasted text in the encoding that the person chose (S-13).

    `BASE64` is base64 of DER without armour, line breaks allowed, one certificate (or a PKCS#7 structure);
    `BASE64PEM` has BEGIN and END lines. A text of the other encoding is refused with the name of what it looks like.
    """
    data = text.translate(_INVISIBLE).encode("utf-8", "replace")
    _check_size(len(data))
    if encoding not in ("BASE64", "BASE64PEM"):
        raise Refused("The encoding type is either BASE64 or BASE64PEM.", code="bad-encoding")
    if encoding == "BASE64" and armour.is_armoured(data):
        raise _mismatch("This text has BEGIN and END lines: it looks like BASE64PEM, not BASE64.", "BASE64PEM")
    if encoding == "BASE64PEM" and _is_base64(data):
        raise _mismatch("This text has no BEGIN and END lines: it looks like BASE64, not BASE64PEM.", "BASE64")
    return read_file(data)


def read_presented(ders: Sequence[bytes]) -> Reading:
    """What a server presented, in its order (format `connection`).

    An unreadable certificate behind the first costs itself alone and is named in a notice.
    """
    check_count(len(ders))
    certificates: list[Certificate] = []
    notices: list[Notice] = []
    for number, data in enumerate(dict.fromkeys(ders), 1):
        try:
            certificates.append(read_certificate(data))
        except InputRefused:
            if number == 1:
                raise
            message = f"Certificate {number} of those presented is not readable X.509 and was left out."
            notices.append(Notice("unreadable-certificate", message))
    if not certificates:
        raise InputRefused("The server presented no certificate.", code="no-certificate")
    return Reading("connection", tuple(certificates), tuple(notices))


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise TooLarge(f"This is larger than {MAX_BYTES // 1_000_000} MB, the limit for one file.")


def _open_pem(data: bytes, most: int) -> Opened:
    parts: list[bytes | InputRefused] = []
    others: list[armour.Block] = []
    form, settings = "", False
    for block in armour.walk(data):
        if isinstance(block, InputRefused):
            parts.append(block)
        elif block.label in (*_CERTIFICATE_LABELS, *_PKCS7_LABELS):
            its_form, found = _attempted(block)
            parts += found
            settings = settings or block.label == _TRUSTED
            form = its_form if not form else "pem-bundle"
        else:
            others.append(block)
        check_count(len(parts), most)
    kinds = [kind for block in others if (kind := refusals.kind_of_label(block.label)) is not None]
    if not parts and (parts := [*_under_other_labels(others[: most + 1])]):
        form = "pem" if len(parts) == 1 else "pem-bundle"
        check_count(len(parts), most)
    if not parts:
        raise refusals.refusal(kinds[0]) if kinds else refusals.nothing_known()
    return Opened(form, tuple(parts), (*_passed_over(kinds), *[_SETTINGS] * settings))


def _attempted(block: armour.Block) -> tuple[str, Sequence[bytes | InputRefused]]:
    """The format of a block, and what it holds, or why that cannot be had.

    Windows writes CERTIFICATE around whatever it encodes, among that the chain of its authority, which is a PKCS#7.
    """
    form = "pkcs7-pem" if block.label in _PKCS7_LABELS else "pem"
    try:
        data = block.der()
        element = _first_element(data)
        if form == "pkcs7-pem" or pkcs7.is_pkcs7(element):
            return "pkcs7-pem", pkcs7.read(element)
        return form, [element.raw if block.label == _TRUSTED else _certificate_of(data)]
    except InputRefused as refusal:
        return form, [refusal]


def _passed_over(kinds: list[str]) -> list[Notice]:
    """A notice for each kind of other thing in a PEM file, private keys under their own code."""
    notices: dict[str, Notice] = {}
    for kind in kinds:
        if kind.endswith("private key"):
            notices[KEY_DROPPED.code] = KEY_DROPPED
        else:
            notices[kind] = Notice("passed-over", f"The input also held a {kind}, which was passed over.")
    return list(notices.values())


def _certificate_of(data: bytes) -> bytes:
    """The DER of a CERTIFICATE block, if nothing follows it and it is nothing else that has a name."""
    _element(data)
    if (kind := refusals.kind_of_der(data)) is not None:
        raise refusals.refusal(kind)
    return data


def _under_other_labels(blocks: list[armour.Block]) -> list[bytes]:
    """Certificates in blocks whose label says nothing, where no other says more: Java looks at no label."""
    found = []
    for block in blocks:
        if refusals.kind_of_label(block.label) is None:
            with contextlib.suppress(InputRefused):
                found.append(read_certificate(block.der()).der)
    return found


def _first_element(data: bytes) -> der.Element:
    try:
        return der.read(data)
    except ValueError:
        raise _cut_off() from None


def _not_armoured(data: bytes) -> bytes:
    if not _DER.match(data) and armour.is_armoured(data):
        raise InputRefused(
            "This is base64 of a PEM text.", code="double-base64", advice="Decode it once and give the PEM text."
        )
    return data


def _open_der(data: bytes, password: str | None, forms: dict[str, str], most: int) -> Opened:
    element = _first_element(data)
    if pkcs7.is_pkcs7(element):  # what follows one is passed over, as openssl and Java do
        return _opened(forms["pkcs7"], pkcs7.read(element), most)
    _element(data)
    if pkcs12.is_pkcs12(element):
        return _with_key(forms["pkcs12"], *pkcs12.read(element, password), most)
    if (kind := refusals.kind_of_der(data)) is not None:
        raise refusals.refusal(kind)
    return _opened(forms["certificate"], [data], most)


def _element(data: bytes) -> der.Element:
    """The one element that the data is; cut-off data and trailing bytes are refused by name."""
    element = _first_element(data)
    if rest := len(data) - len(element.raw):
        raise InputRefused(
            f"After the end of the structure there {'is 1 byte' if rest == 1 else f'are {rest} bytes'} too many.",
            code="trailing-bytes",
            advice="Take the certificate from its source again; nothing may follow it.",
        )
    return element


def _cut_off() -> InputRefused:
    return InputRefused(
        "This is cut off: the structure announces more bytes than there are, or it is damaged.",
        code="cut-off",
        advice="Take it from its source again.",
    )


def _with_key(form: str, ders: list[bytes], with_key: bool, most: int) -> Opened:
    if not ders and with_key:
        raise refusals.refusal("private key")
    return _opened(form, ders, most, [KEY_DROPPED] if with_key else [])


def _opened(form: str, ders: list[bytes], most: int, notices: Sequence[Notice] = ()) -> Opened:
    check_count(len(ders), most)
    return Opened(form, tuple(ders), tuple(notices))


def _is_base64(data: bytes) -> bool:
    """Whether the whole is base64 of a DER structure or of PEM."""
    try:
        decoded = _decoded(data)
    except ValueError:
        return False
    return decoded[:1] == b"\x30" or armour.is_armoured(decoded)


def _decoded(data: bytes) -> bytes:
    return armour.decode(data.removeprefix(b"\xef\xbb\xbf").strip())


def _mismatch(sentence: str, encoding: str) -> InputRefused:
    return InputRefused(sentence, code="encoding-mismatch", advice=f"Choose {encoding} as the encoding type.")
