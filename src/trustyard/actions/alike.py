"""Other entries with the same certificate or key, looked up for all entries of a page at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from trustyard import models
from trustyard.models.asking import Rows, database
from trustyard.models.inserting import ask_later
from trustyard.pki.sentences import few

MOST = 20  # entries of one key that are looked at: a maker of devices may have thousands
NAMED = 5  # others by name


class Other(NamedTuple):
    """An entry that is not revoked, as it is named."""

    key: str
    sha256: str
    pk: int
    environment_id: int
    environment: str
    alias_key: str
    alias: str
    certificate: str


class Alike(NamedTuple):
    """Entries of one key: all of them, or of many enough to name others; where there are `more`, the first met."""

    others: Sequence[Other]
    is_whole: bool
    more: bool = False


NOBODY = Alike((), is_whole=True)


def of_keys(keys: Iterable[str]) -> dict[str, Alike]:
    """By the SHA-256 of its key: the entries that hold a certificate of it, by alias. One query, or two."""
    return of_keys_later(keys)()


def of_keys_later(keys: Iterable[str]) -> Callable[[], dict[str, Alike]]:
    """As `of_keys`, with the next statement of the transaction under way: call the result after that."""
    rows = _later(_OF_KEYS, keys)
    return lambda: _alike(_by_key(rows()))


def _alike(found: Mapping[str, list[Other]]) -> dict[str, Alike]:
    alike, alone = {}, []
    for key, others in found.items():
        is_whole = len(others) <= MOST
        alike[key] = Alike(others[:MOST], is_whole, more=not is_whole)
        if not is_whole and len({other.sha256 for other in others}) <= NAMED:
            alone.append(key)  # one certificate in that many environments hides the others
    for key, others in _by_key(_later(_CERTIFICATES_OF_KEYS, alone)()).items():
        alike[key] = Alike(others[:MOST], is_whole=False, more=len(others) > MOST)
    return alike


def doubles(entries: Sequence[models.Entry], alike: Mapping[str, Alike]) -> dict[tuple[str, int], list[Other]]:
    """By certificate and environment: every entry that holds it there. One query where a key has many, else none."""
    whole = {key: one for key, one in alike.items() if one.is_whole}
    others = [other for one in whole.values() for other in one.others]
    left = {entry.x509_id for entry in entries if entry.x509.spki_sha256 in alike.keys() - whole.keys()}
    others += _in_order(_later(_OF_CERTIFICATES, left)())
    found: dict[tuple[str, int], list[Other]] = defaultdict(list)
    for other in others:
        found[other.sha256, other.environment_id].append(other)
    return found


def in_words(others: Iterable[tuple[str, str]]) -> str:
    """The first of these by alias and certificate, as they are named in a sentence."""
    return few([f"{alias} (certificate {certificate})" for alias, certificate in others], NAMED)


def named(subjects: Iterable[str]) -> set[tuple[str, int]]:
    """Which of these subjects (RFC 4514) a certificate of which environment has. One query."""
    return set(_later(_OF_SUBJECTS, subjects)())


def _by_key(rows: Rows) -> dict[str, list[Other]]:
    found: dict[str, list[Other]] = defaultdict(list)
    for other in _in_order(rows):
        found[other.key].append(other)
    return found


def _in_order(rows: Rows) -> list[Other]:
    return sorted(map(Other._make, rows), key=lambda other: (other.alias_key, other.environment_id))


def _later(statement: dict[str, str], values: Iterable[str]) -> Callable[[], Rows]:
    given = sorted(set(values))
    if not given:
        return list
    vendor = database().vendor
    return ask_later(statement[vendor], [given if vendor == "postgresql" else json.dumps(given)], prepared=True)


# The ORM knows no LATERAL, and without it a database reads all of a key to answer its first few.
_NAMED = """
    SELECT x509.spki_sha256, entry.x509_id, entry.id, entry.environment_id, environment.name,
        entry.alias_key, entry.alias, certificate.name
"""
_JOINED = """
    JOIN trustyard_storedcertificate x509 ON x509.sha256 = entry.x509_id
    JOIN trustyard_environment environment ON environment.id = entry.environment_id
    JOIN trustyard_certificate certificate ON certificate.id = entry.certificate_id
"""
_EACH = "SELECT named.* FROM unnest(%s::text[]) asked(value)"
_OF_KEY = "FROM trustyard_storedcertificate of_key WHERE of_key.spki_sha256 = asked.value"
_ALIVE = "FROM trustyard_entry held WHERE held.revoked_at IS NULL AND held.x509_id"


def _statements(met: str, looked_up: str = "") -> dict[str, str]:
    """For each of the given values, the entries whose numbers `met` answers; on PostgreSQL rather as `looked_up` says.

    Beyond OFFSET 0 PostgreSQL looks up what the row before names, and cannot begin there: a plan that was made while
    tables were small, and is kept, would read them whole until somebody counts them anew.
    """
    named = f"{_NAMED} FROM trustyard_entry entry {_JOINED}"
    return {
        "postgresql": f"{_EACH} CROSS JOIN LATERAL ({looked_up or met}) met"
        f" CROSS JOIN LATERAL ({named} WHERE entry.id = met.id OFFSET 0) named",
        # CROSS JOIN of SQLite keeps this order, so that each is looked up by what the one before names.
        "sqlite": f"{_NAMED} FROM json_each(%s) asked"
        f" CROSS JOIN trustyard_entry entry ON entry.id IN ({met}) {_JOINED.replace('JOIN', 'CROSS JOIN')}",
    }


_OF_KEYS = _statements(
    f"SELECT held.id {_ALIVE} IN (SELECT of_key.sha256 {_OF_KEY}) LIMIT {MOST + 1}",
    f"SELECT held.id FROM (SELECT of_key.sha256 {_OF_KEY} OFFSET 0) of_key"  # noqa: S608 - numbers of ours
    f" CROSS JOIN LATERAL (SELECT held.id {_ALIVE} = of_key.sha256 OFFSET 0) held LIMIT {MOST + 1}",
)
_CERTIFICATES_OF_KEYS = _statements(
    f"SELECT (SELECT min(held.id) {_ALIVE} = of_key.sha256) AS id {_OF_KEY}"
    f" AND EXISTS (SELECT 1 {_ALIVE} = of_key.sha256) LIMIT {MOST + 1}"
)
_OF_CERTIFICATES = _statements(
    f"SELECT held.id {_ALIVE} = asked.value",
    f"SELECT held.id {_ALIVE} = asked.value OFFSET 0",
)
# By their subject first: few are named so, and an environment may hold thousands.
_OF_SUBJECTS = {
    "postgresql": """
        SELECT DISTINCT asked.value, held.environment_id FROM unnest(%s::text[]) asked(value)
        CROSS JOIN LATERAL (
            SELECT sha256 FROM trustyard_storedcertificate WHERE subject = asked.value OFFSET 0
        ) x509
        CROSS JOIN LATERAL (
            SELECT environment_id FROM trustyard_entry WHERE x509_id = x509.sha256 AND revoked_at IS NULL OFFSET 0
        ) held
    """,
    "sqlite": """
        SELECT DISTINCT asked.value, held.environment_id FROM json_each(%s) asked
        CROSS JOIN trustyard_storedcertificate x509 ON x509.subject = asked.value
        CROSS JOIN trustyard_entry held ON held.x509_id = x509.sha256 AND held.revoked_at IS NULL
    """,
}
