"""What a source holds besides the chain: issued below it, beside it, or foreign to it."""

from __future__ import annotations

from collections.abc import Sequence

from trustyard.pki.certificates import Certificate

from .family import MAX_LINKS, Family, same_key
from .values import CrossSign, Link, Other


def others(
    family: Family,
    links: Sequence[Link],
    rest: Sequence[Certificate],
    places: dict[str, int],
    crossed: Sequence[CrossSign] = (),
) -> tuple[Other, ...]:
    """Each certificate of `rest` with what it is to the chain, in one sentence; `crossed` are its cross-signs."""
    above = _above(family, crossed)
    return tuple(
        _other(family, links, certificate, places.get(certificate.sha256), above.get(certificate.sha256))
        for certificate in rest
    )


def _above(family: Family, crossed: Sequence[CrossSign]) -> dict[str, str]:
    """SHA-256 of each certificate that a cross-sign leads up to, and the name of the cross-signed one."""
    found: dict[str, str] = {}
    for cross in crossed:
        at: Certificate | None = cross.certificate
        for _ in range(MAX_LINKS):
            at = family.issuer_of(at).certificate if at is not None else None
            if at is None or at.sha256 in found:
                break
            found[at.sha256] = cross.certificate.facts.certificate_name
    return found


def _other(
    family: Family, links: Sequence[Link], certificate: Certificate, place: int | None, crossed: str | None
) -> Other:
    twin = next((link for link in links if same_key(link.certificate, certificate)), None)
    if twin is not None:
        name = twin.certificate.facts.certificate_name
        return Other(certificate, place, "beside", f"Has the subject, key and issuer of {name}: it was issued anew.")
    issuer = family.issuer_of(certificate).certificate
    if crossed is not None:
        return Other(certificate, place, "beside", f"The cross-signed certificate of {crossed} leads up to it.")
    met = _met(family, links, certificate)
    if met is None:
        return Other(certificate, place, "foreign", _foreign(certificate, issuer))
    assert issuer is not None  # it led to the link
    below = met == links[0].certificate.sha256
    where = "the chosen certificate" if below else "a certificate of this chain"
    said = f"Issued by {issuer.facts.certificate_name}"
    said += "." if issuer.sha256 == met else f", which is below {where}."
    return Other(certificate, place, "below" if below else "beside", said)


def _met(family: Family, links: Sequence[Link], certificate: Certificate) -> str | None:
    """The link that the issuers of this certificate lead up to."""
    chain = {link.certificate.sha256 for link in links}
    at: Certificate | None = certificate
    for _ in range(MAX_LINKS):
        above = family.issuer_of(at).certificate if at is not None else None
        if above is None or at is None or above.sha256 == at.sha256:
            return None
        if above.sha256 in chain:
            return above.sha256
        at = above
    return None


def _foreign(certificate: Certificate, issuer: Certificate | None) -> str:
    if issuer is None:
        return f"Belongs to no certificate here; its issuer is {certificate.facts.issuer or 'not named'}."
    if issuer.sha256 == certificate.sha256:
        return "Issued itself, and no certificate of this chain."
    return f"Belongs to another chain: issued by {issuer.facts.certificate_name}."
