"""What to add so that a refused server or client would be accepted: known CAs, missing intermediates, whom to ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from trustyard import models
from trustyard.pki.certificates import Certificate
from trustyard.pki.extensions import issuer_addresses
from trustyard.pki.trust import Question, Verdict, judge
from trustyard.pki.truststores import root_alias

from . import roots
from .trust_anchors import Anchors

_MOST = 20  # certificates looked at for one answer; real chains need one to three


@dataclass(frozen=True)
class Advice:
    """One thing to do. Kind: `anchor`, `intermediate`, `pin`, `ask` or `address` (shown, never fetched)."""

    kind: str
    message: str
    certificate: Certificate | None = None
    environment: str | None = None
    alias: str | None = None
    address: str | None = None

    def json(self) -> dict[str, Any]:
        """As the REST API shows it."""
        facts = self.certificate.facts if self.certificate else None
        return {
            "kind": self.kind,
            "message": self.message,
            "certificate_name": facts.certificate_name if facts else None,
            "sha256": facts.sha256 if facts else None,
            "environment": self.environment,
            "alias": self.alias,
            "address": self.address,
        }


def advise(place: models.Environment, question: Question, verdict: Verdict, anchors: Anchors) -> tuple[Advice, ...]:
    """What is missing, if that is why it was refused."""
    if verdict.deciding.rule.code != "no-path":
        return ()
    known = _known(verdict.dead_ends)
    found = _intermediates(question, known) or _anchors(place, question, known, anchors)
    if found:
        return tuple(found)
    return tuple(_unknown(place, question, verdict))


def _known(ends: Iterable[Certificate]) -> list[Certificate]:
    """Certificates kept here, or in Mozilla's set, that may have issued these, and what may have issued those."""
    found: dict[str, Certificate] = {}
    issuers = [end.facts.issuer for end in ends]
    asked: set[str] = set()
    while issuers and len(found) < _MOST:
        issuer = issuers.pop(0)
        if issuer in asked:
            continue
        asked.add(issuer)
        rows = models.StoredCertificate.objects.filter(subject=issuer)[:_MOST]
        for certificate in (*(row.read() for row in rows), *(r for r in roots.mozilla() if r.facts.subject == issuer)):
            found.setdefault(certificate.sha256, certificate)
            if not certificate.facts.self_issued:
                issuers.append(certificate.facts.issuer)
    return sorted(list(found.values())[:_MOST], key=lambda c: not c.facts.self_issued)  # roots are the better anchors


def _intermediates(question: Question, known: list[Certificate]) -> list[Advice]:
    """The source lacks what leads to an anchor that is there already."""
    between = tuple(c for c in known if not c.facts.self_issued)
    verdict = judge(replace(question, others=(*between, *question.others)))
    return _lacking(question, verdict) if verdict.reaches_anchor else []


def _lacking(question: Question, verdict: Verdict) -> list[Advice]:
    """The certificates of a path that neither the source nor the truststore has."""
    given = {c.sha256 for c in (question.certificate, *question.others, *question.anchors)}
    return [
        Advice(
            "intermediate",
            f"The source lacks the intermediate {c.facts.certificate_name}, which leads to an anchor; "
            f"the {question.purpose} should send it. {_outcome(verdict)}",
            c,
        )
        for c in verdict.path
        if c.sha256 not in given
    ]


def _anchors(place: models.Environment, question: Question, known: list[Certificate], anchors: Anchors) -> list[Advice]:
    """CAs known here, in another environment or in Mozilla's set, with which there would be a path."""
    between = tuple(c for c in known if not c.facts.self_issued)
    advice = []
    for certificate in known:
        added = replace(question, anchors=(*question.anchors, certificate))
        verdict = judge(replace(added, others=(*between, *question.others)))
        if verdict.reaches_anchor and verdict.path[-1].sha256 == certificate.sha256:
            advice += [
                Advice("anchor", f"{message} {_outcome(verdict)}", certificate, where, alias)
                for message, where, alias in _where(place, certificate, anchors)
            ]
            advice += [lacking for lacking in _lacking(added, verdict) if lacking not in advice]
    return advice


def _where(
    place: models.Environment, certificate: Certificate, anchors: Anchors
) -> Iterator[tuple[str, str | None, str | None]]:
    """A sentence, the environment and the alias, for each place where the CA is."""
    title, sha256 = certificate.facts.certificate_name, certificate.sha256
    inside = next((a for a in anchors.all if a.certificate.sha256 == sha256), None)
    if inside is not None:
        sentence = f"The CA {title} is in {place.name} as alias {inside.alias}, outside the part that was asked for."
        yield sentence, place.name, inside.alias
        return
    told = list(_elsewhere(place, sha256, anchors)) or [("Trustyard knows it from another source.", None, None)]
    for sentence, where, alias in told:
        yield f"The environment {place.name} lacks the CA {title}; {sentence}", where, alias


def _elsewhere(
    place: models.Environment, sha256: str, anchors: Anchors
) -> Iterator[tuple[str, str | None, str | None]]:
    if sha256 in place.deny_list:
        yield "it is on the deny list there.", place.name, None
    if roots.holds(place, sha256):
        yield f"it is in the root set there and {_not_trusted(anchors, root_alias(sha256))}", place.name, None
    entries = models.Entry.objects.filter(x509_id=sha256).select_related("environment").order_by("environment_id")
    for entry in entries:
        where, at = entry.environment.name, f"as alias {entry.alias}"
        if entry.environment_id == place.pk:
            said = f"it is saved {at} and {_not_trusted(anchors, entry.alias)}"
        else:
            said = f"it is in {where} {at}{', revoked' if entry.revoked else ''}."
        yield said, where, entry.alias
    for other in models.Environment.objects.filter(root_set="uploaded").exclude(pk=place.pk):
        if sha256 in other.uploaded_roots:
            yield f"it is a root of {other.name}.", other.name, None
    if sha256 in roots.mozilla_digests():
        yield "it is one of Mozilla's roots.", None, None


def _not_trusted(anchors: Anchors, alias: str) -> str:
    reason = anchors.left_out.get(alias)
    return f"left out: {reason}" if reason else "not in force."


def _unknown(place: models.Environment, question: Question, verdict: Verdict) -> Iterator[Advice]:
    """Nothing known helps: trust the certificate itself, or ask."""
    certificate = question.certificate
    if certificate.facts.self_issued:
        title = certificate.facts.certificate_name
        message = f"{title} is self-signed: to trust it, and nothing else, add the certificate itself to {place.name}."
        yield Advice("pin", message, certificate)
        return
    for end in verdict.dead_ends:
        if end.facts.self_issued:
            title = end.facts.certificate_name
            with_it = judge(replace(question, anchors=(*question.anchors, end)))
            message = f"The source itself holds the root {title}: who trusts it adds it to {place.name}."
            yield Advice("anchor", f"{message} {_outcome(with_it)}", end)
            continue
        key = f" with the key identifier {end.facts.aki}" if end.facts.aki else ""
        message = (
            f"Ask for the certificate of the CA {end.facts.issuer}{key}, which issued {end.facts.certificate_name}."
        )
        yield Advice("ask", message, end)
        for address in issuer_addresses(end.structure()):
            message = f"{end.facts.certificate_name} says where that is; Trustyard does not fetch it: {address}"
            yield Advice("address", message, end, address=address)


def _outcome(verdict: Verdict) -> str:
    if verdict.accepted:
        return "With it the answer is: accepted."
    return f"With it a path is found, yet it is refused: {verdict.deciding.message}"
