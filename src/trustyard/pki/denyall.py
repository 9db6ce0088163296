"""The deny-all anchor: a CA certificate whose key nobody has, for truststores that must trust nobody (D-17).

Envoy, HAProxy, nginx, OpenSSL and Java refuse an empty truststore or take it as "verify nothing". This one
certificate, `deny-all.der`, says "nobody" to all of them. It was made once: an EC P-256 key was generated in memory
with `cryptography`, signed the certificate with its own key (CN=Trustyard deny-all anchor, 1970 to 9999, CA, path
length 0, certificate signing alone), and was never written anywhere; the process ended, and the key with it.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def deny_all_der() -> bytes:
    """The certificate in DER; always the same."""
    return resources.files("trustyard.pki").joinpath("deny-all.der").read_bytes()
