"""The kinds of gateways: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from trustyard.pki.content import Material

from . import files, haproxy
from .agent import AgentOptions
from .envoy.options import EnvoyOptions
from .places import Held, Place
from .receipts import Receipt

Deliver = Callable[[Material, Mapping[str, Any], Place], Receipt]
Settle = Callable[[Mapping[str, Any], Place], dict[str, Any]]
Holds = Callable[[Mapping[str, Any], Place], tuple[Held, ...]]


@dataclass(frozen=True)
class Kind:
    """A kind of gateway: a name, a title, typed options, and how a release gets there.

    `deliver` None: its nodes pull, and say by their stream what they have. `settle` judges options against the machine
    when they are saved, and answers them as they are kept; it raises Refused. `holds` says what of the machine no other
    gateway may have, of whatever kind. `token` is true where nodes come by themselves, with the
    token of a bootstrap. `names_follow` is false where a listener goes on advertising the CA names of its start, so
    that they prove nothing.
    """

    name: str
    title: str
    options: type[BaseModel]
    deliver: Deliver | None
    settle: Settle | None = None
    holds: Holds | None = None
    token: bool = False
    names_follow: bool = True


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("files", "Files in a folder", files.FilesOptions, files.deliver, files.settle, files.holds),
        Kind("envoy", "Envoy over ADS", EnvoyOptions, None, token=True),
        Kind(
            "haproxy",
            "HAProxy over its Runtime API",
            haproxy.HaproxyOptions,
            haproxy.deliver,
            haproxy.settle,
            haproxy.holds,
            names_follow=False,  # measured with 2.6.12: a commit over the Runtime API leaves the list as it was
        ),
        Kind("agent", "Agent on the gateway's host", AgentOptions, None, token=True),
    )
}
PUSHED = frozenset(kind.name for kind in KINDS.values() if kind.deliver is not None)  # the nodes of the others pull
