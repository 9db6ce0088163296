"""The rules that decide a trust check: code, what each says, and where it stands. The first listed weighs most."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One rule. `profile`: about how a certificate should be made; most gateways pass it over."""

    code: str
    says: str
    source: str
    profile: bool = False


@dataclass(frozen=True)
class Remark:
    """A rule applied: the sentence about this case, and the SHA-256 of the certificate that it is about."""

    rule: Rule
    message: str
    certificate: str | None = None


_CABF = "CA/Browser Forum Baseline Requirements, section "

REFUSALS = (
    Rule("no-path", "A path of certificates leads to an anchor of the truststore.", "RFC 5280, section 6.1"),
    Rule("limits", "The search ends within counted limits.", "Trustyard"),
    Rule("signature", "Each signature verifies with the issuer's key.", "RFC 5280, section 6.1.3 (a)(1)"),
    Rule("signature-unknown", "The signature's algorithm can be verified here.", "RFC 5280, section 6.1.3 (a)(1)"),
    Rule("expired", "At that moment no certificate of the path has expired.", "RFC 5280, section 6.1.3 (a)(2)"),
    Rule("not-yet-valid", "At that moment each certificate is valid already.", "RFC 5280, section 6.1.3 (a)(2)"),
    Rule("name-mismatch", "An alternative name is the name asked for.", "RFC 9525, section 6"),
    Rule("name-missing", "A server's certificate has an alternative name.", "RFC 9525, section 6.3"),
    Rule("wildcard-too-wide", "A wildcard does not span a public suffix.", _CABF + "3.2.2.6", profile=True),
    Rule("purpose", "The extended key usage allows the purpose.", "RFC 5280, section 4.2.1.12"),
    Rule("issuer-purpose", "The extended key usage of each issuer allows the purpose.", _CABF + "7.1.2.10.6"),
    Rule("key-usage", "The key may sign or agree on keys in TLS.", "RFC 5280, section 4.2.1.3"),
    Rule("not-a-ca", "Each issuer is a CA by its basic constraints.", "RFC 5280, section 6.1.4 (k)"),
    Rule("certificate-signing", "The key usage of each issuer has certificate signing.", "RFC 5280, section 6.1.4 (n)"),
    Rule("signing-without-ca", "Who is no CA has no certificate signing.", "RFC 5280, section 4.2.1.9", profile=True),
    Rule("path-length", "No more CAs follow than an issuer allows.", "RFC 5280, section 6.1.4 (l)"),
    Rule("name-constraints", "All names are inside the issuers' name constraints.", "RFC 5280, section 6.1.3 (b)"),
    Rule("name-constraints-malformed", "Name constraints are well formed.", "RFC 5280, section 4.2.1.10"),
    Rule("name-constraints-misplaced", "Only a CA has name constraints.", "RFC 5280, section 4.2.1.10", profile=True),
    Rule("critical-extension", "Every critical extension is understood.", "RFC 5280, section 6.1.4 (o)"),
    Rule("policy", "Where a policy is required, one is valid for the path.", "RFC 5280, section 6.1.5 (g)"),
    Rule("weak-signature", "No signature is made with MD5 or SHA-1.", _CABF + "7.1.3.2", profile=True),
    Rule("weak-key", "Keys are RSA of 2048 bits, EC of 224 or better; each has a secret.", _CABF + "6.1.5", True),
    Rule("explicit-curve", "An EC key names its curve.", "RFC 5480, section 2.1.1"),
    Rule("signature-algorithm", "The signed part names the same algorithm.", "RFC 5280, section 4.1.1.2"),
    Rule("extension-malformed", "Each known extension can be read.", "RFC 5280, section 4.2"),
    Rule("extension-doubled", "No extension stands twice.", "RFC 5280, section 4.2"),
    Rule("extension-criticality", "Extensions are critical where they must be.", "RFC 5280, section 4.2", profile=True),
    Rule("version", "Certificates are of version 3.", "RFC 5280, section 4.1.2.1", profile=True),
    Rule("serial-number", "Serial numbers are positive, of 20 octets at most.", "RFC 5280, section 4.1.2.2", True),
    Rule("empty-name", "Issuers, and the subjects of CAs, have a name.", "RFC 5280, section 4.1.2.4", profile=True),
    Rule("empty-subject", "Without a subject the alternative names are critical.", "RFC 5280, section 4.1.2.6", True),
    Rule(
        "authority-key-identifier", "Certificates name their issuer's key.", "RFC 5280, section 4.2.1.1", profile=True
    ),
    Rule("subject-key-identifier", "A CA's certificate names its key.", "RFC 5280, section 4.2.1.2", profile=True),
    Rule("web-profile", "A server's path keeps to the profile of the web.", _CABF + "7.1.2", profile=True),
)

ACCEPTANCES = (
    Rule(
        "pin",
        "The certificate itself is in the truststore. Envoy accepts it so; HAProxy and nginx want its issuer's root.",
        "RFC 5280, section 6.1.1 (d)",
    ),
    Rule(
        "anchor-not-self-signed",
        "The anchor is an intermediate CA. Envoy accepts the path; HAProxy and nginx want the root as well.",
        "RFC 5280, section 6.1.1 (d)",
    ),
    Rule(
        "common-name-alone",
        "Under name constraints a client may have a common name alone. Envoy refuses one that could be a host.",
        "RFC 5280, section 4.2.1.10",
    ),
    Rule("ca-as-end-entity", "The last certificate of a path may be one of a CA.", "RFC 5280, section 4.2.1.9"),
    Rule("self-issued", "Self-issued CAs do not count in the path length.", "RFC 5280, section 6.1.4 (l)"),
    Rule("path-accepted", "A path to an anchor keeps all rules.", "RFC 5280, section 6.1"),
    Rule("purpose-open", "Without an extended key usage every purpose is allowed.", "RFC 5280, section 4.2.1.12"),
    Rule("name-constraints-not-critical", "Name constraints hold, critical or not.", _CABF + "7.1.2.10.8"),
    Rule("common-name", "Common names are not looked at, even where they differ.", "RFC 9525, section 2"),
    Rule("name-not-checked", "No name was asked for, so none was compared.", "Trustyard"),
)

RULES = {rule.code: rule for rule in (*REFUSALS, *ACCEPTANCES)}
_WEIGHT = {code: at for at, code in enumerate(RULES)}


def remark(code: str, message: str, certificate: str | None = None) -> Remark:
    """That the rule of this code was met."""
    return Remark(RULES[code], message, certificate)


def heaviest_first(remarks: list[Remark]) -> tuple[Remark, ...]:
    """Each remark once, in the order of the table."""
    return tuple(sorted(dict.fromkeys(remarks), key=lambda r: _WEIGHT[r.rule.code]))
