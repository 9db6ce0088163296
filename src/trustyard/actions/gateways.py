"""Gateways: consumers of an environment's releases, each of a kind and with options of that kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from pydantic import ValidationError

from trustyard import models
from trustyard.errors import Conflict, FieldError, Refused, sentence_of
from trustyard.gateways.agent.bootstrap import bootstrap as agent_bootstrap
from trustyard.gateways.kinds import KINDS
from trustyard.gateways.places import Held, Place
from trustyard.pki.hosts import host_port
from trustyard.pki.refusals import refuse_private_key

from . import audit, found, gateway_tokens, news, receipts
from .actors import Actor
from .gathering import Gathering
from .permissions import allowed, require
from .retries import retried

_listening: dict[str, str] = {}


def xds_listens_at(address: str) -> None:
    """Told by the server at its start: HOST:PORT of xDS, for bootstraps when no public xDS address is set."""
    _listening["xds"] = address


@retried
def create(
    actor: Actor, environment: str, *, name: str, kind: str, options: Mapping[str, Any] | None = None
) -> models.Gateway:
    """Adds a gateway. Raises `Refused` (kind, options that do not fit), `Conflict` (a name or directory taken)."""
    place = _place(environment)
    require(actor, "gateways.write", [place.name])
    row, given, looked = models.Gateway(environment=place, kind=kind), Gathering(), Looked()
    with given.part():
        row.options = _settled(row, checked_options(kind, options or {}))
        looked = _looked_around(row)
    with audit.transaction():
        if not given:
            with given.part():
                _check_free(actor, row, looked)
        with given.part():
            row.name, row.name_key = found.free_name(models.Gateway.objects.filter(environment=place), name, "gateway")
        given.judge()
        row.token_generation = gateway_tokens.generation()
        row.save()
        audit.record(actor, "gateway.create", "gateway", _full_name(row), after=fingerprint(row))
        news.tell(place.name)
        return row


@retried
def update(
    actor: Actor,
    environment: str,
    name: str,
    *,
    if_match: str | None,
    options: Mapping[str, Any] | None = None,
    new_token: bool = False,
) -> models.Gateway:
    """Gives a gateway other options, or another token, or both; its name and kind never change."""
    stored = get(actor, environment, name)
    require(actor, "gateways.write", [stored.environment.name])
    found.check_version(stored, if_match)
    if new_token:
        _check_rotation(actor, stored)  # before anything is written: all of a request is done, or nothing
    looked = Looked()
    if options is not None:
        wanted = copy(stored)
        wanted.options = _settled(stored, checked_options(stored.kind, options))
        looked = _looked_around(wanted)
    with audit.transaction():
        row = found.locked(stored, "gateway")
        found.check_version(row, if_match)
        before = fingerprint(row)
        if options is not None:
            had, row.options = _held(row, looked), wanted.options
            _check_free(actor, row, looked, had)
        if fingerprint(row) != before:
            row.version += 1
            row.save()
            receipts.forget(row)  # said about another place or another set of options
            audit.record(actor, "gateway.update", "gateway", _full_name(row), before=before, after=fingerprint(row))
        if new_token:
            _rotate(actor, row)
        news.tell(row.environment.name)
        return row


@retried
def delete(actor: Actor, environment: str, name: str, *, if_match: str | None) -> None:
    """Removes a gateway, its nodes and receipts. What the gateway itself has in force stays there."""
    stored = get(actor, environment, name)
    require(actor, "gateways.write", [stored.environment.name])
    found.check_version(stored, if_match)
    with audit.transaction():
        row = found.locked(stored, "gateway")
        found.check_version(row, if_match)
        full, before = _full_name(row), {"id": row.pk, **fingerprint(row)}
        receipts.forget(row)
        models.Gateway.objects.filter(pk=row.pk).delete()
        audit.record(actor, "gateway.delete", "gateway", full, before=before)
        news.tell(stored.environment.name)


@retried
def rotate_token(actor: Actor, environment: str, name: str) -> models.Gateway:
    """Makes the gateway's token another one; nodes with the old one are shut out. Raises `Refused`: a kind without."""
    stored = get(actor, environment, name)
    _check_rotation(actor, stored)
    with audit.transaction():
        row = found.locked(stored, "gateway")
        _rotate(actor, row)
        news.tell(row.environment.name)
        return row


def _check_rotation(actor: Actor, row: models.Gateway) -> None:
    require(actor, "gateways.bootstrap", [row.environment.name])
    if not has_token(row):
        sentence = f"The gateway {row.name} is of kind {row.kind}, which has no token; {_with_token()} have."
        raise Refused(sentence, code="no-token", fields=[FieldError("rotate_token", sentence)])


