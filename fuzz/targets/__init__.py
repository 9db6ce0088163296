"""One function for each reader: bytes in, nothing out, an AssertionError where a promise is broken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

from . import addresses, certificates, chains, containers, jwks, peers, rest, roots

Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {
    "certificate": certificates.certificate,
    "certificate_jwk": jwks.certificate_jwk,
    "file": containers.file,
    "paste": containers.paste,
    "presented": containers.presented,
    "pkcs12": containers.pkcs12_file,
    "keystore": containers.keystore,
    "jwk": jwks.jwk,
    "chain_order": chains.chain_order,
    "roots": roots.roots,
    "address": addresses.address,
    "json_body": rest.json_body,
    "tls_peer": peers.tls_peer,
}

# Readers that are being built: each joins when its module is there.
for _module, _target, _function in (
    ("trustyard.pki.findings", "findings", "certificate_findings"),
    ("trustyard.pki.comparing", "comparing", "comparison"),
    ("trustyard.pki.chains.building", "wholechains", "whole_chain"),
    ("trustyard.pki.trust", "trust", "trust_check"),
):
    with suppress(ModuleNotFoundError):
        if find_spec(_module):
            TARGETS[_function] = getattr(import_module(f".{_target}", __name__), _function)

# What must run before, in a process of its own.
PREPARED = {"roots": roots.prepare}

# What these take is DER or a wrapping of it, so the mutator may look inside; the others get libFuzzer's own changes.
STRUCTURED = (
    "certificate",
    "certificate_jwk",
    "file",
    "pkcs12",
    "keystore",
    "roots",
    "certificate_findings",
    "comparison",
)
