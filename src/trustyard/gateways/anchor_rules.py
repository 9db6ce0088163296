"""What the programs behind gateways do with an anchor of each sort: measured with the real ones, and held by a test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from trustyard.pki.certificates import Certificate

Program = Literal["envoy", "openssl", "java"]
Trait = Literal[
    "expired", "not yet valid", "intermediate", "pin", "no CA mark", "Ed25519", "Ed448", "ML-DSA", "unusual curve",
    "short RSA",
]  # fmt: skip

TITLES: dict[Program, str] = {"envoy": "Envoy", "openssl": "HAProxy and nginx", "java": "Java"}

# Whether somebody whose certificate ends in such an anchor is accepted. In every case the others of the set still are.
# Envoy 1.40.0, HAProxy 2.6.12 and nginx 1.22.1 with OpenSSL 3.0, OpenJDK 17: tests/live/test_anchor_rules.py.
RULES: dict[Trait, dict[Program, bool]] = {
    "expired": {"envoy": False, "openssl": False, "java": True},
    "not yet valid": {"envoy": False, "openssl": False, "java": True},
    "intermediate": {"envoy": True, "openssl": False, "java": True},
    "pin": {"envoy": True, "openssl": False, "java": True},
    "no CA mark": {"envoy": True, "openssl": False, "java": False},
    "Ed25519": {"envoy": True, "openssl": True, "java": True},
    "Ed448": {"envoy": False, "openssl": True, "java": True},
    "ML-DSA": {"envoy": True, "openssl": False, "java": False},
    "unusual curve": {"envoy": False, "openssl": True, "java": False},
    "short RSA": {"envoy": True, "openssl": False, "java": True},
}

_WORDS: dict[Trait, str] = {
    "expired": "it has expired",
    "not yet valid": "it is not valid yet",
    "intermediate": "it is an intermediate CA, and what it ends in is not in the set",
    "pin": "it is not a CA, and somebody else issued it",
    "no CA mark": "it issued itself, but does not say that it is a CA",
    "Ed25519": "its key is Ed25519",
    "Ed448": "its key is Ed448",
    "ML-DSA": "its key is ML-DSA",
    "unusual curve": "its key is on a curve that few programs know",
    "short RSA": "its RSA key is shorter than 2048 bits",
}
_USUAL_CURVES = frozenset({"P-224", "P-256", "P-384", "P-521"})

HAPROXY_OCTETS = 16_384  # of PEM over the Runtime API, where tune.bufsize is as it comes


@dataclass(frozen=True)
class Concern:
    """Why a program does not honour an anchor, or that it does although it should not, in one sentence."""

    trait: Trait
    sentence: str


def traits_of(certificate: Certificate, moment: datetime, *, chained: bool = False) -> list[Trait]:
    """The sorts that this anchor is of. `chained`: its issuer's self-issued root is in the same set."""
    facts = certificate.facts
    found: list[Trait] = []
    if moment > facts.not_after:
        found.append("expired")
    elif moment < facts.not_before:
        found.append("not yet valid")
    if not facts.self_issued and not chained:
        found.append("intermediate" if facts.is_ca else "pin")
    elif facts.self_issued and not facts.is_ca and not any(e.oid == "2.5.29.19" for e in facts.extensions):
        found.append("no CA mark")
    if (key := _of_key(certificate)) is not None:
        found.append(key)
    return found


def concerns(certificate: Certificate, moment: datetime, program: Program, *, chained: bool = False) -> list[Concern]:
    """What to know before this anchor is given to that program."""
    found = []
    for trait in traits_of(certificate, moment, chained=chained):
        trusted = RULES[trait][program]
        too_much = trusted and trait in ("expired", "not yet valid")
        if not trusted or too_much:
            does = "trust" if program == "openssl" else "trusts"
            does = f"still {does}" if too_much else ("do not trust" if program == "openssl" else "does not trust")
            sentence = f"{TITLES[program]} {does} {certificate.facts.certificate_name}: {_WORDS[trait]}."
            found.append(Concern(trait, sentence))
    return found


def _of_key(certificate: Certificate) -> Trait | None:
    key = certificate.facts.key
    if key.type in ("Ed25519", "Ed448"):
        return "Ed25519" if key.type == "Ed25519" else "Ed448"
    if key.type.startswith("ML-DSA"):
        return "ML-DSA"
    if key.type == "EC" and key.curve not in _USUAL_CURVES:
        return "unusual curve"
    short = key.type.startswith("RSA") and key.size is not None and key.size < 2048
    return "short RSA" if short else None
