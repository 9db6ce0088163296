"""The ground of everything that is given: no unknown member, no guessing of types, no NUL."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from trustyard.actions.found import MAX_SEARCH

MAX_FIELDS = 100  # of an object whose fields are known; the largest has a dozen


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("This text holds NUL.")
    return text


def is_version(text: str) -> bool:
    """Whether a preview or a refusal may have named this as its `version`."""
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


def _version(text: str) -> str:
    if not is_version(text):
        raise ValueError("This is no version that Trustyard named: one has 32 hexadecimal digits.")
    return text


# As answers have it, told to whoever generates a client: RFC 3339 in UTC, with `Z`.
When = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Version = Annotated[str, AfterValidator(_version)]
Text = Annotated[str, AfterValidator(_no_nul)]
Search = Annotated[Text, Field(max_length=MAX_SEARCH)]
# Longer than a name may be, so that the action's own sentence says what is wrong with it.
Name = Annotated[str, Field(max_length=1000, description="1-100 characters of any script.")]
Description = Annotated[str, Field(max_length=20_000)]
Sha256 = Annotated[str, Field(max_length=200, description="SHA-256 of the DER, in hex.")]


def _with_kind(value: Any) -> Any:
    # Where the kind is missing, pydantic does not say which there are; where it is none of them, it does.
    return {"kind": "", **value} if isinstance(value, dict) else value


OF_KINDS = BeforeValidator(_with_kind)


def whole_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model with each of its definitions in place of the `$ref`, so that it fits anywhere."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def put(value: Any) -> Any:
        if isinstance(value, list):
            return [put(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return put(parts[value["$ref"].rpartition("/")[2]])
        return {name: put(one) for name, one in value.items()}

    filled: dict[str, Any] = put(schema)
    return filled


class Given(BaseModel):
    """A JSON object of a request."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _of_few_fields(cls, value: Any) -> Any:
        # Each name that is not known would be a fault of its own, of a kilobyte.
        if isinstance(value, dict) and len(value) > MAX_FIELDS:
            raise ValueError("There are no objects here with so many fields.")
        return value


class Shown(BaseModel):
    """A JSON object of an answer."""

    model_config = ConfigDict(extra="forbid")


class Page(Shown):
    """A page of a list; `items` stand in the pages of the nouns."""

    next: str | None = Field(description="The cursor of the next page; null on the last one.")
    total: int = Field(ge=0, description="How many there are in all pages.")
