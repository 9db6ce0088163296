"""Search among certificates: text within names, facts and fingerprints, answered by indexes however many there are."""

from __future__ import annotations

import json

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from trustyard import models
from trustyard.pki.names import fold, search_fold

MOST_NAMED = 5_000  # found ones that are named one by one; where more fit, a page of them is soon met


def matching(rows: QuerySet[models.Certificate], text: str) -> QuerySet[models.Certificate]:
    """Those of the rows that hold the text in a name, description, alias, subject, issuer, serial, fingerprint or SAN.

    Few are looked up by the indexes first: a condition over three tables could use none of them. Of many, the page that
    is asked for is met soon enough on the way along the list's own order.
    """
    by_name, by_entry = _conditions(text)
    named = models.Certificate.objects.order_by().filter(by_name).values_list("pk")
    others = [models.Entry.objects.order_by().filter(one).values_list("certificate_id") for one in by_entry]
    found = {pk for (pk,) in named.union(*others, all=True)[: MOST_NAMED + 1]}
    if len(found) <= MOST_NAMED:
        return rows.filter(pk__in=_listed(found))
    entries = models.Entry.objects.filter(certificate=OuterRef("pk"))
    anywhere = Q()
    for one in by_entry:
        anywhere |= one
    return rows.filter(by_name | Exists(entries.filter(anywhere)))


def _listed(found: set[int]) -> RawSQL:
    """The numbers as one parameter: as many parameters as numbers take longer to send than to look up."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [sorted(found)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(sorted(found))])


def _conditions(text: str) -> tuple[Q, list[Q]]:
    """What a definition is found by, and what its entries are; each of these can use an index of its own."""
    folded = search_fold(text)
    by_entry = [Q(alias_key__contains=fold(text)), Q(x509__search_text__contains=folded)]
    digits = text.replace(":", "").replace(" ", "").lower()
    if digits and all(c in "0123456789abcdef-" for c in digits):
        by_entry.append(Q(x509__serial_hex__contains=digits.lstrip("0") or "0"))
        by_entry += [Q(x509__sha256__startswith=digits), Q(x509__sha1__startswith=digits)]
    return Q(search_text__contains=folded), by_entry
