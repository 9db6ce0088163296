"""Looking at a source: read it, remember what was seen for an hour, store nothing else."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from trustyard import models
from trustyard.errors import ChoiceNeeded, FieldError, InputRefused, Refused
from trustyard.pki.certificates import Certificate, facts_json, read_certificate
from trustyard.pki.chains import Offered, in_chain_order, preselected
from trustyard.pki.containers import Notice, Reading, read_file, read_paste, read_presented
from trustyard.sources.guard import Guard
from trustyard.sources.tls import fetch_chain

from .actors import Actor
from .outward import place
from .permissions import require

KEPT_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Connection:
    """A live server: `https://` or `ldaps://`."""

    url: str


@dataclass(frozen=True)
class FileGiven:
    """A file's bytes; the password opens PKCS#12 and JKS and is never kept."""

    filename: str
    data: bytes
    password: str | None = None


@dataclass(frozen=True)
class Paste:
    """Pasted text; `encoding` is BASE64 or BASE64PEM."""

    encoding: str
    content: str


@dataclass(frozen=True)
class Inspected:
    """What was seen before, by the token of that inspection."""

    token: str


@dataclass(frozen=True)
class Kept:
    """A certificate that the console's draft already holds, by its SHA-256."""

    sha256: str
    kind: str
    url: str = ""
    chain: tuple[str, ...] = ()


Source = Connection | FileGiven | Paste | Inspected | Kept


