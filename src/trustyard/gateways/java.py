"""Which certificates Java cannot read: given one of them, it refuses the whole truststore, JKS and PKCS#12 alike."""

from __future__ import annotations

import re

from cryptography.exceptions import InvalidSignature

from trustyard.pki import der, keys, oids, pss, times
from trustyard.pki.hashing import CannotTell
from trustyard.pki.structure import Extension, Structure

# Measured with OpenJDK 17: tests/live/test_java_unreadable.py. Certificates that break other rules are read.
_TIME = re.compile(rb"(?:\x17.(?:\d\d){5,6}|\x18.\d{12}(?:\d\d(?:[.,]\d+)?)?)(?:Z|[+-]\d{4})", re.DOTALL)
_SAN, _IAN, _KEY_USAGE, _INHIBIT_ANY, _NETSCAPE = (
    "2.5.29.17", "2.5.29.18", "2.5.29.15", "2.5.29.54", "2.16.840.1.113730.1.1"
)  # fmt: skip
# What a critical extension that Java knows must be; the others are sequences.
_TAGS = {"2.5.29.14": 0x04, _KEY_USAGE: 0x03, _INHIBIT_ANY: 0x02, _NETSCAPE: 0x03}
_SEQUENCES = frozenset(
    {f"2.5.29.{number}" for number in (16, 17, 18, 19, 28, 30, 31, 32, 33, 35, 36, 37, 46)}
    | {"1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.11"}
)
_URI = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=\[\]-]|%[0-9A-Fa-f]{2})+")
_CURVES = re.compile(r"P-|prime|sec[pt]|c2tnb|brainpoolP\d+r1")
_OCTETS = {"X25519": 32, "X448": 56, "Ed25519": 32, "Ed448": 57}
_NO_SIGNATURE = re.compile(r"1\.2\.840\.(?:10045\.2\.|10040\.4\.1$|113549\.1\.(?:1\.7$|3\.|5\.|12\.))")
_RSA_BITS, _LARGE_RSA, _EXPONENT_BITS = (505, 16_384), 3072, 64  # of a large one the exponent is bounded, too


def java_reads(structure: Structure) -> bool:
    """Whether Java reads this certificate."""
    named = [extension.oid for extension in structure.extensions]
    if not structure.algorithms_agree or len(set(named)) < len(named):
        return False
    if not all(_TIME.fullmatch(raw) and times.read(raw) for raw in structure.validity):
        return False
    if _NO_SIGNATURE.match(structure.signature_oid):  # it reads the parameters that belong to such a key or cipher
        return False
    try:
        return _names(structure) and all(map(_extension, structure.extensions)) and _key(structure) and _pss(structure)
    except (ValueError, IndexError, CannotTell, InvalidSignature):
        return False


def _names(structure: Structure) -> bool:
    """An issuer, and a subject or a critical alternative name (RFC 5280, section 4.1.2.6)."""
    extensions = structure.extensions
    if not any(structure.issuer) or (extensions and structure.version != 3):
        return False
    if any(structure.subject) or (structure.version == 3 and not extensions):
        return True
    return any(extension.oid == _SAN and extension.critical for extension in extensions)


def _extension(extension: Extension) -> bool:
    """Java passes over one that it cannot read, unless that is critical."""
    if not extension.critical or extension.oid not in _TAGS.keys() | _SEQUENCES:
        return True
    value = der.read_all(extension.value).expect(_TAGS.get(extension.oid, der.SEQUENCE))
    if extension.oid in (_SAN, _IAN):
        names = value.children()
        return bool(names) and all(map(_name, names))
    return True


def _name(element: der.Element) -> bool:
    if element.tag == 0x86:
        return _URI.fullmatch(element.body) is not None
    return element.tag != 0x87 or len(element.body) in (4, 16)


def _key(structure: Structure) -> bool:
    facts, bits = keys.facts_of(structure.spki), structure.spki.children()[1].bits()
    match facts.type:
        case "RSA" | "RSA-PSS":
            modulus, exponent = keys.rsa_numbers(bits)
            least, most = _RSA_BITS
            bounded = modulus.bit_length() <= _LARGE_RSA or exponent.bit_length() <= _EXPONENT_BITS
            return least <= modulus.bit_length() <= most and exponent >= 3 and bounded
        case "EC":
            # Named, and uncompressed: a point is as long as two elements of the field that the curve's name tells.
            if facts.curve is None or not _CURVES.match(facts.curve):
                return False
            field = re.search(r"\d{3}", facts.curve)
            return field is not None and bits[:1] == b"\x04" and len(bits) == 1 + (int(field[0]) + 7) // 8 * 2
        case "DSA" | "DH":
            algorithm = der.inside(structure.spki.children()[0].raw, der.SEQUENCE)[0].oid()
            return algorithm == oids.DH_X942 or der.read_all(bits).tag == der.INTEGER
    return len(bits) == _OCTETS.get(facts.type, len(bits))


def _pss(structure: Structure) -> bool:
    """Parameters of RSASSA-PSS, in the key or of the signature, are ones that it knows."""
    key = der.inside(structure.spki.children()[0].raw, der.SEQUENCE)
    of_key = (key[0].oid(), key[1] if len(key) > 1 else None)
    for oid, parameters in (of_key, (structure.signature_oid, structure.signature_parameters)):
        if oid == pss.OID and parameters is not None and parameters.tag != der.NULL and pss.read(parameters).salt < 0:
            return False
    return True
