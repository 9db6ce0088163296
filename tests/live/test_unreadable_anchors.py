"""What Envoy cannot read is left out, since one such certificate would cost all others: held against the real Envoy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.authority import Authority
from tests.live.bare import ACK, BareControlPlane, trusting
from tests.live.envoy import Envoy
from tests.live.stage import Stage
from tests.pki.odd import LEFT_OUT_TOO, READ, UNREAD
from trustyard.gateways.looks import look
from trustyard.pki.certificates import pem

GOOD = Authority("A good CA")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareControlPlane]:
    stage = Stage(tmp_path_factory.mktemp("envoy"))
    with BareControlPlane() as plane, stage.envoy(plane.port) as running:
        assert isinstance(running, Envoy)
        yield plane


def test_envoy_refuses_a_list_for_one_certificate_exactly_where_we_leave_it_out(plane: BareControlPlane) -> None:
    refused = {
        said for said, data in {**READ, **UNREAD}.items() if plane.push(trusting("used", GOOD.pem, pem(data))) != ACK
    }
    assert refused == UNREAD.keys()
    assert {said for said, data in {**READ, **UNREAD}.items() if not look(data).by_envoy} == refused


def test_what_is_left_out_although_envoy_would_read_it_is_known(plane: BareControlPlane) -> None:
    for data in LEFT_OUT_TOO.values():
        assert plane.push(trusting("used", GOOD.pem, pem(data))) == ACK
        assert not look(data).by_envoy
