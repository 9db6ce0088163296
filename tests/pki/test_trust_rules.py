"""Every rule of the trust check has a case that breaks it, and nothing else, and so is the one that decides."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.pki.paths import CLIENT, HOST, MOMENT, NONE, SERVER, Made, ask, make, usage
from trustyard.pki.certificates import read_certificate
from trustyard.pki.der import BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, encode, encode_oid, read_all
from trustyard.pki.trust import REFUSALS, Limits, Question, judge, opinions

ROOT = make("Root", ca=True)
SUB = make("Sub", ROOT, ca=True)
RSA = rsa.generate_private_key(65537, 2048)
Case = Callable[[], Question]
# P-256 (FIPS 186-4, D.1.2.3): prime, b, generator, order.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = bytes.fromhex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b")
G = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def number(value: int) -> bytes:
    """An INTEGER."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def below(**changed: object) -> Question:
    """An end entity of the root that differs in this."""
    return ask(make("Partner", ROOT, **changed), anchors=[ROOT])  # type: ignore[arg-type]  # any parameter of make


def under(issuer: Made) -> Question:
    """An end entity of this intermediate of the root."""
    return ask(make("Partner", issuer), anchors=[ROOT], others=[issuer])


def sub(**changed: object) -> Question:
    """An end entity of an intermediate that differs in this."""
    return under(make("Sub", ROOT, ca=True, **changed))  # type: ignore[arg-type]  # the same


def rooted(**changed: object) -> Question:
    """An end entity of a root that differs in this."""
    root = make("Root", ca=True, **changed)  # type: ignore[arg-type]  # the same
    return ask(make("Partner", root), anchors=[root])


def alternative(*names: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(n) for n in names])


def unknown(oid: str, value: bytes = b"\x05\x00") -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


def forged() -> Question:
    """The signature is broken: the issuer is there by name."""
    return ask(make("Partner", make("Sub", ROOT, ca=True)), anchors=[ROOT], others=[SUB])


def two_algorithms() -> Question:
    """Inside SHA-384 is named, outside SHA-256: only an anchor is not found out by its signature."""
    root = make("Root", ca=True)
    der = root.certificate.der.replace(b"\x04\x03\x02", b"\x04\x03\x03", 1)
    changed = Made(read_certificate(der), root.key, root.subject, root.x509)
    return ask(make("Partner", root), anchors=[changed])


def spelled_curve() -> Question:
    """A root whose key spells its curve out: P-256 under numbers of its own (SEC 1, C.2)."""
    root = make("Root", ca=True)
    spki = root.x509.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    field = encode(SEQUENCE, encode_oid("1.2.840.10045.1.1"), number(P))
    curve = encode(SEQUENCE, encode(OCTET_STRING, (P - 3).to_bytes(32, "big")), encode(OCTET_STRING, B))
    spelled = encode(SEQUENCE, number(1), field, curve, encode(OCTET_STRING, G), number(N), number(1))
    algorithm = encode(SEQUENCE, encode_oid("1.2.840.10045.2.1"), spelled)
    key = encode(SEQUENCE, algorithm, read_all(spki).children()[1].raw)
    tbs, outer, signature = read_all(root.certificate.der).children()
    parts = [key if part.raw == spki else part.raw for part in tbs.children()]
    der = encode(SEQUENCE, encode(SEQUENCE, *parts), outer.raw, signature.raw)
    return ask(make("Partner", root), anchors=[Made(read_certificate(der), root.key, root.subject, root.x509)])


def signed_by(key: Any, algorithm: bytes, sign: Callable[[bytes], bytes]) -> Question:
    """An end entity of a root with this key, signed past the builder, which signs with no weak digest."""
    root = make("Root", ca=True, key=key)
    made = make("Partner", root)
    parts = [part.raw for part in read_all(made.certificate.der).children()[0].children()]
    tbs = encode(SEQUENCE, *parts[:2], algorithm, *parts[3:])
    der = encode(SEQUENCE, tbs, algorithm, encode(BIT_STRING, b"\x00", sign(tbs)))
    return ask(Made(read_certificate(der), made.key, made.subject, made.x509), anchors=[root])


def named(oid: str, *parameters: bytes) -> bytes:
    """An AlgorithmIdentifier."""
    return encode(SEQUENCE, encode_oid(oid), *parameters)


SHA1 = hashes.SHA1()
PSS_SHA1 = padding.PSS(padding.MGF1(SHA1), 20)
EC = ec.generate_private_key(ec.SECP256R1())
WEAK: dict[str, Case] = {
    "sha1WithRSAEncryption": lambda: signed_by(
        RSA, named("1.2.840.113549.1.1.5", b"\x05\x00"), lambda tbs: RSA.sign(tbs, padding.PKCS1v15(), SHA1)
    ),
    "rsassaPss over SHA-1": lambda: signed_by(
        RSA, named("1.2.840.113549.1.1.10", encode(SEQUENCE)), lambda tbs: RSA.sign(tbs, PSS_SHA1, SHA1)
    ),
    "ecdsa-with-SHA1": lambda: signed_by(EC, named("1.2.840.10045.4.1"), lambda tbs: EC.sign(tbs, ec.ECDSA(SHA1))),
}


