"""The chain of one certificate: links and their proof, what is missing, foreign or cross-signed, and what ends it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID

from tests.tls_servers import Ca, Issued, build, new_key, self_signed
from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.chains import Anchor, Chain, anchored, chain_of, family, sought, words

ROOT = Ca.new("Root")
SUB = ROOT.subordinate("Sub")
LEAF = SUB.issue("leaf.test")


def read(issued: Issued) -> Certificate:
    return read_certificate(issued.cert_der)


def chain(*presented: Issued, anchors: Sequence[Anchor] = ()) -> Chain:
    """The chain of the first of these, in the order given."""
    found = [read(one) for one in presented]
    return anchored(chain_of(found[0], found), anchors)


def anchor(issued: Issued, environment: str = "test", alias: str = "acme-root", **more: bool) -> Anchor:
    return Anchor(environment, alias, "certificate", read(issued), **more)


def crossed(ca: Ca, issuer: Ca) -> Ca:
    """The subject and key of one authority, signed by another."""
    subject, name = ca.certificate.subject, issuer.certificate.subject
    public = ca.key.public_key()
    made = build(subject, name, public, issuer.key, is_ca=True, issuer_key=issuer.key.public_key())
    return Ca(made, ca.key)


def forged(cn: str, issuer: Ca) -> Issued:
    """Names its issuer as it should, signed by somebody else's key."""
    private = new_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, cn)])
    key = issuer.key.public_key()
    return Issued(build(name, issuer.certificate.subject, private.public_key(), private, issuer_key=key), private)


def nameless_key(issuer: Ca) -> Issued:
    """Issued as it should, and without the identifier of its issuer's key."""
    private = new_key()
    return Issued(
        build(LEAF.certificate.subject, issuer.certificate.subject, private.public_key(), issuer.key), private
    )


def names(found: Chain) -> list[str]:
    return [link.certificate.facts.certificate_name for link in found.links]


def test_a_whole_chain_is_walked_to_its_root_and_every_signature_is_judged() -> None:
    found = chain(LEAF, SUB, ROOT)
    assert names(found) == ["leaf.test", "Sub", "Root"]
    assert [(one.position, one.issuer, one.signature) for one in found.links] == [
        (1, "next", True),
        (2, "next", True),
        (3, "itself", True),
    ]
    assert (found.state, found.in_order, found.missing, found.others) == ("whole", True, (), ())
    assert words.sentence(found) == (
        "The chain is whole: 3 certificates up to Root, which was issued by itself. "
        "No environment has an anchor that ends it."
    )


def test_a_shuffled_source_keeps_its_places_and_is_told() -> None:
    found = chain(LEAF, ROOT, SUB)
    assert names(found) == ["leaf.test", "Sub", "Root"]
    assert [link.position for link in found.links] == [1, 3, 2]
    assert not found.in_order
    assert "stand at places 1, 3, 2" in words.notes(found)[0]


def test_of_a_certificate_that_a_source_holds_twice_the_first_place_counts() -> None:
    assert [link.position for link in chain(LEAF, SUB, ROOT, SUB).links] == [1, 2, 3]
    beside = chain_of(read(LEAF), [read(SUB), read(ROOT)])
    assert ([link.position for link in beside.links], beside.in_order) == ([None, 1, 2], True)


def test_a_missing_intermediate_is_named_with_its_key_and_its_address_and_the_root_is_foreign() -> None:
    private, address = new_key(), "http://ca.test/sub.cer"
    place = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(address))
    answers = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://o.test")
    )
    now = dt.datetime.now(dt.UTC)
    digest = x509.SubjectKeyIdentifier.from_public_key(SUB.key.public_key()).digest
    made = (
        x509.CertificateBuilder()
        .subject_name(LEAF.certificate.subject)
        .issuer_name(SUB.certificate.subject)
        .public_key(private.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.AuthorityKeyIdentifier(digest, [x509.DirectoryName(ROOT.certificate.subject)], 0xAB), False)
        .add_extension(x509.AuthorityInformationAccess([answers, place]), critical=False)
        .sign(SUB.key, hashes.SHA256())
    )
    found = chain(Issued(made, private), ROOT)
    assert (found.state, names(found)) == ("open", ["leaf.test"])
    [missing] = found.missing
    assert (missing.name, missing.addresses) == ("CN=Sub", (address,))
    assert (missing.key_identifier, missing.serial_hex) == (read(SUB).facts.ski, "ab")
    assert [(one.certificate.facts.certificate_name, one.kind) for one in found.others] == [("Root", "foreign")]
    assert "its issuer is not in the source (CN=Sub)" in words.sentence(found)


