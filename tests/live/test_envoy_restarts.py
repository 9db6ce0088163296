"""Restarts of either side: what a gateway goes on doing, what it reports, and what is sent again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.envoy import REFUSED, Envoy, eventually, request
from tests.live.stage import Stage, add_mtls
from tests.live.test_envoy_delivery import _updates, settled
from tests.xds.memory import ControlPlane, MemoryStore

pytestmark = pytest.mark.parametrize("mode", ["delta", "sotw"])


def test_what_a_gateway_reports_when_it_comes_back_is_a_receipt_and_nothing_is_sent_again(
    stage: Stage, mode: str
) -> None:
    with ControlPlane() as plane:
        config = stage.config(plane.port, plane.store.add(), mode=mode)
        add_mtls(config, "alias", "alias/acme")
        plane.store.release({"acme": stage.partner.der})
        with Envoy(config, stage.folder) as envoy:
            settled(plane)
            updates = _updates(envoy)
            plane.stop()
            eventually(lambda: envoy.stat("control_plane.connected_state") == 0)
            assert request(envoy.port(), stage.partner_cert) == 200
            plane.store.receipts.clear()
            plane.start()
            assert settled(plane) == "Runs alias/acme, used."
            assert _updates(envoy) == updates
            word = plane.store.last()
            assert word is not None
            assert word.milliseconds is None  # nothing was pushed


def test_a_release_made_while_the_stream_was_down_arrives_afterwards(stage: Stage, mode: str) -> None:
    with ControlPlane() as plane:
        plane.store.release({"acme": stage.partner.der})
        with stage.envoy(plane.port, plane.store.add(), mode=mode) as envoy:
            settled(plane)
            plane.stop()
            plane.store.release({"acme": stage.stranger.der})
            assert request(envoy.port(), stage.partner_cert) == 200
            plane.start()
            settled(plane)
            assert [request(envoy.port(), c) for c in (stage.partner_cert, stage.stranger_cert)] == [REFUSED, 200]


def test_a_control_plane_that_comes_up_empty_takes_nothing_from_a_gateway_that_is_served(
    stage: Stage, mode: str, tmp_path: Path
) -> None:
    """Without a release: nothing over versions that Trustyard does not know, and deny-all to new nodes."""
    with ControlPlane() as plane:
        token = plane.store.add()
        plane.store.release({"acme": stage.partner.der})
        with stage.envoy(plane.port, token, mode=mode) as envoy:
            settled(plane)
            updates = _updates(envoy)
            plane.stop()
            plane.store = MemoryStore()
            plane.store.add()
            plane.start()
            eventually(lambda: plane.store.nodes.get((1, "edge")))
            with Envoy(stage.config(plane.port, token, mode=mode), tmp_path, node="new") as new:
                assert request(new.port(), stage.partner_cert) == REFUSED
            assert request(envoy.port(), stage.partner_cert) == 200
            assert _updates(envoy) == updates
            assert plane.store.receipts == []
            plane.store.release({"acme": stage.stranger.der})  # the first release counts for everybody
            settled(plane)
            assert [request(envoy.port(), c) for c in (stage.partner_cert, stage.stranger_cert)] == [REFUSED, 200]


def test_a_gateway_that_starts_anew_is_served_anew(stage: Stage, mode: str) -> None:
    with ControlPlane() as plane:
        plane.store.release({"acme": stage.partner.der})
        envoy = stage.envoy(plane.port, plane.store.add(), mode=mode)
        for _ in range(2):
            with envoy:
                assert request(envoy.port(), stage.partner_cert) == 200
                settled(plane)
            eventually(lambda: plane.store.nodes[1, "edge"] is False)


def test_a_gateway_that_starts_while_trustyard_is_away_is_closed_and_opens_by_itself(stage: Stage, mode: str) -> None:
    with ControlPlane() as plane:
        config = stage.config(plane.port, plane.store.add(), mode=mode)
        plane.store.release({"acme": stage.partner.der})
        plane.stop()
        with Envoy(config, stage.folder) as envoy:
            assert not envoy.is_open()
            plane.start()
            settled(plane)
            assert request(envoy.port(), stage.partner_cert) == 200


def test_while_the_database_is_away_gateways_keep_what_they_have_and_their_words_wait(stage: Stage, mode: str) -> None:
    with ControlPlane() as plane:
        plane.store.release({"acme": stage.partner.der})
        with stage.envoy(plane.port, plane.store.add(), mode=mode) as envoy:
            settled(plane)
            plane.store.broken = True
            plane.store.release({"acme": stage.stranger.der})
            assert request(envoy.port(), stage.partner_cert) == 200
            plane.store.broken = False
            settled(plane)
            assert request(envoy.port(), stage.stranger_cert) == 200
