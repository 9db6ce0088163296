"""The trust check: paths, verdicts, limits, and the shared truth about eleven chains."""

from __future__ import annotations

import ipaddress
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from tests import corpus
from tests.pki.paths import END, HOST, MOMENT, NONE, ask, make
from trustyard.errors import InputRefused
from trustyard.pki.certificates import read_certificate
from trustyard.pki.containers import read_file
from trustyard.pki.der import encode_oid
from trustyard.pki.trust import PURPOSES, Limits, Question, judge, opinions

ROOT = make("Root", ca=True)
SUB = make("Sub", ROOT, ca=True)
LEAF = make("Partner", SUB)


def chains() -> list[str]:
    return [case["id"] for case in corpus.document("chains.json")["cases"]] if corpus.FOLDER.is_dir() else [""]


@pytest.mark.parametrize("case", chains())
def test_a_chain_of_the_corpus_has_the_expected_verdict(case: str) -> None:
    found = next(c for c in corpus.document("chains.json")["cases"] if c["id"] == case)
    question = _question(found)
    assert judge(question).accepted is (found["expected"] == "SUCCESS"), judge(question).deciding.message
    said = dict(zip(("pyca_50", "openssl_verify"), opinions(question), strict=True))
    for validator, opinion in said.items():  # `bar`: whether that validator is right
        assert (opinion.accepted is (found["expected"] == "SUCCESS")) is found["bar"][validator], opinion


def _question(found: dict[str, Any]) -> Question:
    def read(pems: list[str]) -> tuple[Any, ...]:
        return tuple(c for pem in pems for c in read_file(pem.encode()).certificates)

    time = found["validation_time"]
    moment = datetime.fromisoformat(time) if time else datetime.now(UTC)
    purpose = "server" if found["purpose"] == "server-auth" else "client"
    leaf = read([found["leaf"]])[0]
    anchors, others = read(found["trust_anchors"]), read(found["intermediates"])
    return Question(leaf, others, anchors, purpose, found["peer_name"]["value"], moment)


def test_a_whole_chain_is_accepted_by_all_three_and_its_path_is_shown() -> None:
    question = ask(LEAF, anchors=[ROOT], others=[SUB])
    verdict = judge(question)
    assert verdict.accepted
    assert verdict.deciding.rule.code == "path-accepted"
    assert [c.facts.certificate_name for c in verdict.path] == ["Partner", "Sub", "Root"]
    pyca, openssl = opinions(question)
    assert (pyca.accepted, openssl.accepted) == (True, True)
    assert (pyca.name, openssl.name) == ("cryptography.x509.verification", "OpenSSL X509Store")
    assert openssl.version.startswith("OpenSSL ")


def test_a_missing_intermediate_is_named_with_the_certificate_that_it_issued() -> None:
    verdict = judge(ask(LEAF, anchors=[ROOT]))
    assert not verdict.accepted
    assert verdict.deciding.rule.code == "no-path"
    assert "The issuer of Partner is neither in the truststore nor in the source: CN=Sub." in verdict.deciding.message
    assert [c.sha256 for c in verdict.dead_ends] == [LEAF.certificate.sha256]


def test_a_path_that_ends_at_no_anchor_is_shown_as_far_as_it_goes() -> None:
    verdict = judge(ask(LEAF, anchors=[make("Other", ca=True)], others=[SUB]))
    assert not verdict.reaches_anchor
    assert [c.facts.certificate_name for c in verdict.path] == ["Partner", "Sub"]
    assert [c.sha256 for c in verdict.dead_ends] == [SUB.certificate.sha256], "what leads on is no end"


def test_an_empty_truststore_accepts_nobody() -> None:
    question = ask(LEAF, anchors=[], others=[SUB, ROOT])
    assert not judge(question).accepted
    assert [opinion.accepted for opinion in opinions(question)] == [False, False]


def test_an_intermediate_as_anchor_is_accepted_and_the_gateways_that_differ_are_named() -> None:
    verdict = judge(ask(LEAF, anchors=[SUB]))
    assert verdict.accepted
    assert verdict.deciding.rule.code == "anchor-not-self-signed"
    assert "HAProxy and nginx want the root" in verdict.deciding.message
    assert not opinions(ask(LEAF, anchors=[SUB]))[1].accepted, "OpenSSL with plain flags wants a root"


