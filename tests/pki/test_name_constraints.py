"""Names held against name constraints (RFC 5280, section 4.2.1.10), and extensions that hold what they may not."""

from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509

from tests.pki.paths import HOST, NONE, ask, make, name
from tests.pki.test_trust_rules import ROOT, alternative, constrained, sub, under, unknown
from trustyard.pki.der import SEQUENCE, encode
from trustyard.pki.trust import judge, opinions


@pytest.mark.parametrize(
    ("constraints", "names", "accepted"),
    [
        (constrained(permitted=["test"]), [x509.DNSName(HOST)], True),
        (constrained(permitted=["partner.test"]), [x509.DNSName(HOST), x509.DNSName("other.test")], False),
        (constrained(permitted=["artner.test"]), [x509.DNSName(HOST)], False),
        (constrained(excluded=["a.partner.test"]), [x509.DNSName("*.partner.test"), x509.DNSName(HOST)], False),
        (constrained(permitted=["a.partner.test"]), [x509.DNSName("*.partner.test")], False),
        (constrained(permitted=["partner.test"]), [x509.DNSName("*.PARTNER.test")], True),
        (constrained(excluded=["other.test"]), [x509.DNSName(HOST), x509.DNSName("*.partner.test")], True),
        (constrained(excluded=["b.a.partner.test"]), [x509.DNSName("*.partner.test")], True),
        (constrained(excluded=["a.rtner.test"]), [x509.DNSName(HOST)], True),  # only a wildcard loses its first two
        (constrained(excluded=["other.test"]), [x509.DNSName("my_host.test")], False),  # no host: nobody can tell
    ],
)
def test_host_names_are_held_against_name_constraints(
    constraints: x509.NameConstraints, names: list[x509.GeneralName], accepted: bool
) -> None:
    """A wildcard is inside when all hosts that it stands for are, and excluded when one is."""
    issuer = make("Sub", ROOT, ca=True, NameConstraints=constraints)
    leaf = make("Partner", issuer, SubjectAlternativeName=x509.SubjectAlternativeName(names))
    assert judge(ask(leaf, anchors=[ROOT], others=[issuer], host="")).accepted is accepted


@pytest.mark.parametrize(
    ("common_name", "accepted"),
    [("client.test", True), ("client.example", False), ("Partner", True), ("Acme Inc.", True), ("10.1.2.3", False)],
)
def test_a_common_name_that_looks_like_a_host_is_held_against_them_where_it_is_the_only_name(
    common_name: str, accepted: bool
) -> None:
    """As OpenSSL does; Envoy 1.40 and HAProxy 2.6 were seen to refuse the client."""
    issuer = make("Sub", ROOT, ca=True, NameConstraints=constrained(permitted=["test"]))
    question = ask(
        make(common_name, issuer, SubjectAlternativeName=NONE),
        anchors=[ROOT],
        others=[issuer],
        purpose="client",
        host="",
    )
    assert judge(question).accepted is opinions(question)[1].accepted is accepted


OTHER_KINDS = [
    (x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), x509.IPAddress(ipaddress.ip_address("10.1.2.3")), True),
    (x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), x509.IPAddress(ipaddress.ip_address("11.1.2.3")), False),
    (x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), x509.IPAddress(ipaddress.ip_address("a00::1")), False),
    (x509.IPAddress(ipaddress.ip_network("fd00::/8")), x509.IPAddress(ipaddress.ip_address("fd12::1")), True),
    (x509.RFC822Name("acme.test"), x509.RFC822Name("ops@ACME.test"), True),
    (x509.RFC822Name("acme.test"), x509.RFC822Name("ops@mail.acme.test"), False),
    (x509.RFC822Name(".acme.test"), x509.RFC822Name("ops@mail.acme.test"), True),
    (x509.RFC822Name(".acme.test"), x509.RFC822Name("ops@mail.other.test"), False),
    (x509.RFC822Name("ops@acme.test"), x509.RFC822Name("ops@ACME.test"), True),
    (x509.RFC822Name("ops@ACME.test"), x509.RFC822Name("ops@acme.test"), True),
    (x509.RFC822Name("ops@acme.test"), x509.RFC822Name("OPS@acme.test"), False),
    (x509.UniformResourceIdentifier("acme.test"), x509.UniformResourceIdentifier("https://acme.test/x"), True),
    (x509.UniformResourceIdentifier("acme.test"), x509.UniformResourceIdentifier("https://b.acme.test/x"), False),
    (x509.DirectoryName(name("PARTNER")), x509.DirectoryName(name("Partner")), True),
    (x509.DirectoryName(name("Acme")), x509.DirectoryName(name("Acme")), False),  # the subject is outside
]


