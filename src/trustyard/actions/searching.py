"""Search among certificates: text within names, facts and fingerprints, answered by indexes however many there are."""

from __future__ import annotations

from django.db.models import Q

from trustyard import models
from trustyard.pki.names import fold, search_fold

from .counting import MOST, MOST_OF_LARGE, is_large
from .narrowing import MOST_NAMED, Fitting, everything, one_by_one, some


def matching(text: str, environment: models.Environment | None = None) -> Fitting:
    """Certificates that hold the text in a name, description, alias, subject, issuer, serial, fingerprint or SAN.

    Few are looked up by the indexes first: a condition over three tables could use none of them. Of many, the page that
    is asked for is met soon enough on the way along the list's own order. Where only one environment is asked for,
    others are not looked up.
    """
    by_name, by_entry = _conditions(text)
    large = is_large(models.Certificate)
    most = MOST_NAMED if large else MOST  # what a small table holds is counted by this look too
    found = _found(by_name, by_entry, environment, most, repeated=large)
    if len(found) <= (most if large else MOST_OF_LARGE):
        rows = some(found)
        return Fitting(rows, rows, few=True)
    anywhere = Q()
    for one in by_entry:
        anywhere |= one
    rows = one_by_one(everything().rows, models.Entry.objects.filter(anywhere), by_name)
    return Fitting(rows, some(found) if not large or len(set(found)) > MOST_OF_LARGE else rows)


def _found(
    by_name: Q, by_entry: list[Q], environment: models.Environment | None, most: int, *, repeated: bool
) -> list[int]:
    """The numbers of the first that are met by the indexes, one more than `most`; one may be `repeated`."""
    named, entries = models.Certificate.objects.order_by(), models.Entry.objects.order_by()
    if environment is not None:
        inside = entries.filter(environment=environment).values("certificate_id")
        named, entries = named.filter(pk__in=inside), entries.filter(certificate__in=inside)
    # Most stands in what certificates say: where that is enough, nothing else is looked through.
    first, *others = (entries.filter(one).values_list("certificate_id") for one in by_entry)
    met = first.union(*others, named.filter(by_name).values_list("pk"), all=repeated)
    return [pk for (pk,) in met[: most + 1]]


def _conditions(text: str) -> tuple[Q, list[Q]]:
    """What a definition is found by, and what its entries are; each of these can use an index of its own."""
    folded = search_fold(text)
    by_entry = [Q(x509__search_text__contains=folded), Q(alias_key__contains=fold(text))]
    digits = text.replace(":", "").replace(" ", "").lower()
    if digits and all(c in "0123456789abcdef-" for c in digits):
        by_entry.append(Q(x509__serial_hex__contains=digits.lstrip("0") or "0"))
        by_entry += [Q(x509__sha256__startswith=digits), Q(x509__sha1__startswith=digits)]
    return Q(search_text__contains=folded), by_entry
