"""The page of operations answers its questions, and each command on it and on the others is one that there is."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer.main

from trustyard.cli import app

from .repository import ROOT, files, page

QUESTIONS = (
    "Back up",
    "Restore",
    "Upgrade",
    "Roll back",
    "Rotate the secret key",
    "Add a node",
    "Read a refused receipt",
    "Find who changed what",
)


def test_each_question_has_its_answer_with_a_command() -> None:
    parts = dict(re.findall(r"^## (.+?)\n(.+?)(?=^## |\Z)", page("docs/operations.md"), re.MULTILINE | re.DOTALL))
    assert set(QUESTIONS) <= parts.keys()
    assert [question for question in QUESTIONS if "```sh\n" not in parts[question]] == []


@functools.cache
def program() -> Any:
    """The group of all commands."""
    return typer.main.get_command(app)


def commands(text: str) -> Iterator[list[str]]:
    """Every use of the program in these lines, as words."""
    for command in re.findall(r"(?:^|/| )trustyard ([a-z][^|>;\n]*)", text.replace("\\\n", ""), re.MULTILINE):
        if command.split()[0] in program().commands:
            whole = command.removesuffix("'") if command.count("'") % 2 else command  # the end of what a shell is given
            yield ["1" if word == "N" else word for word in shlex.split(whole, comments=True)]


def blocks(path: str) -> str:
    """What a page shows to be typed."""
    return "\n".join(re.findall(r"^ *```(?:sh)?\n(.+?)^ *```$", page(path), re.MULTILINE | re.DOTALL))


def takes(words: list[str]) -> None:
    command = program()
    while hasattr(command, "commands"):
        assert words[0] in command.commands, words
        command, words = command.commands[words[0]], words[1:]
    command.make_context("trustyard", words)


def test_each_command_is_one_that_the_program_takes() -> None:
    between = "\n".join(re.findall(r"`(trustyard [^`]+)`", page("docs/operations.md")))
    taken = list(commands(f"{blocks('docs/operations.md')}\n{between}"))
    assert len(taken) > 25
    for words in taken:
        takes(words)


def test_each_command_that_another_page_shows_is_one_too() -> None:
    pages = [str(path.relative_to(ROOT)) for path in files() if path.suffix == ".md" and path.name != "cli.md"]
    taken = [words for name in pages for words in commands(blocks(name))]
    assert len(taken) > 50
    for words in taken:
        takes(words)
