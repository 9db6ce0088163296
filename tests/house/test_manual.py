"""The manual is whole: settings, commands, paths, error codes, findings, gateway kinds and numbered behaviours."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trustyard.gateways.kinds import KINDS
from trustyard.pki.findings import CATALOGUE
from trustyard.pki.trust import RULES
from trustyard.server.configuration import SETTINGS

from .repository import ROOT, files, modules, page

NUMBER = re.compile(r"\b[SID]-\d\d\b")


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS])
def test_each_setting_has_its_paragraph(name: str) -> None:
    paragraph = page("docs/settings.md").partition(f"\n### `{name}`\n\n")[2].partition("\n#")[0]
    assert len(paragraph) > 40


def test_the_example_of_each_setting_is_one_that_is_taken() -> None:
    from tools.manual import FORMS
    from trustyard.server import configuration, identity

    readers = {**vars(identity), **vars(configuration)}
    for reader, (_, example) in FORMS.items():
        if example and reader not in ("_file", "_key_file", "_url"):  # no such file here; `_url` wants to know more
            readers[reader](example)


def test_the_manual_names_no_setting_that_does_not_exist() -> None:
    known = {setting.name for setting in SETTINGS}
    for path in files():
        if path.suffix == ".md":
            named = set(re.findall(r"\bTRUSTYARD_[A-Z]+(?:_[A-Z]+)*\b", path.read_text("utf-8")))
            assert named <= known, path.name


def test_each_setting_that_the_code_reads_is_declared() -> None:
    known = {setting.name for setting in SETTINGS}
    for name, _, text in modules():
        assert set(re.findall(r"\bTRUSTYARD_[A-Z]+(?:_[A-Z]+)*\b", text)) <= known, name


def test_the_reference_parts_are_what_the_program_says() -> None:
    done = subprocess.run(
        [sys.executable, "tools/manual.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_no_two_settings_that_name_a_file_or_a_port_show_the_same_example() -> None:
    shown = re.findall(r"\| (?:a file|HOST:PORT), such as `([^`]+)` \|", page("docs/settings.md"))
    assert len(shown) > 5
    assert len(set(shown)) == len(shown)


def codes() -> set[str]:
    """Every error code in the sources: `code="…"`, a class's `code = "…"`, and the table of what inputs are."""
    from trustyard.pki.refusals import _KINDS

    found = {code for code, _, _ in _KINDS.values()}
    for _, tree, _ in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "code" and _text(node.value):
                found.add(_text(node.value))
            if isinstance(node, ast.Call) and _called(node.func) in ("problem", "refuse"):
                found |= {_text(argument) for argument in node.args[1:2]}  # of the router, and of a JWK
            if isinstance(node, ast.ClassDef):
                found |= {code for statement in node.body if (code := _class_code(statement))}
    return {code for code in found if re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", code) and not code.isdigit()} - {
        "error"
    }


def _called(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _text(value: ast.expr) -> str:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _class_code(statement: ast.stmt) -> str | None:
    """The code of `code = "…"` or `code, title = "…", …` in a class body."""
    if not isinstance(statement, ast.Assign):
        return None
    (target,), value = statement.targets, statement.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=True))
    else:
        pairs = [(target, value)]
    for name, given in pairs:
        if isinstance(name, ast.Name) and name.id == "code":
            return _text(given) or None
    return None


def test_each_error_code_has_its_line_and_no_line_is_left_over() -> None:
    written = set(re.findall(r"^\| `([a-z0-9-]+)` \|", page("docs/errors.md"), re.MULTILINE))
    assert codes() - written == set(), "codes without a line in docs/errors.md"
    assert written - codes() == set(), "lines in docs/errors.md without a code"


def test_each_finding_has_its_line_and_no_line_is_left_over() -> None:
    line = re.compile(r"^\| `([a-z0-9-]+)` \| (\w+) \| [^|]+ \| [^|]+ \| [^|]+ \|$", re.MULTILINE)
    lines = line.findall(page("docs/findings.md"))
    assert dict(lines) == {code: kind.severity for code, kind in CATALOGUE.items()}
    assert len(lines) == len(CATALOGUE)


