"""Aliases that would have one file name: it keeps 32 bits of an alias's digest, so that a pair can be looked for.

Only of aliases that are no file names themselves; the others cost no query. The file name is stored with the alias and
looked up by an index. A node of a version before knows nothing of that: what it adds or changes is looked up from the
next clean-up on, and releases guard meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trustyard import models
from trustyard.models.batches import batches
from trustyard.pki.filenames import SAFE, is_filename, safe_filename

Holder = tuple[str, str]  # the alias and the certificate


def stored(alias: str) -> str | None:
    """What is kept of its file name: nothing where it is the alias itself."""
    return None if is_filename(alias) else safe_filename(alias)


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
    found: dict[str, Holder] = {}
    for some in batches(wanted):
        for alias, certificate in rows.filter(alias_file__in=some).values_list("alias", "certificate__name"):
            found[safe_filename(alias)] = alias, certificate
    return {file: found[file] for file in wanted if file in found}


def file_all() -> int:
    """Stores the file names of aliases that a version before wrote; answers how many."""
    rows = models.Entry.objects.order_by("pk").exclude(alias_file=None, alias__regex=f"^{SAFE}$")
    wrong = [(pk, alias) for pk, alias, file in rows.values_list("pk", "alias", "alias_file") if file != stored(alias)]
    # Whoever changed an alias meanwhile has stored it.
    return sum(models.Entry.objects.filter(pk=pk, alias=alias).update(alias_file=stored(alias)) for pk, alias in wrong)


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
