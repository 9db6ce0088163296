"""A chain in sentences: what every edge says of it, in the same words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trustyard.pki.sentences import few

from .values import Anchor, Chain, CrossSign, Ending, Link, Missing

_NAMED = 3  # environments or anchors named in one sentence; the rest is counted


def sentence(chain: Chain) -> str:
    """How the chain stands, and who trusts it."""
    if chain.state == "open" and chain.endings_above:
        return _led(chain)
    return f"{_state(chain)} {_trusted(chain)}"


def _led(chain: Chain) -> str:
    """Of a chain that lacks an issuer and ends at anchors all the same."""
    top = chain.links[-1].certificate
    name = top.facts.certificate_name
    issuers = [e for e in chain.endings_of(top.sha256) if e.how == "issuer" and e.anchor.trusted]
    if not issuers:
        places = _environments(chain.endings_above)
        return (
            f"The chain ends at anchors of {places}; the issuer of {name} is not in the source, and not needed there."
        )
    issuer, places = issuers[0].anchor.certificate.facts.certificate_name, _environments(issuers)
    led = f"The chain leads up to {name}" if len(chain.links) > 1 else "The chain begins here"
    return f"{led}; its issuer {issuer} is not in the source, but an anchor of {places}."


def _state(chain: Chain) -> str:
    name = chain.links[-1].certificate.facts.certificate_name
    match chain.state:
        case "broken":
            return "The chain is broken: " + "; ".join(_broken(chain)) + "."
        case "circle":
            return f"The chain goes in a circle: {name} was issued by a certificate below it."
        case "long":
            return f"The chain is longer than {len(chain.links)} certificates; it was followed no further."
        case "open":
            issuer = chain.missing[0].name or "not named"
            return f"The chain breaks off at {name}: its issuer is not in the source ({issuer})."
    if len(chain.links) == 1:
        return f"{name} was issued by itself."
    return f"The chain is whole: {len(chain.links)} certificates up to {name}, which was issued by itself."


def _broken(chain: Chain) -> Iterator[str]:
    for at, link in enumerate(chain.links):
        if link.signature is False:
            name = link.certificate.facts.certificate_name
            yield f"the signature on {name} does not verify with the key of {_above(chain, at)}"


def _above(chain: Chain, at: int) -> str:
    if chain.links[at].issuer == "next":
        if at + 1 == len(chain.links):  # a circle, or more links than are followed
            return "its issuer"
        at += 1
    return chain.links[at].certificate.facts.certificate_name


def _trusted(chain: Chain) -> str:
    if chain.endings_above:
        return f"It ends at anchors of {_environments(chain.endings_above)}."
    if chain.trusted:
        return f"No anchor stands above the certificate; it is an anchor itself in {_environments(chain.trusted)}."
    if chain.endings:
        return f"It ends only at what the releases of {_environments(chain.endings)} leave out."
    return "No environment has an anchor that ends it."


def _environments(endings: Sequence[Ending]) -> str:
    return listed(list(dict.fromkeys(e.anchor.environment for e in endings)))


def notes(chain: Chain) -> list[str]:
    """What else to know, a sentence each: order, circles, cross-signs, what does not belong, anchors that miss."""
    found = []
    if not chain.in_order:
        places = ", ".join(str(link.position) for link in chain.links if link.position is not None)
        found.append(f"Presented out of order: from the bottom to the top the certificates stand at places {places}.")
    names = [cross.certificate.facts.certificate_name for cross in chain.cross_signs]
    if names:
        found.append(f"Cross-signed: {listed(list(dict.fromkeys(names)))} is here from another issuer too.")
    foreign = [one.certificate.facts.certificate_name for one in chain.others if one.kind == "foreign"]
    if foreign:
        found.append(f"Foreign to this chain: {listed(foreign)}.")
    return [*found, *(ending_words(chain, miss) for miss in chain.misses[:_NAMED])]


def link_words(chain: Chain, at: int) -> str:
    """How one link was issued."""
    link = chain.links[at]
    if link.issuer == "missing":
        return f"Issued by {link.certificate.facts.issuer or 'an issuer without a name'}, which is not in the source."
    if link.issuer == "itself":
        return f"Issued by itself; {signature_words(link.signature)}."
    if at + 1 == len(chain.links):
        where = "below it" if chain.state != "long" else "further up"
        return f"Issued by a certificate {where}; {signature_words(link.signature)}."
    return f"Issued by {chain.links[at + 1].certificate.facts.certificate_name}; {signature_words(link.signature)}."


def signature_words(signature: bool | None) -> str:
    """What is known of a signature."""
    if signature is None:
        return "found by name only, the signature could not be judged"
    return "the signature verifies" if signature else "the signature does not verify"


def missing_words(missing: Missing) -> str:
    """What is known of an issuer that is not here."""
    parts = [f"Missing: {missing.name or 'an issuer without a name'}"]
    if missing.key_identifier:
        parts.append(f"key identifier {missing.key_identifier}")
    if missing.serial_hex:
        parts.append(f"serial number {missing.serial_hex}")
    if missing.addresses:
        parts.append(f"said to be at {', '.join(missing.addresses)}")
    return "; ".join(parts) + "."


def cross_words(chain: Chain, cross: CrossSign) -> str:
    """What a cross-signed certificate is to its link."""
    of = name_of(chain, cross.of)
    return f"The subject and key of {of}, issued by {cross.certificate.facts.issuer or 'an issuer without a name'}."


def ending_words(chain: Chain, ending: Ending) -> str:
    """What an anchor is to the chain."""
    of = name_of(chain, ending.of)
    who = f"{anchor_words(ending.anchor)} ({force_words(ending.anchor)})"
    match ending.how:
        case "same":
            return f"{who} is {of} itself."
        case "twin":
            return f"{who} has the subject and key of {of}."
        case "issuer":
            return f"{who} issued {of}; {signature_words(ending.signature)}."
        case "cut-off":
            return f"{who} stands at {of}, above the signature that does not verify."
    return f"{who} has the name of the issuer of {of}, but its key did not sign it."


def anchor_words(anchor: Anchor) -> str:
    """Which anchor, and where."""
    kind = "alias" if anchor.origin == "certificate" else "root"
    return f"{anchor.environment}: {kind} {anchor.alias}"


def force_words(anchor: Anchor) -> str:
    """Whether gateways have it."""
    if anchor.in_force:
        goes = anchor.left_out or not anchor.saved
        return "in force, goes with the next release" if goes else "in force"
    return f"saved, left out of releases: {anchor.left_out.word}" if anchor.left_out else "saved, not in force"


def name_of(chain: Chain, sha256: str) -> str:
    """The name of a certificate of the chain or cross-signed beside it."""
    known: Sequence[Link | CrossSign] = (*chain.links, *chain.cross_signs)
    return next((one.certificate.facts.certificate_name for one in known if one.certificate.sha256 == sha256), sha256)


def listed(names: Sequence[str]) -> str:
    """`a, b and 3 more`."""
    if len(names) > _NAMED:
        return few(names, _NAMED)
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
