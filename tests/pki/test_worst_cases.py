"""The worst inputs up to the limit of a file: read within a counted amount of work, or refused with a named limit."""

from __future__ import annotations

import base64
import time
import tracemalloc
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fuzz.counting import Lines, budget
from fuzz.webs import extension, signed
from tests.pki import worst, worst_pkcs12
from tests.pki.moments import NOON
from tests.pki.paths import ask, make, name
from tests.pki.test_trust_rules import ROOT
from tests.pki.worst import MB
from trustyard.errors import InputRefused
from trustyard.pki import armour, der, keystores, passwords, pasted, pkcs7, rc2, signatures
from trustyard.pki.certificates import facts_json, read_certificate
from trustyard.pki.chains import in_chain_order, preselected
from trustyard.pki.comparing import compare
from trustyard.pki.containers import open_file, read_file, read_paste
from trustyard.pki.distinguished import MAX_ATTRIBUTES, MAX_NAME
from trustyard.pki.reading import MAX_CERTIFICATES, Reading
from trustyard.pki.structure import MAX_EXTENSIONS, MAX_SERIAL
from trustyard.pki.trust import Question, judge
from trustyard.pki.trust.strict import KEY_USAGE

FEW = 20_000  # calls for a refusal: no walk over millions of elements, at most one over a thousand certificates
ONE_BY_ONE = 1_300_000  # calls for what is read element by element, up to the limit of elements


def refused(data: bytes, calls: int = FEW, password: str | None = None) -> str:
    """The code of the refusal, which costs no more calls than that."""
    with pytest.raises(InputRefused) as refusal, budget(0, a_call=calls):
        read_file(data, password)
    return refusal.value.code


CASES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nested indefinite lengths": ("cut-off", lambda: worst.nested(5 * MB - 1)),
    "the same in PEM": ("cut-off", lambda: worst.armoured(worst.nested(3 * MB))),
    "nested octet strings": ("no-certificate", lambda: worst.nested(5 * MB - 1, 0x24)),
    "octet strings in a sequence": ("cut-off", lambda: b"\x30\x80" + worst.nested(4 * MB, 0x24)),
    "empty elements": ("unreadable-certificate", lambda: der.encode(der.SEQUENCE, b"\5\0" * (5 * MB - 8))),
    "a PKCS#7 of empty certificates": ("bad-pkcs7", lambda: pkcs7.write([b"\x30\0"] * (4 * MB))),
    "an OID of four megabytes": ("unreadable-certificate", lambda: worst.certificate(extensions=_endless_oid())),
    "the same in a name": ("unreadable-certificate", lambda: worst.certificate(subject=_endless_oid())),
    "a serial number of nine megabytes": (
        "unreadable-certificate",
        lambda: worst.certificate(serial=der.encode(der.INTEGER, b"\x7f" * 9 * MB)),
    ),
    "a version of nine megabytes": (
        "unreadable-certificate",
        lambda: worst.certificate(version=der.encode(der.INTEGER, b"\x7f" * 9 * MB)),
    ),
    "a name of eight megabytes": ("unreadable-certificate", lambda: worst.with_text(b"," * 4_000_000)),
    "a name of 300 000 attributes": ("unreadable-certificate", lambda: worst.with_attributes(300_000)),
    "only BEGIN lines": ("too-many-certificates", lambda: b"-----BEGIN CERTIFICATE-----\n" * 350_000),
    "halves of BEGIN lines": ("too-many-certificates", lambda: b"-----BEGIN A-----BEGIN " * 430_000),
    "blocks that overlap": (
        "too-many-certificates",
        lambda: b"-----BEGIN A-----\n-----BEGIN B-----\n-----END A-----\n-----END B-----\n" * 130_000,
    ),
    "END lines before the first BEGIN": ("pem-no-end", lambda: b"-----END A-----\n" * 600_000 + b"-----BEGIN A-----"),
    "padding alone": ("no-certificate", lambda: b"=" * 10 * MB),
    "MI and padding": ("bad-base64", lambda: b"MI" + b"=" * (10 * MB - 2)),
    "a space behind every letter": ("trailing-bytes", lambda: b"M I " * 2_500_000),
    "BEGIN in base64": ("double-base64", lambda: base64.b64encode(b"-----BEGIN A-----" * 400_000)),
    "zeros alone": ("empty-input", lambda: bytes(10 * MB)),
    "UTF-16 with the mark of DER": ("utf-16", lambda: b"0\0" * 5 * MB),
    "a ZIP archive": ("zip-archive", lambda: b"PK\x03\x04" + b"\x55" * 9 * MB),
    "a ZIP archive that lists a hundred thousand files": ("zip-archive", lambda: worst.listing(100_000)),
    "escaped line ends": ("cut-off", lambda: _copied(b"\\n")),
    "backslashes alone": ("cut-off", lambda: _copied(b"\\")),
    "line ends of HTML": ("cut-off", lambda: _copied(b"&#10;")),
    "ampersands escaped again and again": ("bad-base64", lambda: _copied(b"&" + b"amp;" * 200_000)),
    "marks of quotes": ("cut-off", lambda: _copied(b"> ")),
    "numbers of lines": ("cut-off", lambda: _copied(b"".join(b"%d:\n" % number for number in range(100_000)))),
    "percent signs": ("no-certificate", lambda: b"-----BEGIN%20" + b"%41" * 3_000_000),
    "percent signs within the limit": ("pem-no-end", lambda: b"-----BEGIN%20A-----" + b"%41" * 300_000),
    "a gzip stream": ("archive", lambda: b"\x1f\x8b\x08" + b"\x55" * 9 * MB),
    "a keystore that announces 2^32 entries": ("bad-keystore", lambda: worst.keystore(0xFFFFFFFF, b"")),
    "a keystore that has half a million": (
        "too-many-certificates",
        lambda: worst.keystore(450_000, (b"\0\0\0\1\0\0" + bytes(16)) * 450_000),
    ),
    "a keystore with a chain of empty certificates": (
        "bad-keystore",
        lambda: worst.keystore(1, b"\0\0\0\1\0\0" + bytes(12) + b"\xff\xff\xff\xff" + bytes(9 * MB), version=1),
    ),
}


