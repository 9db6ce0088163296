"""The page of operations: each of its questions is answered, and each command on it is one that the program has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer.main

from trustyard.cli import app

from .repository import page

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


def lines() -> Iterator[list[str]]:
    """Every use of the program in a block or between backticks, as words."""
    text = page("docs/operations.md")
    found = re.findall(r"^```(?:sh)?\n(.+?)^```$", text, re.MULTILINE | re.DOTALL)
    for line in [line for block in found for line in block.splitlines()] + re.findall(r"`(trustyard [^`]+)`", text):
        for command in re.findall(r"(?:^|/| )trustyard ([a-z][^|>;]*)", line):
            words = ["1" if word == "N" else word for word in shlex.split(command)]
            if words and words[0] in typer.main.get_command(app).commands:  # type: ignore[attr-defined]  # a group
                yield words


def test_each_command_is_one_that_the_program_takes() -> None:
    taken = list(lines())
    assert len(taken) > 25
    for words in taken:
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands"):
            assert words[0] in command.commands, words
            command, words = command.commands[words[0]], words[1:]
        command.make_context("trustyard", words)
