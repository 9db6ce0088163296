"""Aliases that would have one file name: it keeps 32 bits of an alias's digest, so that a pair can be looked for.

Only of aliases that are no file names themselves; the others cost no query. The file name is stored with the alias and
looked up by an index. A node of a version before knows nothing of that: what it adds has none, and is looked at in
full; an alias that it changed has that of the alias before until the next clean-up, and releases guard meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import F, Q, QuerySet

from trustyard import models
from trustyard.pki.filenames import is_filename, safe_filename

Holder = tuple[str, str]  # the alias and the certificate
_LOOKED_UP = 500  # values of one IN; SQLite has a limit


def stored(alias: str) -> str:
    """What is kept of its file name: nothing where it is the alias itself."""
    return "" if is_filename(alias) else safe_filename(alias)


def holder(environment: models.Environment, alias: str, but: int | None = None) -> Holder | None:
    """Who has the file name of this alias in the environment, beside the entry `but`."""
    return holders([environment], [alias], but).get(safe_filename(alias))


def holders(
    environments: Iterable[models.Environment], aliases: Iterable[str], but: int | None = None
) -> dict[str, Holder]:
    """Who has the file name of one of these aliases in any of these environments, by the file name."""
    wanted = sorted({file for alias in aliases if (file := stored(alias))})
    rows = models.Entry.objects.order_by().filter(environment__in=list(environments))
    rows = rows if but is None else rows.exclude(pk=but)
    found = {}
    for start in range(0, len(wanted), _LOOKED_UP):
        for alias, certificate in _perhaps(rows, wanted[start : start + _LOOKED_UP]):
            found[stored(alias)] = alias, certificate
    return {file: found[file] for file in wanted if file in found}


def _perhaps(rows: QuerySet[models.Entry], files: list[str]) -> Iterable[Holder]:
    """Alias and certificate of those that are said to have one of these, and of those of which it is not known."""
    columns = "alias", "certificate__name"
    known, unknown = rows.filter(alias_file__in=files), rows.filter(alias_file=None)
    return known.values_list(*columns).union(unknown.values_list(*columns), all=True)


def file_all() -> int:
    """Stores the file names of aliases that a version before wrote; answers how many."""
    rows = models.Entry.objects.order_by("pk").filter(Q(alias_file=None) | ~Q(filed_alias=F("alias")))
    count = 0
    for pk, alias in list(rows.values_list("pk", "alias")):
        same = models.Entry.objects.filter(pk=pk, alias=alias)  # else who changed it meanwhile has stored it
        count += same.update(alias_file=stored(alias), filed_alias=alias)
    return count


def taken(alias: str, environment: str, held: Holder) -> str:
    """The sentence that says so."""
    other, certificate = held
    return f"The alias {alias} would have the file name of {other} of the certificate {certificate} in {environment}."


def meeting(aliases: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Of aliases in the order of their age, each that would have the file name of an earlier one, and that one."""
    first: dict[str, str] = {}
    for alias in aliases:
        if not is_filename(alias) and (other := first.setdefault(safe_filename(alias), alias)) != alias:
            yield alias, other
