"""The page of limits and the constants in the sources say the same."""

from __future__ import annotations

import ast
import importlib
import re

from .repository import modules, page

READERS = re.compile(
    r"src/trustyard/(pki/.*|sources/.*|api/bodies\.py|api/schemas/strict\.py|web/typed_json\.py|xds/.*"
    r"|gateways/((haproxy|agent)/.*|beside\.py|folders\.py)|server/agents/.*|server/backup/.*)"
)
ROW = re.compile(r"^\| `([\w/]+\.py)` \| `(_?MAX_\w+)` \| ([\d,.]+)\b[^|]*\| ([^|]+)\| ([^|]+)\|$", re.MULTILINE)


def constants() -> dict[tuple[str, str], float]:
    """Each `MAX_…` of a reader, by the module below `src/trustyard/`."""
    found = {}
    for name, tree, _ in modules():
        for node in tree.body if READERS.fullmatch(name) else ():
            for target in node.targets if isinstance(node, ast.Assign) else ():
                if isinstance(target, ast.Name) and target.id.lstrip("_").startswith("MAX_"):
                    module = importlib.import_module(name.removeprefix("src/").removesuffix(".py").replace("/", "."))
                    found[name.removeprefix("src/trustyard/"), target.id] = float(getattr(module, target.id))
    return found


def test_each_limit_of_a_reader_stands_in_the_manual_with_its_value() -> None:
    rows = {
        (module, name): float(value.replace(",", ""))
        for module, name, value, _, _ in ROW.findall(page("docs/limits.md"))
    }
    assert rows == constants()


SERVER_ROW = re.compile(r"^\| `((?:server|actions|xds)/[\w/]+\.py)` \| `(\w+)` \| ([\d,.]+)\b", re.MULTILINE)


def test_each_limit_of_the_server_in_the_manual_is_that_of_the_sources() -> None:
    rows = SERVER_ROW.findall(page("docs/limits.md"))
    assert len(rows) > 5
    for file, name, value in rows:
        module = importlib.import_module("trustyard." + file.removesuffix(".py").replace("/", "."))
        assert float(value.replace(",", "")) == getattr(module, name), name


def test_each_limit_says_what_it_guards_and_what_happens_beyond_it() -> None:
    text = page("docs/limits.md")
    assert len(ROW.findall(text)) == len(re.findall(r"\| `_?MAX_", text))
    codes = set(re.findall(r"^\| `([a-z0-9-]+)` \|", page("docs/errors.md"), re.MULTILINE))
    named = {code for row in ROW.findall(text) for code in re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", row[4])}
    assert named <= codes
    assert len(named) > 8