def test_a_pin_is_accepted_as_envoy_does_and_still_has_to_be_in_time_and_for_the_name() -> None:
    """D-18."""
    verdict = judge(ask(LEAF, anchors=[LEAF]))
    assert (verdict.accepted, verdict.deciding.rule.code) == (True, "pin")
    assert "Envoy" in verdict.deciding.message
    assert judge(ask(LEAF, anchors=[LEAF], host="other.test")).deciding.rule.code == "name-mismatch"
    late = judge(ask(LEAF, anchors=[LEAF], moment=END + timedelta(seconds=1)))
    assert late.deciding.rule.code == "expired"


def test_a_pin_that_is_no_ca_is_no_issuer() -> None:
    below = make("Below", LEAF)
    assert judge(ask(below, anchors=[LEAF])).deciding.rule.code == "not-a-ca"


def test_the_way_around_an_expired_cross_sign_is_found() -> None:
    old = make("Old Root", ca=True)
    expired = make("Sub", old, ca=True, key=SUB.key, end=MOMENT - timedelta(days=1))
    verdict = judge(ask(LEAF, anchors=[old, ROOT], others=[expired, SUB]))
    assert verdict.accepted
    assert verdict.path[-1].sha256 == ROOT.certificate.sha256


def test_cas_that_sign_one_another_in_a_circle_end_the_search() -> None:
    keys = [make(text, ca=True) for text in "ABC"]
    crossed = [
        make(one.x509.subject.rfc4514_string()[3:], other, ca=True, key=one.key)
        for one in keys
        for other in keys
        if one is not other
    ]
    verdict = judge(ask(make("Partner", keys[0]), anchors=[ROOT], others=crossed))
    assert verdict.deciding.rule.code == "no-path"
    assert judge(ask(make("Partner", keys[0]), anchors=[keys[2]], others=crossed)).accepted


def test_a_hundred_cas_of_one_name_end_at_a_counted_limit() -> None:
    many = [make("Same", ca=True) for _ in range(40)]
    crossed = [make("Same", one, ca=True, key=other.key) for one, other in itertools.pairwise(many)]
    verdict = judge(ask(make("Partner", many[-1]), anchors=[ROOT], others=crossed, limits=Limits(signatures=60)))
    assert not verdict.accepted
    assert verdict.deciding.rule.code == "limits"


def test_an_issuer_that_came_behind_more_certificates_than_are_looked_at_is_not_said_to_be_missing() -> None:
    others = [make("Elsewhere", ca=True), SUB]
    assert judge(ask(LEAF, anchors=[ROOT], others=others)).accepted
    verdict = judge(ask(LEAF, anchors=[ROOT], others=others, limits=Limits(others=1)))
    assert (verdict.accepted, verdict.deciding.rule.code) == (False, "limits")


def test_a_self_signed_stranger_is_told_from_one_without_issuer() -> None:
    stranger = make("Self", ca=True)
    assert "self-signed and not in the truststore" in judge(ask(stranger, anchors=[ROOT])).deciding.message


def test_an_issuer_of_the_same_name_and_another_key_is_no_issuer() -> None:
    twin = make("Sub", ROOT, ca=True)
    verdict = judge(ask(LEAF, anchors=[ROOT], others=[twin]))
    assert verdict.deciding.rule.code == "no-path"
    assert "signature" in {remark.rule.code for remark in verdict.remarks}


def test_whose_signature_does_not_fit_is_said_of_the_certificate_where_the_way_ends() -> None:
    """The intermediate is from a root of the same name that was replaced since."""
    verdict = judge(ask(LEAF, anchors=[make("Root", ca=True)], others=[SUB]))
    assert verdict.deciding.message.endswith("yet the one that signed is missing: CN=Root.")


def test_an_issuer_whose_kind_of_signature_nobody_here_knows_is_not_said_to_be_missing() -> None:
    der = LEAF.certificate.der.replace(encode_oid("1.2.840.10045.4.3.2"), encode_oid("1.2.840.10045.4.9.2"))
    verdict = judge(ask(replace(LEAF, certificate=read_certificate(der)), anchors=[ROOT], others=[SUB]))
    assert verdict.deciding.message.endswith("yet whether it signed cannot be told here: CN=Sub.")
    assert [remark.rule.code for remark in verdict.remarks] == ["no-path", "signature-unknown"]


