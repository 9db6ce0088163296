"""Gateways: changed as they were seen or not at all, and told the address that they can reach."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import gateways
from trustyard.errors import Refused, StaleVersion

from .conftest import ADMIN


def test_what_another_changes_while_the_places_are_looked_at_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Disks may not answer for long, so they are looked at before anything is locked."""
    row = gateways.create(ADMIN, "test", name="edge", kind="envoy")
    theirs, mine = ({"issuers": [{"issuer": issuer, "audiences": []}]} for issuer in ("https://theirs", "https://mine"))
    looked = gateways._looked_around

    def meanwhile(wanted: models.Gateway) -> Any:
        monkeypatch.setattr(gateways, "_looked_around", looked)
        gateways.update(ADMIN, "test", "edge", if_match=row.etag, options=theirs)
        return looked(wanted)

    monkeypatch.setattr(gateways, "_looked_around", meanwhile)
    with pytest.raises(StaleVersion):
        gateways.update(ADMIN, "test", "edge", if_match=row.etag, options=mine)
    assert models.Gateway.objects.get().options["issuers"][0]["issuer"] == "https://theirs"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_agent_is_not_told_an_address_that_is_none(settings: Any, host: str) -> None:
    gateways.create(ADMIN, "test", name="agent", kind="agent")
    settings.TRUSTYARD = replace(settings.TRUSTYARD, listen=(host, 8400), public_url="")
    with pytest.raises(Refused, match="say in TRUSTYARD_PUBLIC_URL which one agents use"):
        gateways.bootstrap(ADMIN, "test", "agent")
    settings.TRUSTYARD = replace(settings.TRUSTYARD, public_url="https://trustyard.example")
    assert "https://trustyard.example" in gateways.bootstrap(ADMIN, "test", "agent").text


def test_an_envoy_speaks_tls_where_its_server_does_and_trusts_that_certificate(
    settings: Any, tmp_path: Path, ca: Ca
) -> None:
    gateways.create(ADMIN, "test", name="edge", kind="envoy")
    assert "tls" not in gateways.bootstrap(ADMIN, "test", "edge").text
    (tmp_path / "xds.pem").write_bytes(ca.cert_pem)
    settings.TRUSTYARD = replace(settings.TRUSTYARD, xds_cert=tmp_path / "xds.pem", xds_key=tmp_path / "xds.key")
    [cluster] = yaml.safe_load(gateways.bootstrap(ADMIN, "test", "edge").text)["static_resources"]["clusters"]
    context = cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]
    assert ssl.PEM_cert_to_DER_cert(context["trusted_ca"]["inline_string"].strip()) == ssl.PEM_cert_to_DER_cert(
        ca.cert_pem.decode().strip()
    )
