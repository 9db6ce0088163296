"""Two certificates compared: entries, what an entry's server presents now, or one out of any source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.pki.certificates import Certificate
from trustyard.pki.comparing import Comparison
from trustyard.pki.comparing import compare as compared
from trustyard.pki.reading import Notice
from trustyard.pki.sentences import few

from . import found, sources
from .actors import Actor
from .chains import brief
from .permissions import require

_NAMED = 10  # certificates of a chain, in one sentence


@dataclass(frozen=True)
class Stored:
    """A stored entry; with `live`, what its own server presents now instead of the stored certificate."""

    certificate: str
    environment: str
    live: bool = False


@dataclass(frozen=True)
class Given:
    """One certificate out of a source; `choose` is its SHA-256, where the source holds several."""

    source: sources.Source
    choose: str | None = None


Side = Stored | Given


@dataclass(frozen=True)
class Found:
    """A side as it was found: words that say where it is from, the certificate, and what to know of its source."""

    label: str
    certificate: Certificate
    notices: tuple[Notice, ...] = ()

    def json(self) -> dict[str, Any]:
        """The *ComparedSide* of the REST API."""
        return {
            "label": self.label,
            "certificate": brief(self.certificate, timezone.now()),
            "notices": [notice.json() for notice in self.notices],
        }


@dataclass(frozen=True)
class Compared:
    """Both sides, and how they differ."""

    left: Found
    right: Found
    comparison: Comparison
    notes: tuple[str, ...] = ()  # how the rest of the chain changed, where an entry meets its own server

    def json(self) -> dict[str, Any]:
        """The *Comparison* of the REST API."""
        return {
            "kind": self.comparison.kind,
            "same": self.comparison.same,
            "sentence": self.comparison.sentence,
            "left": self.left.json(),
            "right": self.right.json(),
            "rows": [vars(row) for row in self.comparison.rows],
            "notes": list(self.notes),
        }


def compare(actor: Actor, left: Side, right: Side) -> Compared:
    """What became of `left` in `right`. Nothing is stored.

    Stored entries are for all who may read certificates; a side that connects or reads a source is for those who may
    inspect. Raises `NotAllowed`, `Refused` and its kin, the fields at fault below `left` or `right`.
    """
    require(actor, "certificates.read")
    for side in (left, right):
        if isinstance(side, Given) or side.live:
            require(actor, "certificates.inspect")
    entries = {field: _entry(side, field) for field, side in (("left", left), ("right", right))}
    one, _ = _certificate(actor, left, entries["left"], "left")
    other, presented = _certificate(actor, right, entries["right"], "right")
    entry = entries["left"]
    notes: tuple[str, ...] = ()
    if entry is not None and presented is not None and presented.url == entry.source_url:
        notes = _chain_changes(entry, presented)
    return Compared(one, other, compared(one.certificate, other.certificate), notes)


def _chain_changes(entry: models.Entry, presented: sources.Chosen) -> tuple[str, ...]:
    """How the rest of the chain that the entry's server presents differs from what it was when the entry was stored."""
    own = {entry.x509_id, presented.certificate.sha256}
    now = {certificate.sha256: certificate.facts.certificate_name for certificate in presented.others}
    rows = models.StoredCertificate.objects.filter(pk__in=entry.chain).values_list("pk", "certificate_name")
    before = dict(rows)
    gone = sorted(name for sha256, name in before.items() if sha256 not in {*now, *own})
    come = sorted(name for sha256, name in now.items() if sha256 not in {*before, *own})
    said = (("It no longer presents", gone), ("It now presents besides", come))
    return tuple(f"{words}: {few(names, _NAMED)}." for words, names in said if names)


def _entry(side: Side, field: str) -> models.Entry | None:
    # What is stored is looked up before anybody connects: nobody should wait to learn of a name that is wrong.
    if isinstance(side, Given):
        return None
    entry = found.entry(side.certificate, side.environment, field)
    if side.live and not entry.source_url:
        where = f"{entry.certificate.name} in {entry.environment.name}"
        sentence = f"{where} came from no address, so there is no server to ask."
        advice = "Give an address or a file for the other side."
        raise Refused(sentence, code="no-address", advice=advice, fields=[FieldError(f"{field}.live", sentence)])
    return entry


def _certificate(
    actor: Actor, side: Side, entry: models.Entry | None, field: str
) -> tuple[Found, sources.Chosen | None]:
    """The side, and what a live server presented with it."""
    if entry is not None and not (isinstance(side, Stored) and side.live):
        return Found(f"{entry.certificate.name} in {entry.environment.name}", entry.x509.read()), None
    given = side if isinstance(side, Given) else Given(sources.Connection(entry.source_url if entry else ""))
    try:
        chosen = sources.choose(actor, given.source, given.choose)
    except Refused as error:
        live = [FieldError(f"{field}.live", error.sentence)]
        error.fields = live if isinstance(side, Stored) else sources.below(field, error)
        raise
    presented = chosen if isinstance(given.source, sources.Connection) else None
    return Found(_from(given.source, chosen.url), chosen.certificate, chosen.notices), presented


def _from(source: sources.Source, url: str) -> str:
    if url:
        return f"{url}, now" if isinstance(source, sources.Connection) else url
    if isinstance(source, sources.FileGiven):
        return source.filename or "a file"
    return "pasted text" if isinstance(source, sources.Paste) else "what was seen"
