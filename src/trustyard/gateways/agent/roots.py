"""The files for gateways that take no pins: `used-roots.pem` and `truststore-roots.pem`, and what is not in them."""

from __future__ import annotations

from trustyard.gateways.anchors import for_openssl
from trustyard.pki.content import Material
from trustyard.pki.truststores import pem_bundle

NAMED = 10  # in the words of a receipt


def files(material: Material) -> tuple[dict[str, bytes], str]:
    """The two files, never without an anchor (D-17), and a sentence on what they leave out (D-18)."""
    used, every = for_openssl(material, "used"), for_openssl(material, "all")
    made = {"used-roots.pem": pem_bundle(used.ders), "truststore-roots.pem": pem_bundle(every.ders)}
    notes = list(dict.fromkeys([*used.notes, *every.notes]))
    more = f"; and {len(notes) - NAMED} more" if len(notes) > NAMED else ""
    return made, "; ".join(notes[:NAMED]) + more