@pytest.mark.parametrize(("constraint", "held", "accepted"), OTHER_KINDS)
def test_other_kinds_of_names_are_held_against_name_constraints(
    constraint: x509.GeneralName, held: x509.GeneralName, accepted: bool
) -> None:
    issuer = make("Sub", ROOT, ca=True, NameConstraints=x509.NameConstraints([constraint], None))
    leaf = make("Partner", issuer, SubjectAlternativeName=x509.SubjectAlternativeName([held]))
    assert judge(ask(leaf, anchors=[ROOT], others=[issuer], host="", purpose="client")).accepted is accepted


@pytest.mark.parametrize(
    ("constraint", "held", "accepted"),
    [
        (x509.RFC822Name("other.test"), x509.RFC822Name("ops@acme.test"), True),
        (x509.RFC822Name("other.test"), x509.RFC822Name._init_without_validation("a@b@acme.test"), False),
        (x509.RFC822Name("other.test"), x509.RFC822Name("acme.test"), False),
        (x509.UniformResourceIdentifier("other.test"), x509.UniformResourceIdentifier("https://acme.test/x"), True),
        (x509.UniformResourceIdentifier("other.test"), x509.UniformResourceIdentifier("https://10.0.0.1/x"), False),
        (x509.UniformResourceIdentifier("other.test"), x509.UniformResourceIdentifier("urn:acme"), False),
    ],
)
def test_a_name_is_refused_where_nobody_can_tell_whether_it_is_excluded(
    constraint: x509.GeneralName, held: x509.GeneralName, accepted: bool
) -> None:
    issuer = make("Sub", ROOT, ca=True, NameConstraints=x509.NameConstraints(None, [constraint]))
    leaf = make("Partner", issuer, SubjectAlternativeName=x509.SubjectAlternativeName([held]))
    assert judge(ask(leaf, anchors=[ROOT], others=[issuer], host="", purpose="client")).accepted is accepted


def test_a_mailbox_in_the_subject_is_held_against_name_constraints_where_no_other_name_is_one() -> None:
    """RFC 5280, section 4.2.1.10."""
    issuer = make("Sub", ROOT, ca=True, NameConstraints=x509.NameConstraints([x509.RFC822Name("acme.test")], None))
    subject = x509.Name([x509.NameAttribute(x509.NameOID.EMAIL_ADDRESS, "ops@other.test")])
    verdict = judge(ask(make(subject, issuer), anchors=[ROOT], others=[issuer], host="", purpose="client"))
    assert verdict.deciding.message.startswith("The name ops@other.test of ")
    beside = x509.SubjectAlternativeName([x509.RFC822Name("ops@acme.test")])
    leaf = make(subject, issuer, SubjectAlternativeName=beside)
    assert judge(ask(leaf, anchors=[ROOT], others=[issuer], host="", purpose="client")).accepted


def test_a_ca_that_renews_its_own_key_is_exempt_from_the_constraints_above_it_and_a_last_certificate_never() -> None:
    """RFC 5280, section 6.1.3 (b): a self-issued certificate below is passed over, unless it is the last."""
    constraints = x509.NameConstraints([x509.DirectoryName(name("Partner"))], None)
    before = make("Sub", ROOT, ca=True, NameConstraints=constraints)
    renewed = make("Sub", before, ca=True)
    leaf, itself = make("Partner", renewed), make("Sub", before)
    asked = {"anchors": [ROOT], "others": [before, renewed], "host": "", "purpose": "client"}
    assert judge(ask(leaf, **asked)).accepted
    assert judge(ask(itself, **asked)).deciding.message.startswith("The name CN=Sub of Sub is outside ")


PRIVATE, UNIQUE = (x509.IPAddress(ipaddress.ip_network(n)) for n in ("10.0.0.0/8", "fd00::/8"))
REGISTERED = x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))