def exhausted() -> Question:
    cas = list(itertools.accumulate(range(12), lambda above, n: make(f"Sub {n}", above, ca=True), initial=ROOT))
    return ask(make("Partner", cas[-1]), anchors=[ROOT], others=cas[1:], limits=Limits(intermediates=5))


def required_policy() -> Question:
    policies = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), None)])
    issuer = make("Sub", ROOT, ca=True, extra=[(policies, False), (x509.PolicyConstraints(0, None), True)])
    return under(issuer)


def constrained(*, permitted: Sequence[str] = (), excluded: Sequence[str] = ()) -> x509.NameConstraints:
    return x509.NameConstraints(
        [x509.DNSName(n) for n in permitted] or None, [x509.DNSName(n) for n in excluded] or None
    )


def malformed_constraints() -> Question:
    constraints = constrained(permitted=["partner.test"])
    constraints._permitted_subtrees = [x509.DNSName("*.test")]
    return sub(NameConstraints=constraints)


CASES: dict[str, Case] = {
    "no-path": lambda: ask(make("Partner", SUB), anchors=[ROOT]),
    "limits": exhausted,
    "expired": lambda: below(end=MOMENT - timedelta(days=1)),
    "not-yet-valid": lambda: below(start=MOMENT + timedelta(days=1)),
    "name-mismatch": lambda: below(SubjectAlternativeName=alternative("other.test")),
    "name-missing": lambda: below(SubjectAlternativeName=NONE),
    "wildcard-too-wide": lambda: below(SubjectAlternativeName=alternative("*.test")),
    "purpose": lambda: below(ExtendedKeyUsage=x509.ExtendedKeyUsage([CLIENT])),
    "issuer-purpose": lambda: sub(ExtendedKeyUsage=x509.ExtendedKeyUsage([CLIENT])),
    "key-usage": lambda: below(KeyUsage=usage()),
    "not-a-ca": lambda: sub(BasicConstraints=NONE, KeyUsage=usage(sign=True)),
    "certificate-signing": lambda: sub(KeyUsage=usage(sign=True)),
    "signing-without-ca": lambda: below(KeyUsage=usage(sign=True, cert_sign=True)),
    "path-length": lambda: ask(
        make(
            "Partner",
            lower := make(
                "Lower", upper := make("Upper", ROOT, ca=True, BasicConstraints=x509.BasicConstraints(True, 0)), ca=True
            ),
        ),
        anchors=[ROOT],
        others=[upper, lower],
    ),
    "name-constraints": lambda: sub(NameConstraints=constrained(excluded=["test"])),
    "name-constraints-malformed": malformed_constraints,
    "name-constraints-misplaced": lambda: below(NameConstraints=constrained(permitted=["test"])),
    "critical-extension": lambda: below(extra=[(unknown("1.2.3.4.5"), True)]),
    "policy": required_policy,
    "weak-signature": WEAK["sha1WithRSAEncryption"],
    "weak-key": lambda: below(key=rsa.generate_private_key(65537, 1024)),
    "explicit-curve": spelled_curve,
    "signature-algorithm": two_algorithms,
    "extension-malformed": lambda: below(extra=[(unknown("1.3.6.1.5.5.7.1.1", b"no DER"), False)]),
    "extension-doubled": lambda: below(extra=[(alternative(HOST), False)]),
    "extension-criticality": lambda: sub(critical={x509.BasicConstraints: False}),
    "version": lambda: ask(make("Partner", SUB, version=x509.Version.v1), anchors=[ROOT], others=[SUB]),
    "serial-number": lambda: below(serial=1 << 160),
    "empty-name": lambda: ask(
        make("Partner", nameless := make(None, ROOT, ca=True)), anchors=[ROOT], others=[nameless]
    ),
    "empty-subject": lambda: ask(make(None, ROOT), anchors=[ROOT]),
    "authority-key-identifier": lambda: below(AuthorityKeyIdentifier=NONE),
    "subject-key-identifier": lambda: sub(SubjectKeyIdentifier=NONE),
    "web-profile": lambda: below(critical={x509.ExtendedKeyUsage: True}),
}
# Seen together with `no-path`, which decides; test_trust.py has them.
BESIDE = {"signature", "signature-unknown"}


@pytest.mark.parametrize("code", CASES)
def test_breaking_one_rule_alone_is_refused_by_it(code: str) -> None:
    verdict = judge(CASES[code]())
    assert not verdict.accepted
    assert {remark.rule.code for remark in verdict.remarks} == {code}, [r.message for r in verdict.remarks]
    assert verdict.deciding.certificate, "a remark names the certificate that it is about"


def test_every_rule_that_refuses_has_a_case() -> None:
    assert {rule.code for rule in REFUSALS} == CASES.keys() | BESIDE


def test_a_broken_signature_is_told_beside_the_missing_path() -> None:
    assert [remark.rule.code for remark in judge(forged()).remarks] == ["no-path", "signature"]


