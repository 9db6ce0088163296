"""The whole chain of a certificate: any web of issuers and anchors has one, in whole sentences."""

from __future__ import annotations

from fuzz.counting import budget
from fuzz.webs import web
from trustyard.pki.certificates import read_certificate
from trustyard.pki.chains import Anchor, anchored, chain_of, words


def whole_chain(data: bytes) -> None:
    """`chain_of` of certificates among all, with every third one as an anchor, and its sentences."""
    certificates = [read_certificate(der) for der in web(data)]
    anchors = [Anchor("test", str(at), "certificate", one) for at, one in enumerate(certificates[::3])]
    for chosen in certificates[:5]:
        with budget(0, a_call=2_000_000):
            chain = anchored(chain_of(chosen, certificates), anchors)
            assert chain.links[0].certificate == chosen
            assert words.sentence(chain)
            assert all(note.strip() for note in words.notes(chain))
