"""Releases to a real Envoy, delta and state-of-the-world: what is in force, what is confirmed, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import certifi
import pytest

from tests.live.envoy import REFUSED, Envoy, eventually, request
from tests.live.stage import Stage, add_mtls, bare_validation, listeners, validation
from tests.pki.odd import LEFT_OUT_TOO
from tests.xds.memory import ControlPlane
from trustyard.pki.containers import read_file
from trustyard.pki.filenames import safe_filename

pytestmark = pytest.mark.parametrize("mode", ["delta", "sotw"])


def settled(plane: ControlPlane, state: str = "accepted", node: str = "edge") -> str:
    """Waits until the node has said this of the newest release; its words."""
    eventually(lambda: plane.store.state(node) == state, why=str(plane.store.receipts[-3:]))
    word = plane.store.last(node)
    assert word is not None
    return word.detail


@contextmanager
def served(stage: Stage, plane: ControlPlane, mode: str) -> Iterator[Envoy]:
    """An Envoy that runs the release in which the partner's authority is trusted."""
    plane.store.release({"acme": stage.partner.der})
    with stage.envoy(plane.port, plane.store.add(), mode=mode) as envoy:
        settled(plane)
        yield envoy


def test_a_partner_is_refused_then_accepted_then_refused_again(stage: Stage, plane: ControlPlane, mode: str) -> None:
    """S-41: what is deployed reaches the gateway, and so does what is taken away."""
    with stage.envoy(plane.port, plane.store.add(), mode=mode) as envoy:
        port = envoy.port()
        assert request(port, stage.partner_cert) == REFUSED
        plane.store.release({"acme": stage.partner.der})
        assert settled(plane) == "Runs used."
        assert request(port, stage.partner_cert) == 200
        assert request(port, stage.stranger_cert) == request(port, None) == REFUSED
        plane.store.release({})
        settled(plane)
        assert request(port, stage.partner_cert) == REFUSED


def test_an_authority_with_a_name_that_clients_cannot_read_keeps_nobody_out(
    stage: Stage, plane: ControlPlane, mode: str
) -> None:
    """Envoy reads it, and sends the name to each client among those that it accepts."""
    odd = LEFT_OUT_TOO["octets for a name"]
    with stage.envoy(plane.port, plane.store.add(), mode=mode) as envoy:
        plane.store.release({"acme": stage.partner.der, "odd": odd})
        assert "odd is left out" in settled(plane)
        assert request(envoy.port(), stage.partner_cert) == 200


def test_an_empty_release_closes_even_a_listener_without_a_default(
    stage: Stage, plane: ControlPlane, mode: str
) -> None:
    """D-17, the fail-open: an unwary configuration with the bare SDS form; nobody gets in, whatever they show."""
    config = stage.config(plane.port, plane.store.add(), mode=mode)
    bare_validation(listeners(config)[0])
    with Envoy(config, stage.folder) as envoy:
        port = envoy.port()  # it does not wait for a first release either
        everybody = (stage.partner_cert, stage.stranger_cert, None)
        assert {request(port, c) for c in everybody} == {REFUSED}
        plane.store.release({"acme": stage.partner.der})
        settled(plane)
        assert [request(port, c) for c in everybody] == [200, REFUSED, REFUSED]
        plane.store.release({})
        settled(plane)
        assert {request(port, c) for c in everybody} == {REFUSED}


def test_an_alias_trusts_its_own_certificate_and_an_unknown_one_nobody(
    stage: Stage, plane: ControlPlane, mode: str
) -> None:
    config = stage.config(plane.port, plane.store.add(), mode=mode, trust="alias/acme")
    add_mtls(config, "unknown", "alias/nobody-of-that-name")
    add_mtls(config, "other", f"alias/{safe_filename('şirket')}")
    plane.store.release({"acme": stage.partner.der, "şirket": stage.stranger.der})
    with Envoy(config, stage.folder) as envoy:
        words = settled(plane)
        assert "alias/nobody-of-that-name is not in this release and trusts nobody." in words
        both = (stage.partner_cert, stage.stranger_cert)
        assert [request(envoy.port(), c) for c in both] == [200, REFUSED]
        assert [request(envoy.port("unknown"), c) for c in both] == [REFUSED, REFUSED]
        assert [request(envoy.port("other"), c) for c in both] == [REFUSED, 200]


