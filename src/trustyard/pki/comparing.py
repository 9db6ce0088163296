"""Two certificates side by side: every fact as a row, differences first, and one sentence on the kind of change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from trustyard.pki import extensionwords, oids
from trustyard.pki.certificates import Certificate, rfc3339
from trustyard.pki.distinguished import Name
from trustyard.pki.sentences import plural
from trustyard.pki.structure import Extension, Structure

_DAY = 86400
_ALTERNATIVE_NAMES = "2.5.29.17"
_STRING_TYPES = {
    0x0C: "UTF8String", 0x12: "NumericString", 0x13: "PrintableString", 0x14: "T61String", 0x16: "IA5String",
    0x1A: "VisibleString", 0x1C: "UniversalString", 0x1E: "BMPString",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One fact of both; an empty text: it is not there. `note` is a word or two on what became of it."""

    field: str
    left: str
    right: str
    same: bool
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """`kind` is `same`, `renewed`, `new-key`, `cross-signed`, `other-names`, `other-subject` or `changed`."""

    kind: str
    sentence: str
    rows: tuple[Row, ...]

    @property
    def same(self) -> bool:
        """Whether both are one certificate, byte for byte."""
        return self.kind == "same"

    @property
    def differences(self) -> tuple[Row, ...]:
        """The rows that differ; they come first in `rows`."""
        return tuple(row for row in self.rows if not row.same)

    @property
    def same_rows(self) -> tuple[Row, ...]:
        """The rows that do not differ."""
        return tuple(row for row in self.rows if row.same)


def compare(left: Certificate, right: Certificate) -> Comparison:
    """What became of `left` in `right`. Times in UTC, distances in whole days, hex in lower case."""
    rows = list(_rows(left, right))
    kind, sentence = _judged(left, right)
    return Comparison(kind, sentence, tuple(sorted(rows, key=lambda row: row.same)))  # sorting keeps the order within


def _rows(left: Certificate, right: Certificate) -> Iterator[Row]:
    a, b = left.facts, right.facts
    one, other = left.structure(), right.structure()
    yield from _name_rows("Subject", one.subject, other.subject)
    yield from _san_rows(left, right)
    yield from _name_rows("Issuer", one.issuer, other.issuer)
    yield _row("Serial number", a.serial_hex, b.serial_hex)
    yield _moment("Not before", a.not_before, b.not_before)
    yield _moment("Not after", a.not_after, b.not_after)
    lives = [(facts.not_after - facts.not_before).total_seconds() for facts in (a, b)]
    yield Row("Lifetime", _days(lives[0]), _days(lives[1]), lives[0] == lives[1], _longer(lives[1] - lives[0]))
    yield _row("Key", a.key.words, b.key.words)
    same_key = a.spki_sha256 == b.spki_sha256
    yield Row("Public key (SHA-256)", a.spki_sha256, b.spki_sha256, same_key, "" if same_key else "new key")
    yield _row("Signature algorithm", a.signature_algorithm, b.signature_algorithm)
    yield _row("Version", str(a.version), str(b.version))
    yield from _extension_rows(one, other)
    if one.tbs == other.tbs and one.signature != other.signature:
        yield _row("Signature value", one.signature.hex(), other.signature.hex())  # all else is the same
    yield _row("SHA-256", a.sha256, b.sha256)
    yield _row("SHA-1", a.sha1, b.sha1)


def _row(field: str, left: str, right: str) -> Row:
    return Row(field, left, right, left == right)


def _moment(field: str, left: datetime, right: datetime) -> Row:
    seconds = (right - left).total_seconds()
    return Row(field, rfc3339(left), rfc3339(right), left == right, _later(seconds))


def _name_rows(what: str, left: Name, right: Name) -> Iterator[Row]:
    """Attribute by attribute; then the order and the string types, where those alone tell the names apart."""
    before, after = _attributes(left), _attributes(right)
    for oid in dict.fromkeys([*before, *after]):
        yield _row(f"{what} {_label(oid)}", " + ".join(before.get(oid, [])), " + ".join(after.get(oid, [])))
    if not before and not after:
        yield Row(what, "(empty)", "(empty)", True)
    elif before == after:
        order = [", ".join("+".join(_label(a.oid) for a in rdn) for rdn in name) for name in (left, right)]
        kinds = [", ".join(_string_type(a.raw) for rdn in name for a in rdn) for name in (left, right)]
        if order[0] != order[1]:
            yield Row(f"{what}, order", order[0], order[1], False)
        elif kinds[0] != kinds[1]:
            yield Row(f"{what}, string types", kinds[0], kinds[1], False)


