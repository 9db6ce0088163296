"""The signature: its digest, whether it is its own, and whether both places name one algorithm."""

from __future__ import annotations

from collections.abc import Iterator

from trustyard.pki import signatures

from .catalogue import Finding, finding
from .examined import Examined


def check(examined: Examined) -> Iterator[Finding]:
    """Findings about the signature."""
    facts = examined.facts
    if signatures.weak(examined.structure):
        yield finding("weak-digest-anchor" if examined.root else "weak-digest", algorithm=facts.signature_algorithm)
    if examined.root and not facts.self_signed:
        if facts.self_signed is None:
            yield finding("self-signature-unchecked", algorithm=facts.signature_algorithm)
        else:
            yield finding("self-signature-bad")
    if not examined.structure.algorithms_agree:
        yield finding("signature-algorithms-differ")
