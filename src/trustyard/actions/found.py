"""Loading by name, and the guards that every change shares: names not taken, versions not stale."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, Q, QuerySet

from trustyard import models
from trustyard.errors import Conflict, FieldError, NotFound, Refused, StaleVersion, VersionMissing
from trustyard.models.asking import ask
from trustyard.models.compiled import Compiled
from trustyard.models.versions import Versioned
from trustyard.pki.names import clean_name, fold
from trustyard.pki.refusals import refuse_private_key

from .gathering import Gathering

Row = TypeVar("Row", bound=Model)
MAX_DESCRIPTION = 4000
MAX_SEARCH = 1000  # characters; of tens of thousands SQLite says that it has no room, PostgreSQL takes seconds
_I = re.compile("[iIİı]")
_ENVIRONMENT = Compiled(lambda name_key: models.Environment.objects.filter(name_key=name_key))


def by_name(rows: QuerySet[Row], name: str, what: str) -> Row:
    """The row whose name is this one, compared without case (D-10). Raises `NotFound`."""
    row = rows.filter(name_key=fold(name)).first()
    if row is None:
        raise NotFound(f"There is no {what} {_named(name)}.")
    return row


def by_id(rows: QuerySet[Row], pk: int, what: str) -> Row:
    """The row of this number, for the console's addresses. Raises `NotFound`."""
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFound(f"This {what} does not exist, or exists no more.")
    return row


def locked(row: Row, what: str) -> Row:
    """The row as it is now, locked until the transaction ends. Raises `NotFound` when it was deleted meanwhile."""
    now = type(row)._default_manager.select_for_update(no_key=True).filter(pk=row.pk).first()
    if now is None:
        raise NotFound(f"There is no {what} named {row}.")
    return now


def alone_with(kids: Iterable[str]) -> None:
    """Makes others who write a JWK of one of these key IDs wait until the transaction ends: no constraint can say D-23.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor != "postgresql":
        return
    numbers = sorted({int.from_bytes(hashlib.sha256(kid.encode()).digest()[:8], signed=True) for kid in kids})
    if numbers:
        ask("SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) AS number", [numbers])  # in this order


def environment(name: str, field: str = "environment") -> models.Environment:
    """An environment defined beforehand (S-08). Raises `Refused` with its name in the message."""
    row = _ENVIRONMENT.one(models.Environment, fold(name))
    if row is None:
        sentence = f"There is no environment {_named(name)}."
        raise Refused(sentence, code="unknown-environment", fields=[FieldError(field, sentence)])
    return row


def environments(names: Iterable[str], field: str = "environments") -> list[models.Environment]:
    """As `environment`, of several. Raises `Refused` with all that are not there."""
    rows, given = [], Gathering()
    for name in names:
        with given.part():
            rows.append(environment(name, field))
    given.judge()
    return rows


def entry(certificate: str, place: str, within: str) -> models.Entry:
    """The entry of a certificate in an environment, with both and its X.509 certificate loaded.

    Raises `Refused` (`unknown-environment`, `unknown-certificate`) at the field `environment` or `certificate` of the
    object `within` the request body.
    """
    row = environment(place, f"{within}.environment")
    rows = models.Entry.objects.select_related("certificate", "environment", "x509")
    held = rows.filter(certificate__name_key=fold(certificate), environment=row).first()
    if held is None:
        sentence = f"There is no certificate {_named(certificate)} in {row.name}."
        raise Refused(sentence, code="unknown-certificate", fields=[FieldError(f"{within}.certificate", sentence)])
    return held


def _named(name: str) -> str:
    return f"named {name}" if name.strip() else "without a name"


def clean(name: str) -> tuple[str, str]:
    """The cleaned name and its key. Raises `Refused` for a bad name; a constraint refuses a taken one."""
    try:
        cleaned = clean_name(name)
    except Refused as error:
        error.fields = [FieldError("name", error.sentence)]
        raise
    return cleaned, fold(cleaned)


def free_name(rows: QuerySet[Any], name: str, what: str, *, but: int | None = None) -> tuple[str, str]:
    """The cleaned name and its key. Raises `Refused` for a bad name and `Conflict` for a taken one."""
    cleaned, key = clean(name)
    others = rows if but is None else rows.exclude(pk=but)
    stored = others.filter(name_key=key).values_list("name", flat=True).first()
    if stored is not None:
        raise taken(what, stored, cleaned)
    return cleaned, key


def taken(what: str, stored: str, given: str, field: str = "name") -> Conflict:
    """The error for a name that is taken, quoting it as it is stored."""
    sentence = f"There is already {_article(what)} {what} named {stored}{but_for_case(stored, given)}."
    return Conflict(sentence, code="name-taken", fields=[FieldError(field, sentence)])


def but_for_case(stored: str, given: str) -> str:
    """The words that explain why two names are one; none where they are spelt alike."""
    return "" if stored == given else "; case does not count"


def sought(text: str) -> str:
    """What is searched for, without space around it. Raises `Refused` where it is too long."""
    text = text.strip()
    if len(text) > MAX_SEARCH:
        sentence = f"A search is for at most {MAX_SEARCH} characters; a certificate is found by its SHA-256 too."
        raise Refused(sentence, code="bad-filter", fields=[FieldError("q", sentence)])
    return text


def named(text: str) -> Q:
    """Where the name holds the text, as names are compared or without case."""
    return Q(name_key__contains=fold(text)) | has("name", text)


def has(column: str, text: str) -> Q:
    """Where the column holds the text, without case, and the four Turkish letters i are one.

    A regular expression, for LIKE of SQLite knows the case of ASCII letters alone.
    """
    return Q((f"{column}__iregex", _I.sub(_I.pattern, re.escape(text))))


def description(text: str, field: str = "description") -> str:
    """A description, a reason or a note as it is kept.

    Raises `Refused` when it is too long, holds NUL, which PostgreSQL cannot keep, or a private key.
    """
    refuse_private_key(text, field)
    if len(text) > MAX_DESCRIPTION or "\x00" in text:
        sentence = f"A {field} is text of at most {MAX_DESCRIPTION} characters."
        raise Refused(sentence, code="bad-description", fields=[FieldError(field, sentence)])
    return text


def check_version(row: Versioned, if_match: str | None) -> None:
    """Judges `If-Match` (RFC 9110, section 13.1.1): missing raises `VersionMissing`, another `StaleVersion`."""
    if if_match is None:
        raise VersionMissing(
            "This change needs the header If-Match.", advice=f"Read the object first and send its ETag, now {row.etag}."
        )
    tags = [tag.strip() for tag in if_match.split(",")]
    if "*" not in tags and row.etag not in tags:
        raise stale()


def stale() -> StaleVersion:
    """The error for an object that was changed meanwhile."""
    return StaleVersion(
        "This was changed by somebody else meanwhile.",
        advice="Read it again, and repeat the change on what it is now.",
    )


def limits(holder: models.User | models.Token) -> list[str]:
    """The environments that someone is limited to (none: all). Older versions stored some for roles without limits."""
    return [place.name for place in holder.environments.all()] if holder.role == "operator" else []


def names(rows: Iterable[models.Environment]) -> list[str]:
    """The names of environments, for the permission table."""
    return [row.name for row in rows]


def _article(what: str) -> str:
    return "an" if what[0] in "aeio" else "a"  # a user