def _copied(part: bytes) -> bytes:
    """Nine blocks that are looked through for what text is copied with, of this alone."""
    return worst.armour(part * ((pasted.MAX_BYTES - 100) // len(part))) * 9


def _endless_oid() -> bytes:
    return worst.sequence(der.encode(der.SET, worst.sequence(der.encode(der.OID, b"\x81" * 4 * MB + b"\1"), b"\5\0")))


@pytest.mark.parametrize("name", CASES)
def test_a_bomb_is_refused_before_it_is_walked_through(name: str) -> None:
    code, make = CASES[name]
    assert refused(make()) == code


@pytest.mark.parametrize(
    ("part", "code"), [(b"\n", "no-certificate"), (b"{\n", "no-certificate"), (b" ", "no-certificate")]
)
def test_a_text_that_is_looked_through_for_what_made_it_takes_no_seconds(part: bytes, code: str) -> None:
    """Counted in seconds, for an expression makes no call: each empty line began a search to the last of them."""
    started = time.process_time()
    assert refused(b"a\n" + part * (9 * MB // len(part))) == code
    assert time.process_time() - started < 2


def test_the_end_of_a_secret_key_is_not_looked_for_at_millions_of_places() -> None:
    data = worst.keystore(2, b"\0\0\0\3\0\0" + bytes(8) + b"\xac\xed\0\5" + bytes(9 * MB))
    assert refused(data, 20 * keystores.MAX_TRIES) == "bad-keystore"


@pytest.mark.parametrize("levels", [1, 30])
def test_ten_megabytes_in_an_element_of_indefinite_length_are_not_walked_to_their_end(levels: int) -> None:
    data = worst.nested(levels) + worst.loose(9 * MB) + b"\0\0" * levels
    assert refused(data, 10 * der.MAX_ELEMENTS) == "cut-off"


@pytest.mark.parametrize("limit", ["armour.MAX_BLOCKS", "reading.MAX_CERTIFICATES"])
def test_a_hundred_thousand_pem_blocks_are_refused_with_the_limit(limit: str) -> None:
    body = worst.armoured(b"\x30\0", "X509 CRL") if "BLOCKS" in limit else worst.armoured(b"\x30\0") * 2_000
    count = 100_000 if "BLOCKS" in limit else 1
    code = "too-many-blocks" if "BLOCKS" in limit else "too-many-certificates"
    assert refused(body * count, 20 * armour.MAX_BLOCKS) == code


def test_what_the_limits_allow_is_read() -> None:
    """A limit that is too tight would refuse what exists; these are far beyond that."""
    for data in (
        worst.with_names(100_000),
        worst.with_extensions(1_000),
        worst.with_attributes(MAX_ATTRIBUTES // 2),
        worst.certificate(serial=der.encode(der.INTEGER, b"\x01" * MAX_SERIAL)),
        worst.with_text(b"x" * 500_000),
    ):
        with budget(0, a_call=ONE_BY_ONE):
            (certificate,) = read_file(data).certificates
            said = facts_json(certificate, NOON)
        assert said["sha256"] == certificate.sha256
    assert len(read_certificate(worst.with_names(100_000)).facts.sans) == 100_000


def test_the_names_of_two_certificates_are_compared_in_one_walk_over_them() -> None:
    """One walk for each name would take many minutes, in which nothing is called that could be counted."""
    left, right = (read_certificate(worst.with_names(count)) for count in (50_000, 100_000))
    assert compare(left, right).sentence.startswith("Other names: 50000 added;")


def test_one_more_than_a_limit_of_a_certificate_is_refused() -> None:
    assert refused(worst.with_extensions(MAX_EXTENSIONS + 1)) == "unreadable-certificate"
    assert refused(worst.with_text(b"x" * MAX_NAME)) == "unreadable-certificate"
    assert refused(worst.with_attributes(MAX_ATTRIBUTES + 1), 20 * MAX_ATTRIBUTES) == "unreadable-certificate"
    too_long = der.encode(der.INTEGER, b"\x01" * (MAX_SERIAL + 1))
    assert refused(worst.certificate(serial=too_long)) == "unreadable-certificate"


def test_a_path_length_of_thousands_of_digits_costs_itself_alone() -> None:
    constraints = worst.sequence(der.encode(der.BOOLEAN, b"\xff"), der.encode(der.INTEGER, b"\x7f" * 3000))
    certificate = read_certificate(worst.certificate(extensions=worst.extension("2.5.29.19", constraints)))
    assert facts_json(certificate, NOON)["path_len"] is None


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (worst.of_rsa(16_384), False),
        (worst.of_rsa(signatures.MAX_RSA_BITS + 8), None),
        (worst.of_rsa(65_536), None),
        (worst.of_rsa(8 * MB), None),
        (worst.of_rsa(3072, (1 << 60) + 1), False),
        (worst.of_rsa(3072, (1 << 3000) + 1), None),
    ],
    ids=["16k", "over 16k", "64k", "8M", "exponent of 60 bits", "exponent of 3000 bits"],
)
def test_a_signature_that_would_take_long_to_check_is_not_judged(data: bytes, told: bool | None) -> None:
    with budget(0, a_call=FEW):
        facts = read_certificate(data).facts
    assert facts.self_signed is told
    assert facts.key.type == "RSA"
    assert facts.key.size


P521 = (1 << 521) - 1


def explicit(p: int, order: int | None = None) -> bytes:
    """A certificate on a made-up curve through the point (3, 7)."""
    a = p - 3
    return worst.on_curve(p, a, (49 - 27 - 3 * a) % p, (3, 7), order or p)


@pytest.mark.parametrize(
    "data",
    [
        explicit(P521),
        explicit(P521 - 1),  # composite
        explicit((1 << 520) - 1),  # composite
        explicit(P521, 1 << 520),
        explicit(P521, (1 << 8 * MB) - 1),
        explicit((1 << 8 * MB) - 1),
        worst.of_dsa(10_000),
        worst.of_dsa(8 * MB),
        worst.of_dsa(4096, 4000),
        worst.of_dsa(1, 1),
    ],
    ids=["p521", "even", "composite", "smooth order", "huge order", "huge p", "dsa10k", "dsa8M", "dsa-q", "dsa1"],
)
def test_a_key_with_odd_parameters_costs_a_few_thousand_steps(data: bytes) -> None:
    """One multiplication on a curve of 521 bits is about 1000 steps of two calls."""
    with budget(0, a_call=5_000):
        facts = read_certificate(data).facts
    assert not facts.self_signed


def test_each_certificate_of_a_file_has_its_signature_checked_at_most_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    monkeypatch.setattr(signatures, "verifies", lambda *given: checked.append(given) or False)
    data = b"".join(worst.armoured(worst.with_text(b"root %d" % number)) for number in range(MAX_CERTIFICATES))
    in_chain_order(read_file(data).certificates)
    assert len(checked) == MAX_CERTIFICATES


def test_names_of_megabytes_are_not_remembered_once_an_input_is_put_in_order() -> None:
    tracemalloc.start()
    try:
        for number in range(5):
            given = worst.with_text(b"%d %s" % (number, 500_000 * b"n"))
            in_chain_order([*read_file(given).certificates, read_certificate(CERTIFICATE)])
        del given
        assert tracemalloc.get_traced_memory()[0] < MB
    finally:
        tracemalloc.stop()


def test_a_thousand_certificates_of_one_name_are_ordered_in_a_bounded_number_of_steps() -> None:
    """Two names that certify each other, with key identifiers that fit nowhere."""
    ders = []
    for number in range(MAX_CERTIFICATES):
        one, other = 1 + number % 2, 2 - number % 2
        own = extension("2.5.29.14", der.encode(der.OCTET_STRING, bytes([number % 200])))
        wanted = extension("2.5.29.35", worst.sequence(der.encode(0x80, b"\xff")))
        ders.append(signed(number, one, other, one, other, [own, wanted]))
    certificates = tuple(map(read_certificate, ders))
    with Lines(20 * MAX_CERTIFICATES**2):
        assert len(in_chain_order(certificates)) == MAX_CERTIFICATES
        preselected(Reading("pem-bundle", certificates))


def test_a_path_among_hundreds_of_anchors_of_one_name_is_looked_for_in_a_bounded_number_of_steps() -> None:
    """CAs of the same name that certify each other's keys, and anchors of that name that signed none of them."""
    crossed = [
        signed(11 * one + other, 1, 1, one, other, []) for one in range(11) for other in range(11) if one != other
    ]
    anchors = [signed(1000 + number, 1, 1, 50, 50, []) for number in range(500)]
    leaf, *others = map(read_certificate, (signed(999, 2, 1, 20, 0, []), *crossed[:100]))
    question = Question(leaf, tuple(others), tuple(map(read_certificate, anchors)), "server", "", NOON)
    with Lines(5_000_000):
        assert judge(question).deciding.rule.code == "limits"


def test_a_key_usage_of_millions_of_bits_takes_no_more_memory_than_its_octets() -> None:
    usage = worst.extension(KEY_USAGE, der.encode(der.BIT_STRING, b"\0" + b"\xff" * 2 * MB))
    certificate = read_certificate(worst.certificate(extensions=usage))
    tracemalloc.start()
    judge(Question(certificate, (), (certificate,), "server", "", NOON))
    assert tracemalloc.get_traced_memory()[1] < 20 * MB
    tracemalloc.stop()


def test_a_name_of_many_attributes_is_not_held_against_hundreds_of_name_constraints() -> None:
    """A partner's authority that is trusted may issue both, and its server present them."""
    long = x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, str(number)) for number in range(9_000)])
    excluded = [x509.DirectoryName(name(f"Acme {number}")) for number in range(500)]
    issuer = make("Sub", ROOT, ca=True, NameConstraints=x509.NameConstraints(None, excluded))
    leaf = make("Partner", issuer, SubjectAlternativeName=x509.SubjectAlternativeName([x509.DirectoryName(long)]))
    with Lines(3_000_000):
        assert judge(ask(leaf, anchors=[ROOT], others=[issuer], host="")).deciding.rule.code == "limits"