def test_truststore_holds_the_roots_and_used_does_not(stage: Stage, plane: ControlPlane, mode: str) -> None:
    config = stage.config(plane.port, plane.store.add(), mode=mode, trust="truststore")
    add_mtls(config, "used", "used")
    plane.store.release({"acme": stage.partner.der}, roots=[stage.stranger.der])
    with Envoy(config, stage.folder) as envoy:
        settled(plane)
        both = (stage.partner_cert, stage.stranger_cert)
        assert [request(envoy.port(), c) for c in both] == [200, 200]
        assert [request(envoy.port("used"), c) for c in both] == [200, REFUSED]


def test_a_pin_is_sent_and_said_to_be_one(stage: Stage, plane: ControlPlane, mode: str) -> None:
    """D-18."""
    other = stage.partner.issue("another client").written(stage.folder)
    plane.store.release({"acme": stage.partners_client.der})
    with stage.envoy(plane.port, plane.store.add(), mode=mode) as envoy:
        assert "acme is a pin" in settled(plane)
        assert request(envoy.port(), stage.partner_cert) == 200
        assert request(envoy.port(), other) == REFUSED


def test_a_big_truststore_is_taken_and_works(stage: Stage, plane: ControlPlane, mode: str) -> None:
    """The Mozilla roots and ours: some 145 certificates, 220 kB."""
    roots = [certificate.der for certificate in read_file(Path(certifi.where()).read_bytes()).certificates]
    plane.store.release({"acme": stage.partner.der}, roots=roots)
    with stage.envoy(plane.port, plane.store.add(), mode=mode, trust="truststore") as envoy:
        settled(plane)
        assert len(roots) > 100
        assert request(envoy.port(), stage.partner_cert) == 200
        assert request(envoy.port(), stage.stranger_cert) == REFUSED


def test_a_refusal_is_recorded_in_envoys_own_words_and_changes_no_trust(
    stage: Stage, plane: ControlPlane, mode: str
) -> None:
    """D-06: nothing is reported as deployed that the gateway did not confirm."""
    with served(stage, plane, mode) as envoy:
        plane.store.release({"acme": stage.partner.der, "broken": b"no certificate"})
        words = settled(plane, "refused")
        assert words == "used: Failed to load trusted CA certificates from <inline>"
        assert request(envoy.port(), stage.partner_cert) == 200


def test_after_a_refusal_the_last_good_content_goes_first_and_nothing_is_sent_in_circles(
    stage: Stage, plane: ControlPlane, mode: str
) -> None:
    """The poisoned listener: Envoy keeps what it refused, until it is given something good again."""
    with served(stage, plane, mode) as envoy:
        port = envoy.port()
        plane.store.release({"broken": b"no certificate"})
        settled(plane, "refused")
        # Refused once, and the last good one taken again: counted by Envoy itself.
        eventually(lambda: _updates(envoy) == (2, 1))
        plane.store.release({"acme": stage.stranger.der})
        settled(plane)
        assert [request(port, c) for c in (stage.partner_cert, stage.stranger_cert)] == [REFUSED, 200]
        assert _updates(envoy) == (3, 1)


def test_what_was_refused_and_is_sent_again_by_a_trustyard_that_came_back_is_still_refused(
    stage: Stage, plane: ControlPlane, mode: str
) -> None:
    """D-06: Envoy confirms the bytes that it refused last without a look at them."""
    with served(stage, plane, mode) as envoy:
        port = envoy.port()
        _come_back(plane, envoy)
        plane.store.release({"acme": stage.stranger.der, "broken": b"no certificate"})
        settled(plane, "refused")
        plane.store.tell("test")  # it is deployed again
        eventually(lambda: _updates(envoy)[1] == 2)
        _come_back(plane, envoy)
        eventually(lambda: _updates(envoy)[1] == 3)
        settled(plane, "refused")
        assert [request(port, c) for c in (stage.partner_cert, stage.stranger_cert)] == [200, REFUSED]


def test_one_refused_context_does_not_hold_up_the_others(stage: Stage, plane: ControlPlane, mode: str) -> None:
    """One resource in a response: `alias/good` is in force though `used` and `alias/broken` are refused."""
    config = stage.config(plane.port, plane.store.add(), mode=mode, trust="used")
    add_mtls(config, "good", "alias/good")
    add_mtls(config, "broken", "alias/broken")
    with Envoy(config, stage.folder) as envoy:
        plane.store.release({"good": stage.partner.der, "broken": b"no certificate"})
        # The first refusal is heard before the second.
        eventually(lambda: all(f"{n}: Failed" in settled(plane, "refused") for n in ("used", "alias/broken")))
        assert "alias/good" not in settled(plane, "refused")
        eventually(lambda: request(envoy.port("good"), stage.partner_cert) == 200)
        assert request(envoy.port("broken"), stage.partner_cert) == REFUSED
        plane.store.release({"good": stage.partner.der, "broken": stage.stranger.der})
        settled(plane)
        assert request(envoy.port("broken"), stage.stranger_cert) == 200