@dataclass(frozen=True)
class Seen:
    """What a source holds, and the token that brings it back."""

    token: str
    format: str
    kind: str
    url: str
    reading: Reading
    offered: list[Offered]
    preselected: Certificate | None

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the person should know (a private key was dropped)."""
        return self.reading.notices

    def json(self) -> dict[str, object]:
        """The *Inspection* of the REST API; each certificate also carries its `verdict`."""
        now = timezone.now()
        return {
            "format": self.format,
            "token": self.token,
            "certificates": [
                {**facts_json(o.certificate, now), "verdict": o.verdict, "end_entity": o.end_entity}
                for o in self.offered
            ],
            "preselected": self.preselected.sha256 if self.preselected else None,
            "notices": [notice.json() for notice in self.notices],
        }


@dataclass(frozen=True)
class Chosen:
    """One certificate out of a source, with what is kept of the source."""

    certificate: Certificate
    kind: str
    url: str
    chain: tuple[str, ...]
    others: tuple[Certificate, ...] = ()
    notices: tuple[Notice, ...] = ()


def look_at(actor: Actor, source: Source) -> Seen:
    """Reads a source and remembers it for an hour, for this actor alone. Raises `Refused` and its kin."""
    require(actor, "certificates.inspect")
    kind, url, reading = _read(actor, source)
    token = source.token if isinstance(source, Inspected) else _remember(actor, kind, url, reading)
    return Seen(token, reading.format, kind, url, reading, in_chain_order(reading.certificates), preselected(reading))


def _read(actor: Actor, source: Source) -> tuple[str, str, Reading]:
    """The kind, the address and what stands in the source. A refusal names the field of the source at fault."""
    try:
        return _opened(actor, source)
    except Refused as error:
        if not error.fields and (field := _at_fault(source, error.code)):
            error.fields = [FieldError(field, error.sentence)]
        raise


def _at_fault(source: Source, code: str) -> str:
    """The field of the source that a refusal is about; none for what stands in a file, however it came."""
    match source:
        case Connection():
            return "url"
        case FileGiven():
            return "password" if code in ("password-needed", "password-wrong") else ""
        case Paste():
            return "encoding" if code == "encoding-mismatch" else "content"
        case Inspected():
            return "token"
        case Kept():
            return ""


def _opened(actor: Actor, source: Source) -> tuple[str, str, Reading]:
    # The only outward read is that of a connection.
    match source:
        case Connection(url):
            return "connection", url, _fetched(actor, url)
        case FileGiven(_, data, password):
            return "file", "", read_file(data, password)
        case Paste(encoding, content):
            return "paste", "", read_paste(content, encoding)
        case Inspected(token):
            return _recall(actor, token)
        case Kept(sha256, kind, url):
            return kind, url, _kept(sha256)


def choose(actor: Actor, source: Source, sha256: str | None) -> Chosen:
    """The one certificate that is meant (D-08). Raises `ChoiceNeeded` with the list when that is not clear."""
    kind, url, reading = _read(actor, source)
    chosen = _named(reading, sha256) if sha256 else preselected(reading)
    if chosen is None:
        now = timezone.now()
        offered = in_chain_order(reading.certificates)
        raise ChoiceNeeded(
            f"This source holds {len(offered)} certificates, and which one is meant is not clear.",
            advice="Name one of them by its SHA-256 (choose).",
            fields=[FieldError("choose", "Choose one of the certificates.")],
            extra={
                "certificates": [{**facts_json(o.certificate, now), "verdict": o.verdict} for o in offered],
                "notices": [notice.json() for notice in reading.notices],
            },
        )
    chain = source.chain if isinstance(source, Kept) else tuple(c.sha256 for c in reading.certificates)
    others = tuple(c for c in reading.certificates if c.sha256 != chosen.sha256)
    return Chosen(chosen, kind, url, chain, others, reading.notices)


def below(place: str, error: Refused) -> list[FieldError]:
    """The fields of a refusal of `choose` where they were given: the choice stands beside the source."""
    fields = []
    for at in error.fields or [FieldError("", error.sentence)]:
        within = at.field if at.field == "choose" else f"source.{at.field}".rstrip(".")
        fields.append(FieldError(f"{place}.{within}".lstrip("."), at.message))
    return fields


def forget_expired() -> int:
    """Removes inspections whose hour is over; answers how many."""
    return models.Inspection.objects.filter(expires_at__lt=timezone.now()).delete()[0]


def _fetched(actor: Actor, url: str) -> Reading:
    configuration = settings.TRUSTYARD
    with place(actor):
        presented = fetch_chain(url, Guard(configuration.fetch_allow, configuration.fetch_deny))
    reading = read_presented(presented.ders)
    if not presented.notice:
        return reading
    notice = Notice("connection", presented.notice)
    return Reading(reading.format, reading.certificates, (*reading.notices, notice))


def _named(reading: Reading, sha256: str) -> Certificate:
    wanted = sha256.replace(":", "").lower()
    for certificate in reading.certificates:
        if certificate.sha256 == wanted:
            return certificate
    sentence = "The chosen certificate is not in this source."
    raise Refused(sentence, code="choice-unknown", fields=[FieldError("choose", sentence)])


def _remember(actor: Actor, kind: str, url: str, reading: Reading) -> str:
    token = secrets.token_urlsafe(24)
    models.Inspection.objects.create(
        token_sha256=hashlib.sha256(token.encode()).hexdigest(),
        owner=actor.key,
        format=reading.format,
        kind=kind,
        url=url,
        ders=[base64.b64encode(c.der).decode() for c in reading.certificates],
        notices=[notice.json() for notice in reading.notices],
        expires_at=timezone.now() + KEPT_FOR,
    )
    return token


def _recall(actor: Actor, token: str) -> tuple[str, str, Reading]:
    row = models.Inspection.objects.filter(
        token_sha256=hashlib.sha256(token.encode()).hexdigest(), owner=actor.key, expires_at__gt=timezone.now()
    ).first()
    if row is None:
        raise InputRefused(
            "This inspection is not known, belongs to somebody else or is older than an hour.",
            code="inspection-unknown",
            advice="Look at the source again.",
        )
    certificates = tuple(read_certificate(base64.b64decode(der)) for der in row.ders)
    notices = tuple(Notice(**n) for n in row.notices)
    return row.kind, row.url, Reading(row.format, certificates, notices)


def _kept(sha256: str) -> Reading:
    row = models.StoredCertificate.objects.filter(pk=sha256).first()
    if row is None:
        raise InputRefused("The draft's certificate is gone.", code="draft-gone", advice="Look at the source again.")
    return Reading("der", (row.read(),), ())
