"""What reading an input yields: certificates in file order, the format, and notices about what else was in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trustyard.errors import InputRefused
from trustyard.pki.certificates import Certificate, read_certificate

MAX_CERTIFICATES = 1000


@dataclass(frozen=True)
class Notice:
    """Something to tell the person although the input was taken: a code, and one or two sentences."""

    code: str
    message: str

    def json(self) -> dict[str, str]:
        """As REST shows it, and as it is kept."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True)
class Reading:
    """The certificates of an input in file order, without doubles, and its format as the REST API names it."""

    format: str
    certificates: tuple[Certificate, ...]
    notices: tuple[Notice, ...] = ()


KEY_DROPPED = Notice(
    "private-key-dropped",
    "The input also held a private key. It was dropped unread and is stored nowhere. "
    "Treat it as exposed: it has left the place where it belongs, so replace it and the certificates made for it.",
)


def reading_of(form: str, ders: Iterable[bytes], notices: Iterable[Notice] = ()) -> Reading:
    """A Reading of DER certificates. `InputRefused` when there is none, or one that cannot be read."""
    unique = list(dict.fromkeys(ders))
    if not unique:
        raise InputRefused("This holds no certificate.", code="no-certificate")
    return Reading(form, tuple(_read(unique)), tuple(notices))


def check_count(count: int, most: int = MAX_CERTIFICATES) -> None:
    """`InputRefused` (`too-many-certificates`) above the limit."""
    if count > most:
        raise InputRefused(
            f"This holds more than {most} certificates; at most {most} are taken at a time.",
            code="too-many-certificates",
            advice="Split it into several files.",
        )


def _read(ders: list[bytes]) -> Iterable[Certificate]:
    for number, der in enumerate(ders, 1):
        try:
            yield read_certificate(der)
        except InputRefused as refusal:
            if len(ders) == 1:
                raise
            sentence = f"Certificate {number} of {len(ders)} cannot be read as X.509."
            raise InputRefused(sentence, code=refusal.code, advice=refusal.advice) from None
