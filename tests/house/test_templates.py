"""Rules about the console's templates that no page alone can show."""

from __future__ import annotations

import re

from .repository import ROOT

TEMPLATES = ROOT / "src" / "trustyard" / "web" / "templates"
BUTTON = re.compile(r"<button\b(?:\{[%{].*?[%}]\}|[^>])*>")
NOT_FOR_PEOPLE = " disabled hidden>"  # so that Enter in a text field sends nothing by accident


def test_a_button_that_cannot_be_pressed_has_its_reason_from_the_one_shared_place() -> None:
    """A `title` reaches neither keyboard nor screen reader, and a disabled button cannot be reached at all."""
    found = {
        f"{path.relative_to(TEMPLATES)}: {button}"
        for path in TEMPLATES.rglob("*.html")
        for button in BUTTON.findall(path.read_text())
        if re.search(r"\b(disabled|title=)", re.sub(r"hx-disabled-elt", "", button)) and NOT_FOR_PEOPLE not in button
    }
    assert {one.partition(":")[0] for one in found} == {
        "_cannot.html",
        "certificates/_confirm.html",  # wakes up as one types, and is described by what to type
    }


def test_what_is_wrong_with_a_control_is_tied_to_it() -> None:
    """Else the focus does not go there after a refusal, and a screen reader reads the control without it."""
    texts = {path.relative_to(TEMPLATES): path.read_text() for path in TEMPLATES.rglob("*.html")}
    said_of = re.findall(r'(?:aria-describedby|by)="([^"]*)"', "".join(texts.values()))
    apart = [
        f"{name}: {problem}"
        for name, text in texts.items()
        for problem, key in re.findall(r'(<p class="field-problem"(?: id="([^"]+)")?)', text)
        if not key or not any(key in described for described in said_of)
    ]
    assert not apart, "\n".join(apart)


def parts(pattern: str, named: str) -> list[str]:
    """Where templates have what fits the first pattern, and not the second within it."""
    return [
        f"{path.relative_to(TEMPLATES)}: {part[:80]}"
        for path in TEMPLATES.rglob("*.html")
        for part in re.findall(pattern, path.read_text(), re.DOTALL)
        if not re.search(named, part)
    ]


def test_every_table_has_a_name() -> None:
    """A screen reader lists the tables of a page by their names, and says the name where one enters."""
    nameless = parts(r"<table\b[^>]*>(?!<caption)", "aria-label")
    assert not nameless, "\n".join(nameless)


def test_every_row_of_a_table_has_a_header() -> None:
    """A screen reader says it in each cell, else a person in the fifth column does not know of what."""
    bare = parts(r"<table\b.*?</table>", r'(?s)\A(?!.*<tbody)|scope="row"|_row\.html')
    assert not bare, "\n".join(bare)


def test_every_group_of_controls_has_a_name_or_is_none() -> None:
    nameless = parts(r"<fieldset\b.{0,400}", r"<legend|aria-label|role=\"none\"")
    assert not nameless, "\n".join(nameless)
