"""The form of a gateway kind's options, made from their schema, and what a person typed into it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trustyard.errors import MISSING, FieldError, Refused, TrustyardError
from trustyard.gateways.kinds import KINDS

from . import typed_json


@dataclass(frozen=True)
class Control:
    """One option as a control: `text`, `check`, `choice` or `json`; `value` is what it shows."""

    name: str
    label: str
    hint: str
    control: str
    value: str
    required: bool
    choices: tuple[str, ...] = ()
    example: str = ""


def controls(kind: str, values: Mapping[str, str]) -> list[Control]:
    """The controls of a kind, filled with these texts."""
    required = set(_schema(kind).get("required", ()))
    return [_control(name, one, name in required, values.get(name, "")) for name, one in _properties(kind)]


def values(kind: str, options: Mapping[str, Any]) -> dict[str, str]:
    """What the controls hold, and send, for stored options; for what these do not say it is the default."""
    return {name: _text(_kind_of(one), options.get(name, one.get("default"))) for name, one in _properties(kind)}


def given(kind: str, typed: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a form says; an empty control is left out."""
    options: dict[str, Any] = {}
    for control in controls(kind, {}):
        text = str(typed.get(control.name, "")).strip()
        if control.control == "check":
            options[control.name] = bool(text)
        elif text:
            options[control.name] = _json(text) if control.control == "json" else text
    return options


def worded(kind: str, error: TrustyardError, typed: Mapping[str, Any]) -> TrustyardError:
    """The refusal of options in the words of the form: sentences that name the control."""
    if error.code != "bad-options":
        return error
    shown = {control.name: control for control in controls(kind, {})}
    fields = []
    for field in error.fields:
        of, _, path = field.field.partition(".")
        name, *within = path.split(".")
        label, message = shown[name].label if name in shown else name, field.message
        text = str(typed.get(name, ""))
        if name in shown and shown[name].control == "json" and text and _json(text) == text:
            message = "this is not readable JSON."
        fields.append(FieldError(f"options.{name}", _sentence(label, within, message)) if of == "options" else field)
    fields.sort(key=lambda field: field.field.startswith("options."))  # as they stand in the form
    first = [field.message for field in fields][:3]  # all of them are at the controls
    return Refused(" ".join(first), code=error.code, fields=fields)


def _sentence(label: str, within: list[str], message: str) -> str:
    """What is wrong about an option, or inside of it: `within` is the way there, such as 0 and address."""
    path = [f"entry {int(part) + 1}" if part.isdecimal() else part for part in within]
    if message == MISSING:
        *path, last = [label, *path]
        return f"{', '.join(path)}: {last} is missing." if path else f"{last} is missing."
    return f"{', '.join([label, *path])}: {message.removesuffix('.')}."


@functools.cache
def _schema(kind: str) -> dict[str, Any]:
    return KINDS[kind].options.model_json_schema() if kind in KINDS else {}


def _properties(kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    return list(_schema(kind).get("properties", {}).items())


def _control(name: str, schema: Mapping[str, Any], required: bool, value: str) -> Control:
    examples = schema.get("examples") or [None]
    return Control(
        name,
        str(schema.get("title", name)),
        str(schema.get("description", "")),
        _kind_of(schema),
        value,
        required,
        tuple(map(str, schema.get("enum", ()))),
        json.dumps(examples[0], ensure_ascii=False) if examples[0] is not None else "",
    )


def _text(control: str, value: Any) -> str:
    if control == "check":
        return "yes" if value else ""
    if control == "json":
        return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
    return "" if value is None else str(value)


def _kind_of(schema: Mapping[str, Any]) -> str:
    kinds = {schema.get("type"), *(one.get("type") for one in schema.get("anyOf", ()))}
    if "enum" in schema:
        return "choice"
    if "boolean" in kinds:
        return "check"
    return "text" if kinds & {"string", "integer", "number"} else "json"


def _json(text: str) -> Any:
    """The value; of what is no JSON the text as it is, which no list is."""
    try:
        return typed_json.read(text)
    except ValueError:
        return text
