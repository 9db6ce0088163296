"""Which certificates OpenSSL cannot read: given one of them, it refuses the whole file of them."""

from __future__ import annotations

from OpenSSL import crypto


def openssl_loads(der: bytes) -> bool:
    """Whether OpenSSL reads this certificate, and takes it into a store of anchors."""
    try:
        crypto.X509Store().add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, der))
    except (crypto.Error, ValueError):
        return False
    return True
