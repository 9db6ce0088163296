"""What the trust check says: other ways to break a rule, what others may see differently, which reason decides."""

from __future__ import annotations

import ipaddress
import itertools
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.pki.paths import HOST, MOMENT, NONE, SERVER, ask, make, name, usage
from tests.pki.test_trust_rules import ROOT, SUB, Case, alternative, below, constrained, rooted, sub
from trustyard.pki.trust import Limits, Question, judge

KEY = ec.generate_private_key(ec.SECP256R1())
KEY_ID = x509.SubjectKeyIdentifier.from_public_key(KEY.public_key()).digest
DIRECTORY = [x509.DirectoryName(name("Root"))]
ANY = x509.ObjectIdentifier("2.5.29.37.0")
FURTHER: list[tuple[str, str, Case]] = [
    ("weak-key", "has an RSA key of 2052 bits, which is", lambda: below(key=rsa.generate_private_key(65537, 2052))),
    (
        "authority-key-identifier",
        "has an authority key identifier without a key identifier.",
        lambda: below(AuthorityKeyIdentifier=x509.AuthorityKeyIdentifier(None, DIRECTORY, 1)),
    ),
    (
        "authority-key-identifier",
        "is a root whose authority key identifier names issuer or serial number.",
        lambda: rooted(key=KEY, AuthorityKeyIdentifier=x509.AuthorityKeyIdentifier(KEY_ID, DIRECTORY, 1)),
    ),
    (
        "authority-key-identifier",
        "is a root whose two key identifiers differ.",
        lambda: rooted(key=KEY, AuthorityKeyIdentifier=x509.AuthorityKeyIdentifier(KEY_ID[::-1], None, None)),
    ),
    ("web-profile", "allows any purpose.", lambda: below(ExtendedKeyUsage=x509.ExtendedKeyUsage([SERVER, ANY]))),
    (
        "web-profile",
        "has critical alternative names beside a subject.",
        lambda: below(critical={x509.SubjectAlternativeName: True}),
    ),
    ("web-profile", "The root Root has an", lambda: rooted(ExtendedKeyUsage=x509.ExtendedKeyUsage([SERVER]))),
    (
        "web-profile",
        "Partner is a CA whose key usage does not allow signing certificates.",
        lambda: below(BasicConstraints=x509.BasicConstraints(True, None), KeyUsage=usage(sign=True)),
    ),
    (
        "name-mismatch",
        "is not for partner.test; its alternative names: 0.test, 1.test, 2.test, 3.test, 4.test and 4 more.",
        lambda: below(SubjectAlternativeName=alternative(*(f"{n}.test" for n in range(9)))),
    ),
    (
        "name-mismatch",
        "its alternative names: 10.0.0.1.",
        lambda: below(
            SubjectAlternativeName=x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("10.0.0.1"))])
        ),
    ),
]


@pytest.mark.parametrize(("code", "said", "case"), FURTHER, ids=range(len(FURTHER)))
def test_other_ways_to_break_a_rule_are_told_in_their_words(code: str, said: str, case: Case) -> None:
    verdict = judge(case())
    assert [remark.rule.code for remark in verdict.remarks] == [code]
    assert said in verdict.deciding.message


KEPT: list[Case] = [
    lambda: below(KeyUsage=NONE),
    lambda: below(AuthorityKeyIdentifier=x509.AuthorityKeyIdentifier(b"any", DIRECTORY, 1)),
    lambda: sub(ExtendedKeyUsage=x509.ExtendedKeyUsage([ANY])),
    lambda: below(SubjectAlternativeName=alternative(HOST, "a.test"), critical={x509.KeyUsage: True}),
]


@pytest.mark.parametrize("case", KEPT, ids=range(len(KEPT)))
def test_what_no_rule_forbids_is_accepted_and_not_talked_about(case: Case) -> None:
    assert [remark.rule.code for remark in judge(case()).remarks] == ["path-accepted"]


def rolled_over() -> Question:
    """The intermediate certified a new key of its own."""
    new = make("Sub", SUB, ca=True)
    return ask(make("Partner", new), anchors=[ROOT], others=[SUB, new])


TOLD: dict[str, Case] = {
    "pin": lambda: ask(pin := make("Partner", SUB), anchors=[pin]),
    "anchor-not-self-signed": lambda: ask(make("Partner", SUB), anchors=[SUB]),
    "purpose-open": lambda: below(ExtendedKeyUsage=NONE),
    "self-issued": rolled_over,
    "name-constraints-not-critical": lambda: sub(
        NameConstraints=constrained(permitted=["test"]), critical={x509.NameConstraints: False}
    ),
    "common-name": lambda: ask(make("other.test", ROOT), anchors=[ROOT]),
    "name-not-checked": lambda: ask(make("Partner", ROOT), anchors=[ROOT], host=""),
}


@pytest.mark.parametrize("code", TOLD)
def test_what_others_may_see_differently_is_told_of_a_path_that_is_accepted(code: str) -> None:
    verdict = judge(TOLD[code]())
    assert verdict.accepted
    assert {remark.rule.code for remark in verdict.remarks} == {code, "path-accepted"}


@pytest.mark.parametrize(
    ("common_name", "told"), [("client.test", True), ("Partner", True), ("*.test", True), ("Acme Inc.", False)]
)
def test_a_client_that_envoy_refuses_for_its_common_name_is_told(common_name: str, told: bool) -> None:
    """Seen with Envoy 1.40; HAProxy 2.6 accepts it."""
    issuer = make("Sub", ROOT, ca=True, NameConstraints=constrained(permitted=["test"]))
    client = make(common_name, issuer, SubjectAlternativeName=NONE)
    verdict = judge(ask(client, anchors=[ROOT], others=[issuer], purpose="client", host=""))
    assert verdict.accepted
    assert {remark.rule.code for remark in verdict.remarks} - {"path-accepted", "name-not-checked"} == (
        {"common-name-alone"} if told else set()
    )


def test_of_many_ways_up_the_one_that_keeps_all_rules_is_found() -> None:
    """Which one is tried first hangs on their digests."""
    ways = [make("Sub", ROOT, ca=True, key=KEY, NameConstraints=constrained(excluded=["test"])) for _ in range(12)]
    good = make("Sub", ROOT, ca=True, key=KEY)
    assert not judge(ask(make("Partner", good), anchors=[ROOT], others=ways)).accepted
    assert judge(ask(make("Partner", good), anchors=[ROOT], others=[*ways, good])).accepted


def test_so_many_intermediates_as_the_limit_says_are_walked_and_not_one_more() -> None:
    cas = list(itertools.accumulate(range(4), lambda above, n: make(f"Sub {n}", above, ca=True), initial=ROOT))
    questions = [
        ask(make("Partner", cas[-1]), anchors=[ROOT], others=cas[1:], limits=Limits(intermediates=n)) for n in (4, 3)
    ]
    assert [judge(question).deciding.rule.code for question in questions] == ["path-accepted", "limits"]


def test_the_weightiest_of_several_reasons_decides() -> None:
    weak = below(key=rsa.generate_private_key(65537, 1024), SubjectAlternativeName=alternative("other.test"))
    assert [remark.rule.code for remark in judge(weak).remarks] == ["name-mismatch", "weak-key"]


def test_what_is_wrong_with_the_certificate_itself_is_told_though_no_path_is_found() -> None:
    late = make("Partner", SUB, end=MOMENT - timedelta(days=1), SubjectAlternativeName=alternative("other.test"))
    codes = {remark.rule.code for remark in judge(ask(late, anchors=[ROOT])).remarks}
    assert codes == {"no-path", "expired", "name-mismatch"}
