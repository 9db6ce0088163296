"""What a look at a listener proves, and what it cannot."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.authority import Authority
from tests.gateways.releases import material
from trustyard.gateways.proof import Probe, Seen, judge
from trustyard.pki.certificates import read_certificate
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.filenames import safe_filename

A, B = Authority("Partner A"), Authority("Partner B")


def name(der: bytes) -> bytes:
    return read_certificate(der).structure().subject_raw


def seen(*ders: bytes, let_in: bool | None = False) -> Seen:
    return Seen(True, tuple(name(der) for der in ders), let_in, "the connection was ended")


def test_the_names_of_the_release_are_an_observation() -> None:
    state, words = judge(seen(A.der, B.der), material(3, {"a": A.der, "b": B.der}), material(2, {"a": A.der}), "used")
    assert (state, words) == ("observed", "2 CA names advertised, those of release 3; a stranger was refused.")


def test_what_cannot_be_said_of_a_stranger_is_told_in_the_words_of_the_look() -> None:
    _, words = judge(seen(A.der, let_in=None), material(3, {"a": A.der}), None, "used")
    assert words == "1 CA name advertised, that of release 3; the connection was ended."


def test_of_many_missing_names_three_are_told() -> None:
    many = {f"p{number}": Authority(f"Partner {number}").der for number in range(5)}
    _, words = judge(seen(A.der), material(3, {"a": A.der, **many}), None, "used")
    assert words.endswith(": it lacks Partner 0, Partner 1, Partner 2 and 2 more.")


def test_a_missing_and_a_foreign_name_are_a_drift_and_are_counted() -> None:
    state, words = judge(seen(B.der), material(3, {"a": A.der}), None, "used")
    assert state == "drifted"
    assert words == "The listener does not serve release 3: it lacks Partner A and it asks for 1 other."


@pytest.mark.parametrize("look", [seen(A.der, let_in=True), Seen(False, (), True, "it asks nobody for a certificate")])
def test_a_door_that_lets_strangers_in_is_open_whatever_it_advertises(look: Seen) -> None:
    state, words = judge(look, material(3, {"a": A.der}), None, "used")
    assert state == "open"
    assert words.startswith("Anybody gets in")


def test_another_certificate_of_the_same_name_is_said_to_be_undistinguished() -> None:
    renewed = Authority("Partner A")
    state, words = judge(seen(A.der), material(3, {"a": renewed.der}), material(2, {"a": A.der}), "used")
    assert state == "accepted"
    assert "of release 2 too: the names cannot tell them apart" in words


def test_a_listener_that_advertises_no_names_proves_nothing() -> None:
    state, words = judge(seen(), material(3, {"a": A.der}), None, "used")
    assert state == "accepted"
    assert "proves nothing" in words


def test_a_pin_may_be_advertised_or_not() -> None:
    """D-18: HAProxy and nginx leave it out."""
    pin = A.issue("a device").der
    release = material(3, {"a": A.der, "pin": pin})
    assert [judge(look, release, None, "used")[0] for look in (seen(A.der), seen(A.der, pin))] == ["observed"] * 2


def test_a_release_that_trusts_nobody_advertises_the_deny_all_anchor() -> None:
    """D-17."""
    assert judge(seen(deny_all_der()), material(3), None, "used")[0] == "observed"
    assert judge(seen(A.der), material(3), None, "used")[0] == "drifted"


def test_the_deny_all_anchor_is_advertised_where_nothing_of_a_release_can_be_used_and_nowhere_else() -> None:
    """A gateway that takes no pins is given it in the place of one (D-17, D-18)."""
    nobody, pin = seen(deny_all_der()), A.issue("a device").der
    assert judge(nobody, material(3, {"pin": pin}), None, "used")[0] == "observed"
    assert judge(seen(A.der, deny_all_der()), material(3, {"a": A.der}), None, "used")[0] == "drifted"


def test_an_intermediate_need_not_be_advertised() -> None:
    below = Authority("Below A", A).der
    assert judge(seen(A.der), material(3, {"a": A.der, "below": below}), None, "used")[0] == "observed"


def test_the_root_set_is_part_of_the_truststore_alone() -> None:
    release = material(3, {"a": A.der}, roots=(B.der,))
    assert [judge(seen(A.der), release, None, trust)[0] for trust in ("used", "truststore")] == ["observed", "drifted"]
    assert judge(seen(A.der, B.der), release, None, "truststore")[0] == "observed"


def test_a_listener_for_one_alias_is_held_against_that_alias() -> None:
    release = material(3, {"a": A.der, "b": B.der})
    assert judge(seen(B.der), release, None, "alias/b")[0] == "observed"
    assert judge(seen(B.der), release, None, "used")[0] == "drifted"


def test_an_alias_is_named_as_it_is_written_or_as_envoy_has_it() -> None:
    release = material(3, {"Büro 2": B.der, "a": A.der})
    for trust in ("alias/Büro 2", f"alias/{safe_filename('Büro 2')}"):
        assert judge(seen(B.der), release, None, trust)[0] == "observed"


@pytest.mark.parametrize(
    "address", ["gateway", "gateway:0", "gateway:70000", ":443", "https://gateway:443", "a:b:c", "gateway:４４３"]
)
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    with pytest.raises(ValidationError):
        Probe(address=address)


def test_what_a_listener_trusts_is_a_name_that_is_served() -> None:
    for trust in ("used", "truststore", "alias/Büro 2"):
        assert Probe(address="gateway:443", trust=trust).trust == trust
    for trust in ("", "all", "alias/", "acme"):
        with pytest.raises(ValidationError, match="used, truststore or alias/<alias>"):
            Probe(address="gateway:443", trust=trust)


def test_a_gateway_that_advertises_the_names_of_its_start_is_asked_for_its_door_alone() -> None:
    release = material(3, {"a": A.der})
    state, words = judge(seen(B.der), release, None, "used", names_follow=False)
    assert state == "accepted"
    assert words.startswith("A stranger was refused. The names")
    _, words = judge(seen(B.der, let_in=None), release, None, "used", names_follow=False)
    assert words.startswith("The connection was ended. The names")
    assert judge(seen(B.der, let_in=True), release, None, "used", names_follow=False)[0] == "open"