def test_a_forged_link_is_broken_and_says_whose_signature() -> None:
    found = chain(forged("leaf.test", SUB), SUB, ROOT)
    assert (found.state, found.links[0].signature, found.links[1].signature) == ("broken", False, True)
    assert words.sentence(found).startswith(
        "The chain is broken: the signature on leaf.test does not verify with the key of Sub."
    )


def test_a_signature_that_nobody_here_can_judge_is_found_by_name_only() -> None:
    found = chain_of(read(LEAF), [read(LEAF), read(SUB)])
    assert found.links[0].signature is True
    spent = family.Family([read(LEAF), read(SUB)], checks=0).issuer_of(read(LEAF), judge=True)
    assert (spent.certificate, spent.signature) == (read(SUB), None)


def test_of_two_issuers_of_one_name_and_no_key_identifier_the_signature_decides() -> None:
    one, two = Ca.new("Twin"), Ca.new("Twin")
    found = chain(nameless_key(two), one, two)
    assert found.links[1].certificate == read(two)
    assert found.links[0].signature is True
    assert found.others[0].kind == "foreign"


def test_a_cross_signed_intermediate_stands_beside_its_link() -> None:
    old = Ca.new("Old Root")
    twin = crossed(ROOT, old)
    found = chain(LEAF, SUB, ROOT, twin)
    assert names(found) == ["leaf.test", "Sub", "Root"]
    [cross] = found.cross_signs
    assert (cross.position, cross.of) == (4, read(ROOT).sha256)
    assert words.cross_words(found, cross) == "The subject and key of Root, issued by CN=Old Root."
    ended = chain(LEAF, SUB, ROOT, twin, anchors=[anchor(old, alias="old")])
    [ending] = ended.endings
    assert (ending.how, ending.of, ending.signature) == ("issuer", cross.certificate.sha256, True)


def test_a_twin_of_the_same_issuer_that_does_not_name_its_key_is_no_cross_sign() -> None:
    public = SUB.key.public_key()
    again = Issued(build(SUB.certificate.subject, ROOT.certificate.subject, public, ROOT.key, is_ca=True), None)
    found = chain(LEAF, SUB, ROOT, again)
    assert found.cross_signs == ()
    assert sentences(found) == ["Has the subject, key and issuer of Sub: it was issued anew."]


def sentences(found: Chain) -> list[str]:
    return [one.sentence for one in found.others]


def test_what_is_no_link_is_told_by_who_issued_it() -> None:
    side, far = ROOT.subordinate("Side"), Ca.new("Far")
    assert sentences(chain(ROOT, SUB, LEAF)) == [
        "Issued by Root.",
        "Issued by Sub, which is below the chosen certificate.",
    ]
    assert sentences(chain(SUB, ROOT, side, side.issue("side.test"))) == [
        "Issued by Root.",
        "Issued by Side, which is below a certificate of this chain.",
    ]
    assert sentences(chain(SUB, ROOT, far, far.issue("far.test"))) == [
        "Issued itself, and no certificate of this chain.",
        "Belongs to another chain: issued by Far.",
    ]
    assert sentences(chain(SUB, ROOT, far.issue("far.test"))) == [
        "Belongs to no certificate here; its issuer is CN=Far."
    ]


def test_what_was_issued_below_or_beside_is_not_foreign() -> None:
    other = ROOT.issue("other.test")
    found = chain_of(read(SUB), [read(one) for one in (LEAF, SUB, ROOT, other, self_signed("stranger.test"))])
    assert [(one.certificate.facts.certificate_name, one.kind, one.position) for one in found.others] == [
        ("leaf.test", "below", 1),
        ("other.test", "beside", 4),
        ("stranger.test", "foreign", 5),
    ]


def test_anchors_end_the_chain_as_itself_as_twin_and_as_issuer() -> None:
    cross = crossed(ROOT, Ca.new("Old Root"))
    found = chain(
        LEAF,
        SUB,
        cross,
        anchors=[
            anchor(LEAF, alias="leaf"),
            anchor(SUB, "production", "sub", in_force=True),
            anchor(ROOT, "production", "twin"),
            anchor(Ca.new("Nobody"), alias="nobody"),
        ],
    )
    assert [(e.anchor.alias, e.how) for e in found.endings] == [("leaf", "same"), ("sub", "same"), ("twin", "twin")]
    assert found.misses == ()
    assert words.sentence(found) == (
        "The chain ends at anchors of production; the issuer of Root is not in the source, and not needed there."
    )
    issued = chain(LEAF, SUB, anchors=[anchor(ROOT)])
    assert [(e.how, e.of, e.signature) for e in issued.endings] == [("issuer", read(SUB).sha256, True)]
    assert words.sentence(issued) == (
        "The chain leads up to Sub; its issuer Root is not in the source, but an anchor of test."
    )
    assert words.ending_words(issued, issued.endings[0]) == (
        "test: alias acme-root (saved, not in force) issued Sub; the signature verifies."
    )