@pytest.mark.parametrize("said", WEAK)
def test_a_digest_that_can_be_forged_is_weak_whatever_the_key(said: str) -> None:
    verdict = judge(WEAK[said]())
    assert [remark.message for remark in verdict.remarks] == [f"Partner is signed with {said}."]


@pytest.mark.parametrize(
    "new_key", [lambda: dsa.generate_private_key(2048), lambda: ec.generate_private_key(ec.SECP192R1())]
)
def test_keys_of_another_time_are_weak(new_key: Callable[[], object]) -> None:
    assert judge(below(key=new_key())).deciding.rule.code == "weak-key"


@dataclass(frozen=True)
class Anybodys:
    """A key whose private half nobody needs."""

    public: object

    def public_key(self) -> object:
        return self.public


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (ed25519.Ed25519PublicKey.from_public_bytes(bytes(32)), "a point of small order: anybody can sign with it."),
        (rsa.RSAPublicNumbers(65537, 1 << 2047).public_key(), "an even modulus: anybody finds its private half."),
    ],
)
def test_a_key_that_needs_no_private_half_proves_nobody(key: object, said: str) -> None:
    verdict = judge(below(key=Anybodys(key)))
    assert (verdict.accepted, verdict.deciding.rule.code) == (False, "weak-key")
    assert verdict.deciding.message.endswith(said)


def test_what_a_refusal_of_the_profile_means_is_known_to_the_rule() -> None:
    """Gateways pass over how a certificate is made; they do not pass over signatures, time, names and purposes."""
    lenient = {rule.code for rule in REFUSALS if rule.profile}
    assert not lenient & {"no-path", "signature", "expired", "name-mismatch", "purpose", "not-a-ca", "path-length"}


@pytest.mark.parametrize(
    ("pattern", "wide"),
    [("*.uk", True), ("*.CO.uk", True), ("*.acme.uk", False), ("*.co.test", False), ("*.uk.co", False)],
)
def test_a_wildcard_is_too_wide_where_anybody_may_register_below_it(pattern: str, wide: bool) -> None:
    names = alternative(pattern, HOST)
    verdict = judge(ask(make("Partner", ROOT, SubjectAlternativeName=names), anchors=[ROOT]))
    assert ("wildcard-too-wide" in {remark.rule.code for remark in verdict.remarks}) is wide


def test_a_purpose_for_servers_is_none_for_clients() -> None:
    leaf = make("Partner", ROOT, ExtendedKeyUsage=x509.ExtendedKeyUsage([SERVER]))
    assert judge(ask(leaf, anchors=[ROOT])).accepted
    refused = judge(ask(leaf, anchors=[ROOT], purpose="client", host=""))
    assert refused.deciding.message == "The extended key usage of Partner does not allow TLS clients."


def test_a_key_for_encryption_alone_serves_a_server_and_no_client() -> None:
    """OpenSSL says so too; Envoy 1.40 and HAProxy 2.6 were seen to refuse such a client."""
    encrypts = x509.KeyUsage(False, False, True, False, False, False, False, False, False)
    leaf = make("Partner", ROOT, KeyUsage=encrypts)
    client = ask(leaf, anchors=[ROOT], purpose="client")
    assert judge(ask(leaf, anchors=[ROOT])).accepted
    assert judge(client).deciding.rule.code == "key-usage"
    assert judge(client).deciding.message.endswith("neither signatures nor key agreement, so no TLS client can use it.")
    assert not opinions(client)[1].accepted


def test_a_ca_in_the_place_of_a_server_needs_a_key_that_tls_can_use() -> None:
    """OpenSSL refuses it too; that it is a CA is no reason."""
    signs_only = make("Inner CA", ROOT, ca=True, SubjectAlternativeName=alternative(HOST))
    assert judge(ask(signs_only, anchors=[ROOT])).deciding.rule.code == "key-usage"
    both = usage(sign=True, cert_sign=True)
    serving = make("Inner CA", ROOT, ca=True, SubjectAlternativeName=alternative(HOST), KeyUsage=both)
    assert judge(ask(serving, anchors=[ROOT])).deciding.rule.code == "ca-as-end-entity"


def test_a_self_signed_server_that_is_pinned_need_not_sign_certificates() -> None:
    """`openssl req -x509` makes CAs: only who stands above another one has to sign (RFC 5280, section 6.1.4 (n))."""
    pin = make("Partner", ca=True, KeyUsage=usage(sign=True), SubjectAlternativeName=alternative(HOST))
    assert judge(ask(pin, anchors=[pin])).accepted


@pytest.mark.parametrize(
    ("common_name", "differs"),
    [
        (HOST, False),
        (HOST.title(), False),
        ("other.test", True),
        ("127.0.0.1", True),
        ("Partner", False),
        ("Acme Inc.", False),
    ],
)
def test_a_common_name_that_only_the_case_of_letters_sets_apart_is_no_other_one(
    common_name: str, differs: bool
) -> None:
    verdict = judge(ask(make(common_name, ROOT), anchors=[ROOT]))
    assert ("common-name" in {remark.rule.code for remark in verdict.remarks}) is differs
