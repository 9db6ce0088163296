"""What a look at a gateway's listener proves of a release."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.content import Material
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.filenames import safe_filename
from trustyard.pki.sentences import few, plural

ProofState = Literal["observed", "accepted", "drifted", "open"]
_NAMED = 3  # certificates that a listener lacks


class Probe(BaseModel):
    """A listener to look at: HOST:PORT, whose it is, and which part of the release it is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(max_length=300)
    node: str | None = Field(default=None, min_length=1, max_length=200)
    trust: str = Field(default="used", max_length=200)

    @field_validator("address")
    @classmethod
    def _host_and_port(cls, address: str) -> str:
        host, _, port = address.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536 or "/" in address:
            raise ValueError("An address is HOST:PORT, such as gateway.example:8443.")
        return address

    @field_validator("trust")
    @classmethod
    def _served_name(cls, trust: str) -> str:
        if trust not in ("used", "truststore") and not re.fullmatch(r"alias/.+", trust):
            raise ValueError("What a listener trusts is used, truststore or alias/<alias>.")
        return trust


class Probed(BaseModel):
    """The options that every kind has."""

    probes: tuple[Probe, ...] = Field(
        default=(),
        max_length=100,
        title="Probes",
        description="Listeners to look at after each delivery, and from then on: whom they ask for, whom they let in.",
        examples=[[{"address": "gateway.example:8443", "node": "edge-1", "trust": "used"}]],
    )


@dataclass(frozen=True)
class Seen:
    """What was seen at a listener: whether it asks for a certificate, the names (DER), whether a stranger got in."""

    asks: bool
    names: tuple[bytes, ...]
    let_in: bool | None
    words: str


def judge(
    seen: Seen, release: Material, before: Material | None, trust: str, *, names_follow: bool = True
) -> tuple[ProofState, str]:
    """What is known of the release after that look, and why.

    `names_follow` is false for a gateway that goes on advertising the names of its start, whatever is in force.

    `open`: a connection without a certificate got through. `drifted`: the names are not those of the release.
    `observed`: they are, and the release before has others. `accepted`: nothing more than the gateway's own word,
    because names cannot tell: none are advertised, or another certificate of the same name was in force before.
    """
    if seen.let_in or not seen.asks:
        return "open", f"Anybody gets in: {seen.words}."
    words = seen.words if seen.let_in is None else "a stranger was refused"
    if not names_follow:
        door = f"{words[0].upper()}{words[1:]}"
        return (
            "accepted",
            f"{door}. The names that this gateway advertises are those of its start: they prove nothing.",
        )
    if not seen.names:
        return "accepted", "The listener advertises no CA names, so a look at it proves nothing about the release."
    wanted = _certificates(release, trust)
    if problem := _difference(set(seen.names), wanted):
        return "drifted", f"The listener does not serve release {release.number}: {problem}."
    number = len(set(seen.names))
    count = f"{plural(number, 'CA name')} advertised, {'that' if number == 1 else 'those'} of release {release.number}"
    if before is not None and _undistinguished(set(seen.names), wanted, _certificates(before, trust)):
        return "accepted", f"{count}, and of release {before.number} too: the names cannot tell them apart."
    return "observed", f"{count}; {words}."


def _certificates(release: Material, trust: str) -> list[Certificate]:
    if trust.startswith("alias/"):
        # As it is written, or by the name that Envoy has for it.
        named = {(alias := trust.removeprefix("alias/")), safe_filename(alias)}
        ders = [der for entry, der in release.entries() if safe_filename(entry.alias) in named]
    else:
        ders = release.used() if trust == "used" else release.truststore()
    return [read_certificate(der) for der in ders or [deny_all_der()]]


def _difference(names: set[bytes], wanted: list[Certificate]) -> str:
    """What does not fit. Pins and intermediates need not be advertised: some gateways cannot use them (D-18)."""
    by_name = {certificate.structure().subject_raw: certificate for certificate in wanted}
    must = {name for name, c in by_name.items() if c.facts.is_ca and c.facts.self_issued}
    # Where nothing of a release can be used, such gateways are given the deny-all anchor.
    nobody = read_certificate(deny_all_der()).structure().subject_raw
    foreign = names - by_name.keys() - ({nobody} if not must else set())
    missing = must - names
    parts = []
    if missing:
        parts.append(f"it lacks {few(sorted({by_name[name].facts.certificate_name for name in missing}), _NAMED)}")
    if foreign:
        parts.append(f"it asks for {plural(len(foreign), 'other')}")
    return " and ".join(parts)


def _undistinguished(names: set[bytes], now: list[Certificate], before: list[Certificate]) -> bool:
    same = {c.sha256 for c in now} == {c.sha256 for c in before}
    return not same and not _difference(names, before)
