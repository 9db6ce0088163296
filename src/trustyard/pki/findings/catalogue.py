"""The catalogue of findings: `catalogue.toml` as values, and one finding out of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Literal, get_args

Severity = Literal["error", "warning", "notice"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # worst first


@dataclass(frozen=True)
class Kind:
    """One kind of finding; `sentence` has a `{name}` for each fact that fills it in."""

    severity: Severity
    sentence: str
    advice: str
    source: str


@dataclass(frozen=True)
class Finding:
    """Something found with one certificate: a code for programs, a sentence, what to do, and who says so."""

    code: str
    severity: Severity
    message: str
    advice: str
    source: str

    def json(self) -> dict[str, str]:
        """As the *X.509 facts* hold it."""
        return dict(vars(self))


def finding(code: str, /, **facts: object) -> Finding:
    """The finding of this code, its sentence filled in. `KeyError` for a code that the catalogue does not have."""
    if not facts and (plain := _PLAIN.get(code)):
        return plain
    kind = CATALOGUE[code]
    return Finding(code, kind.severity, kind.sentence.format(**facts), kind.advice.format(**facts), kind.source)


def shown(text: str, longest: int = 80) -> str:
    """A name out of a certificate as it may stand in a sentence: quoted, printable, not endless."""
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[: longest + 1])
    return f"“{printable[:longest]}{'…' if len(printable) > longest else ''}”"


def _read() -> dict[str, Kind]:
    text = resources.files("trustyard.pki.findings").joinpath("catalogue.toml").read_text("utf-8")
    return {code: Kind(**entry) for code, entry in tomllib.loads(text).items()}


CATALOGUE = _read()
# Those without facts are always the same.
_PLAIN = {
    code: Finding(code, kind.severity, kind.sentence, kind.advice, kind.source)
    for code, kind in CATALOGUE.items()
    if "{" not in kind.sentence + kind.advice
}
_PLACE = {code: place for place, code in enumerate(CATALOGUE)}
ORDER = {code: (SEVERITIES.index(kind.severity), _PLACE[code]) for code, kind in CATALOGUE.items()}
