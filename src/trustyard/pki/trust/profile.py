"""How each certificate of a path must be made (RFC 5280, section 4; CA/Browser Forum Baseline Requirements)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from trustyard.pki import keys, oids, pss, signatures, smallorder

from . import strict
from .link import Link
from .rules import Remark, remark

_UNDERSTOOD = frozenset(
    {
        strict.BASIC_CONSTRAINTS,
        strict.KEY_USAGE,
        strict.PURPOSE,
        strict.SAN,
        strict.NAME_CONSTRAINTS,
        strict.POLICIES,
        strict.MAPPINGS,
        strict.POLICY_CONSTRAINTS,
        strict.INHIBIT_ANY,
        # These must not be critical, which has its own rule.
        strict.SKI,
        strict.AKI,
        strict.AIA,
    }
)
_NEVER_CRITICAL = (strict.SKI, strict.AKI, strict.AIA)
_ALWAYS_CRITICAL = (strict.POLICY_CONSTRAINTS, strict.INHIBIT_ANY)
_MOST_SERIAL_BITS = 159  # 20 octets, of which the first bit is the sign


def check(link: Link, *, issuer: bool) -> Iterator[Remark]:
    """What is wrong with one certificate; `issuer`: it stands above another one."""
    for code, sentence in (*_extensions(link), *_fields(link), *_authority(link), *_identifiers(link), *_key(link)):
        yield remark(code, f"{link.title} {sentence}", link.sha256)
    if issuer:
        for code, sentence in _as_issuer(link):
            yield remark(code, f"{link.title} {sentence}", link.sha256)


Found = Iterator[tuple[str, str]]


def _extensions(link: Link) -> Found:
    oids_here = Counter(e.oid for e in link.structure.extensions)
    for oid in (oid for oid, count in oids_here.items() if count > 1):
        yield "extension-doubled", f"has the extension {_named(oid)} twice."
    for oid in link.malformed:
        yield "extension-malformed", f"has an extension {_named(oid)} that cannot be read."
    for extension in link.structure.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            yield (
                "critical-extension",
                f"has a critical extension that is not understood here: {_named(extension.oid)}.",
            )
    for oid in _NEVER_CRITICAL:
        if link.critical(oid):
            yield "extension-criticality", f"has a critical {_named(oid)}, which must not be critical."
    for oid in _ALWAYS_CRITICAL:
        if link.critical(oid) is False:
            yield "extension-criticality", f"has a {_named(oid)} that is not critical."


def _fields(link: Link) -> Found:
    structure = link.structure
    if structure.version != 3:
        yield "version", f"is of version {structure.version}."
    if link.anchor:
        pass  # roots of everybody's sets have the number zero, and nobody looks an anchor up by it
    elif structure.serial <= 0:
        yield "serial-number", f"has a serial number that is {'zero' if structure.serial == 0 else 'negative'}."
    elif structure.serial.bit_length() > _MOST_SERIAL_BITS:
        yield "serial-number", "has a serial number of more than 20 octets."
    if not structure.issuer:
        yield "empty-name", "names no issuer."
    if not structure.subject and link.constraints.ca:
        yield "empty-name", "is a CA without a name."
    if not structure.subject and not link.constraints.ca and not link.critical(strict.SAN):
        yield "empty-subject", "has no subject, and alternative names that are not critical."
    if not link.structure.algorithms_agree:
        yield "signature-algorithm", "names two different algorithms for its signature."
    if not link.anchor and signatures.weak(link.structure):
        over = " over SHA-1" if link.structure.signature_oid == pss.OID else ""
        yield "weak-signature", f"is signed with {link.certificate.facts.signature_algorithm}{over}."


def _authority(link: Link) -> Found:
    """What it says about being a CA, whatever its place in the path."""
    usage, ca = link.says(strict.KEY_USAGE), link.constraints.ca
    if usage is not None and strict.CERT_SIGN in usage and not ca:
        yield "signing-without-ca", "may sign certificates by its key usage and is no CA."
    if not ca and strict.NAME_CONSTRAINTS in {e.oid for e in link.structure.extensions}:
        yield "name-constraints-misplaced", "has name constraints and is no CA."
    if ca and link.critical(strict.BASIC_CONSTRAINTS) is False:
        yield "extension-criticality", "is a CA whose basic constraints are not critical."


def _identifiers(link: Link) -> Found:
    if link.anchor and not link.constraints.ca:
        return  # a pin: nothing is looked up by its identifiers
    authority = link.says(strict.AKI)
    if authority is None and not (link.self_signed or (link.anchor and link.self_issued)):
        yield "authority-key-identifier", "has no authority key identifier."
    elif authority is not None and authority.key is None:
        yield "authority-key-identifier", "has an authority key identifier without a key identifier."
    if not link.constraints.ca:
        return
    if link.says(strict.SKI) is None:
        yield "subject-key-identifier", "is a CA without a subject key identifier."
    elif link.self_signed and authority is not None:
        if authority.issuer or authority.serial:
            yield "authority-key-identifier", "is a root whose authority key identifier names issuer or serial number."
        elif authority.key is not None and authority.key != link.says(strict.SKI):
            yield "authority-key-identifier", "is a root whose two key identifiers differ."


def _key(link: Link) -> Found:
    spki = link.structure.spki
    facts = keys.facts_of(spki)
    if harm := smallorder.harm(facts.type, keys.octets_of(spki)):
        yield "weak-key", f"has an {facts.type} key that is a point of small order: {harm}."
    elif facts.type in ("RSA", "RSA-PSS") and facts.size is not None:
        if facts.size < 2048:
            yield "weak-key", f"has an RSA key of {facts.size} bits."
        elif facts.size % 8:
            yield "weak-key", f"has an RSA key of {facts.size} bits, which is no multiple of 8."
        elif keys.rsa_numbers(keys.octets_of(spki))[0] % 2 == 0:
            yield "weak-key", "has an RSA key with an even modulus: anybody finds its private half."
    elif facts.type == "EC" and facts.curve is None:
        yield "explicit-curve", "has an EC key with a curve of its own instead of a named one."
    elif facts.type == "EC" and (facts.size or 0) < 224:
        yield "weak-key", f"has an EC key on the curve {facts.curve}."
    elif facts.type == "DSA":
        yield "weak-key", "has a DSA key."


def _as_issuer(link: Link) -> Found:
    usage = link.says(strict.KEY_USAGE)
    if not link.constraints.ca:
        yield "not-a-ca", "stands as an issuer in the path and is no CA."
    elif usage is not None and strict.CERT_SIGN not in usage:
        yield "certificate-signing", "is a CA whose key usage does not allow signing certificates."


def _named(oid: str) -> str:
    return oids.EXTENSIONS.get(oid) or oid
