"""Every dependency is there for a stated reason, pinned by hash, and declared where it is imported."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .repository import modules, page, project

# Taken in with another dependency, and imported by name because it is that dependency's own interface.
COME_WITH = {"pydantic": "django-ninja", "click": "typer"}


def declared() -> list[Requirement]:
    data = project()["project"]
    lines = [*data["dependencies"], *(line for extra in data["optional-dependencies"].values() for line in extra)]
    return [Requirement(line) for line in lines]


def locked(name: str) -> dict[str, str]:
    pairs = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", page(name), re.MULTILINE)
    return {canonicalize_name(package): version for package, version in pairs}


def test_each_dependency_line_says_what_it_is_for() -> None:
    text = page("pyproject.toml")
    lines = re.findall(r'^\s+"([a-z0-9][^"]*[>=<][^"]*)",?(.*)$', text, re.MULTILINE | re.IGNORECASE)
    assert len(lines) > 30
    assert not [line for line, rest in lines if not re.search(r"#\s*\S.{5,}", rest)]


def test_the_run_time_lock_satisfies_every_dependency() -> None:
    pins = locked("requirements.lock")
    for requirement in declared():
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, requirement
        assert requirement.specifier.contains(version), requirement


def test_the_development_lock_holds_the_run_time_lock() -> None:
    development = locked("requirements-dev.lock")
    assert not {name: pin for name, pin in locked("requirements.lock").items() if development.get(name) != pin}
    assert not {name: pin for name, pin in locked("tools/setup.lock").items() if development.get(name) != pin}


def test_every_package_that_is_imported_is_declared() -> None:
    providers = importlib.metadata.packages_distributions()
    names = {canonicalize_name(requirement.name) for requirement in declared()}
    unknown = set()
    for module, tree, _ in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                tops = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                tops = {node.module.partition(".")[0]}
            else:
                continue
            for top in tops - set(sys.stdlib_module_names) - {"trustyard"}:
                sources = {canonicalize_name(name) for name in providers.get(top, [top])}
                if not sources & names and COME_WITH.get(top) not in names:
                    unknown.add(f"{module}: {top}")
    assert not unknown
