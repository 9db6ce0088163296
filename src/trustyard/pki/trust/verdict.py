"""Our own verdict: the first path that keeps all rules, or the one that breaks the fewest, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trustyard.pki.certificates import Certificate
from trustyard.pki.sentences import plural

from . import constraints, policies, profile, purposes, strict
from .link import Link
from .paths import Path, Search
from .question import Question
from .rules import Remark, heaviest_first, remark


@dataclass(frozen=True)
class Verdict:
    """Accepted or not; the rule that decided and all that apply; the path; certificates whose issuer is missing."""

    accepted: bool
    deciding: Remark
    remarks: tuple[Remark, ...]
    path: tuple[Certificate, ...]
    reaches_anchor: bool
    dead_ends: tuple[Certificate, ...]


def judge(question: Question) -> Verdict:
    """The verdict on a question. Always an answer, within `question.limits`."""
    search = Search.of(question)
    budget = constraints.Budget(question.limits.comparisons)
    best: tuple[Path, tuple[Remark, ...]] | None = None
    for number, path in enumerate(search.paths(), 1):
        problems = heaviest_first(list(_problems(path, question, budget)))
        if not problems:
            return _accepted(path, question)
        if best is None or len(problems) < len(best[1]):
            best = path, problems
        if number >= question.limits.paths:
            search.exhausted = True
            break
    return _refused(best, question, search)


def _problems(path: Path, question: Question, budget: constraints.Budget) -> Iterator[Remark]:
    """RFC 5280, section 6.1.3, for each certificate, the anchor included, then what is asked of the path as a whole."""
    for at, link in enumerate(path):
        yield from _in_time(link, question)
        if not (link.anchor and link.sha256 in question.vetted):
            yield from profile.check(link, issuer=at > 0)
    yield from _lengths(path)
    yield from purposes.check(path, question.purpose)
    yield from purposes.check_name(path[0], question.name, question.purpose)
    if question.purpose == "server":
        yield from purposes.check_web(path)
    yield from constraints.check(path, budget)
    yield from policies.check(path)


def _in_time(link: Link, question: Question) -> Iterator[Remark]:
    if link.in_time(question.moment):
        return
    structure = link.structure
    if question.moment < structure.not_before:
        sentence = f"{link.title} is not valid before {structure.not_before:%Y-%m-%d %H:%M:%S} UTC."
        yield remark("not-yet-valid", sentence, link.sha256)
    else:
        sentence = f"{link.title} expired on {structure.not_after:%Y-%m-%d %H:%M:%S} UTC."
        yield remark("expired", sentence, link.sha256)


def _lengths(path: Path) -> Iterator[Remark]:
    """Self-issued CAs and the last certificate are not counted (RFC 5280, sections 4.2.1.9 and 6.1.4 (l))."""
    following = 0
    for link in path[1:]:
        allowed = link.constraints.path_length
        if allowed is not None and following > allowed:
            sentence = f"{link.title} allows {plural(allowed, 'CA')} below it; the path has {following}."
            yield remark("path-length", sentence, link.sha256)
        following += not link.self_issued


def _accepted(path: Path, question: Question) -> Verdict:
    sentence = f"The path from {path[0].title} to the anchor {path[-1].title} keeps all rules."
    plain = remark("path-accepted", sentence, path[0].sha256)
    remarks = heaviest_first([*_allowances(path, question), plain])
    return Verdict(True, remarks[0], remarks, _certificates(path), True, ())


def _allowances(path: Path, question: Question) -> Iterator[Remark]:
    """What other verifiers may see differently, most telling first."""
    leaf, anchor = path[0], path[-1]
    if len(path) == 1 and not leaf.self_signed:
        yield _allowance("pin", leaf)
    elif not anchor.self_signed:
        yield _allowance("anchor-not-self-signed", anchor)
    of_leaf = {
        "common-name-alone": constraints.common_name_alone(path),
        "ca-as-end-entity": leaf.constraints.ca,
        "purpose-open": leaf.says(strict.PURPOSE) is None,
    }
    yield from (_allowance(code, leaf) for code, holds in of_leaf.items() if holds)
    for link in path[1:]:
        if link.self_issued and link is not anchor:
            yield _allowance("self-issued", link)
        if link.critical(strict.NAME_CONSTRAINTS) is False:
            yield _allowance("name-constraints-not-critical", link)
    if question.purpose == "server" and purposes.other_common_name(leaf):
        yield _allowance("common-name", leaf)
    if not question.name:
        yield _allowance("name-not-checked", leaf)


_ALLOWANCES = {
    "pin": "{} itself is in the truststore. Envoy accepts it so; HAProxy and nginx want its issuer's root instead.",
    "anchor-not-self-signed": "The path ends at the intermediate CA {}. Envoy accepts that; HAProxy and nginx want "
    "the root in the truststore too.",
    "common-name-alone": "{} has no alternative name, and a CA above it has name constraints. HAProxy and nginx accept "
    "that; Envoy refuses it, since its common name could be a host.",
    "ca-as-end-entity": "{} is a CA's certificate in the place of an end entity, which the standard allows; "
    "verifiers of the web refuse it.",
    "purpose-open": "{} names no purpose, so every purpose is allowed; authorities of the web must name one.",
    "self-issued": "{} is self-issued, so it does not count in path lengths; some verifiers count it.",
    "name-constraints-not-critical": "{} has name constraints that are not critical; they hold all the same.",
    "common-name": "The common name of {} is none of its alternative names, and is not looked at.",
    "name-not-checked": "No name was asked for, so none of {} was compared.",
}


def _allowance(code: str, link: Link) -> Remark:
    return remark(code, _ALLOWANCES[code].format(link.title), link.sha256)


def _refused(best: tuple[Path, tuple[Remark, ...]] | None, question: Question, search: Search) -> Verdict:
    if best is not None:
        path, problems = best
        return Verdict(False, problems[0], problems, _certificates(path), True, ())
    problems = heaviest_first([_no_path(search), *search.broken, *_alone(search, question)])
    dead_ends = tuple(link.certificate for link in search.dead_ends.values())
    return Verdict(False, problems[0], problems, _certificates(_as_far_as_it_goes(search)), False, dead_ends)


def _no_path(search: Search) -> Remark:
    start, ends = search.start, search.dead_ends
    stuck = [(r.rule.code, ends[r.certificate]) for r in search.broken if r.certificate in ends]
    if search.exhausted:
        sentence = (
            "The search for a path to an anchor ended at a counted limit: "
            "more certificates, or more or longer ways, were offered than are looked at."
        )
        return remark("limits", sentence, start.sha256)
    if start.self_signed:
        sentence = f"{start.title} is self-signed and not in the truststore."
    elif stuck:
        code, end = stuck[0]
        known = "the one that signed is missing" if code == "signature" else "whether it signed cannot be told here"
        sentence = f"There is an issuer of the right name, yet {known}: {end.issuer_title}."
    else:
        end = next(iter(ends.values()))  # a search that found no anchor and met no limit ended somewhere
        if end.self_signed:
            return remark(
                "no-path", f"The way up ends at the root {end.title}, which is not in the truststore.", end.sha256
            )
        sentence = f"The issuer of {end.title} is neither in the truststore nor in the source: {end.issuer_title}."
    return remark("no-path", sentence, start.sha256)


def _alone(search: Search, question: Question) -> Iterator[Remark]:
    """What would be wrong with the certificate even if a path were found."""
    yield from _in_time(search.start, question)
    yield from purposes.check((search.start,), question.purpose)
    yield from purposes.check_name(search.start, question.name, question.purpose)


def _as_far_as_it_goes(search: Search) -> Path:
    """The way that was found though it ends at no anchor: for people to see where it breaks off."""
    path: list[Link] = [search.start]
    while len(path) <= search.question.limits.intermediates:
        above = next((c for c in search.others if search.leads(path[-1], c) and c not in path), None)
        if above is None:
            break
        path.append(above)
    return tuple(path)


def _certificates(path: Path) -> tuple[Certificate, ...]:
    return tuple(link.certificate for link in path)
