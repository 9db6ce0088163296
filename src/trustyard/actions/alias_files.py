"""Aliases that would have one file name: it keeps 32 bits of an alias's digest, so that a pair can be looked for.

Only of aliases that are no file names themselves; the others cost no query.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trustyard import models
from trustyard.pki.filenames import SAFE, is_filename, safe_filename

Holder = tuple[str, str]  # the alias and the certificate


def holder(environment: models.Environment, alias: str, but: int | None = None) -> Holder | None:
    """Who has the file name of this alias in the environment, beside the entry `but`."""
    return None if is_filename(alias) else holders([environment], but).get(safe_filename(alias))


def holders(environments: Iterable[models.Environment], but: int | None = None) -> dict[str, Holder]:
    """Who has which file name in any of these environments."""
    rows = models.Entry.objects.order_by().filter(environment__in=list(environments))
    rows = rows if but is None else rows.exclude(pk=but)
    odd = rows.exclude(alias__regex=rf"^{SAFE}$").values_list("alias", "certificate__name")
    return {safe_filename(alias): (alias, certificate) for alias, certificate in odd}


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
