"""What Envoy does with input that Trustyard must never give it: the reasons for the rules, held against the binary."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from tests.live.bare import ACK, BareControlPlane, trusting
from tests.live.envoy import REFUSED, Envoy, client_context, eventually, request
from tests.live.stage import Stage, add_mtls, bare_validation, listeners


@pytest.fixture
def plane() -> Iterator[BareControlPlane]:
    with BareControlPlane() as plane:
        yield plane


def test_a_context_without_an_anchor_opens_a_bare_listener_and_envoy_confirms_it(
    stage: Stage, plane: BareControlPlane
) -> None:
    """The fail-open, D-17: were Trustyard ever to send this, everybody would come in, without a certificate even."""
    config = stage.config(plane.port)
    bare_validation(listeners(config)[0])
    with Envoy(config, stage.folder) as envoy:
        assert plane.push(trusting("used", stage.partner.pem)) == ACK
        port = eventually(envoy.port)
        assert request(port, stage.partner_cert) == 200
        assert request(port, stage.stranger_cert) == REFUSED
        empty = Secret(name="used")
        empty.validation_context.SetInParent()
        assert plane.push(empty) == ACK
        assert request(port, stage.stranger_cert) == 200
        assert request(port, None) in (200, REFUSED)  # a certificate is still asked for, any will do


def test_behind_the_default_of_the_bootstrap_the_same_context_lets_nobody_in(
    stage: Stage, plane: BareControlPlane
) -> None:
    """The second lock: even a control plane that sends the fail-open context opens nothing."""
    with stage.envoy(plane.port) as envoy:
        assert plane.push(trusting("used", stage.partner.pem)) == ACK
        assert request(envoy.port(), stage.partner_cert) == 200
        empty = Secret(name="used")
        empty.validation_context.SetInParent()
        assert plane.push(empty) == ACK
        assert {request(envoy.port(), c) for c in (stage.partner_cert, stage.stranger_cert, None)} == {REFUSED}


def test_what_is_no_anchor_is_refused_in_words_and_changes_nothing(stage: Stage, plane: BareControlPlane) -> None:
    with stage.envoy(plane.port) as envoy:
        assert plane.push(trusting("used", stage.partner.pem)) == ACK
        broken = stage.stranger.pem.replace("MII", "MIX", 1)
        for content, words in {
            b"": "cannot be empty",
            b"no certificate": "Failed to load trusted CA certificates",
            stage.stranger.pem.encode()[:200]: "Failed to load trusted CA certificates",
            (stage.stranger.pem + broken).encode(): "Failed to load trusted CA certificates",
        }.items():
            assert words in plane.push(trusting("used", content))
            assert request(envoy.port(), stage.partner_cert) == 200
            assert request(envoy.port(), stage.stranger_cert) == REFUSED


def test_what_it_refused_is_confirmed_when_the_same_bytes_come_again(stage: Stage, plane: BareControlPlane) -> None:
    with stage.envoy(plane.port) as envoy:
        assert plane.push(trusting("used", stage.partner.pem)) == ACK
        broken = trusting("used", stage.stranger.pem, stage.stranger.pem.replace("MII", "MIX", 1))
        assert plane.push(broken) != ACK
        assert plane.push(broken) == ACK
        assert [request(envoy.port(), c) for c in (stage.partner_cert, stage.stranger_cert)] == [200, REFUSED]


def test_doubles_and_text_after_the_last_certificate_are_taken(stage: Stage, plane: BareControlPlane) -> None:
    with stage.envoy(plane.port) as envoy:
        assert plane.push(trusting("used", stage.partner.pem, stage.partner.pem, "and some words\n")) == ACK
        assert request(envoy.port(), stage.partner_cert) == 200


def test_a_leaf_alone_is_an_anchor_for_itself_and_for_nobody_else(stage: Stage, plane: BareControlPlane) -> None:
    """D-18: Envoy honours pins."""
    other = stage.partner.issue("another client of the partner").written(stage.folder)
    with stage.envoy(plane.port) as envoy:
        assert plane.push(trusting("used", stage.partners_client.pem)) == ACK
        assert request(envoy.port(), stage.partner_cert) == 200
        assert request(envoy.port(), other) == REFUSED


def test_two_resources_in_one_response_are_refused_together_whatever_becomes_of_each(
    stage: Stage, plane: BareControlPlane
) -> None:
    """Why Trustyard sends one in a response: here the good one was in force in some runs and not in others."""
    config = stage.config(plane.port)
    add_mtls(config, "second", "alias/second")
    with Envoy(config, stage.folder) as envoy:
        assert plane.push(trusting("used", stage.stranger.pem)) == ACK
        assert plane.push(trusting("alias/second", stage.stranger.pem)) == ACK
        answer = plane.push(trusting("used", stage.partner.pem), trusting("alias/second", "broken"))
        assert answer == "Failed to load trusted CA certificates from <inline>"  # of which, it does not say
        assert request(envoy.port(), stage.partner_cert) in (200, REFUSED)


def test_a_removed_resource_is_confirmed_and_takes_no_trust_away(stage: Stage, plane: BareControlPlane) -> None:
    """Why Trustyard never sends a removal, and takes trust away with the deny-all anchor."""
    with stage.envoy(plane.port) as envoy:
        assert plane.push(trusting("used", stage.partner.pem)) == ACK
        assert request(envoy.port(), stage.partner_cert) == 200
        assert plane.push(remove=("used",)) == ACK
        assert request(envoy.port(), stage.partner_cert) == 200
        assert request(envoy.port(), stage.stranger_cert) == REFUSED


def test_the_config_dump_shows_a_refused_context_as_if_it_were_in_force(stage: Stage, plane: BareControlPlane) -> None:
    """Why receipts come from answers alone."""
    with stage.envoy(plane.port) as envoy:
        assert plane.push(trusting("used", stage.partner.pem)) == ACK
        assert plane.push(trusting("used", "broken")) != ACK
        assert "YnJva2Vu" in envoy.ask("/config_dump?include_eds")  # "broken" in base64
        assert request(envoy.port(), stage.partner_cert) == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_a_session_of_a_removed_partner_is_not_resumed(
    stage: Stage, plane: BareControlPlane, version: ssl.TLSVersion
) -> None:
    with stage.envoy(plane.port) as envoy:
        assert plane.push(trusting("used", stage.partner.pem)) == ACK
        context = client_context(stage.partner_cert, tls=version)
        session = _session(envoy.port(), context)
        assert session is not None
        assert plane.push(trusting("used", stage.stranger.pem)) == ACK
        with pytest.raises((ssl.SSLError, ConnectionResetError, BrokenPipeError, EOFError)):
            _session(envoy.port(), context, session)


def test_an_open_connection_outlives_the_trust_it_was_opened_with(stage: Stage, plane: BareControlPlane) -> None:
    """Said in the manual: fresh handshakes are judged by the new release, open connections go on."""
    with stage.envoy(plane.port) as envoy:
        assert plane.push(trusting("used", stage.partner.pem)) == ACK
        with _connection(envoy.port(), client_context(stage.partner_cert)) as kept:
            assert b"200 OK" in _ask(kept)
            assert plane.push(trusting("used", stage.stranger.pem)) == ACK
            assert request(envoy.port(), stage.partner_cert) == REFUSED
            assert b"200 OK" in _ask(kept)


def test_handshakes_begun_after_the_confirmation_are_judged_by_the_new_context(
    stage: Stage, plane: BareControlPlane
) -> None:
    """40 of 40, over both workers."""
    with stage.envoy(plane.port) as envoy:
        port = envoy.port()
        for _ in range(20):
            assert plane.push(trusting("used", stage.partner.pem)) == ACK
            assert request(port, stage.partner_cert) == 200
            assert plane.push(trusting("used", stage.stranger.pem)) == ACK
            assert request(port, stage.partner_cert) == REFUSED


def test_while_nothing_answers_the_listener_of_the_bootstrap_trusts_nobody(stage: Stage, tmp_path: Path) -> None:
    """A gateway that starts while Trustyard is away is closed."""
    with BareControlPlane() as gone:
        config = stage.config(gone.port)
    validation = listeners(config)[0]["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    sds = validation["combined_validation_context"]["validation_context_sds_secret_config"]["sds_config"]
    sds["initial_fetch_timeout"] = "0.5s"
    with Envoy(config, tmp_path) as envoy:
        port = eventually(envoy.port)
        assert request(port, stage.partner_cert) == REFUSED


def _connection(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), session=session)


def _ask(connection: ssl.SSLSocket) -> bytes:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n")
    return connection.recv(65536)


def _session(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSession | None:
    """A connection and a request; the ticket that came with it."""
    with _connection(port, context, session) as connection:
        if not _ask(connection):
            raise EOFError
        return connection.session
