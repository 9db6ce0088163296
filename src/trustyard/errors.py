"""The error tree: a code, one sentence that names the thing and the fact, and advice. Plain data, no framework.

TrustyardError
├── NotSignedIn        no or bad credentials                          (REST 401)
├── NotAllowed         signed in, but this role may not               (REST 403)
├── NotFound           nothing of that name                           (REST 404)
├── MethodNotAllowed   the address is there, the verb is not          (REST 405)
├── Conflict           a name, an alias or a state is taken           (REST 409)
│   ├── Preflight      an environment's policy stops a release        (REST 409)
│   ├── JwkConnection  related JWKs, and no answer what to do         (REST 409, command line 3)
│   ├── Restored       would take back a restored release, unanswered (REST 409, command line 3)
│   ├── Moved          what was shown and confirmed is another by now (REST 409)
│   └── EnvironmentInUse
├── StaleVersion       somebody was quicker                           (REST 412)
├── VersionMissing     a change without If-Match                      (REST 428)
├── TooLarge           over a named limit                             (REST 413)
├── TooManyAttempts    throttled                                      (REST 429)
├── Unavailable        what this needs is not there, or too slow      (REST 503)
└── Refused            the content cannot be taken                    (REST 422)
    ├── InputRefused   a file, paste or presented chain cannot be read
    ├── ChoiceNeeded   several certificates, and none was chosen
    ├── SourceDenied   the outgoing guard says no
    └── SourceUnreachable  nobody answered, or not with TLS

The edges alone decide how an error looks; `status` is a hint for them and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

# What gives a private key away in any text: the armour of PEM, OpenPGP and SSH (in an address too), PuTTY's first line,
# the beginning of OpenSSH's base64 and of that of a bare PKCS#8, SEC 1 or PKCS#1 (where nothing public has 0 or 1), the
# armour in base64, as in a Secret of Kubernetes (at one of three places), and a private member of a JWK (RFC 7518,
# section 6), quoted in whatever way. secrets.js asks the same: browsers read this expression as Python does.
PRIVATE = re.compile(
    r"""PRIVATE[\s+]+KEY(?:[\s+]+BLOCK)?[\s+]*--"""
    r"""|PuTTY-User-Key-File|b3BlbnNzaC1rZXktdjE"""
    r"""|UFJJVkFURSBLRV|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW"""
    r"""|(?<![A-Za-z0-9+])M(?:[A-H].CAQ[AE]|I[GH].AgE[AB]|II...IB(?:AD[AC]|AAK|AQQ))[\w+/-]{8}"""
    r"""|["'](?:d|p|q|dp|dq|qi|k|priv)\\*["']\s*:\s*\\*["'][A-Za-z0-9_-]{22}"""
)
MISSING = "This field is required."
# By pydantic's type of a fault, with what its `ctx` knows.
_SENTENCES = {
    "missing": MISSING,
    "extra_forbidden": "There is no such field here.",
    "string_type": "This must be text.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "int_parsing_size": "This must be a whole number.",
    "int_from_float": "This must be a whole number.",
    "float_type": "This must be a number.",
    "float_parsing": "This must be a number.",
    "finite_number": "This must be a number.",
    "list_type": "This must be a list.",
    "tuple_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be an object.",
    "literal_error": "This must be {expected}.",
    "greater_than": "This must be more than {gt:.12g}.",
    "greater_than_equal": "This must be at least {ge:.12g}.",
    "less_than_equal": "This must be at most {le:.12g}.",
    "string_too_long": "This must have at most {max_length} characters.",
    "too_long": "This must have at most {max_length} items.",
}
_WITHHELD = "What was given holds a private key, and is not repeated here."


def holds_private_key(text: str) -> bool:
    """Whether a private key stands in this text, or what looks like one."""
    return PRIVATE.search(text) is not None or ("%" in text and PRIVATE.search(unquote(text)) is not None)


def withheld(text: str) -> str:
    """The text, unless a private key stands in it: what somebody gave by mistake is repeated nowhere (D-07)."""
    return _WITHHELD if holds_private_key(text) else text


def sentence_of(fault: Mapping[str, Any]) -> str:
    """What pydantic found at fault in a field, one of a `ValidationError`'s `errors()`, with its `ctx`."""
    kind, message, known = fault["type"], str(fault["msg"]), fault.get("ctx") or {}
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if known.get("min_length") == 1:
        return "This must not be empty."
    if kind == "too_long" and known["field_type"] == "Value":  # text that a validator of ours saw first
        kind = "string_too_long"
    return _SENTENCES[kind].format_map(known) if kind in _SENTENCES else f"{message}."


