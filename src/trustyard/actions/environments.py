"""Environments: made, described, given a root set, removed when nothing is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from pydantic import ValidationError

from trustyard import models
from trustyard.errors import EnvironmentInUse, FieldError, Refused, sentence_of
from trustyard.gateways import policies
from trustyard.models.environments import ROOT_SETS, TYPES
from trustyard.pki.containers import Reading, read_file
from trustyard.pki.names import fold

from . import audit, bound, found, news, roots
from .actors import Actor
from .gathering import Gathering
from .permissions import require
from .retries import retried

_SHOWN = 20  # of each sort that is in the way of a deletion
RootSet = str | bytes  # "none", "mozilla", or the PEM of an uploaded bundle


@retried
def create(
    actor: Actor,
    *,
    name: str,
    type: str = "test",
    description: str = "",
    root_set: RootSet = "none",
    deny_list: Sequence[str] = (),
    policy: Mapping[str, str] | None = None,
    publish_truststore: bool = False,
) -> models.Environment:
    """Makes an environment. Its name never changes. Raises `Refused`, `Conflict`."""
    require(actor, "environments.write")
    with audit.transaction():
        row, given = models.Environment(publish_truststore=publish_truststore), Gathering()
        with given.part():
            row.name, row.name_key = found.free_name(models.Environment.objects.all(), name, "environment")
        _describe(row, given, type, description, root_set, deny_list, policy)
        row.save()
        audit.record(actor, "environment.create", "environment", row.name, after=fingerprint(row))
        news.tell(row.name)
        return row


@retried
def update(
    actor: Actor,
    name: str,
    *,
    if_match: str | None,
    type: str | None = None,
    description: str | None = None,
    root_set: RootSet | None = None,
    deny_list: Sequence[str] | None = None,
    policy: Mapping[str, str] | None = None,
    publish_truststore: bool | None = None,
) -> models.Environment:
    """Changes what is given. A changed root set is in force with the environment's next release."""
    require(actor, "environments.write")
    stored = get(actor, name)
    found.check_version(stored, if_match)
    with audit.transaction():
        row = found.locked(stored, "environment")
        found.check_version(row, if_match)
        before = fingerprint(row)
        _describe(row, Gathering(), type, description, root_set, deny_list, policy)
        if publish_truststore is not None:
            row.publish_truststore = publish_truststore
        if fingerprint(row) != before:
            row.version += 1
            row.save()
            audit.record(actor, "environment.update", "environment", row.name, before=before, after=fingerprint(row))
            news.tell(row.name)
        return row


@retried
def delete(actor: Actor, name: str, *, if_match: str | None) -> None:
    """Removes an environment that nothing is in, and its releases. Raises `EnvironmentInUse` naming what is."""
    require(actor, "environments.write")
    stored = get(actor, name)
    found.check_version(stored, if_match)
    with audit.transaction():
        row = found.locked(stored, "environment")
        found.check_version(row, if_match)
        _check_unused(row)
        before = {"id": row.pk, **fingerprint(row)}
        bound.narrow(actor, row)
        models.Release.objects.filter(environment=row).delete()
        bound.remove(row)
        audit.record(actor, "environment.delete", "environment", row.name, before=before)


def get(actor: Actor, name: str) -> models.Environment:
    """The environment of this name. Raises `NotFound`."""
    require(actor, "environments.read")
    return found.by_name(models.Environment.objects.all(), name, "environment")


def get_by_id(actor: Actor, pk: int) -> models.Environment:
    """The environment of this number. Raises `NotFound`."""
    require(actor, "environments.read")
    return found.by_id(models.Environment.objects.all(), pk, "environment")


def find(actor: Actor, *, q: str = "") -> QuerySet[models.Environment]:
    """Environments by name, those with this text in their name or description."""
    require(actor, "environments.read")
    rows = models.Environment.objects.order_by("name_key")
    text = found.sought(q)
    if not text:
        return rows
    return rows.filter(found.named(text) | found.has("description", text))


def named_or_first(places: Sequence[models.Environment], name: str) -> models.Environment | None:
    """The one of this name, or without a name the one that was made first; None where there is no such one.

    For a form: where the one that it names is gone it says so, and chooses no other one.
    """
    if name:
        return next((place for place in places if fold(place.name) == fold(name)), None)
    return min(places, key=lambda place: place.pk, default=None)


def asked_or_first(actor: Actor, places: Sequence[models.Environment], name: str) -> models.Environment | None:
    """The same for what is shown of one: another one's rows are not taken for its own. Raises `NotFound`."""
    return get(actor, name) if name else named_or_first(places, name)


