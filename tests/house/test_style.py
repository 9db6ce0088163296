"""How modules look: one line says each one's job, none is endless, and the core looks at no clock."""

from __future__ import annotations

import ast
import re

from .repository import modules, page

LONGEST = 400
PROMISING = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def test_every_module_has_a_docstring_whose_first_line_says_its_job() -> None:
    found = []
    for name, tree, _ in modules():
        first, _, rest = (ast.get_docstring(tree) or "").partition("\n")
        if not first.endswith(".") or (rest and not rest.startswith("\n")):
            found.append(name)
    assert not found


def test_no_module_is_longer_than_it_can_be_read() -> None:
    assert not [name for name, _, text in modules() if text.count("\n") > LONGEST]


def test_the_core_takes_the_moment_as_an_argument() -> None:
    clock = re.compile(r"\b(?:datetime|date)\.(?:now|utcnow|today)\(|\btime\.(?:time|monotonic)\(")
    assert not [name for name, _, text in modules() if "/pki/" in name and clock.search(text)]


def test_every_ignored_rule_says_why() -> None:
    bare = re.compile(r"#\s*(?:noqa|type:\s*ignore)(?::\s*[A-Z0-9, ]+|\[[a-z, -]+\])?\s*$", re.MULTILINE)
    assert not [f"{name}: {found.group()}" for name, _, text in modules() for found in bare.finditer(text)]


def test_every_public_function_of_the_promising_layers_says_what_it_promises() -> None:
    found = []
    for name, tree, _ in modules():
        if not re.search(r"/(?:pki|sources|gateways|actions)/", name):
            continue
        for node in tree.body:
            if isinstance(node, PROMISING) and not (node.name.startswith("_") or ast.get_docstring(node)):
                found.append(f"{name}: {node.name}")
    assert not found


def test_the_lint_configuration_gives_a_reason_for_each_ignored_rule() -> None:
    block = page("pyproject.toml").partition("\nignore = [\n")[2].partition("\n]")[0]
    lines = [line for line in block.splitlines() if line.strip()]
    assert lines
    assert all(re.search(r"#\s*\S.{5,}", line) for line in lines)