def _attributes(name: Name) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for rdn in name:
        for attribute in rdn:
            text = attribute.text if attribute.text is not None else f"#{attribute.raw.hex()}"
            found.setdefault(attribute.oid, []).append(text)
    return found


def _label(oid: str) -> str:
    return oids.ATTRIBUTES.get(oid, oid)


def _string_type(raw: bytes) -> str:
    return _STRING_TYPES.get(raw[0], f"tag {raw[0]:02x}") if raw else ""


def _san_rows(left: Certificate, right: Certificate) -> Iterator[Row]:
    before, after = dict.fromkeys(left.facts.sans), dict.fromkeys(right.facts.sans)
    for san in dict.fromkeys([*before, *after]):
        held = san in before, san in after
        note = "" if all(held) else "removed" if held[0] else "added"
        field = f"Alternative name {san.type}"
        yield Row(field, san.value if held[0] else "", san.value if held[1] else "", all(held), note)


def _extension_rows(left: Structure, right: Structure) -> Iterator[Row]:
    before, after = _by_oid(left.extensions), _by_oid(right.extensions)
    for oid in dict.fromkeys([*before, *after]):
        old, new = before.get(oid), after.get(oid)
        note = "" if old == new else "removed" if new is None else "added" if old is None else "changed"
        if oid == _ALTERNATIVE_NAMES and old and new and old[0].critical == new[0].critical:
            continue  # its names have rows of their own
        field = f"Extension {oids.EXTENSIONS.get(oid, '')} {oid}".replace("  ", " ")
        yield Row(field, _said(left, old), _said(right, new), old == new, note)


def _by_oid(found: Sequence[Extension]) -> dict[str, list[Extension]]:
    """By OID: broken certificates hold one twice."""
    grouped: dict[str, list[Extension]] = {}
    for extension in found:
        grouped.setdefault(extension.oid, []).append(extension)
    return grouped


def _said(structure: Structure, found: list[Extension] | None) -> str:
    return " and ".join(extensionwords.said(structure, extension) for extension in found or [])


def _judged(left: Certificate, right: Certificate) -> tuple[str, str]:
    a, b = left.facts, right.facts
    if left.der == right.der:
        return "same", "The same certificate."
    same_key, same_issuer = a.spki_sha256 == b.spki_sha256, a.issuer == b.issuer
    key = "same key" if same_key else "new key"
    issuer = "same issuer" if same_issuer else "another issuer"
    names = {(s.type, s.value) for s in a.sans}, {(s.type, s.value) for s in b.sans}
    validity = _validity((b.not_after - a.not_after).total_seconds())
    if a.subject != b.subject or not (a.subject or names[0] & names[1]):
        of = f"{b.certificate_name} instead of {a.certificate_name}"
        if b.certificate_name == a.certificate_name:
            of = b.subject or "no name in common"
        return "other-subject", f"Another subject: {of}; {key}, {issuer}."
    if names[0] != names[1]:
        changes = [f"{len(new)} {word}" for new, word in _moved(*names) if new]
        return "other-names", f"Other names: {' and '.join(changes)}; {key}, {issuer}, {validity}."
    if not same_key:
        return "new-key", f"New key, same names: {issuer}, {validity}."
    if not same_issuer:
        return "cross-signed", f"Same key and names from another issuer: {validity}."
    if (a.not_before, a.not_after) != (b.not_before, b.not_after):
        return "renewed", f"Renewed: same key, same issuer, {validity}."
    return "changed", "Issued anew: same key, same issuer, same names and dates, other details."


def _moved(before: set[tuple[str, str]], after: set[tuple[str, str]]) -> tuple[tuple[set[tuple[str, str]], str], ...]:
    return (after - before, "added"), (before - after, "removed")


def _validity(seconds: float) -> str:
    if not seconds:
        return "valid until the same moment"
    return f"valid {_longer(seconds)}" if seconds > 0 else f"ends {_later(seconds)}"


def _longer(seconds: float) -> str:
    return f"{_days(abs(seconds))} {'longer' if seconds > 0 else 'shorter'}" if seconds else ""


def _later(seconds: float) -> str:
    return f"{_days(abs(seconds))} {'later' if seconds > 0 else 'earlier'}" if seconds else ""


def _days(seconds: float) -> str:
    """Whole days; below one day hours, below an hour less than that."""
    days = round(seconds / _DAY)
    if abs(seconds) >= _DAY:
        return plural(days, "day")
    hours = int(abs(seconds) // 3600)
    return plural(hours, "hour") if hours else "less than an hour"
