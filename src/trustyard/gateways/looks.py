"""Which programs read a certificate of a release: one that they do not read costs them all others."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from trustyard.pki.extensions import basic_constraints
from trustyard.pki.structure import take_apart

from .boringssl import envoy_reads
from .java import java_reads
from .openssl import openssl_loads

_MOST = 100_000


class Look(NamedTuple):
    """Whether it is a CA, and who reads it; of Envoy, its clients too."""

    is_ca: bool
    by_envoy: bool
    by_java: bool
    by_openssl: bool


_looks: dict[bytes, Look] = {}  # by SHA-256, so that each is taken apart once, whatever gateways there are


def look(data: bytes) -> Look:
    """At a certificate in DER. What we cannot read ourselves, and so never store, is not judged."""
    digest = hashlib.sha256(data).digest()
    found = _looks.get(digest)
    if found is None:
        if len(_looks) >= _MOST:
            _looks.clear()
        found = _looks[digest] = _look(data)
    return found


def _look(data: bytes) -> Look:
    try:
        structure = take_apart(data)  # and no facts: they cost ten times as much
        is_ca, _ = basic_constraints(structure)
        by_openssl = openssl_loads(data)
        # Envoy names its anchors to each client, and one with OpenSSL ends the handshake at a name that it cannot read.
        return Look(is_ca, by_openssl and envoy_reads(structure), java_reads(structure), by_openssl)
    except (ValueError, IndexError, OverflowError, RecursionError):  # as a reader of certificates refuses it
        return Look(is_ca=True, by_envoy=True, by_java=True, by_openssl=True)
