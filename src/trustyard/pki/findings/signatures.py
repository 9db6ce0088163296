"""The signature: its digest, whether it is its own, and whether both places name one algorithm."""

from __future__ import annotations

from collections.abc import Iterator

from trustyard.pki import der
from trustyard.pki.structure import algorithm_identifier

from .catalogue import Finding, finding
from .examined import Examined

# MD2, MD4, MD5 and SHA-1, with RSA, EC and DSA (RFC 3279; OIW's arc).
_WEAK = frozenset(
    {
        "1.2.840.113549.1.1.2",
        "1.2.840.113549.1.1.3",
        "1.2.840.113549.1.1.4",
        "1.2.840.113549.1.1.5",
        "1.3.14.3.2.3",
        "1.3.14.3.2.13",
        "1.3.14.3.2.15",
        "1.3.14.3.2.27",
        "1.3.14.3.2.29",
        "1.2.840.10040.4.3",
        "1.2.840.10045.4.1",
    }
)
_PSS, _SHA1 = "1.2.840.113549.1.1.10", "1.3.14.3.2.26"


def check(examined: Examined) -> Iterator[Finding]:
    """Findings about the signature."""
    facts = examined.facts
    if facts.signature_algorithm_oid in _WEAK or (facts.signature_algorithm_oid == _PSS and _pss_sha1(examined)):
        yield finding("weak-digest-anchor" if examined.root else "weak-digest", algorithm=facts.signature_algorithm)
    if examined.root and not facts.self_signed:
        if facts.self_signed is None:
            yield finding("self-signature-unchecked", algorithm=facts.signature_algorithm)
        else:
            yield finding("self-signature-bad")
    if not examined.structure.algorithms_agree:
        yield finding("signature-algorithms-differ")


def _pss_sha1(examined: Examined) -> bool:
    """Whether RSASSA-PSS hashes with SHA-1, which is what it does when it does not say (RFC 4055, section 3.1)."""
    parameters = examined.structure.signature_parameters
    try:
        hashed = [p for p in parameters.children() if p.tag == 0xA0] if parameters is not None else []
        return not hashed or algorithm_identifier(der.read_all(hashed[0].body))[0] == _SHA1
    except ValueError:
        return False