def _rotate(actor: Actor, row: models.Gateway) -> None:
    row.token_generation = gateway_tokens.generation()
    row.version += 1
    row.save()
    audit.record(actor, "gateway.rotate_token", "gateway", _full_name(row), after={"generation": row.token_generation})


def _with_token() -> str:
    return " and ".join(kind.name for kind in KINDS.values() if kind.token)


@dataclass(frozen=True)
class Bootstrap:
    """What a gateway starts with: the text of a configuration file, and its media type."""

    text: str
    media_type: str


def bootstrap(actor: Actor, environment: str, name: str, **wanted: str | None) -> Bootstrap:
    """The complete configuration of a gateway, its own token in it; each look is an audit event.

    `wanted` is for Envoy: `listen`, `cert`, `key`, `trust` and `mode` of `gateways.envoy.bootstrap`. Raises `Refused`.
    """
    row = get(actor, environment, name)
    require(actor, "gateways.bootstrap", [row.environment.name])
    given = {key: value for key, value in wanted.items() if value is not None}
    if row.kind == "envoy":
        made = _envoy_bootstrap(row, given)
    elif row.kind == "agent":
        made = _agent_bootstrap(row, {key for key in given if key != "mode"})
    else:
        sentence = f"A gateway of kind {row.kind} has no bootstrap; {_with_token()} have."
        raise Refused(sentence, code="no-bootstrap")
    with audit.transaction():
        audit.record(actor, "gateway.bootstrap", "gateway", _full_name(row))
    return made


def _envoy_bootstrap(row: models.Gateway, wanted: Mapping[str, str]) -> Bootstrap:
    from trustyard.gateways.envoy.bootstrap import bootstrap as write  # Envoy is an extra: loaded when it is used

    configuration = settings.TRUSTYARD
    address = configuration.xds_url or _listening.get("xds") or host_port(*configuration.xds_listen)
    text = write(
        row.environment.name,
        row.name,
        gateway_tokens.token_of(row, gateway_tokens.XDS),
        address,
        tls=configuration.xds_cert is not None,
        ca=configuration.xds_cert.read_text() if configuration.xds_cert else None,
        **wanted,
    )
    return Bootstrap(text, "application/yaml")  # RFC 9512


def _agent_bootstrap(row: models.Gateway, wanted: set[str]) -> Bootstrap:
    if wanted:
        sentence = "A listener is for Envoy; an agent has none."
        raise Refused(sentence, code="bad-bootstrap", fields=[FieldError(min(wanted), sentence)])
    configuration = settings.TRUSTYARD
    host, port = configuration.listen
    if not configuration.public_url and host in ("0.0.0.0", "::"):  # noqa: S104 - looked for, not listened on
        sentence = "Trustyard listens on every address: say in TRUSTYARD_PUBLIC_URL which one agents use."
        raise Refused(sentence, code="bad-bootstrap", fields=[FieldError("public_url", sentence)])
    address = configuration.public_url or f"http://{host_port(host, port)}"
    token = gateway_tokens.token_of(row, gateway_tokens.AGENT)
    return Bootstrap(agent_bootstrap(row.environment.name, row.name, token, address), "application/toml")


def get(actor: Actor, environment: str, name: str) -> models.Gateway:
    """The gateway of this name in the environment. Raises `NotFound`."""
    require(actor, "gateways.read")
    rows = models.Gateway.objects.filter(environment=_place(environment)).select_related("environment")
    return found.by_name(rows, name, "gateway")


def get_by_id(actor: Actor, pk: int) -> models.Gateway:
    """The gateway of this number. Raises `NotFound`."""
    require(actor, "gateways.read")
    return found.by_id(models.Gateway.objects.select_related("environment"), pk, "gateway")


def has_token(row: models.Gateway) -> bool:
    """Whether its nodes introduce themselves with a token, which its bootstrap holds."""
    return row.kind in KINDS and KINDS[row.kind].token


def fingerprint(row: models.Gateway) -> dict[str, Any]:
    """What audit events say of a gateway."""
    return {"kind": row.kind, "options": row.options}


