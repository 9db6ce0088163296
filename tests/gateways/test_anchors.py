"""What servers built on OpenSSL are given of a release, and what is said of the rest."""

from __future__ import annotations

import pytest

from fuzz.counting import Lines
from fuzz.webs import extension, signed
from tests.authority import Authority
from tests.gateways.releases import material
from tests.pki import worst
from tests.pki.moments import NOON
from tests.tls_servers import self_signed
from trustyard.gateways.anchors import Include, for_openssl
from trustyard.gateways.preflight import judge, read
from trustyard.pki.denyall import deny_all_der

ROOT = Authority("Root")
SUB = Authority("Sub", ROOT)
LOWER = Authority("Lower", SUB)
OTHER = Authority("Other")
PIN = SUB.issue("a device").der
LOST = "trusts nobody: it is an intermediate, and the root that it ends in is not in the set"


def test_a_pin_is_left_out_and_named() -> None:
    """D-18."""
    found = for_openssl(material(1, {"acme": ROOT.der, "pin": PIN}), "used")
    assert found.ders == (ROOT.der,)
    assert found.notes == ("pin is left out: it is not a CA, and OpenSSL takes no such certificate as an anchor",)


def test_a_certificate_that_issued_itself_is_an_anchor_though_it_is_no_ca() -> None:
    own = self_signed("own.test").cert_der
    found = for_openssl(material(1, {"own": own}), "used")
    assert (found.ders, found.notes) == ((own,), ())


def test_an_intermediate_is_given_and_named_where_the_root_that_it_ends_in_is_missing() -> None:
    whole = for_openssl(material(1, {"lower": LOWER.der, "root": ROOT.der, "sub": SUB.der}), "used")
    assert (whole.ders, whole.notes) == ((LOWER.der, ROOT.der, SUB.der), ())
    lost = for_openssl(material(1, {"lower": LOWER.der, "other": OTHER.der, "sub": SUB.der}), "used")
    assert lost.ders == (LOWER.der, OTHER.der, SUB.der)
    assert lost.notes == (f"lower {LOST}", f"sub {LOST}")


def test_hundreds_that_issued_one_another_are_judged_in_a_bounded_number_of_steps() -> None:
    """Two names and many certificates of each: there are as many ways up as pairs, and none ends."""
    ca = extension("2.5.29.19", b"\x30\x03\x01\x01\xff")
    web = {f"{name} {number}": signed(number, name, 3 - name, 0, 0, [ca]) for name in (1, 2) for number in range(200)}
    release = material(1, web)
    with Lines(2_000 * len(web)):
        assert for_openssl(release, "used").notes == tuple(f"{alias} {LOST}" for alias in web)
        assert len(judge(read(release), "haproxy", NOON).notes) > len(web)


def test_what_openssl_cannot_read_is_left_out_and_named() -> None:
    found = for_openssl(material(1, {"acme": ROOT.der, "odd": worst.with_text(b"\xff")}), "used")
    assert (found.ders, found.notes) == ((ROOT.der,), ("odd is left out: OpenSSL cannot read it",))


@pytest.mark.parametrize("aliases", [{}, {"pin": PIN}])
def test_where_nothing_is_left_the_deny_all_anchor_stands(aliases: dict[str, bytes]) -> None:
    """D-17."""
    assert for_openssl(material(1, aliases), "used").ders == (deny_all_der(),)


@pytest.mark.parametrize(("include", "ders"), [("used", (ROOT.der,)), ("all", (ROOT.der, OTHER.der))])
def test_the_root_set_is_given_where_all_is_asked_for(include: Include, ders: tuple[bytes, ...]) -> None:
    assert for_openssl(material(1, {"acme": ROOT.der}, (OTHER.der,)), include).ders == ders
