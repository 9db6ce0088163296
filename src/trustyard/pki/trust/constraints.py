"""The names of a path against the name constraints of the certificates above them (RFC 5280, section 6.1.3)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from trustyard.pki import der
from trustyard.pki.distinguished import first_value, read_name, rfc4514
from trustyard.pki.names import printable

from . import strict, subtrees
from .hosts import looks_like_host
from .link import Link
from .paths import Path
from .rules import Remark, remark
from .strict import General, NameConstraints

_USUAL = 200  # octets of a name that counts for one
_COMMON_NAME = "2.5.4.3"
_LIKE_A_HOST = re.compile(r"(?:\*\.)?[\w:][\w:-]*(?:\.[\w:][\w:-]*)*\.?", re.ASCII)  # to Envoy; one word is enough
_EMAIL_ATTRIBUTE = "1.2.840.113549.1.9.1"


@dataclass
class Budget:
    """How many comparisons are left for all paths of one question together, and what was found once for all of them.

    `malformed` has by SHA-256 what is wrong with the constraints of a certificate themselves.
    """

    left: int
    malformed: dict[str, Remark | None] = field(default_factory=dict)


def check(path: Path, budget: Budget) -> Iterator[Remark]:
    """What is wrong with the constraints themselves, and the names that are outside them."""
    for at, link in enumerate(path):
        found = link.says(strict.NAME_CONSTRAINTS)
        if found is None:
            continue
        if link.sha256 not in budget.malformed:
            budget.malformed[link.sha256] = _malformed(link, found)
        if problem := budget.malformed[link.sha256]:
            yield problem
            continue
        for below in path[:at]:
            # Self-issued CAs below are exempt, so that a CA may roll its key; the last certificate never is.
            if below is not path[0] and below.self_issued:
                continue
            names = _names(below, last=below is path[0])
            budget.left -= _weight(names) * _weight((*found.permitted, *found.excluded))
            if budget.left < 0:
                yield remark("limits", f"{link.title} has too many name constraints for so many names.", link.sha256)
                return
            yield from _outside(below, names, link, found)


def common_name_alone(path: Path) -> bool:
    """Whether the last certificate has no alternative name under name constraints, and a common name like a host's."""
    constrained = any(link.says(strict.NAME_CONSTRAINTS) is not None for link in path[1:])
    common_name = first_value(path[0].structure.subject, _COMMON_NAME)
    return constrained and not path[0].names and _LIKE_A_HOST.fullmatch(common_name) is not None


def _weight(names: Iterable[General]) -> int:
    """How many names these count for: one of a megabyte, held against thousands of others, would take hours."""
    return sum(1 + len(name.body) // _USUAL for name in names)


def _malformed(link: Link, found: NameConstraints) -> Remark | None:
    every = (*found.permitted, *found.excluded)
    if not every:
        sentence = f"{link.title} has name constraints without a single subtree."
        return remark("name-constraints-malformed", sentence, link.sha256)
    wrong = next((c for c in every if not subtrees.well_formed(c)), None)
    if wrong is None:
        return None
    sentence = f"{link.title} has a name constraint that is none: {_shown(wrong)}."
    return remark("name-constraints-malformed", sentence, link.sha256)


def _names(link: Link, *, last: bool) -> list[General]:
    """All names that constraints bind: alternative names, the subject, and its mailboxes where no other name is one.

    Of the last certificate of a path without alternative names also the common name, if it looks like a host: RFC 5280
    does not say so, but Envoy 1.40, HAProxy 2.6 and OpenSSL refuse one that is outside.
    """
    names = list(link.names)
    if last and not names and looks_like_host(common_name := first_value(link.structure.subject, _COMMON_NAME)):
        names.append(General(strict.DNS, common_name.encode()))
    if link.structure.subject:
        names.append(General(strict.DIRECTORY, link.structure.subject_raw))
    if not any(name.kind == strict.EMAIL for name in names):
        attributes = (a for rdn in link.structure.subject for a in rdn if a.oid == _EMAIL_ATTRIBUTE and a.text)
        names += [General(strict.EMAIL, (a.text or "").encode()) for a in attributes]
    return names


def _outside(below: Link, names: list[General], link: Link, found: NameConstraints) -> Iterator[Remark]:
    for name in names:
        permitted = [c for c in found.permitted if c.kind == name.kind]
        excluded = [c for c in found.excluded if c.kind == name.kind]
        if not permitted and not excluded:
            continue
        said = f"The name {_shown(name)} of {below.title}"
        if name.kind not in subtrees.SUPPORTED:
            sentence = f"{said} is of a kind that {link.title} constrains and nobody here can compare."
        elif not subtrees.name_is_well_formed(name):
            sentence = f"{said} is malformed, so it cannot be inside the name constraints of {link.title}."
        elif any(subtrees.touches(name, c) for c in excluded):
            sentence = f"{said} is excluded by the name constraints of {link.title}."
        elif permitted and not any(subtrees.inside(name, c) for c in permitted):
            sentence = f"{said} is outside what the name constraints of {link.title} permit."
        else:
            continue
        yield remark("name-constraints", sentence, below.sha256)


def _shown(name: General) -> str:
    if name.kind == strict.DIRECTORY:
        return rfc4514(read_name(der.read_all(name.body)))
    if name.kind in (strict.DNS, strict.EMAIL, strict.URI):
        return printable(name.text[:100]) or "(empty)"
    if name.kind == strict.IP and len(name.body) in (4, 8, 16, 32):
        return _address_shown(name.body)
    return "hex " + name.body[:32].hex()


def _address_shown(octets: bytes) -> str:
    if len(octets) in (4, 16):
        return str(ipaddress.ip_address(octets))
    half = len(octets) // 2
    return f"{ipaddress.ip_address(octets[:half])}/{ipaddress.ip_address(octets[half:])}"