def test_each_rule_of_the_trust_check_has_its_line_with_its_source() -> None:
    told = page("docs/trust-check.md").partition("\n## Rules that refuse\n")[2]
    written = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (.+?) \|(?: (profile) \|| \|)?$", told, re.MULTILINE)
    said = [(rule.code, rule.says, rule.source, "profile" if rule.profile else "") for rule in RULES.values()]
    assert written == said


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_gateway_kind_has_its_page(kind: str) -> None:
    text = page(f"docs/gateways/{kind}.md")
    options = KINDS[kind].options.model_fields
    assert all(f"`{option}`" in text for option in options), "an option without a word"
    assert f"gateways/{kind}.md" in page("docs/README.md")


def behaviours() -> list[str]:
    return re.findall(r"^\| ([SID]-\d\d) \|", page("docs/behaviours.md"), re.MULTILINE)


def test_the_numbered_behaviours_are_all_there_once() -> None:
    wanted = [f"{kind}-{n:02}" for kind, last in (("S", 41), ("I", 15), ("D", 27)) for n in range(1, last + 1)]
    assert behaviours() == wanted


def test_each_numbered_behaviour_is_cited_by_a_test() -> None:
    cited: set[str] = set()
    for path in files():
        if path.suffix == ".py" and path.is_relative_to(ROOT / "tests") and "house" not in path.parts:
            cited |= set(NUMBER.findall(path.read_text("utf-8")))
    assert set(behaviours()) - cited == set()


def test_each_action_of_the_audit_stands_in_the_manual_and_each_one_there_is_one() -> None:
    """Those of an f-string such as `jwk.{action}` by what is before the brace."""
    calls = [node for _, tree, _ in modules() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    acts = [call for call in calls if _called(call.func) in ("record", "_record", "Event")]
    given = [part for call in acts for each in call.args[:2] for part in ast.walk(each)]
    known = {text for part in given if re.fullmatch(r"[a-z_]+\.[a-z_]+", text := _text(part))}
    begun = {_text(part.values[0]) for part in given if isinstance(part, ast.JoinedStr)}
    pages = page("docs/operations.md").partition("\n| object | actions |\n")[2].partition("\n\n")[0]
    told = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", pages))
    elsewhere = page("docs/sign-in.md").partition("\n## In the audit\n")[2]
    short = {action: (f"`{action}`", f"`.{action.partition('.')[2]}`") for action in known - told}
    assert {action for action, names in short.items() if not any(name in elsewhere for name in names)} == set()
    assert {action for action in told - known if f"{action.partition('.')[0]}." not in begun} == set()


def test_each_event_of_the_log_from_warnings_on_stands_in_the_manual_and_each_one_there_is_one() -> None:
    calls = re.compile(r"""log\.(?:warning|error|exception)\(\s*"([a-z_.]+)\"""")
    known = {event for _, _, text in modules() for event in calls.findall(text)}
    told = set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)?)`", page("docs/logs.md").partition("\n## Events worth")[2]))
    whole = "".join(path.read_text("utf-8") for path in files() if path.match("docs/*.md"))
    assert {event for event in known if f"`{event}`" not in whole} == set()
    assert {event for event in told if "." in event} <= known


def test_pages_link_to_pages_that_exist() -> None:
    broken = []
    for path in files():
        if path.suffix != ".md":
            continue
        for target, place in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", path.read_text("utf-8")):
            page_of = path.parent / target if target else path
            if "://" not in target and not (page_of.exists() and (not place or place in headings(page_of))):
                broken.append(f"{path.relative_to(ROOT)}: {target}#{place}")
    assert not broken


def test_pages_and_sources_name_modules_that_exist() -> None:
    there = [path.as_posix() for path in files()]
    told = [(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in files() if path.suffix == ".md"]
    missing = [
        f"{name}: {module}"
        for name, text in (*told, *((name, text) for name, _, text in modules()))
        if name != "CHANGELOG.md"  # which tells of what was
        for module in re.findall(r"(?<![\w/.-])(?:\w+/)*\w+\.py\b", text)
        if not any(path.endswith(f"/{module}") for path in there)
    ]
    assert not missing


def headings(path: Path) -> set[str]:
    """The places of a page that a link can name, as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
