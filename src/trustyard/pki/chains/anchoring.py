"""Which anchors meet a chain: as a certificate of it, as its twin, or as the issuer of what stands open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from trustyard.pki.certificates import Certificate

from .family import Family, identifiers_differ, name_key, names_meet, same_key
from .values import Anchor, Chain, Ending, Link


def anchored(chain: Chain, anchors: Iterable[Anchor]) -> Chain:
    """The chain with the anchors that end it: nearest to the chosen certificate first, then those that are trusted."""
    tops, judge = _tops(chain), Family(())
    found = [e for anchor in anchors if (e := _ending(judge, chain.links, tops, anchor)) is not None]
    levels = _levels(chain)
    found.sort(key=lambda e: (levels[e.of], not e.anchor.trusted, e.anchor.origin, e.anchor.alias.casefold()))
    broken = next((at for at, link in enumerate(chain.links) if link.signature is False), len(levels))
    cut = [replace(e, how="cut-off") if levels[e.of] > broken and e.how != "namesake" else e for e in found]
    ends = ("same", "twin", "issuer")
    return replace(
        chain,
        endings=tuple(e for e in cut if e.how in ends),
        misses=tuple(e for e in cut if e.how not in ends),
    )


def _levels(chain: Chain) -> dict[str, int]:
    """How many links up each certificate stands; a cross-signed one beside its link."""
    levels = {link.certificate.sha256: at for at, link in enumerate(chain.links)}
    return levels | {cross.certificate.sha256: levels[cross.of] for cross in chain.cross_signs}


def _tops(chain: Chain) -> list[Certificate]:
    """Those whose issuer an anchor may be."""
    tops = [link.certificate for link in chain.links if link.signature is not True]
    return tops + [cross.certificate for cross in chain.cross_signs]


@dataclass
class Sought:
    """What the anchors of some chains are found by, and those that just miss them."""

    subjects: set[str] = field(default_factory=set)  # as the certificates write them
    keys: set[str] = field(default_factory=set)  # SHA-256 of the public key: one of these has a twin of a link besides
    issuers: set[str] = field(default_factory=set)  # subjects that an issuer may have, whatever its key


def sought(chains: Iterable[Chain]) -> Sought:
    """What every certificate has that ends one of these chains."""
    found = Sought()
    for chain in chains:
        own = [link.certificate.facts for link in chain.links]
        written = [*own, *(cross.certificate.facts for cross in chain.cross_signs)]
        subjects = {name for facts in written for name in (facts.subject, facts.issuer) if name}
        open_names = {name_key(top.facts.issuer) for top in _tops(chain)}
        found.subjects |= subjects
        found.keys |= {facts.spki_sha256 for facts in own}
        found.issuers |= {name for name in subjects if name_key(name) in open_names}
    return found


def _ending(family: Family, links: Sequence[Link], tops: Sequence[Certificate], anchor: Anchor) -> Ending | None:
    own = anchor.certificate
    for link in links:
        if link.certificate.sha256 == own.sha256:
            return Ending(anchor, own.sha256, "same")
    for link in links:
        if same_key(link.certificate, own):
            return Ending(anchor, link.certificate.sha256, "twin")
    namesake = None
    for top in tops:
        if not names_meet(top, own):
            continue
        signed = family.signed(top, own)
        if signed or (signed is None and not identifiers_differ(top, own)):
            return Ending(anchor, top.sha256, "issuer", signed)
        namesake = namesake or Ending(anchor, top.sha256, "namesake", signed)
    return namesake
