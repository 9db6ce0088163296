"""JSON Web Keys: given by hand, and made of certificates."""

from __future__ import annotations

import json
from contextlib import suppress

from fuzz.counting import budget
from trustyard.errors import TrustyardError
from trustyard.pki.certificates import read_certificate
from trustyard.pki.jwks import algorithms_for, findings, jwk_from_certificate, read_public_jwk, thumbprint


def jwk(data: bytes) -> None:
    """`read_public_jwk` of any JSON value; what it gives is public, and is read as itself."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    with suppress(TrustyardError), budget(len(data)):
        made = read_public_jwk(value)
        assert read_public_jwk(made) == made
        assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} & set(made)
        assert len(thumbprint(made)) == 43
        findings(made)
        json.dumps(made)


def certificate_jwk(data: bytes) -> None:
    """`jwk_from_certificate` with every `use` and `alg` that fits; each is read as itself."""
    with suppress(TrustyardError), budget(len(data)):
        certificate = read_certificate(data)
        for use in ("sig", "enc"):
            for alg in (None, *algorithms_for(certificate, use)):
                with suppress(TrustyardError):
                    made = jwk_from_certificate(certificate, use=use, alg=alg)
                    assert read_public_jwk(made) == made