@dataclass(frozen=True)
class FieldError:
    """One field at fault, by the name that REST gives it (`entries.0.alias`), and one sentence."""

    field: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "field", withheld(self.field))
        object.__setattr__(self, "message", withheld(self.message))


class TrustyardError(Exception):
    """What Trustyard refuses: `code` ends the problem's type, `str(error)` is the sentence to show."""

    code = "error"
    status = 500
    title = "Error"

    def __init__(
        self,
        sentence: str,
        *,
        code: str | None = None,
        advice: str = "",
        fields: list[FieldError] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        sentence = withheld(sentence)  # it names what was given
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or type(self).code
        self.advice = withheld(advice)
        self.fields = fields or []
        self.extra = extra or {}

    @property
    def detail(self) -> str:
        """The sentence and, where there is one, what to do next."""
        return f"{self.sentence} {self.advice}".strip()


class NotSignedIn(TrustyardError):
    code, status, title = "not-signed-in", 401, "Sign in first"


class NotAllowed(TrustyardError):
    code, status, title = "not-allowed", 403, "Not allowed"


class NotFound(TrustyardError):
    code, status, title = "not-found", 404, "Not found"


class MethodNotAllowed(TrustyardError):
    code, status, title = "method-not-allowed", 405, "Method not allowed"


class Conflict(TrustyardError):
    code, status, title = "conflict", 409, "Conflict"


class JwkConnection(Conflict):
    """Related JWKs and no answer. `extra`: options, version, jwks (docs/rest.md, *Changes that concern JWKs*)."""

    code, title = "jwk-connection", "JWK Connection"


class Preflight(Conflict):
    """The policy of an environment stops a release. `extra`: environment, blocked (sentences)."""

    code, title = "preflight", "Stopped before it left"


class Restored(Conflict):
    """A deploy over a restored release, and nobody confirmed it (D-22). `extra`: version, restored."""

    code, title = "restored", "A restored release is in force"


class Moved(Conflict):
    code, title = "moved", "Changed since it was shown"


class EnvironmentInUse(Conflict):
    code, title = "environment-in-use", "Environment in use"


class StaleVersion(TrustyardError):
    code, status, title = "stale-version", 412, "Changed meanwhile"


class VersionMissing(TrustyardError):
    code, status, title = "version-missing", 428, "If-Match missing"


class TooLarge(TrustyardError):
    code, status, title = "too-large", 413, "Too large"


class TooManyAttempts(TrustyardError):
    code, status, title = "too-many-attempts", 429, "Too many attempts"


class Unavailable(TrustyardError):
    code, status, title = "unavailable", 503, "Not available"


class Refused(TrustyardError):
    code, status, title = "refused", 422, "Content refused"


class InputRefused(Refused):
    code, title = "input-refused", "This input cannot be taken"


class ChoiceNeeded(Refused):
    """Several certificates and no choice. `extra`: certificates, a list of facts in chain order; notices."""

    code, title = "choice-needed", "Choose a certificate"


class SourceDenied(Refused):
    code, title = "source-denied", "Address denied"


class SourceUnreachable(Refused):
    code, title = "source-unreachable", "Source unreachable"
