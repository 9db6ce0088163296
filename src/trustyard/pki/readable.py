"""The readable text of a certificate, the field Content (S-15)."""

from __future__ import annotations

from collections.abc import Iterator

from trustyard.pki import extensions
from trustyard.pki.certificates import Certificate, Facts, rfc3339


def content(certificate: Certificate) -> str:
    """Subject, issuer, serial, validity, algorithm, key, extensions and fingerprints: one `Label: value` a line."""
    return "\n".join(_lines(certificate)) + "\n"


def _lines(certificate: Certificate) -> Iterator[str]:
    facts = certificate.facts
    yield f"Subject: {facts.subject or '(empty)'}"
    yield f"Issuer: {facts.issuer or '(empty)'}"
    yield f"Serial number: {facts.serial_hex}"
    yield f"Version: {facts.version}"
    yield f"Not before: {rfc3339(facts.not_before)}"
    yield f"Not after: {rfc3339(facts.not_after)}"
    yield f"Public key: {facts.key.words}"
    yield f"Signature algorithm: {facts.signature_algorithm}"
    yield f"Certificate authority: {_authority(facts)}"
    for san in facts.sans:
        yield f"Alternative name: {san.type}: {visible(san.value)}"
    structure = certificate.structure()
    if (usage := extensions.key_usage(structure)) is not None:
        yield f"Key usage: {', '.join(usage)}"
    if (purposes := extensions.purposes(structure)) is not None:
        yield f"Purposes: {', '.join(purposes)}"
    for kind, address in extensions.access_addresses(structure):
        yield f"{kind}: {visible(address)}"
    for address in extensions.list_addresses(structure):
        yield f"Revocation list: {visible(address)}"
    if facts.ski:
        yield f"Subject key identifier: {facts.ski}"
    if facts.aki:
        yield f"Authority key identifier: {facts.aki}"
    for extension in facts.extensions:
        critical = " (critical)" if extension.critical else ""
        yield f"Extension: {f'{extension.name} {extension.oid}'.strip()}{critical}"
    yield f"SHA-256: {facts.sha256}"
    yield f"SHA-1: {facts.sha1}"


def _authority(facts: Facts) -> str:
    if not facts.is_ca:
        return "no"
    return "yes" if facts.path_len is None else f"yes, path length {facts.path_len}"


def visible(text: str) -> str:
    """The text with what cannot be seen, or steers a terminal, written as its number."""
    return text if text.isprintable() else "".join([c if c.isprintable() else f"\\x{ord(c):02x}" for c in text])
