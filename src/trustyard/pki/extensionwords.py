"""What one extension says, in words where it is a common one, else as hex or a digest of its octets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from trustyard.pki import extensions
from trustyard.pki.structure import Extension, Structure

_MOST_HEX = 48  # octets; what is longer is told by its digest


def said(structure: Structure, extension: Extension) -> str:
    """`critical: digital signature, key encipherment`; `structure` is the certificate that it stands in."""
    reader = _READERS.get(extension.oid)
    words = reader(structure) if reader and structure.extension(extension.oid) == extension.value else ""
    text = words or _octets(extension.value)
    return f"critical: {text}" if extension.critical else text


def _octets(value: bytes) -> str:
    if len(value) <= _MOST_HEX:
        return value.hex() or "(empty)"
    return f"{len(value)} octets, SHA-256 {hashlib.sha256(value).hexdigest()}"


def _basic_constraints(structure: Structure) -> str:
    is_ca, length = extensions.basic_constraints(structure)
    if not is_ca:
        return "not a CA"
    return "a CA" if length is None else f"a CA, path length {length}"


def _alternative_names(structure: Structure) -> str:
    return ", ".join(f"{san.type} {san.value}" for san in extensions.alternative_names(structure))


_READERS: dict[str, Callable[[Structure], str]] = {
    "2.5.29.14": lambda structure: extensions.subject_key_identifier(structure) or "",
    "2.5.29.15": lambda structure: ", ".join(extensions.key_usage(structure) or ()),
    "2.5.29.17": _alternative_names,
    "2.5.29.19": _basic_constraints,
    "2.5.29.35": lambda structure: extensions.authority_key_identifier(structure) or "",
    "1.3.6.1.5.5.7.1.1": lambda structure: ", ".join(map(" ".join, extensions.access_addresses(structure))),
    "2.5.29.31": lambda structure: ", ".join(extensions.list_addresses(structure)),
    "2.5.29.37": lambda structure: ", ".join(extensions.purposes(structure) or ()),
}
