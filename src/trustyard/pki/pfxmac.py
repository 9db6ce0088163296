"""The integrity check of PKCS#12 files: the old MAC and PBMAC1 (RFC 7292, section 4; RFC 9579)."""

from __future__ import annotations

import hashlib
import hmac

from trustyard.pki import der, passwords

_PBMAC1 = "1.2.840.113549.1.5.14"
_LEAST_KEY = 20  # octets


def fits(mac: der.Element, content: bytes, password: str | None, work: passwords.Work) -> bool:
    """Whether the MacData fits the content under this password.

    `passwords.Unsupported` for algorithms not known here, or more than is left of `work`; ValueError where it is
    damaged.
    """
    info, *rest = mac.children()
    algorithm, digest = info.expect(der.SEQUENCE).children()
    kind, *parameters = algorithm.expect(der.SEQUENCE).children()
    expected = digest.octets()
    if kind.oid() == _PBMAC1:
        key, name = _of_pbmac1(parameters[0], password, work)
    else:
        name = passwords.digest_name(kind.oid())
        iterations = rest[1].integer() if len(rest) > 1 else 1
        size = hashlib.new(name, usedforsecurity=False).digest_size
        if len(expected) != size:  # a longer one would be as many derivations
            raise ValueError("not a digest of this hash")
        key = passwords.pkcs12_key(passwords.MAC, name, password, rest[0].octets(), iterations, size, work)
    return hmac.compare_digest(hmac.new(key, content, name).digest(), expected)


def _of_pbmac1(parameters: der.Element, password: str | None, work: passwords.Work) -> tuple[bytes, str]:
    """The key and the hash of its HMAC; the length of the key must be said (RFC 9579, section 4)."""
    function, scheme = parameters.expect(der.SEQUENCE).children()
    name = passwords.hmac_name(scheme.expect(der.SEQUENCE).children()[0].oid())
    length = function.children()[1].children()[2].integer()
    if length < _LEAST_KEY:
        raise passwords.Unsupported
    return passwords.derived(function, password, length, work), name