def environment_json(row: models.Environment) -> dict[str, Any]:
    """An environment as REST and the command line show it; an uploaded root set is named by its digests."""
    return {
        "name": row.name,
        "type": row.type,
        "description": row.description,
        "root_set": row.root_set,
        "roots": roots.count(row),
        "deny_list": row.deny_list,
        "policy": policies.of(row.policy, row.type).model_dump(),
        "publish_truststore": row.publish_truststore,
        "release": row.last_number or None,
        "version": row.version,
    }


def saved_json(row: models.Environment) -> dict[str, Any]:
    """An environment after a change, with what to know of a bundle that was given (D-07)."""
    return {**environment_json(row), "notices": [notice.json() for notice in row.notices]}


def fingerprint(row: models.Environment) -> dict[str, Any]:
    """What audit events say of an environment."""
    return {
        "type": row.type,
        "description": row.description,
        "root_set": row.root_set,
        "uploaded_roots": row.uploaded_roots,
        "deny_list": row.deny_list,
        "policy": row.policy,
        "publish_truststore": row.publish_truststore,
    }


def _check_unused(row: models.Environment) -> None:
    used = [
        *_some("certificate", row.entries.all(), "certificate__name"),
        *_some("gateway", row.gateways.all(), "name"),
        *_some("JWK", row.jwks.all(), "name"),
    ]
    if used:
        raise EnvironmentInUse(
            f"The environment {row.name} is in use by {', '.join(used)}.",
            advice="Remove these first.",
            extra={"used_by": used},
        )


def _some(what: str, rows: QuerySet[Any], name: str) -> list[str]:
    """The first of these by name, and how many more there are."""
    shown, more = rows.order_by(f"{name}_key").values_list(name, flat=True)[:_SHOWN], rows.count() - _SHOWN
    return [f"the {what} {one}" for one in shown] + [f"{more} more {what}s"] * (more > 0)


def _describe(
    row: models.Environment,
    given: Gathering,
    type: str | None,
    description: str | None,
    root_set: RootSet | None,
    deny_list: Sequence[str] | None,
    policy: Mapping[str, str] | None,
) -> None:
    """Takes what is given. Raises `Refused` with all that is wrong of it, and of what was gathered before."""
    with given.part():
        row.type = row.type if type is None else _type(type)
    with given.part():
        row.description = row.description if description is None else found.description(description)
    with given.part():
        if root_set is not None:
            _set_roots(row, root_set)
    with given.part():
        row.deny_list = row.deny_list if deny_list is None else _digests(deny_list)
    with given.part():
        row.policy = row.policy if policy is None else _policy({**row.policy, **policy})
    given.judge()


def _type(type: str) -> str:
    if type not in TYPES:
        sentence = f"The type of an environment is one of {', '.join(TYPES)}."
        raise Refused(sentence, code="bad-environment", fields=[FieldError("type", sentence)])
    return type


def _set_roots(row: models.Environment, root_set: RootSet) -> None:
    if isinstance(root_set, bytes):
        bundle = _bundle(root_set)
        certificates = list({c.sha256: c for c in bundle.certificates}.values())
        roots.keep(certificates)
        row.notices = bundle.notices
        row.root_set, row.uploaded_roots = "uploaded", [c.sha256 for c in certificates]
    elif root_set in ROOT_SETS and (root_set != "uploaded" or row.uploaded_roots):
        row.root_set = root_set
    else:
        sentence = "A root set is none, mozilla, or an uploaded bundle in PEM."
        if root_set == "uploaded":
            sentence = "No root certificates are uploaded here yet. Select the file that holds them."
        raise Refused(sentence, code="bad-environment", fields=[FieldError("root_set", sentence)])


def _bundle(data: bytes) -> Reading:
    try:
        return read_file(data)
    except Refused as error:
        error.fields = error.fields or [FieldError("root_set", error.detail)]
        raise


def _policy(given: Mapping[str, str]) -> dict[str, str]:
    try:
        policies.Policy.model_validate(dict(given))
    except ValidationError as error:
        fields = [FieldError(f"policy.{one['loc'][0]}", sentence_of(one)) for one in error.errors(include_url=False)]
        raise Refused("This policy cannot be taken.", code="bad-environment", fields=fields) from None
    return dict(given)


def _digests(deny_list: Sequence[str]) -> list[str]:
    digests = [text.replace(":", "").replace(" ", "").lower() for text in deny_list]
    for digest in digests:
        if len(digest) != 64 or any(c not in "0123456789abcdef" for c in digest):
            sentence = "The deny list names certificates by their SHA-256 in hex (64 digits)."
            raise Refused(sentence, code="bad-environment", fields=[FieldError("deny_list", sentence)])
    return list(dict.fromkeys(digests))
