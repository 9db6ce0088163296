"""Two aliases with the same file name: it holds only 32 bits of the alias's digest, so a collision can be searched for.

Only aliases that are not file names themselves are concerned; the others cost no query. The file name is stored with
the alias and found by an index. A node of an older version does not store it: `file_all` does so at the next clean-up,
and until then a release refuses the second alias.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trustyard import models
from trustyard.models.asking import ask
from trustyard.models.batches import batches
from trustyard.pki.filenames import SAFE, is_filename, safe_filename

Holder = tuple[str, str]  # the alias and the certificate
_OLDER = """
SELECT entry.id, other.alias FROM trustyard_entry entry
JOIN trustyard_entry other ON other.environment_id = entry.environment_id AND other.alias_file = entry.alias_file
WHERE other.id < entry.id AND entry.id IN ({}) ORDER BY other.id
"""


def stored(alias: str) -> str | None:
    """The file name to store with an alias; None where the alias is its own file name."""
    return None if is_filename(alias) else safe_filename(alias)


def holder(environment: models.Environment, alias: str, but: int | None = None) -> Holder | None:
    """Who has the file name of this alias in the environment, beside the entry `but`."""
    return holders([environment], [alias], but).get(safe_filename(alias))


def holders(
    environments: Iterable[models.Environment], aliases: Iterable[str], but: int | None = None
) -> dict[str, Holder]:
    """Who has the file name of one of these aliases in any of these environments, by the file name."""
    wanted = sorted({file for alias in aliases if (file := stored(alias))})
    if not wanted:
        return {}
    rows = models.Entry.objects.order_by().filter(environment__in=list(environments))
    rows = rows if but is None else rows.exclude(pk=but)
    found: dict[str, Holder] = {}
    for some in batches(wanted):
        for alias, certificate in rows.filter(alias_file__in=some).values_list("alias", "certificate__name"):
            found[safe_filename(alias)] = alias, certificate
    return {file: found[file] for file in wanted if file in found}


def file_all() -> int:
    """Stores the file names of aliases that an older version wrote; returns how many."""
    rows = models.Entry.objects.order_by("pk").exclude(alias_file=None, alias__regex=f"^{SAFE}$")
    wrong = [(pk, alias) for pk, alias, file in rows.values_list("pk", "alias", "alias_file") if file != stored(alias)]
    # A change made meanwhile has stored it already.
    return sum(models.Entry.objects.filter(pk=pk, alias=alias).update(alias_file=stored(alias)) for pk, alias in wrong)


def taken(alias: str, environment: str, held: Holder) -> str:
    """The sentence of the refusal: whose file name this alias would have."""
    other, certificate = held
    return f"The alias {alias} would have the file name of {other} of the certificate {certificate} in {environment}."


def older(entries: Iterable[int]) -> dict[int, str]:
    """By the ids of these entries: the oldest alias in the same environment that has the file name of theirs.

    Those that are alone with it, or the oldest themselves, are left out.
    """
    found: dict[int, str] = {}
    for some in batches(entries):
        for pk, alias in ask(_OLDER.format(", ".join(["%s"] * len(some))), some):
            found.setdefault(pk, alias)
    return found


def colliding(aliases: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of an alias and the earlier one whose file name it would have; `aliases` are given oldest first."""
    first: dict[str, str] = {}
    for alias in aliases:
        if not is_filename(alias) and (other := first.setdefault(safe_filename(alias), alias)) != alias:
            yield alias, other