@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        (HOST, True),
        ("PARTNER.test.", True),
        ("www.partner.test", False),
        ("a.wild.test", True),
        ("a.b.wild.test", False),
        ("wild.test", False),
        ("my_host.wild.test", False),
        ("wild", False),
        ("upper.test", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("[0:0:0:0:0:0:0:1]", True),
        ("127.0.0.2", False),
        ("bücher.test", True),
        ("BÜCHER.test", True),
        ("common.test", False),
    ],
)
def test_a_name_is_compared_with_the_alternative_names_alone(host: str, accepted: bool) -> None:
    """A wildcard stands for one label; a common name for nothing."""
    names = [x509.DNSName(n) for n in (HOST, "*.wild.test", "xn--bcher-kva.test", "UPPER.test")]
    addresses = [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1")]
    leaf = make("common.test", ROOT, SubjectAlternativeName=x509.SubjectAlternativeName([*names, *addresses]))
    assert judge(ask(leaf, anchors=[ROOT], host=host)).accepted is accepted


@pytest.mark.parametrize(
    ("asked", "accepted"),
    [
        ("", True),
        ("spiffe://acme/api", True),
        ("spiffe://acme/other", False),
        ("ops@ACME.test", True),
        ("OPS@acme.test", False),
        ("x@acme.test", False),
    ],
)
def test_a_client_may_be_asked_for_by_uri_or_mailbox_or_by_no_name(asked: str, accepted: bool) -> None:
    names = [x509.UniformResourceIdentifier("spiffe://acme/api"), x509.RFC822Name("ops@Acme.test")]
    leaf = make("Client", ROOT, SubjectAlternativeName=x509.SubjectAlternativeName(names))
    assert judge(ask(leaf, anchors=[ROOT], purpose="client", host=asked)).accepted is accepted


def test_validity_includes_both_ends_in_whole_seconds() -> None:
    for moment, accepted in (
        (END, True),
        (END + timedelta(milliseconds=5), True),
        (END + timedelta(seconds=1), False),
    ):
        assert judge(ask(LEAF, anchors=[ROOT], others=[SUB], moment=moment)).accepted is accepted


def test_a_vetted_root_is_not_held_against_the_profile() -> None:
    bare = make("Bare", ca=True, SubjectKeyIdentifier=NONE)
    leaf = make("Partner", bare)
    assert judge(ask(leaf, anchors=[bare])).deciding.rule.code == "subject-key-identifier"
    assert judge(ask(leaf, anchors=[bare], vetted=frozenset({bare.certificate.sha256}))).accepted


@given(st.data())
def test_a_certificate_with_changed_octets_has_an_answer_from_all_three(data: st.DataObject) -> None:
    """Wherever it stands in the path."""
    chain = [LEAF.certificate, SUB.certificate, ROOT.certificate]
    place = data.draw(st.integers(0, 2))
    der = bytearray(chain[place].der)
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    try:
        chain[place] = read_certificate(bytes(der))
    except InputRefused:
        return
    question = Question(chain[0], (chain[1],), (chain[2],), data.draw(st.sampled_from(PURPOSES)), HOST, MOMENT)
    assert judge(question).deciding.message
    assert len(opinions(question)) == 2


def test_a_root_that_the_source_brings_along_is_not_trusted_for_that() -> None:
    verdict = judge(ask(LEAF, anchors=[make("Other", ca=True)], others=[SUB, ROOT]))
    assert verdict.deciding.message == "The way up ends at the root Root, which is not in the truststore."
    assert [c.facts.certificate_name for c in verdict.path] == ["Partner", "Sub", "Root"]


def test_a_pin_beside_its_root_is_accepted_by_the_whole_path() -> None:
    assert judge(ask(LEAF, anchors=[LEAF, ROOT], others=[SUB])).deciding.rule.code == "path-accepted"


def test_a_name_that_is_none_is_told_from_another_one() -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("my_host.test")])
    verdict = judge(ask(make("Odd", ROOT, SubjectAlternativeName=names), anchors=[ROOT], host="my_host.test"))
    assert verdict.deciding.message == "my_host.test is no host name (RFC 1123), so no certificate is for it."
