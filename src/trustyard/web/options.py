"""The form of a gateway kind's options, made from their schema, and what a person typed into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trustyard.errors import FieldError, Refused
from trustyard.gateways.kinds import KINDS


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


def controls(kind: str, options: Mapping[str, Any], typed: Mapping[str, Any]) -> list[Control]:
    """The controls of a kind, filled with what was typed last, else with the stored options, else with defaults."""
    if kind not in KINDS:
        return []
    schema = KINDS[kind].options.model_json_schema()
    required = set(schema.get("required", ()))
    return [_control(name, one, name in required, options, typed) for name, one in schema.get("properties", {}).items()]


def given(kind: str, typed: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a form says; an empty control is left out. Raises `Refused` for JSON that is none."""
    options: dict[str, Any] = {}
    for control in controls(kind, {}, {}):
        text = str(typed.get(control.name, "")).strip()
        if control.control == "check":
            options[control.name] = bool(text)
        elif text:
            options[control.name] = _json(control, text) if control.control == "json" else text
    return options


def _control(
    name: str, schema: Mapping[str, Any], required: bool, options: Mapping[str, Any], typed: Mapping[str, Any]
) -> Control:
    control = _kind_of(schema)
    value = typed.get(name, options.get(name, schema.get("default")))
    if control == "json" and not isinstance(value, str):
        value = json.dumps(value, indent=2, ensure_ascii=False) if value else ""
    examples = schema.get("examples") or [None]
    return Control(
        name,
        str(schema.get("title", name)),
        str(schema.get("description", "")),
        control,
        "" if value in (None, False) else str(value),
        required,
        tuple(map(str, schema.get("enum", ()))),
        json.dumps(examples[0], ensure_ascii=False) if examples[0] is not None else "",
    )


def _kind_of(schema: Mapping[str, Any]) -> str:
    kinds = {schema.get("type"), *(one.get("type") for one in schema.get("anyOf", ()))}
    if "enum" in schema:
        return "choice"
    if "boolean" in kinds:
        return "check"
    return "text" if kinds & {"string", "integer", "number"} else "json"


def _json(control: Control, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        sentence = f"{control.label}: this is not readable JSON."
        field = FieldError(f"options.{control.name}", sentence)
        raise Refused(sentence, code="bad-options", fields=[field]) from None