def checked_options(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options by the kind's own schema. Raises `Refused` with each field at fault."""
    try:
        schema = KINDS[_kind(kind)].options
        refuse_private_key(json.dumps(dict(options)), "options")
        checked = dict(schema.model_validate(dict(options)).model_dump(mode="json"))
    except ValidationError as error:
        fields = [
            FieldError(".".join(["options", *(str(part) for part in one["loc"])]), _sentence(kind, one))
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise _misfit(kind, fields) from None
    if twice := _looked_at_twice(checked["probes"]):
        raise _misfit(kind, twice)
    return checked


def _sentence(kind: str, fault: Mapping[str, Any]) -> str:
    if fault["type"] != "extra_forbidden" or len(fault["loc"]) > 1:
        return sentence_of(fault)
    there = " and ".join(sorted(KINDS[kind].options.model_fields))
    return f"The kind {kind} has no option {fault['loc'][0]}; it has {there}."


def _looked_at_twice(probes: list[dict[str, Any]]) -> list[FieldError]:
    """Asked of what is given, not of what is stored: a look at a listener is one, and cannot mean two things."""
    addresses = [str(probe["address"]).lower() for probe in probes]
    return [
        FieldError(f"options.probes.{at}.address", f"{probes[at]['address']} is the address of an earlier probe too.")
        for at, address in enumerate(addresses)
        if address in addresses[:at]
    ]


def _misfit(kind: str, fields: list[FieldError]) -> Refused:
    return Refused(f"These options do not fit the kind {kind}.", code="bad-options", fields=fields)


def _place(environment: str) -> models.Environment:
    return found.by_name(models.Environment.objects.all(), environment, "environment")


def _kind(kind: str) -> str:
    if kind not in KINDS:
        sentence = f"A gateway's kind is one of {', '.join(KINDS)}."
        raise Refused(sentence, code="unknown-kind", fields=[FieldError("kind", sentence)])
    return kind


def _settled(row: models.Gateway, options: dict[str, Any]) -> dict[str, Any]:
    """The options judged against this machine, as they are kept."""
    settle = KINDS[row.kind].settle
    return settle(options, _where(row)) if settle else options


# What gateways have of this machine, by environment, kind and options.
Looked = dict[tuple[str, str, str], tuple[Held, ...]]


def _looked_around(row: models.Gateway) -> Looked:
    """What this gateway and all others have. To be asked before anything is locked: a disk may not answer for long."""
    looked = Looked()
    if KINDS[row.kind].holds:
        for one in (row, *_holding()):
            _held(one, looked)
    return looked


def _holding() -> QuerySet[models.Gateway]:
    kinds = [kind.name for kind in KINDS.values() if kind.holds]
    return models.Gateway.objects.filter(kind__in=kinds).select_related("environment")


def _check_free(actor: Actor, row: models.Gateway, looked: Looked, had: tuple[Held, ...] = ()) -> None:
    """Raises `Conflict` for what another gateway holds already. `had`: until now.

    Only gateways that were saved since everything was `looked` at are looked at here.
    """
    if KINDS[row.kind].holds is None:
        return
    # A place may be taken by a gateway of any environment, which no constraint can say: one at a time.
    list(models.Environment.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    held = _held(row, looked)
    for other in _holding().exclude(pk=row.pk):
        theirs = _held(other, looked)
        strange = other.environment_id != row.environment_id
        for ours in held:
            # Whoever operates both environments may let one HAProxy serve both, each by a CA file of its own.
            shared = ours.shared and (allowed(actor, "gateways.write", [other.environment.name]) or held == had)
            for one in theirs:
                if _clash(ours, one, strange=strange, shared=shared):
                    raise _taken(row, ours, one, other)


def _clash(ours: Held, theirs: Held, *, strange: bool, shared: bool) -> bool:
    """Whether two gateways may not both have it, of environments that are `strange` to each other or of one."""
    if not strange:  # one that writes into what another of its own environment keeps harms nobody else
        return ours == theirs and not ours.shared
    return ours.meets(theirs) and not (ours == theirs and shared)


def _taken(row: models.Gateway, ours: Held, theirs: Held, other: models.Gateway) -> Conflict:
    owner = f"the gateway {other.name} of {other.environment.name}"
    if ours.place == theirs.place:
        own = row.options.get(ours.option) is None
        place = "The environment's own folder" if own else ours.place
        sentence = f"{place} is taken by {owner}; name {f'a {ours.option}' if own else 'another place'}."
    else:
        lies = "lies in" if Path(ours.place).is_relative_to(theirs.place) else "holds"
        sentence = f"{ours.place} {lies} {theirs.place}, which is taken by {owner}; name another place."
    if ours.shared:
        sentence += " Somebody who operates both environments may name it in both."
    return Conflict(sentence, code="directory-taken", fields=[FieldError(f"options.{ours.option}", sentence)])


def _held(row: models.Gateway, looked: Looked) -> tuple[Held, ...]:
    key = row.environment.name, row.kind, json.dumps(row.options, sort_keys=True)
    if key not in looked:
        holds = KINDS[row.kind].holds if row.kind in KINDS else None
        try:
            looked[key] = holds(row.options, _where(row)) if holds else ()
        except ValidationError:  # stored by a newer or older Trustyard
            looked[key] = ()
    return looked[key]


def _where(row: models.Gateway) -> Place:
    configuration = settings.TRUSTYARD
    return Place(configuration.data_dir, row.environment.name, row.name, configuration.files_roots)


def _full_name(row: models.Gateway) -> str:
    return f"{row.environment.name}/{row.name}"
