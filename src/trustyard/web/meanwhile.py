"""Forms over something stored that somebody else may change meanwhile: what their author touched is never lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict

from trustyard.errors import StaleVersion


def changed(what: str) -> StaleVersion:
    """What a form says after a conflict."""
    return StaleVersion(
        f"Somebody else changed this {what} meanwhile. Look at what is stored now, then save again.",
        advice="Saving again replaces what the other saved by what stands here.",
    )


@dataclass(frozen=True)
class Opened:
    """What stands in the form, what it was opened with, and the version of that (template `_opened.html`)."""

    values: Mapping[str, str]
    was: Mapping[str, str]
    etag: str

    @classmethod
    def on(cls, stored: Mapping[str, str], etag: str) -> Opened:
        """The form as it is opened."""
        return cls(stored, stored, etag)

    @classmethod
    def sent(cls, given: QueryDict, names: tuple[str, ...]) -> Opened:
        """The form as it came back."""
        was = {name: given.get(f"was-{name}", "") for name in names if f"was-{name}" in given}
        return cls({name: given.get(name, "") for name in names}, was, given.get("etag", ""))

    @property
    def touched(self) -> dict[str, str]:
        """What the author changed; all of it where the form does not say what it was opened with."""
        return {name: value for name, value in self.values.items() if _lines(value) != _lines(self.was.get(name))}

    def rebase(self, stored: Mapping[str, str], etag: str) -> Opened:
        """After a conflict: what the author did not touch is what is stored now, the rest stays."""
        return Opened({**stored, **self.touched}, stored, etag)


def _lines(text: str | None) -> list[str] | None:
    """Browsers end lines with CR LF, whatever is stored."""
    return None if text is None else text.replace("\r\n", "\n").split("\n")