def test_thousands_of_name_constraints_are_judged_once_however_many_paths_lead_over_them() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    above = [make("Above", ROOT, ca=True, key=key) for _ in range(30)]
    excluded = [x509.DNSName(f"{number}.test") for number in range(10_000)]
    issuer = make("Sub", above[0], ca=True, NameConstraints=x509.NameConstraints(None, excluded))
    names = x509.SubjectAlternativeName([x509.DNSName(f"{number}.example") for number in range(20)])
    leaf = make("Partner", issuer, SubjectAlternativeName=names)
    with Lines(1_000_000):
        assert judge(ask(leaf, anchors=[ROOT], others=[issuer, *above], host="")).deciding.rule.code == "limits"


CERTIFICATE = worst.certificate()


def p12(*safes: bytes, mac: bytes | None = None) -> bytes:
    """A PFX with a certificate in the open beside what is asked for."""
    return worst_pkcs12.pfx(worst_pkcs12.plain(worst_pkcs12.certificate_bag(CERTIFICATE)), *safes, mac=mac)


def greedy(derivation: bytes) -> bytes:
    """An encrypted part whose key is derived so."""
    return worst_pkcs12.encrypted_data(worst_pkcs12.pbes2(derivation))


def _halves(content: bytes) -> bytes:
    half = len(content) // 2
    return worst.sequence(worst_pkcs12.octets(content[:half]), worst_pkcs12.octets(content[half:]))


