"""Would an environment's truststore accept this server or client, and if not, why: asked before anything is deployed.

A check: (1) permit, (2) read the source, (3) collect the anchors, (4) judge, and ask the two validators, (5) look for
what would have to be added. Nothing is stored, and no address inside a certificate is fetched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.pki.certificates import Certificate, rfc3339
from trustyard.pki.reading import Notice
from trustyard.pki.trust import PURPOSES, Opinion, Purpose, Question, Verdict, judge, opinions
from trustyard.pki.trust.rules import Remark

from . import environments, roots, sources, trust_advice, trust_anchors
from .actors import Actor
from .permissions import require
from .trust_advice import Advice
from .trust_anchors import Anchors

_LONGEST_NAME = 1000


@dataclass(frozen=True)
class Asked:
    """What is asked. An empty name is the host of a connection's URL; no moment is now; see `trust_anchors.of`."""

    source: sources.Source
    choose: str | None = None
    purpose: str = "server"
    name: str = ""
    moment: datetime | None = None
    trust: str = "all"
    state: str = "saved"


# Acceptances whose own sentence says who sees it otherwise.
_SAID = frozenset({"pin", "anchor-not-self-signed", "self-issued", "name-constraints-not-critical"})


@dataclass(frozen=True)
class Checked:
    """The answer, with what was asked."""

    environment: models.Environment
    asked: Asked
    question: Question
    anchors: Anchors
    verdict: Verdict
    opinions: tuple[Opinion, ...]
    advice: tuple[Advice, ...]
    notices: tuple[Notice, ...]  # of the source

    @property
    def differ(self) -> bool:
        """Whether a validator says something else than we do."""
        return any(opinion.accepted != self.verdict.accepted for opinion in self.opinions)

    @property
    def difference(self) -> str:
        """Why a validator that says something else is not followed; empty where all agree."""
        return " ".join(self._not_followed(o) for o in self.opinions if o.accepted != self.verdict.accepted)

    def _not_followed(self, opinion: Opinion) -> str:
        deciding = self.verdict.deciding
        if opinion.accepted:
            return f"{opinion.name} accepts it, for it does not apply the rule {deciding.rule.code}."
        if deciding.rule.code in _SAID:
            return f"{opinion.name} refuses it; the rule {deciding.rule.code} says why that is not followed."
        return (
            f"{opinion.name} refuses it ({opinion.words}). That is not followed: every rule of RFC 5280, section 6, is "
            "kept, and an anchor is trusted because it was put there, whatever its own extensions lack (6.1.1 d)."
        )

    @property
    def message(self) -> str:
        """The deciding sentence; where OpenSSL says otherwise, what gateways built on it do."""
        deciding, openssl = self.verdict.deciding, self.opinions[1]
        if not self.verdict.accepted and deciding.rule.profile and openssl.accepted:
            return f"{deciding.message} Gateways that verify as OpenSSL does accept it all the same."
        if self.verdict.accepted and deciding.rule.code not in _SAID and not openssl.accepted:
            return f"{deciding.message} Gateways that verify as OpenSSL does, such as HAProxy and nginx, refuse it."
        return deciding.message

    def json(self) -> dict[str, Any]:
        """The answer of the REST API."""
        question, asked = self.question, self.asked
        return {
            "environment": self.environment.name,
            "trust": asked.trust,
            "state": asked.state,
            "release": self.anchors.release,
            "anchors": len(question.anchors),
            "purpose": question.purpose,
            "name": question.name or None,
            "moment": rfc3339(question.moment),
            "certificate": _brief(question.certificate),
            "verdict": _word(self.verdict.accepted),
            "message": self.message,
            "rule": _rule(self.verdict.deciding),
            "differ": self.differ,
            "difference": self.difference,
            "validators": [
                {"name": o.name, "version": o.version, "verdict": _word(o.accepted), "words": o.words}
                for o in self.opinions
            ],
            "remarks": [{**_rule(r), "message": r.message, "certificate": r.certificate} for r in self.verdict.remarks],
            "path": self.path(),
            "reaches_anchor": self.verdict.reaches_anchor,
            "advice": [advice.json() for advice in self.advice],
            "notices": [notice.json() for notice in self.notices],
        }

    def path(self) -> list[dict[str, Any]]:
        """The certificates from the end entity to the anchor; each says what it is there."""
        aliases = {anchor.certificate.sha256: anchor.alias for anchor in reversed(self.anchors.asked)}
        last = len(self.verdict.path) - 1
        shown = []
        for at, certificate in enumerate(self.verdict.path):
            anchor = at == last and self.verdict.reaches_anchor
            above = "root" if certificate.facts.self_issued else "intermediate"
            place = "anchor" if anchor else "end entity" if at == 0 else above
            alias = aliases.get(certificate.sha256) if anchor else None
            shown.append({**_brief(certificate), "place": place, "alias": alias})
        return shown


def check(actor: Actor, environment: str, asked: Asked) -> Checked:
    """The answer. Raises `NotAllowed`, `NotFound`, and `Refused` and its kin for what cannot be read or asked."""
    require(actor, "trust.check")
    place = environments.get(actor, environment)
    _judge_question(asked)
    moment = (asked.moment or timezone.now()).astimezone(UTC).replace(microsecond=0)  # as certificates count time
    anchors = trust_anchors.of(place, asked.trust, asked.state, moment)
    try:
        chosen = sources.choose(actor, asked.source, asked.choose)
    except Refused as error:
        error.fields = sources.below("", error)
        raise
    question = Question(
        certificate=chosen.certificate,
        others=chosen.others,
        anchors=tuple({a.certificate.sha256: a.certificate for a in anchors.asked}.values()),
        purpose=cast(Purpose, asked.purpose),
        name=asked.name.strip() or _host(chosen.url, asked.purpose),
        moment=moment,
        vetted=roots.mozilla_digests(),
    )
    verdict = judge(question)
    advice = trust_advice.advise(place, question, verdict, anchors)
    return Checked(place, asked, question, anchors, verdict, opinions(question), advice, chosen.notices)


def _judge_question(asked: Asked) -> None:
    if asked.purpose not in PURPOSES:
        sentence = f"A purpose is one of {', '.join(PURPOSES)}."
        raise Refused(sentence, code="bad-filter", fields=[FieldError("purpose", sentence)])
    name = asked.name.strip()
    if len(name) > _LONGEST_NAME or any(c.isspace() or not c.isprintable() for c in name):
        sentence = "A name is a host name or an IP address, for clients also an e-mail address or a URI."
        raise Refused(sentence, code="bad-peer-name", fields=[FieldError("name", sentence)])


def _host(url: str, purpose: str) -> str:
    """The name that a client of that address would ask for."""
    if purpose != "server" or not url:
        return ""
    return urlsplit(url).hostname or ""


def _word(accepted: bool) -> str:
    return "accepted" if accepted else "refused"


def _rule(remark: Remark) -> dict[str, Any]:
    return {"code": remark.rule.code, "says": remark.rule.says, "source": remark.rule.source}


def _brief(certificate: Certificate) -> dict[str, Any]:
    facts = certificate.facts
    return {
        "certificate_name": facts.certificate_name,
        "sha256": facts.sha256,
        "subject": facts.subject,
        "issuer": facts.issuer,
        "not_before": rfc3339(facts.not_before),
        "not_after": rfc3339(facts.not_after),
    }
