"""What an import would store: what its environments hold already is left out, the rest gets names and aliases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trustyard import models
from trustyard.errors import Conflict, InputRefused, Refused
from trustyard.models.batches import batches
from trustyard.pki.certificates import Certificate as X509Certificate
from trustyard.pki.filenames import is_filename, safe_filename
from trustyard.pki.names import clean_name

from . import alias_files
from .entries import clean_alias
from .found import but_for_case, taken
from .gathering import Gathering
from .naming import Taken


@dataclass(frozen=True)
class Part:
    """One certificate of what was given, or why there is none.

    `name` and `alias` are kept as they were given; `stem` is what to name it after instead of its own name.
    """

    place: str
    content: bytes | InputRefused
    name: str | None = None
    alias: str | None = None
    stem: str = ""


@dataclass(frozen=True)
class Plan:
    """One certificate as it shall be stored, in the environments that lack it; `already` says which have it."""

    name: str
    alias: str
    certificate: X509Certificate
    places: tuple[models.Environment, ...]
    already: str = ""


def planned(
    places: Sequence[models.Environment],
    read: Mapping[int, tuple[Part, X509Certificate]],
    unread: Mapping[int, tuple[Part, Refused]],
) -> dict[int, Plan | Refused | Conflict]:
    """What becomes of each certificate, in the order of the numbers of `read`, and of `unread` all that is wrong.

    Call it within the transaction that writes them.
    """
    there = _there(places, [certificate.sha256 for _, certificate in read.values()])
    # Asked at once: thousands may be taken, and each number behind one would be a query of its own.
    names = Taken(models.Certificate.objects.order_by().values_list("name_key", "name"))
    aliases = Taken(
        models.Entry.objects.order_by().filter(environment__in=places).values_list("alias_key", "alias").distinct()
    )
    own = [_own(part, certificate) for part, certificate in read.values()]
    names.expect(own)
    aliases.expect(own)
    found: dict[int, Plan | Refused | Conflict] = {}
    # Names that were given stay as they are, so they come before those that can be changed.
    for index in sorted(read, key=lambda index: (read[index][0].name is None and read[index][0].alias is None, index)):
        part, certificate = read[index]
        held = {place.name: there[key] for place in places if (key := (place.pk, certificate.sha256)) in there}
        try:
            if len(held) == len(places):
                raise Refused(_already(held), code="already-there")
            name, alias = _named(part, certificate, names, aliases)
        except (Refused, Conflict) as error:
            found[index] = error
            continue
        lacking = tuple(place for place in places if place.name not in held)
        already = f"{_already(held)} It was stored in {', '.join(place.name for place in lacking)} alone."
        found[index] = Plan(name, alias, certificate, lacking, already if held else "")
    _leave_out_files(places, found)
    found |= {index: _all_wrong(part, error, names, aliases) for index, (part, error) in unread.items()}
    return dict(sorted(found.items()))


def _there(places: Sequence[models.Environment], hashes: Sequence[str]) -> dict[tuple[int, str], str]:
    """By environment and SHA-256 the name of the certificate that holds it there; of one that is not revoked first."""
    found: dict[tuple[int, str], str] = {}
    columns = ("environment_id", "x509_id", "certificate__name", "revoked_at")
    for some in batches(hashes):
        rows = models.Entry.objects.filter(environment__in=places, x509__in=some)
        for place, sha256, name, revoked_at in rows.values_list(*columns):
            if revoked_at is None:
                found[place, sha256] = name
            else:
                found.setdefault((place, sha256), f"{name}, revoked")
    return found


def _leave_out_files(places: Sequence[models.Environment], found: dict[int, Plan | Refused | Conflict]) -> None:
    """Puts a conflict in the place of each plan whose alias would have the file name of another one."""
    plans = [(index, plan.alias) for index, plan in found.items() if isinstance(plan, Plan)]
    files = alias_files.holders(places, (alias for _, alias in plans))
    for index, alias in plans:
        if is_filename(alias):
            continue
        other, _ = files.setdefault(safe_filename(alias), (alias, ""))
        if other != alias:
            sentence = f"The alias {alias} would have the file name of the alias {other}."
            found[index] = Conflict(sentence, code="alias-taken")


def _already(held: Mapping[str, str]) -> str:
    return f"Already in {', '.join(f'{place} as {name}' for place, name in held.items())}."


def _named(part: Part, certificate: X509Certificate, names: Taken, aliases: Taken) -> tuple[str, str]:
    """Its name and alias, taken from then on. Raises `Refused` and `Conflict` for given ones that cannot be."""
    wrong = Gathering()
    name, alias = _given(part, names, aliases, wrong)
    wrong.judge()
    own = name or _own(part, certificate)
    return names.take(name) if name else names.unique(own), aliases.take(alias) if alias else aliases.unique(own)


def _given(part: Part, names: Taken, aliases: Taken, wrong: Gathering) -> tuple[str | None, str | None]:
    """Its name and alias as they were given, if they were."""
    name = alias = None
    if part.name is not None:
        with wrong.part():
            name = clean_name(part.name)
            if (held := names.spelt(name)) is not None:
                raise taken("certificate", held, name)
    if part.alias is not None:
        with wrong.part():
            alias = clean_alias(part.alias, "alias")
            if (held := aliases.spelt(alias)) is not None:
                raise Conflict(f"The alias {held} is taken{but_for_case(held, alias)}.", code="alias-taken")
    return name, alias


def _all_wrong(part: Part, error: Refused, names: Taken, aliases: Taken) -> Refused | Conflict:
    """What is wrong with a certificate that could not be read, and with the name and alias that it was given."""
    wrong = Gathering(error)
    _given(part, names, aliases, wrong)
    return wrong.whole()


def _own(part: Part, certificate: X509Certificate) -> str:
    """The name that it brings along."""
    return part.name or part.stem or certificate.facts.certificate_name
