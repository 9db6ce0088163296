"""Policies that are required, and that one CA maps to another's (RFC 5280, sections 6.1.3 (d), 6.1.4 and 6.1.5)."""

from __future__ import annotations

import pytest
from cryptography import x509

from tests.pki.paths import ask, make
from tests.pki.test_trust_rules import ROOT, unknown
from trustyard.pki.der import SEQUENCE, encode, encode_oid
from trustyard.pki.trust import judge

ANY = "2.5.29.32.0"
REQUIRED = x509.PolicyConstraints(0, None), True


def policies(*oids: str) -> tuple[x509.ExtensionType, bool]:
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids]), False


def mapped(*pairs: tuple[str, str]) -> tuple[x509.ExtensionType, bool]:
    """policyMappings, which the library does not make."""
    rows = (encode(SEQUENCE, encode_oid(issuer), encode_oid(subject)) for issuer, subject in pairs)
    return unknown("2.5.29.33", encode(SEQUENCE, *rows)), True


@pytest.mark.parametrize(
    ("upper", "lower", "leaf", "decides"),
    [
        ([("1.1", "1.2"), ("1.1", "1.3")], ["1.2"], "1.2", "path-accepted"),
        ([("1.1", "1.2"), ("1.1", "1.3")], ["1.3"], "1.3", "path-accepted"),
        ([("1.1", "1.2")], ["1.1"], "1.1", "policy"),
        ([("1.1", "1.2"), ("1.2", "1.3")], ["1.3"], "1.3", "policy"),
        ([("1.1", "1.2"), ("1.1", ANY)], ["1.2"], "1.2", "extension-malformed"),
        ([("1.1", "1.2"), (ANY, "1.3")], ["1.2"], "1.2", "extension-malformed"),
    ],
    ids=["first of two", "second of two", "mapped away", "a mapping is not mapped on", "to any", "from any"],
)
def test_a_policy_is_valid_under_each_name_that_it_is_mapped_to(
    upper: list[tuple[str, str]], lower: list[str], leaf: str, decides: str
) -> None:
    above = make("Upper", ROOT, ca=True, extra=[policies("1.1"), REQUIRED, mapped(*upper)])
    below = make("Lower", above, ca=True, extra=[policies(*lower)])
    partner = make("Partner", below, extra=[policies(leaf)])
    verdict = judge(ask(partner, anchors=[ROOT], others=[above, below]))
    assert decides in {remark.rule.code for remark in verdict.remarks}


@pytest.mark.parametrize("subject", ["Partner", "Upper"], ids=["issued", "self-issued"])
@pytest.mark.parametrize(("after", "decides"), [(1, "policy"), (2, "path-accepted")])
def test_the_last_certificate_counts_for_a_required_policy_whoever_issued_it(
    subject: str, after: int, decides: str
) -> None:
    above = make("Upper", ROOT, ca=True, extra=[policies("1.1"), (x509.PolicyConstraints(after, None), True)])
    verdict = judge(ask(make(subject, above), anchors=[ROOT], others=[above]))
    assert decides in {remark.rule.code for remark in verdict.remarks}
