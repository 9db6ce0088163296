"""All paths from a certificate to an anchor (RFC 4158): cross-signs, loops and other traps within counted limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from trustyard.pki import signatures

from .link import Link
from .question import Question
from .rules import Remark, remark

Path = tuple[Link, ...]


@dataclass
class Search:
    """Finds paths from the certificate up, and remembers where the ways ended."""

    question: Question
    start: Link
    others: list[Link]
    anchors: list[Link]
    dead_ends: dict[str, Link] = field(default_factory=dict)
    broken: list[Remark] = field(default_factory=list)
    exhausted: bool = False
    _by_subject: dict[object, list[Link]] = field(default_factory=dict)
    _steps: int = 0
    _looked_at: int = 0
    _verified: dict[tuple[str, bytes], bool | None] = field(default_factory=dict)

    @classmethod
    def of(cls, question: Question) -> Search:
        """The search that a question asks for."""
        anchors = {c.sha256: Link(c, anchor=True) for c in question.anchors}
        others = {c.sha256: Link(c) for c in question.others[: question.limits.others] if c.sha256 not in anchors}
        start = anchors.get(question.certificate.sha256) or Link(question.certificate)
        others.pop(start.sha256, None)
        cut = len(question.others) > question.limits.others
        return cls(question, start, list(others.values()), list(anchors.values()), exhausted=cut)

    def paths(self) -> Iterator[Path]:
        """Each path once, the certificate first and the anchor last, promising ones first."""
        for link in (*self.anchors, *self.others):
            self._by_subject.setdefault(link.subject, []).append(link)
        yield from self._from((self.start,))
        if self.start.anchor:  # a pin: the truststore names the certificate itself
            yield (self.start,)

    def leads(self, child: Link, issuer: Link) -> bool:
        """Whether `issuer` was found to have signed `child`."""
        return bool(self._verified.get((child.sha256, issuer.spki))) and issuer.subject == child.issuer

    def _from(self, path: Path) -> Iterator[Path]:
        self._steps += 1
        if self._steps > self.question.limits.steps or self._looked_at > self.question.limits.issuers:
            self.exhausted = True
            return
        led_on = False
        for issuer in self._issuers(path):
            led_on = True
            longer = (*path, issuer)
            if issuer.anchor:
                yield longer
            elif sum(not link.self_issued for link in longer[1:]) <= self.question.limits.intermediates:
                yield from self._from(longer)
            else:
                self.exhausted = True
        if not led_on:
            self.dead_ends[path[-1].sha256] = path[-1]

    def _issuers(self, path: Path) -> Iterator[Link]:
        child = path[-1]
        if child.self_signed and child is not self.start:
            return  # a root that is no anchor; its cross-signs are other certificates
        named = self._by_subject.get(child.issuer, [])
        self._looked_at += len(named)
        candidates = [c for c in named if not _again(c, path)]
        candidates.sort(key=lambda c: self._promise(child, c))
        for candidate in candidates:
            if self._signed(child, candidate):
                yield candidate

    def _promise(self, child: Link, candidate: Link) -> tuple[bool, bool, bool, str]:
        named, wanted = candidate.key_identifiers[0], child.key_identifiers[1]
        other_key = named is not None and wanted is not None and named != wanted
        return (other_key, not candidate.anchor, not candidate.in_time(self.question.moment), candidate.sha256)

    def _signed(self, child: Link, issuer: Link) -> bool:
        key = (child.sha256, issuer.spki)
        if key not in self._verified:
            if len(self._verified) >= self.question.limits.signatures:
                self.exhausted = True
                return False
            self._verified[key] = answer = signatures.verifies(child.structure, issuer.spki)
            if not answer:
                self.broken.append(_broken(child, issuer, answer))
        return bool(self._verified[key])


def _again(candidate: Link, path: Path) -> bool:
    """Whether the same CA (name and key) already stands in the path: going round adds nothing."""
    if candidate.sha256 == path[0].sha256:
        return True
    return any(c.subject == candidate.subject and c.spki == candidate.spki for c in path[1:])


def _broken(child: Link, issuer: Link, answer: bool | None) -> Remark:
    if answer is None:
        message = f"The signature of {child.title} is of a kind that cannot be verified here."
        return remark("signature-unknown", message, child.sha256)
    message = f"The signature of {child.title} does not verify with the key of {issuer.title}, its issuer by name."
    return remark("signature", message, child.sha256)