def test_anchors_are_sought_by_a_name_alone_only_where_an_issuer_may_have_it() -> None:
    """Thousands that issued themselves may be called localhost, each with a key of its own."""
    alone, whole, partial = chain(self_signed("localhost")), chain(LEAF, SUB, ROOT), chain(LEAF, SUB)
    assert sought([alone]).issuers == sought([whole]).issuers == set()
    assert sought([alone]).keys == {alone.links[0].certificate.facts.spki_sha256}
    assert sought([alone, partial]).issuers == {"CN=Root"}
    assert sought([partial]).subjects == {"CN=leaf.test", "CN=Sub", "CN=Root"}


def test_an_anchor_of_the_issuers_name_whose_key_did_not_sign_ends_nothing() -> None:
    found = chain(LEAF, SUB, anchors=[anchor(Ca.new("Root"))])
    assert found.endings == ()
    assert [e.how for e in found.misses] == ["namesake"]
    assert "its key did not sign it" in words.notes(found)[-1]
    bare = chain(nameless_key(SUB), anchors=[anchor(Ca.new("Sub"))])
    assert (bare.endings, [e.how for e in bare.misses]) == ((), ["namesake"])


def test_an_anchor_that_issued_what_a_namesake_in_the_source_did_not_ends_the_chain() -> None:
    found = chain(nameless_key(SUB), Ca.new("Sub"), anchors=[anchor(SUB)])
    assert (found.state, found.links[0].signature) == ("broken", False)
    assert [(e.how, e.of, e.signature) for e in found.endings] == [("issuer", found.links[0].certificate.sha256, True)]


def test_an_anchor_above_a_broken_signature_does_not_end_the_chain() -> None:
    bad = forged("leaf.test", SUB)
    found = chain(bad, SUB, ROOT, anchors=[anchor(ROOT), anchor(bad, alias="itself")])
    assert [(e.anchor.alias, e.how) for e in found.endings] == [("itself", "same")]
    assert [(e.anchor.alias, e.how) for e in found.misses] == [("acme-root", "cut-off")]
    assert words.notes(found)[-1].endswith("stands at Root, above the signature that does not verify.")
    true = chain(bad, SUB, anchors=[anchor(Ca(SUB.certificate, SUB.key)), anchor(crossed(SUB, ROOT), alias="twin")])
    assert true.endings == ()


def test_certificates_that_issue_each_other_are_a_circle() -> None:
    one, two = Ca.new("A"), Ca.new("B")
    found = chain(crossed(one, two), crossed(two, one))
    assert (found.state, names(found)) == ("circle", ["A", "B"])
    assert "circle" in words.sentence(found)


def test_a_chain_without_an_end_is_followed_for_a_hundred_links() -> None:
    key = new_key()
    titles = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, str(n))]) for n in range(120)]
    made = [Issued(build(*titles[n : n + 2], key.public_key(), key, is_ca=True), key) for n in range(119)]
    found = chain(*made)
    assert (found.state, len(found.links)) == ("long", family.MAX_LINKS)
    assert words.sentence(found).startswith("The chain is longer than 100 certificates")


def test_a_root_whose_own_signature_does_not_verify_is_broken() -> None:
    name = ROOT.certificate.subject
    found = chain(Issued(build(name, name, ROOT.key.public_key(), new_key(), is_ca=True), ROOT.key))
    assert (found.state, found.links[0].issuer, found.links[0].signature) == ("broken", "itself", False)


def test_names_are_the_same_whatever_their_case() -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "SUB")])
    private = new_key()
    odd = Issued(build(LEAF.certificate.subject, name, private.public_key(), SUB.key), private)
    assert names(chain(odd, SUB, ROOT)) == ["leaf.test", "Sub", "Root"]


def test_a_thousand_certificates_of_one_name_cost_a_bounded_number_of_checks() -> None:
    private = new_key()
    name = LEAF.certificate.subject
    same = [build(name, name, private.public_key(), new_key()) for _ in range(60)]
    found = chain_of(read(LEAF), [read(LEAF), *(read(Issued(one, None)) for one in same)])
    assert len(found.others) == 60
    counted = family.Family([read(Issued(one, None)) for one in same])
    for member in counted.members:
        counted.issuer_of(member, judge=True)
    assert len(counted._judged) <= family.MAX_CHECKS


def test_what_a_cross_sign_leads_up_to_is_not_foreign() -> None:
    """A server that also sends the root of its cross-signed issuer is set up well."""
    old = Ca.new("Old Root")
    found = chain(LEAF, SUB, ROOT, crossed(ROOT, old), old)
    [other] = found.others
    assert (other.kind, other.sentence) == ("beside", "The cross-signed certificate of Root leads up to it.")
