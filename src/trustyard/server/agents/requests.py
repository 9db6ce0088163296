"""What agents ask and say, read strictly: anything else is a problem with a sentence."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trustyard.gateways.agent import wire
from trustyard.pki.readable import visible
from trustyard.server.answers import Answer, Scope, problem

VERSION = r"[1-9][0-9]{0,8}\.[0-9a-f]{64}"
MAX_NODE = 200


class Refusal(Exception):
    """The request is not taken; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Question:
    """What a node has dealt with already, how long it waits for news, and which of its processes asks.

    `edition` is that of the last answer: when it is another now, the node says again what it said.
    """

    node: str
    process: str
    have: str
    edition: str
    wait: float


class Word(BaseModel):
    """A receipt as an agent sends it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    node: str
    release: str = Field(pattern=f"^{VERSION}$")
    state: Literal["accepted", "refused", "unreachable"]
    words: str = Field(default="", max_length=wire.WORDS)
    milliseconds: int | None = Field(default=None, ge=0, le=2**31 - 1)


def question(scope: Scope) -> Question:
    """The query of a request for a release. Raises Refusal."""
    try:
        pairs = parse_qsl(scope["query_string"].decode("ascii"), errors="strict", max_num_fields=8)
        given = dict(pairs)
        wait = float(given.pop("wait", "0"))
    except ValueError:
        raise _bad("The query is not one of an agent.") from None
    have, process, edition = (given.pop(name, "") for name in ("have", "process", "edition"))
    found = Question(_node(given.pop("node", "")), process, have, edition, min(wait, wire.LONGEST_WAIT))
    if given or not wait >= 0:
        raise _bad("The query holds have, edition, node, process and wait, and nothing else.")
    if have and not re.fullmatch(VERSION, have):
        raise _bad("have is <number>.<digest> of a release.")
    if max(len(process), len(edition)) > wire.MOST_EDITION:
        raise _bad(f"process and edition have at most {wire.MOST_EDITION} characters.")
    return found


def name(scope: Scope) -> str:
    """What a stranger's query calls the node, for the log; empty where it does not say so."""
    with suppress(ValueError):
        given = dict(parse_qsl(scope["query_string"].decode("ascii"), max_num_fields=8))
        return visible(given.get("node", "")[:MAX_NODE])
    return ""


def word(body: bytes | bytearray) -> Word:
    """The body of a receipt. Raises Refusal."""
    try:
        given = Word.model_validate_json(bytes(body))
    except ValidationError as error:
        fields = ", ".join(sorted({str(one["loc"][0]) for one in error.errors() if one["loc"]}))
        raise _bad(f"This is not a receipt{f': look at {fields}' if fields else ''}.") from None
    _node(given.node)
    return given.model_copy(update={"words": _storable(given.words)})


def _node(name: str) -> str:
    if not 0 < len(name) <= MAX_NODE or not name.isprintable():
        raise _bad(f"node has 1 to {MAX_NODE} printable characters: give each agent a name of its own.")
    return name


def _storable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _bad(sentence: str) -> Refusal:
    return Refusal(problem(422, "bad-agent-request", "Bad request of an agent", sentence))
