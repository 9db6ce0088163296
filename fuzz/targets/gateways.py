"""What gateways and agents say, and what agents are told."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")  # `server` imports Django, which wants settings

from fuzz.counting import budget
from trustyard.errors import Refused
from trustyard.gateways.agent import configuration, wire
from trustyard.gateways.haproxy.runtime import Runtime, RuntimeRefused, are_just
from trustyard.pki.content import Content
from trustyard.pki.denyall import deny_all_der
from trustyard.server.agents import requests


class _Said(Runtime):
    """A HAProxy that answers this, whatever it is asked."""

    def ask(self, command: str, *, most: int = 0) -> str:
        """As from a socket."""
        return str(self.address).encode("utf-8", "surrogateescape").decode("utf-8", "replace").strip()


def haproxy_answer(data: bytes) -> None:
    """What answers at HAProxy's socket: greeting, list and transaction."""
    runtime = _Said(data.decode("utf-8", "surrogateescape"))
    with budget(len(data)):
        for ask in (
            runtime.greet,
            lambda: are_just(runtime.listed("x"), [deny_all_der()]),
            lambda: runtime.replace("x", [deny_all_der()]),
        ):
            with suppress(RuntimeRefused):
                ask()


def agent_request(data: bytes) -> None:
    """The query and the receipt of an agent: what can be stored and compared, or a refusal."""
    with suppress(requests.Refusal), budget(len(data)):
        asked = requests.question({"query_string": data})
        assert 0 <= asked.wait <= wire.LONGEST_WAIT
        assert asked.node.isprintable()
        asked.node.encode()
    with suppress(requests.Refusal), budget(len(data)):
        said = requests.word(data)
        assert "\0" not in said.words
        said.model_dump_json().encode()
    assert requests.name({"query_string": data}).isprintable()


def agent_release(data: bytes) -> None:
    """`wire.unpacked`, also with the digest that fits: a release that is packed as the same one, or a refusal."""
    for given in (data, _with_its_digest(data)):
        with suppress(wire.Unreadable), budget(len(given)):
            found = wire.unpacked(given)
            again = wire.unpacked(wire.packed(found.material, allow_older=found.allow_older))
            assert again.version == found.version


def _with_its_digest(data: bytes) -> bytes:
    try:
        value = json.loads(data)
        value["digest"] = Content.from_json(value["content"]).digest()
        return json.dumps(value).encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return b""


def agent_file(data: bytes) -> None:
    """The file of an agent: a configuration whose paths and words a program can be given, or a refusal."""
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(data)
        file.flush()
        with suppress(Refused):
            given = configuration.read(Path(file.name))
            assert "\\u0000" not in given.model_dump_json()
