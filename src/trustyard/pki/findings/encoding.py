"""The frame: version, serial number, unique identifiers, and where it was read leniently."""

from __future__ import annotations

from collections.abc import Iterator

from trustyard.pki.strict_der import is_der

from .catalogue import Finding, finding
from .examined import Examined

_UNIQUE = (b"\x81", b"\x82", b"\xa1", b"\xa2")  # the tags of both, primitive as it should be, or not


def check(examined: Examined) -> Iterator[Finding]:
    """Findings about the certificate's frame."""
    structure = examined.structure
    version = structure.version
    if version != 3:
        if version in (1, 2):
            yield finding("version-old", version=version)
        else:
            yield finding("version-unknown", version=version if abs(version) < 1_000_000 else "far out")
        if structure.extensions:
            yield finding("extensions-misplaced", version=version if abs(version) < 1_000_000 else "far out")
    serial = structure.serial
    if serial <= 0:
        yield finding("serial-not-positive", sign="negative" if serial else "0")
    elif serial >> 159:  # the octets hold a sign too
        yield finding("serial-long", octets=serial.bit_length() // 8 + 1)
    after = structure.tbs.find(structure.spki.raw) + len(structure.spki.raw)
    if structure.tbs[after : after + 1] in _UNIQUE:
        yield finding("unique-identifiers")
    if not is_der(structure):
        yield finding("read-leniently")
