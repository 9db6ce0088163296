"""One function for each reader: bytes in, nothing out, an AssertionError where a promise is broken."""

from __future__ import annotations

from collections.abc import Callable

from . import (
    addresses,
    backups,
    certificates,
    chains,
    claims,
    comparing,
    containers,
    envoys,
    findings,
    gateways,
    jwks,
    peers,
    requests,
    rest,
    roots,
    trust,
    wholechains,
)

Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {
    "certificate": certificates.certificate,
    "certificate_jwk": jwks.certificate_jwk,
    "file": containers.file,
    "paste": containers.paste,
    "presented": containers.presented,
    "pkcs12": containers.pkcs12_file,
    "keystore": containers.keystore,
    "copied": containers.copied,
    "archive": containers.archive,
    "jwk": jwks.jwk,
    "chain_order": chains.chain_order,
    "roots": roots.roots,
    "address": addresses.address,
    "json_body": rest.json_body,
    "tls_peer": peers.tls_peer,
    "certificate_findings": findings.certificate_findings,
    "comparison": comparing.comparison,
    "whole_chain": wholechains.whole_chain,
    "trust_check": trust.trust_check,
    "haproxy_answer": gateways.haproxy_answer,
    "envoy_request": envoys.envoy_request,
    "agent_request": gateways.agent_request,
    "agent_release": gateways.agent_release,
    "agent_file": gateways.agent_file,
    "claims": claims.claims,
    "forwarded": requests.forwarded,
    "query": requests.query,
    "backup": backups.backup,
    "backup_row": backups.backup_row,
}

# What must run before, in a process of its own.
PREPARED = {
    "roots": roots.prepare,
    "claims": claims.prepare,
    "query": requests.prepare,
    "backup": backups.prepare,
    "backup_row": backups.prepare,
}

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
