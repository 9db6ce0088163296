"""Who issued whom: by name and key identifier, and by signature where those leave it open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trustyard.pki import signatures
from trustyard.pki.certificates import Certificate
from trustyard.pki.remembering import remembered
from trustyard.pki.structure import Structure

MAX_CHECKS = 100  # signatures judged for one family; what is left over is told by names alone
MAX_CANDIDATES = 50  # issuers of one name that are looked at for one certificate
MAX_LINKS = 100  # as OpenSSL


@dataclass(frozen=True)
class Issuer:
    """The issuer of a certificate, None where it is not here; whether the signature verifies, None: not judged."""

    certificate: Certificate | None
    signature: bool | None = None


@remembered(longest=512, entries=8192)
def name_key(name: str) -> str:
    """The key under which two names are the same, whatever string types hold them (RFC 5280, section 7.1)."""
    return " ".join(name.casefold().split())


def names_meet(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether `issuer` bears the name that `certificate` calls its issuer."""
    named = certificate.facts.issuer
    return bool(named) and name_key(named) == name_key(issuer.facts.subject)


def identifiers_differ(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the key identifiers say that it was another key of the same name."""
    wanted, offered = certificate.facts.aki, issuer.facts.ski
    return bool(wanted and offered and wanted != offered)


def same_key(one: Certificate, other: Certificate) -> bool:
    """Whether both are of one subject and one public key: a validator may take either in the other's place."""
    a, b = one.facts, other.facts
    return a.spki_sha256 == b.spki_sha256 and name_key(a.subject) == name_key(b.subject)


class Family:
    """Certificates that may have issued one another. At most `checks` signatures are judged, whatever they are."""

    def __init__(self, certificates: Iterable[Certificate], *, checks: int = MAX_CHECKS) -> None:
        self.members = list({c.sha256: c for c in certificates}.values())
        self._checks = checks
        self._judged: dict[tuple[str, str], bool | None] = {}
        self._found: dict[tuple[str, bool], Issuer] = {}
        self._structures: dict[str, Structure] = {}
        self._by_name: dict[str, list[Certificate]] = {}
        self._by_key: dict[tuple[str, str], list[Certificate]] = {}
        # A root before its cross-signed twins: the shorter way up.
        for c in sorted(self.members, key=lambda c: not c.facts.self_signed):
            name = name_key(c.facts.subject)
            self._by_name.setdefault(name, []).append(c)
            if c.facts.ski:
                self._by_key.setdefault((name, c.facts.ski), []).append(c)

    def signed(self, certificate: Certificate, issuer: Certificate) -> bool | None:
        """Whether the issuer's key verifies the signature; None: cannot be told, or the limit is reached."""
        pair = certificate.sha256, issuer.facts.spki_sha256
        if pair not in self._judged:
            if self._checks <= 0:
                return None
            self._checks -= 1
            key = self._structure(issuer).spki.raw
            self._judged[pair] = signatures.verifies(self._structure(certificate), key)
        return self._judged[pair]

    def issuer_of(self, certificate: Certificate, *, judge: bool = False) -> Issuer:
        """The member that issued it, or itself. Without `judge`, a signature is looked at only where it must be."""
        key = certificate.sha256, judge
        if key not in self._found:
            self._found[key] = self._find(certificate, judge)
        return self._found[key]

    def _find(self, certificate: Certificate, judge: bool) -> Issuer:
        facts = certificate.facts
        if facts.self_issued and facts.self_signed is not False:
            return Issuer(certificate, facts.self_signed)
        candidates = self._candidates(certificate)
        fitting = [c for c in candidates if not identifiers_differ(certificate, c)]
        if not judge and len(fitting) == 1 and not facts.self_issued:
            return Issuer(fitting[0])
        judged = [(c, self.signed(certificate, c)) for c in candidates]
        proved = next((Issuer(c, True) for c, verdict in judged if verdict), None)
        if proved is not None:
            return proved
        if facts.self_issued:
            return Issuer(None) if identifiers_differ(certificate, certificate) else Issuer(certificate, False)
        # Nothing proves it: what cannot be told comes before what is known to be wrong.
        open_ones = [Issuer(c, verdict) for c, verdict in judged if not identifiers_differ(certificate, c)]
        return next((i for i in open_ones if i.signature is None), open_ones[0] if open_ones else Issuer(None))

    def _candidates(self, certificate: Certificate) -> list[Certificate]:
        facts = certificate.facts
        if not facts.issuer:
            return []
        name = name_key(facts.issuer)
        exact = self._by_key.get((name, facts.aki or ""), [])
        named = [*exact[:MAX_CANDIDATES], *self._by_name.get(name, [])[:MAX_CANDIDATES]]
        unique = {c.sha256: c for c in named if c.sha256 != certificate.sha256}
        return list(unique.values())[:MAX_CANDIDATES]

    def _structure(self, certificate: Certificate) -> Structure:
        if certificate.sha256 not in self._structures:
            self._structures[certificate.sha256] = certificate.structure()
        return self._structures[certificate.sha256]
