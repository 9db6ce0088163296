"""The root set of an environment: Mozilla's, an uploaded one or none, minus the deny list (D-16)."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import certifi

from trustyard import models
from trustyard.pki.certificates import Certificate
from trustyard.pki.containers import read_file


@functools.cache
def mozilla() -> tuple[Certificate, ...]:
    """The roots of the certifi package, read once in this process."""
    return read_file(Path(certifi.where()).read_bytes()).certificates


def of(environment: models.Environment) -> list[Certificate]:
    """The certificates of this environment's root set, without those on its deny list, each once."""
    return of_all([environment])[environment.pk]


def of_all(environments: Iterable[models.Environment]) -> dict[int, list[Certificate]]:
    """The same of many, by their ids, in a fixed number of queries."""
    places = list(environments)
    uploaded = {sha256 for place in places if place.root_set == "uploaded" for sha256 in place.uploaded_roots}
    rows = models.StoredCertificate.objects.in_bulk(uploaded)
    return {place.pk: _of(place, rows) for place in places}


def _of(environment: models.Environment, uploaded: Mapping[str, models.StoredCertificate]) -> list[Certificate]:
    denied = set(environment.deny_list)
    match environment.root_set:
        case "mozilla":
            roots = list(mozilla())
        case "uploaded":
            roots = [uploaded[sha256].read() for sha256 in environment.uploaded_roots if sha256 in uploaded]
        case _:
            roots = []
    return list({root.sha256: root for root in roots if root.sha256 not in denied}.values())


def keep(certificates: list[Certificate]) -> None:
    """Makes sure that the DER of each is stored, so that a release can be built from it years later."""
    known = set(
        models.StoredCertificate.objects.filter(pk__in=[c.sha256 for c in certificates]).values_list("pk", flat=True)
    )
    models.StoredCertificate.keep_all(c for c in certificates if c.sha256 not in known)


def holds(environment: models.Environment, sha256: str) -> bool:
    """Whether this certificate is in the environment's root set. Asks the database nothing."""
    return sha256 in _digests(environment) and sha256 not in environment.deny_list


def count(environment: models.Environment) -> int:
    """How many `of` answers. Asks the database nothing."""
    return len(set(_digests(environment)).difference(environment.deny_list))


def _digests(environment: models.Environment) -> Collection[str]:
    match environment.root_set:
        case "mozilla":
            return mozilla_digests()
        case "uploaded":
            uploaded: list[str] = environment.uploaded_roots
            return uploaded
    return ()


def subjects(environment: models.Environment) -> frozenset[str]:
    """The subjects (RFC 4514) of the environment's root set."""
    if environment.root_set == "mozilla":
        return _mozilla_subjects(frozenset(environment.deny_list))
    return frozenset(root.facts.subject for root in of(environment))


@functools.lru_cache(maxsize=64)
def _mozilla_subjects(denied: frozenset[str]) -> frozenset[str]:
    return frozenset(root.facts.subject for root in mozilla() if root.sha256 not in denied)


@functools.cache
def mozilla_digests() -> frozenset[str]:
    """The SHA-256 of each of Mozilla's."""
    return frozenset(root.sha256 for root in mozilla())
