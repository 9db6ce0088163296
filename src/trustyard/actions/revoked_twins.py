"""One certificate twice in an environment, revoked as one entry and trusted as another: said whenever that comes about.

Each entry has its own alias and is revoked by itself (D-13), while a gateway trusts the certificate by whichever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trustyard import models
from trustyard.models.compiled import Compiled
from trustyard.pki.containers import Notice

from . import alike, roots
from .entries import Planned

REVOKED_THERE = "revoked-there"
STILL_TRUSTED = "still-trusted"
_REVOKED = Compiled(
    lambda sha256: (
        models.Entry.objects.order_by("alias_key")
        .filter(x509=sha256, revoked_at__isnull=False)
        .values_list("environment_id", "certificate_id", "alias", "certificate__name")
    )
)


def still_trusted(entry: models.Entry) -> list[Notice]:
    """That the certificate of this entry is trusted in its environment by something else than this entry."""
    place = entry.environment
    doubles = alike.doubles([entry], alike.of_keys([entry.x509.spki_sha256])).get((entry.x509_id, place.pk), ())
    others = [(one.alias, one.certificate) for one in doubles if one.pk != entry.pk]
    ways = [f"as {alike.in_words(others)}: revoke it there too"] if others else []
    ways += ["as a root of its root set: put it on the deny list too"] * roots.holds(place, entry.x509_id)
    return [Notice(STILL_TRUSTED, f"The same certificate is still trusted in {place.name}, {way}.") for way in ways]


def revoked_there(saved: Iterable[tuple[models.Certificate, Iterable[Planned]]]) -> Callable[[], list[Notice]]:
    """That what was chosen for one of these is revoked in the same environment as an entry of another certificate.

    It is asked with the next statement of the transaction under way: call the result after that.
    """
    taken = [
        (certificate, planned.environment, planned.chosen.certificate.sha256)
        for certificate, plans in saved
        for planned in plans
        if planned.chosen is not None
    ]
    asked = {sha256: _REVOKED.later(sha256) for _, _, sha256 in taken}

    def told() -> list[Notice]:
        found = {sha256: rows() for sha256, rows in asked.items()}
        return [
            Notice(REVOKED_THERE, f"The same certificate is revoked in {place.name} as {alike.in_words(others)}.")
            for certificate, place, sha256 in taken
            if (others := [row[2:] for row in found[sha256] if row[0] == place.pk and row[1] != certificate.pk])
        ]

    return told
