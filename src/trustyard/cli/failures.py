"""How a command ends when it does not end well: a sentence, advice, the fields at fault, and an exit code.

1  error          the server, a file or the content says no
2  wrong usage    the command line itself
3  choice needed  related JWKs and no answer what to do with them; a deploy that takes a restored release back
4  saved          but a gateway refused or did not answer in time
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .screen import clean, say

ERROR, USAGE, CHOICE, NOT_DELIVERED = 1, 2, 3, 4


class Failure(Exception):
    """Ends the command: what happened, what to do next, and the exit code."""

    code = ERROR

    def __init__(self, sentence: str, *, advice: str = "", details: Iterable[str] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice
        self.details = list(details)

    def show(self) -> None:
        """Prints it on standard error."""
        say(f"Error: {clean(self.sentence)}", error=True)
        for line in self.details:
            say(f"  {clean(line)}", error=True)
        if self.advice:
            say(clean(self.advice), error=True)


class Usage(Failure):
    """The options given do not go together (exit code 2, as for an unknown option)."""

    code = USAGE


class Strange(Failure):
    """An answer that is JSON and not what Trustyard says: where we stumbled over it, in case the mistake is ours."""

    def __init__(self, error: Exception | None = None) -> None:
        places = traceback.extract_tb(error.__traceback__) if error else []
        where = f" ({Path(places[-1].filename).name}, line {places[-1].lineno})" if places else ""
        super().__init__(
            "The server's answer is not what this command understands.",
            advice="Is the server of another version than this program, or no Trustyard at all?",
            details=[f"{type(error).__name__}: {error}{where}"] if error else (),
        )


# What reading an answer of another shape ends in.
STUMBLES = (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError)


class Problem(Failure):
    """An answer of the server that says no (RFC 9457): `kind` is the end of its type."""

    def __init__(self, status: int, body: dict[str, Any], *, advice: str = "") -> None:
        self.status = status
        self.body = body
        self.kind = str(body.get("type") or "").rstrip("/").rpartition("/")[2]
        said = [text for text in (body.get("detail"), body.get("title")) if isinstance(text, str) and text]
        sentence = said[0] if said else f"The server answered {status}."
        super().__init__(
            sentence, advice=advice, details=[*_fields(body.get("errors"), sentence), *self._request(sentence)]
        )

    def _request(self, sentence: str) -> Iterable[str]:
        """What to look for in the server's log, where the server and not the caller is at fault."""
        request_id = str(self.body.get("request_id") or "")
        if self.status >= 500 and request_id and request_id not in sentence:
            yield f"Request ID: {request_id}"


def _fields(errors: object, sentence: str) -> Iterable[str]:
    found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    for error in found:
        field, message = str(error.get("field") or ""), str(error.get("message") or "")
        if message and not (len(found) == 1 and message in sentence):  # one field at fault often is the whole sentence
            yield f"{field}: {message}" if field else message
