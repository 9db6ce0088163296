"""The kinds of gateways: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from trustyard.pki.content import Material

from .envoy.options import EnvoyOptions
from .files import FilesOptions, deliver
from .places import Place
from .receipts import Receipt

Deliver = Callable[[Material, Mapping[str, Any], Place], Receipt]


@dataclass(frozen=True)
class Kind:
    """A kind of gateway. `deliver` None: its nodes pull, and say by their stream what they have."""

    name: str
    title: str
    options: type[BaseModel]
    deliver: Deliver | None
    manual: str


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("files", "Files in a folder", FilesOptions, deliver, "docs/gateways/files.md"),
        Kind("envoy", "Envoy over ADS", EnvoyOptions, None, "docs/gateways/envoy.md"),
    )
}