MANY = 10 * passwords.MAX_ITERATIONS
GREEDY = {
    "one count": p12(greedy(worst_pkcs12.pbkdf2(passwords.MAX_ITERATIONS + 1))),
    "a count of a thousand digits": p12(greedy(worst_pkcs12.pbkdf2(10**1000))),
    "the MAC": p12(mac=worst_pkcs12.mac(passwords.MAX_ITERATIONS + 1)),
    "scrypt by its cost": p12(greedy(worst_pkcs12.scrypt(1 << 30, 8, 1))),
    "scrypt by its parallel part": p12(greedy(worst_pkcs12.scrypt(1 << 10, 8, 30_000))),
    "the MAC of the new kind by the length of its key": p12(mac=worst_pkcs12.pbmac1(MANY // 40, 32 * 16)),
    "scrypt by its memory": p12(greedy(worst_pkcs12.scrypt(2, 1 << 20, 1))),
    "a key of the old kind by its blocks": p12(worst_pkcs12.encrypted_data(worst_pkcs12.old(3, MANY // 30))),
    "a key for RC2 by its length": p12(
        worst_pkcs12.encrypted_data(worst_pkcs12.pbes2_rc2(worst_pkcs12.pbkdf2(1), 8 * 20 * MB))
    ),
    # Who looks for counts beforehand misses these.
    "a count beside two others, one of them zero": p12(
        greedy(worst_pkcs12.pbkdf2(MANY, worst.integer(32), worst.integer(0)))
    ),
    "a count behind a salt that is no string": p12(
        greedy(worst_pkcs12.pbkdf2(MANY, salt=worst.sequence(worst_pkcs12.octets(bytes(8)))))
    ),
    "a count before a stray octet": worst_pkcs12.pfx_of(
        worst_pkcs12.octets(worst.sequence(greedy(worst_pkcs12.pbkdf2(MANY))) + b"\0")
    ),
    "a count cut in two": worst_pkcs12.pfx_of(_halves(worst.sequence(greedy(worst_pkcs12.pbkdf2(MANY))))),
}


@pytest.mark.parametrize("name", GREEDY)
@pytest.mark.parametrize("password", [None, "secret"])
def test_a_pkcs12_file_that_asks_for_too_much_is_refused_before_that_is_derived(
    name: str, password: str | None
) -> None:
    assert refused(GREEDY[name], 100_000, password) == "bad-pkcs12"


@pytest.mark.parametrize("kind", ["RC2", "iterations"])
def test_parts_that_are_each_small_enough_are_not_decrypted_by_the_hundred(kind: str) -> None:
    bags = worst.sequence(worst_pkcs12.secret_bag(bytes(rc2.MAX_BYTES // 3)))
    third = passwords.MAX_ITERATIONS // 3 - 1000
    part = worst_pkcs12.encrypted_with_rc2(bags) if kind == "RC2" else worst_pkcs12.encrypted(bags, third)
    assert read_file(p12(*[part] * 2), worst_pkcs12.PASSWORD).certificates[0].der == CERTIFICATE
    assert refused(p12(*[part] * 100), rc2.MAX_BYTES, worst_pkcs12.PASSWORD) == "bad-pkcs12"


def test_bags_are_not_looked_at_by_the_million() -> None:
    bags = worst_pkcs12.plain(*[worst_pkcs12.secret_bag(b"")] * 170_000)
    with pytest.raises(InputRefused, match="too much computation"):
        read_file(p12(bags, bags))


def test_a_mac_of_megabytes_is_not_a_million_derivations() -> None:
    sha256 = worst.sequence(der.encode_oid("2.16.840.1.101.3.4.2.1"), der.encode(der.NULL))
    digest = worst.sequence(sha256, worst_pkcs12.octets(bytes(MB)))
    greedy_mac = worst.sequence(digest, worst_pkcs12.octets(bytes(8)), worst.integer(100_000))
    assert refused(p12(mac=greedy_mac), 100_000, "secret") == "password-wrong"


def test_keys_are_never_opened_whatever_that_would_cost() -> None:
    key = worst_pkcs12.shrouded(worst_pkcs12.pbes2(worst_pkcs12.pbkdf2(2_000_000_000)))
    bags = (worst_pkcs12.certificate_bag(CERTIFICATE), key)
    for safe in (worst_pkcs12.encrypted(worst.sequence(*bags)), worst_pkcs12.plain(*bags)):
        reading = read_file(worst_pkcs12.pfx(safe), worst_pkcs12.PASSWORD)
        assert [notice.code for notice in reading.notices] == ["private-key-dropped"]


def test_a_pkcs12_file_with_usual_counts_is_read() -> None:
    """NSS writes 600 000, scrypt is met with N of 2^14."""
    assert read_file(p12()).certificates[0].der == CERTIFICATE
    bags = worst_pkcs12.sequence(worst_pkcs12.certificate_bag(CERTIFICATE))
    data = worst_pkcs12.pfx(worst_pkcs12.encrypted(bags, 600_000))
    assert read_file(data, worst_pkcs12.PASSWORD).certificates[0].der == CERTIFICATE


def test_nested_elements_of_a_pkcs12_file_are_not_followed_for_ever() -> None:
    inner = b""
    heads = []
    for _ in range(1_500_000):
        heads.append(b"\x30\x84" + (6 * len(heads)).to_bytes(4, "big"))
    inner = b"".join(reversed(heads))
    data = worst.sequence(worst.integer(3), worst.sequence(der.encode_oid("1.2.840.113549.1.7.1"), inner))
    assert refused(data) == "bad-pkcs12"


def test_a_pasted_text_of_ten_megabytes_costs_no_more_than_a_file() -> None:
    for text in ("=" * 10 * MB, "M I " * 2_500_000, "-----BEGIN A-----" * 500_000, "\u200b" * 3_000_000):
        for encoding in ("BASE64", "BASE64PEM"):
            with pytest.raises(InputRefused), budget(0, a_call=FEW):
                read_paste(text, encoding)


def test_white_space_without_end_in_a_pem_block_takes_no_seconds() -> None:
    """Counted in seconds, for an expression makes no call: at each blank began a search for a header."""
    data = b"-----BEGIN CERTIFICATE-----\n" + b" " * 9 * MB + b"!:\n-----END CERTIFICATE-----\n"
    started = time.process_time()
    assert refused(data) == "bad-base64"
    assert time.process_time() - started < 2


def test_headers_of_a_pem_block_by_the_million_are_walked_over_and_not_remembered() -> None:
    data = b"-----BEGIN CERTIFICATE-----\n" + b"A: b\n" * 200_000 + b"-----END CERTIFICATE-----\n"
    tracemalloc.start()
    assert refused(data) == "cut-off"
    assert tracemalloc.get_traced_memory()[1] < 10 * len(data)
    tracemalloc.stop()


def test_a_keystore_of_as_many_certificates_as_an_import_takes_is_opened_and_a_larger_one_not_called_damaged() -> None:
    entry = keystores.write([("a", CERTIFICATE)], "changeit", NOON)[12:-20]
    most = keystores.MAX_ENTRIES
    assert len(open_file(worst.keystore(most, entry * most), most=most).parts) == most == 20_000
    assert refused(worst.keystore(most + 1, entry * (most + 1))) == "too-many-certificates"


def test_a_keystore_of_as_many_entries_as_are_taken_is_read() -> None:
    data = keystores.write([(str(n), CERTIFICATE) for n in range(MAX_CERTIFICATES)], "changeit", NOON)
    assert len(read_file(data, "changeit").certificates) == 1
