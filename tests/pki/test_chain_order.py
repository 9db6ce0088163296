"""Chain order, verdicts, and which certificate is meant."""

from __future__ import annotations

from tests.tls_servers import Ca, Issued, build, self_signed
from trustyard.pki.chains import in_chain_order, preselected
from trustyard.pki.containers import read_file, read_presented

ROOT = Ca.new("Root")
SUB = ROOT.subordinate("Sub")
LEAF = SUB.issue("leaf.test")
OTHER = ROOT.issue("other.test")


def pems(*issued: Issued) -> bytes:
    """A bundle."""
    return b"".join(i.cert_pem for i in issued)


def test_certificates_are_offered_from_the_end_entity_to_the_root() -> None:
    """D-08."""
    offered = in_chain_order(read_file(pems(ROOT, SUB, LEAF)).certificates)
    assert [o.certificate.facts.certificate_name for o in offered] == ["leaf.test", "Sub", "Root"]
    assert [o.verdict for o in offered] == [
        "End-entity certificate, issued by Sub.",
        "Intermediate CA, issued by Root.",
        "Root CA, issued by itself.",
    ]
    assert [o.end_entity for o in offered] == [True, False, False]


def test_a_missing_issuer_is_told() -> None:
    offered = in_chain_order(read_file(pems(LEAF)).certificates)
    assert offered[0].verdict == "End-entity certificate, whose issuer is not among these."


def test_an_intermediate_whose_issuer_is_missing_is_no_root() -> None:
    offered = in_chain_order(read_file(pems(SUB)).certificates)
    assert offered[0].verdict == "Intermediate CA, whose issuer is not among these."


def test_an_authority_whose_old_key_certified_its_new_one_is_no_root() -> None:
    """RFC 4210, section 4.4: the certificate of the new key bears one name twice, and no signature of its own."""
    name, new = ROOT.certificate.subject, Ca.new("Root")
    link = Ca(build(name, name, new.key.public_key(), ROOT.key, is_ca=True, issuer_key=ROOT.key.public_key()), new.key)
    verdicts = [o.verdict for o in in_chain_order(read_file(pems(link)).certificates)]
    assert verdicts == ["Intermediate CA, whose issuer is not among these."]
    verdicts = [o.verdict for o in in_chain_order(read_file(pems(link, ROOT)).certificates)]
    assert verdicts == ["Intermediate CA, issued by Root.", "Root CA, issued by itself."]


def test_an_issuer_that_does_not_say_that_it_is_a_ca_is_told() -> None:
    below = Ca(OTHER.certificate, OTHER.key).issue("below.test")
    offered = in_chain_order(read_file(pems(OTHER, below)).certificates)
    assert [o.end_entity for o in offered] == [True, False]
    assert offered[1].verdict == "Issuer without a CA mark, whose issuer is not among these."


def test_the_one_end_entity_certificate_is_preselected() -> None:
    """D-08."""
    meant = preselected(read_file(pems(ROOT, SUB, LEAF)))
    assert meant is not None
    assert meant.der == LEAF.cert_der


def test_two_end_entity_certificates_or_none_need_a_choice() -> None:
    """D-08."""
    assert preselected(read_file(pems(LEAF, OTHER))) is None
    assert preselected(read_file(pems(ROOT, SUB))) is None


def test_a_single_certificate_needs_no_choice() -> None:
    """D-08."""
    meant = preselected(read_file(pems(ROOT)))
    assert meant is not None
    assert meant.der == ROOT.cert_der


def test_of_a_connection_the_first_presented_is_meant() -> None:
    """D-08."""
    meant = preselected(read_presented([LEAF.cert_der, OTHER.cert_der, ROOT.cert_der]))
    assert meant is not None
    assert meant.der == LEAF.cert_der


def test_an_issuer_of_the_same_name_with_another_key_is_not_taken() -> None:
    """Key identifiers tell two generations of one authority apart."""
    renewed = Ca.new("Root")
    offered = in_chain_order(read_file(pems(renewed, ROOT, OTHER)).certificates)
    assert [o.certificate.der for o in offered][:2] == [OTHER.cert_der, ROOT.cert_der]


def test_certificates_that_issue_each_other_end_the_walk() -> None:
    one, two = Ca.new("A"), Ca.new("B")
    names = one.certificate.subject, two.certificate.subject
    crossed = [
        Ca(build(names[0], names[1], one.key.public_key(), two.key, is_ca=True), one.key),
        Ca(build(names[1], names[0], two.key.public_key(), one.key, is_ca=True), two.key),
    ]
    assert len(in_chain_order(read_file(pems(*crossed)).certificates)) == 2


def test_a_self_signed_server_certificate_is_an_end_entity() -> None:
    offered = in_chain_order(read_file(self_signed("own.test").cert_pem).certificates)
    assert offered[0].end_entity
    assert offered[0].verdict == "End-entity certificate, issued by itself."