def test_quick_releases_end_with_the_newest(stage: Stage, plane: ControlPlane, mode: str) -> None:
    with stage.envoy(plane.port, plane.store.add(), mode=mode) as envoy:
        port = envoy.port()
        for _ in range(10):
            plane.store.release({"acme": stage.partner.der})
            plane.store.release({"acme": stage.stranger.der})
        settled(plane)
        assert [request(port, c) for c in (stage.partner_cert, stage.stranger_cert)] == [REFUSED, 200]


def test_a_name_that_trustyard_does_not_serve_is_said_and_waits_for_nothing(
    stage: Stage, plane: ControlPlane, mode: str
) -> None:
    config = stage.config(plane.port, plane.store.add(), mode=mode)
    add_mtls(config, "strange", "something else")
    combined = validation(listeners(config)[1])["combined_validation_context"]
    combined["validation_context_sds_secret_config"]["sds_config"]["initial_fetch_timeout"] = "0.3s"
    plane.store.release({"acme": stage.partner.der})
    with Envoy(config, stage.folder) as envoy:
        eventually(lambda: "Trustyard serves nothing of the name something else." in settled(plane))
        assert request(envoy.port(), stage.partner_cert) == 200


def test_a_release_without_news_is_found_by_the_poll(stage: Stage, plane: ControlPlane, mode: str) -> None:
    """Made by another process, or lost on the way."""
    with stage.envoy(plane.port, plane.store.add(), mode=mode) as envoy:
        port = envoy.port()
        plane.store.release({"acme": stage.partner.der}, tell=False)
        settled(plane)
        assert request(port, stage.partner_cert) == 200


def test_a_gateway_whose_token_is_rotated_is_cut_off_and_keeps_what_it_has(
    stage: Stage, plane: ControlPlane, mode: str
) -> None:
    token = plane.store.add()
    plane.store.release({"acme": stage.partner.der})
    with stage.envoy(plane.port, token, mode=mode) as envoy:
        settled(plane)
        gateway = plane.store.gateways.pop(token)
        plane.store.tell("test")
        eventually(lambda: plane.store.nodes[gateway.id, "edge"] is False)
        eventually(lambda: "This gateway's token is no longer valid." in envoy.log())
        plane.store.release({})
        eventually(lambda: "This is not the token of a gateway." in envoy.log())
        assert request(envoy.port(), stage.partner_cert) == 200


def test_two_nodes_of_a_gateway_speak_for_themselves(
    stage: Stage, plane: ControlPlane, mode: str, tmp_path: Path
) -> None:
    token = plane.store.add()
    plane.store.release({"acme": stage.partner.der})
    with (
        Envoy(stage.config(plane.port, token, mode=mode), stage.folder, node="first"),
        Envoy(stage.config(plane.port, token, mode=mode), tmp_path, node="second"),
    ):
        settled(plane, node="first")
        settled(plane, node="second")
        eventually(lambda: plane.store.nodes == {(1, "first"): True, (1, "second"): True})  # written by itself
    eventually(lambda: plane.store.nodes == {(1, "first"): False, (1, "second"): False})


def test_two_processes_under_one_name_are_accepted_only_when_both_have_answered(
    stage: Stage, plane: ControlPlane, mode: str, tmp_path: Path
) -> None:
    token = plane.store.add()
    plane.store.release({"acme": stage.partner.der})
    with stage.envoy(plane.port, token, mode=mode):
        settled(plane)
        with Envoy(stage.config(plane.port, token, mode=mode), tmp_path):
            eventually(lambda: "2 streams are open under this node's name." in settled(plane))
        eventually(lambda: "streams" not in settled(plane))


def _come_back(plane: ControlPlane, envoy: Envoy) -> None:
    """Trustyard is restarted: it has seen nothing of what the node was given."""
    plane.stop()
    eventually(lambda: envoy.stat("control_plane.connected_state") == 0)
    plane.start()
    eventually(lambda: envoy.stat("control_plane.connected_state") == 1)


def _updates(envoy: Envoy) -> tuple[int, int]:
    """How often Envoy took, and refused, the secret `used`."""
    return envoy.stat("sds.used.update_success"), envoy.stat("sds.used.update_rejected")
