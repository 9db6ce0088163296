"""The chain of one certificate of a source: links upwards, then what is missing, and what else is there."""

from __future__ import annotations

from collections.abc import Sequence

from trustyard.pki import der
from trustyard.pki.certificates import Certificate
from trustyard.pki.extensions import issuer_addresses
from trustyard.pki.structure import Structure

from .family import MAX_LINKS, Family, name_key, same_key
from .others import others
from .values import Chain, CrossSign, Link, Missing, State


def chain_of(chosen: Certificate, presented: Sequence[Certificate]) -> Chain:
    """The chain of `chosen` within `presented` (a source in its order); which anchors end it, `anchored` says.

    Issuers are found by name and key identifier, and each link's signature is judged; at most a fixed number of
    signatures is, so that no source costs more than a moment. Nothing is fetched.
    """
    family = Family([*presented, chosen])
    places = {c.sha256: place for place, c in reversed(list(enumerate(presented, 1)))}
    links, state = _climb(family, chosen, places)
    on_chain = {link.certificate.sha256 for link in links}
    aside = [c for c in family.members if c.sha256 not in on_chain]
    crossed = _cross_signs(links, aside, places)
    rest = [c for c in aside if c.sha256 not in {cross.certificate.sha256 for cross in crossed}]
    given = [link.position for link in links if link.position is not None]
    return Chain(
        links=links,
        state=state,
        in_order=given == sorted(given),
        missing=tuple(_missing(link.certificate) for link in links if link.issuer == "missing"),
        cross_signs=crossed,
        others=others(family, links, rest, places, crossed),
    )


def _climb(family: Family, chosen: Certificate, places: dict[str, int]) -> tuple[tuple[Link, ...], State]:
    links: dict[str, Link] = {}
    at = chosen
    state: State = "long"
    while len(links) < MAX_LINKS:
        found = family.issuer_of(at, judge=True)
        place = places.get(at.sha256)
        if found.certificate is None:
            links[at.sha256] = Link(at, place, "missing", None)
            state = "open"
            break
        itself = found.certificate.sha256 == at.sha256
        links[at.sha256] = Link(at, place, "itself" if itself else "next", found.signature)
        if itself:
            state = "whole"
            break
        at = found.certificate
        if at.sha256 in links:
            state = "circle"
            break
    broken = any(link.signature is False for link in links.values())
    return tuple(links.values()), "broken" if broken else state


def _cross_signs(links: Sequence[Link], aside: Sequence[Certificate], places: dict[str, int]) -> tuple[CrossSign, ...]:
    return tuple(
        CrossSign(c, places.get(c.sha256), link.certificate.sha256)
        for c in aside
        for link in links
        if same_key(c, link.certificate) and _other_issuer(c, link.certificate)
    )


def _other_issuer(one: Certificate, other: Certificate) -> bool:
    a, b = one.facts, other.facts
    return name_key(a.issuer) != name_key(b.issuer) or bool(a.aki and b.aki and a.aki != b.aki)


def _missing(certificate: Certificate) -> Missing:
    structure = certificate.structure()
    return Missing(
        of=certificate.sha256,
        name=certificate.facts.issuer,
        key_identifier=certificate.facts.aki,
        serial_hex=_issuer_serial(structure),
        addresses=issuer_addresses(structure),
    )


def _issuer_serial(structure: Structure) -> str | None:
    """The serial number that the authorityKeyIdentifier names (RFC 5280, section 4.2.1.1)."""
    try:
        parts = der.read(structure.extension("2.5.29.35") or b"").expect(der.SEQUENCE).children()
        return next((f"{int.from_bytes(p.body, 'big'):x}" for p in parts if p.tag == 0x82), None)
    except (ValueError, IndexError):
        return None