@pytest.mark.parametrize(
    ("excluded", "held", "shown"),
    [
        (x509.DNSName("other.test"), x509.DNSName("a\x07.test"), "a\ufffd.test"),
        (x509.DNSName("other.test"), x509.DNSName(""), "(empty)"),
        (PRIVATE, x509.IPAddress(ipaddress.ip_address("10.1.2.3")), "10.1.2.3"),
        (UNIQUE, x509.IPAddress(ipaddress.ip_address("fd00::1")), "fd00::1"),
        (x509.DirectoryName(name("Acme")), x509.DirectoryName(name("Acme")), "CN=Acme"),
        (REGISTERED, REGISTERED, "hex 2a03"),
    ],
)
def test_the_name_that_constraints_refuse_is_shown_as_people_write_it(
    excluded: x509.GeneralName, held: x509.GeneralName, shown: str
) -> None:
    issuer = make("Sub", ROOT, ca=True, NameConstraints=x509.NameConstraints(None, [excluded]))
    leaf = make("Partner", issuer, SubjectAlternativeName=x509.SubjectAlternativeName([held]))
    verdict = judge(ask(leaf, anchors=[ROOT], others=[issuer], host="", purpose="client"))
    assert verdict.deciding.message.startswith(f"The name {shown} of Partner ")


@pytest.mark.parametrize(
    ("subtree", "shown"),
    [
        (encode(0x87, bytes([10, 0, 0, 0, 255, 0, 255, 0])), "10.0.0.0/255.0.255.0"),
        (encode(0x87, bytes([10, 0, 0, 1])), "10.0.0.1"),
        (encode(0x87, bytes([10, 0, 0, 0, 0])), "hex 0a00000000"),
        (encode(0x82, b"*.partner.test"), "*.partner.test"),
        (encode(0x81, b"@partner.test"), "@partner.test"),
        (encode(0x81, b"a@b@partner.test"), "a@b@partner.test"),
        (encode(0x86, b"https://partner.test"), "https://partner.test"),
    ],
)
def test_a_name_constraint_that_is_none_is_shown(subtree: bytes, shown: str) -> None:
    constraints = encode(SEQUENCE, encode(0xA1, encode(SEQUENCE, subtree)))
    verdict = judge(sub(extra=[(unknown("2.5.29.30", constraints), True)]))
    assert verdict.deciding.message == f"Sub has a name constraint that is none: {shown}."


MALFORMED = {
    "more than a path length": ("BasicConstraints", "2.5.29.19", b"\x01\x01\xff\x02\x01\x01\x02\x01\x01"),
    "a path length below zero": ("BasicConstraints", "2.5.29.19", b"\x01\x01\xff\x02\x01\xff"),
    "an unknown part of a key identifier": ("AuthorityKeyIdentifier", "2.5.29.35", b"\x83\x01\x01"),
    "a name of no kind": ("SubjectAlternativeName", "2.5.29.17", b"\x89\x01a"),
    "a directory name that is none": ("SubjectAlternativeName", "2.5.29.17", b"\xa4\x02\x05\x00"),
    "no name": ("SubjectAlternativeName", "2.5.29.17", b""),
    "no purpose": ("ExtendedKeyUsage", "2.5.29.37", b""),
    "a subtree with a minimum": ("NameConstraints", "2.5.29.30", b"\xa0\x0a\x30\x08\x82\x03a.b\x80\x01\x01"),
    "neither permitted nor excluded": ("NameConstraints", "2.5.29.30", b"\xa2\x00"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_an_extension_that_holds_what_it_may_not_is_malformed(case: str) -> None:
    replaced, oid, content = MALFORMED[case]
    verdict = judge(sub(**{replaced: NONE}, extra=[(unknown(oid, encode(SEQUENCE, content)), True)]))
    assert "extension-malformed" in {remark.rule.code for remark in verdict.remarks}


def test_constraints_of_a_kind_that_nobody_can_compare_refuse_names_of_that_kind() -> None:
    strange = x509.OtherName(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    issuer = make("Sub", ROOT, ca=True, NameConstraints=x509.NameConstraints(None, [strange]))
    names = x509.SubjectAlternativeName([x509.DNSName(HOST), strange])
    assert judge(under(issuer)).accepted
    refused = judge(ask(make("Partner", issuer, SubjectAlternativeName=names), anchors=[ROOT], others=[issuer]))
    assert refused.deciding.rule.code == "name-constraints"


def test_too_many_names_for_too_many_constraints_end_at_a_counted_limit() -> None:
    many = constrained(excluded=[f"x{n}.test" for n in range(400)])
    issuer = make("Sub", ROOT, ca=True, NameConstraints=many)
    names = alternative(HOST, *(f"y{n}.partner.test" for n in range(400)))
    leaf = make("Partner", issuer, SubjectAlternativeName=names)
    assert judge(ask(leaf, anchors=[ROOT], others=[issuer])).deciding.rule.code == "limits"
