"""One key ID names one key in an environment, but for the same key with another `use` (D-23)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from trustyard import models
from trustyard.errors import Conflict, FieldError
from trustyard.pki.reading import Notice
from trustyard.pki.sentences import few

_NAMED = 5


def check(jwks: Sequence[models.Jwk]) -> None:
    """Raises `Conflict` (`kid-taken`) where one of these has the key ID of another.

    Judges these as they are here, beside all others as they are stored: two keys may swap their IDs in one change.
    """
    for jwk, twin in rivals(jwks, [*jwks, *others_named_so(jwks, beside=jwks)]):
        sentence = has_it(twin, jwk)
        raise Conflict(sentence, code="kid-taken", advice="Give another key ID.", fields=[FieldError("kid", sentence)])


def told(jwk: models.Jwk) -> list[Notice]:
    """That its key is published under another key ID already, in an environment of its own."""
    key = key_members(jwk.public)
    found = {f"public__{name}": key[name] for name in ("n", "x", "pub") if name in key}
    rows = models.Jwk.objects.filter(**found, environments__in=jwk.environments.all(), state="active")
    twins = [
        twin for twin in rows.exclude(pk=jwk.pk).distinct() if twin.kid != jwk.kid and key_members(twin.public) == key
    ]
    named = few([f"{twin.name} ({twin.kid})" for twin in twins], _NAMED)
    sentence = f"This key is published in an environment of this JWK already, under another key ID: {named}."
    return [Notice("key-published-twice", sentence)] if twins else []


def has_it(twin: models.Jwk, jwk: models.Jwk) -> str:
    """The sentence that says which JWK has the key ID."""
    return f"The JWK {twin.name} has the key ID {jwk.kid} in an environment of {jwk.name} already."


def rivals(jwks: Sequence[models.Jwk], others: Iterable[models.Jwk]) -> Iterator[tuple[models.Jwk, models.Jwk]]:
    """Each of these with one of the others whose key ID it may not share."""
    twins: dict[str, list[models.Jwk]] = {}
    for other in others:
        twins.setdefault(other.kid, []).append(other)
    for jwk in jwks:
        for twin in twins.get(jwk.kid, []):
            if twin.pk != jwk.pk and _are_taken_for_another(twin, jwk):
                yield jwk, twin


def others_named_so(jwks: Sequence[models.Jwk], *, beside: Sequence[models.Jwk]) -> Iterable[models.Jwk]:
    """The stored JWKs, but for those beside, that have a key ID of these in an environment of these."""
    places = {place.pk for jwk in jwks for place in jwk.environments.all()}
    rows = models.Jwk.objects.filter(kid__in={jwk.kid for jwk in jwks}, environments__in=places)
    rows = rows.exclude(pk__in=[jwk.pk for jwk in beside]).order_by("name_key")
    return rows.distinct().prefetch_related("environments")


def _are_taken_for_another(one: models.Jwk, other: models.Jwk) -> bool:
    """Whether two JWKs of one environment have the same key ID, so that a verifier cannot tell which one is meant."""
    if one.use != other.use and key_members(one.public) == key_members(other.public):
        return False
    return not {place.pk for place in one.environments.all()}.isdisjoint(place.pk for place in other.environments.all())


def key_members(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """The members that are the key itself."""
    return {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e", "pub") if name in jwk}
