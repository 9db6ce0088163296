"""Delta and state-of-the-world: requests read, responses written, what a reconnecting node's report means."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from tests.authority import Authority
from tests.xds.test_ledger import catalogue
from trustyard.gateways.envoy.resources import EXTENSION, SECRET
from trustyard.xds.dialects import Delta, StateOfTheWorld
from trustyard.xds.ledger import Ledger

ONE, TWO = (Authority(name).der for name in ("one", "two"))


def pushed(ledger: Ledger, dialect: Delta | StateOfTheWorld) -> list[Any]:
    responses = []
    for line, resource in ledger.due():
        if dialect.may_push(line):
            responses.append(dialect.write(line, resource))
            ledger.push(line, resource)
    return responses


def delta(**request: Any) -> DeltaDiscoveryRequest:
    return DeltaDiscoveryRequest(**{"type_url": SECRET, **request})


def sotw(**request: Any) -> DiscoveryRequest:
    return DiscoveryRequest(**{"type_url": SECRET, **request})


def test_delta_sends_one_resource_in_a_response_and_removes_none() -> None:
    ledger = Ledger(catalogue(1, ONE))
    dialect = Delta(ledger)
    dialect.read(delta(resource_names_subscribe=["used", "truststore", "*", "alias/gone"]))
    responses = pushed(ledger, dialect)
    assert [[resource.name for resource in r.resources] for r in responses] == [
        ["used"],
        ["truststore"],
        ["alias/gone"],
    ]
    assert not any(r.removed_resources for r in responses)
    assert len({r.nonce for r in responses}) == 3


def test_delta_answers_are_matched_by_nonce() -> None:
    ledger = Ledger(catalogue(1, ONE))
    dialect = Delta(ledger)
    dialect.read(delta(resource_names_subscribe=["used", "truststore"]))
    used, truststore = pushed(ledger, dialect)
    dialect.read(delta(response_nonce=truststore.nonce, error_detail={"message": "No."}))
    dialect.read(delta(response_nonce=used.nonce))
    dialect.read(delta(response_nonce="never sent"))
    dialect.read(delta(response_nonce=used.nonce, error_detail={"message": "Too late."}))
    assert ledger.lines[SECRET, "used"].running == used.resources[0].version
    assert ledger.lines[SECRET, "truststore"].words == "No."
    assert ledger.lines[SECRET, "used"].words == "", "it has answered that"


def test_a_refusal_without_words_is_told_by_its_code() -> None:
    ledger = Ledger(catalogue(1, ONE))
    dialect = Delta(ledger)
    dialect.read(delta(resource_names_subscribe=["used"]))
    (used,) = pushed(ledger, dialect)
    dialect.read(delta(response_nonce=used.nonce, error_detail={"code": 13}))
    assert ledger.lines[SECRET, "used"].words == "Refused with code 13."


def test_delta_reports_are_receipts() -> None:
    wanted = catalogue(1, ONE)
    version = wanted.resource(SECRET, "used").version  # type: ignore[union-attr]
    ledger = Ledger(wanted)
    dialect = Delta(ledger)
    versions = {"used": version, "truststore": "another"}
    dialect.read(delta(resource_names_subscribe=["used", "truststore"], initial_resource_versions=versions))
    assert [r.resources[0].name for r in pushed(ledger, dialect)] == ["truststore"]


def test_what_is_asked_for_again_is_sent_again() -> None:
    ledger = Ledger(catalogue(1, ONE))
    dialect = Delta(ledger)
    dialect.read(delta(resource_names_subscribe=["used"]))
    (first,) = pushed(ledger, dialect)
    dialect.read(delta(response_nonce=first.nonce))
    dialect.read(delta(resource_names_unsubscribe=["used"]))
    ledger.aim(catalogue(2, TWO), retry=False)
    assert pushed(ledger, dialect) == []
    dialect.read(delta(resource_names_subscribe=["used"]))
    assert len(pushed(ledger, dialect)) == 1


def test_an_answer_to_a_subscription_that_ended_says_nothing_of_the_new_one() -> None:
    ledger = Ledger(catalogue(1, ONE))
    dialect = Delta(ledger)
    dialect.read(delta(resource_names_subscribe=["used"]))
    (first,) = pushed(ledger, dialect)
    dialect.read(delta(resource_names_unsubscribe=["used"], resource_names_subscribe=["used"]))
    dialect.read(delta(response_nonce=first.nonce))
    assert ledger.lines[SECRET, "used"].running == ""


def test_state_of_the_world_sends_one_at_a_time_for_each_type() -> None:
    ledger = Ledger(catalogue(1, ONE))
    dialect = StateOfTheWorld(ledger)
    dialect.read(sotw(resource_names=["used", "truststore"]))
    dialect.read(sotw(type_url=EXTENSION, resource_names=["jwks"]))
    secret, extension = pushed(ledger, dialect)
    assert (secret.type_url, extension.type_url) == (SECRET, EXTENSION)
    assert [[one.type_url for one in r.resources] for r in (secret, extension)] == [[SECRET], [EXTENSION]]
    dialect.read(sotw(resource_names=["used", "truststore"], version_info="", response_nonce="stale"))
    assert pushed(ledger, dialect) == []
    dialect.read(
        sotw(resource_names=["used", "truststore"], version_info=secret.version_info, response_nonce=secret.nonce)
    )
    (second,) = pushed(ledger, dialect)
    assert second.version_info != secret.version_info


def everything_of(ledger: Ledger, names: list[str], type_url: str = SECRET) -> str:
    """A state-of-the-world node that takes all; the version that it would report."""
    dialect = StateOfTheWorld(ledger)
    dialect.read(sotw(type_url=type_url, resource_names=names))
    version = ""
    while responses := pushed(ledger, dialect):
        version = responses[0].version_info
        answer = {"version_info": version, "response_nonce": responses[0].nonce}
        dialect.read(sotw(type_url=type_url, resource_names=names, **answer))
    return version


@pytest.mark.parametrize(
    ("type_url", "names"), [(SECRET, ["used", "alias/a0", "strange"]), (EXTENSION, ["jwks", "strange"])]
)
def test_a_state_of_the_world_report_of_all_that_is_wanted_is_a_receipt(type_url: str, names: list[str]) -> None:
    version = everything_of(Ledger(catalogue(1, ONE)), names, type_url)
    assert version == everything_of(Ledger(catalogue(1, ONE)), names[::-1], type_url), "in whatever order it asks"
    ledger = Ledger(catalogue(7, ONE))
    dialect = StateOfTheWorld(ledger)
    dialect.read(sotw(type_url=type_url, resource_names=names, version_info=version))
    assert pushed(ledger, dialect) == []
    receipt = ledger.receipt("n")
    assert receipt is not None
    assert receipt.state == "accepted"


def test_the_version_of_a_state_of_the_world_does_not_tell_what_was_before_it() -> None:
    ledger = Ledger(catalogue(1, ONE))
    before = everything_of(ledger, ["used", "truststore"])
    ledger.aim(catalogue(2, TWO), retry=False)
    version = everything_of(ledger, ["used", "truststore"])
    assert before != version == everything_of(Ledger(catalogue(2, TWO)), ["used", "truststore"])


def test_any_other_state_of_the_world_report_is_sent_everything_if_there_is_a_release() -> None:
    version = everything_of(Ledger(catalogue(1, ONE)), ["used", "truststore"])
    for wanted, expected in ((catalogue(2, TWO), 1), (catalogue(), 0)):
        ledger = Ledger(wanted)
        dialect = StateOfTheWorld(ledger)
        dialect.read(sotw(resource_names=["used", "truststore"], version_info=version))
        assert len(pushed(ledger, dialect)) == expected
    dialect.read(sotw(resource_names=["used", "truststore", "alias/new"], version_info=version))
    assert [Secret.FromString(r.resources[0].value).name for r in pushed(ledger, dialect)] == ["alias/new"]


def test_a_partly_accepted_state_of_the_world_is_not_reported_as_whole() -> None:
    ledger = Ledger(catalogue(1, ONE))
    dialect = StateOfTheWorld(ledger)
    names = ["used", "truststore"]
    dialect.read(sotw(resource_names=names))
    (first,) = pushed(ledger, dialect)
    dialect.read(sotw(resource_names=names, version_info=first.version_info, response_nonce=first.nonce))
    back = Ledger(catalogue(1, ONE))
    dialect = StateOfTheWorld(back)
    dialect.read(sotw(resource_names=names, version_info=first.version_info))
    assert len(pushed(back, dialect)) == 1


def test_names_left_out_of_a_state_of_the_world_request_are_no_longer_served() -> None:
    ledger = Ledger(catalogue(1, ONE))
    dialect = StateOfTheWorld(ledger)
    dialect.read(sotw(resource_names=["used", "truststore"]))
    dialect.read(sotw(resource_names=["truststore"]))
    assert list(ledger.lines) == [(SECRET, "truststore")]


def test_a_wildcard_is_answered_in_neither_dialect() -> None:
    for dialect_of, request in (
        (Delta, delta(resource_names_subscribe=["*"])),
        (Delta, delta()),
        (StateOfTheWorld, sotw()),
        (StateOfTheWorld, sotw(resource_names=["*"])),
    ):
        ledger = Ledger(catalogue(1, ONE))
        dialect = dialect_of(ledger)
        dialect.read(request)  # type: ignore[arg-type]
        assert pushed(ledger, dialect) == []
        assert ledger.lines == {}, "nor told of as a name that is not served"
