"""What the Envoy tests have in common: a partner, a stranger, a gateway's own certificate, and listeners."""

from __future__ import annotations

import http.client
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.authority import Authority, Issued
from tests.live.envoy import Envoy
from tests.programs import free_port
from trustyard.gateways.envoy.bootstrap import bootstrap

SDS = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "2s"}


@dataclass
class Stage:
    """People with their keys, in a folder of their own."""

    folder: Path
    partner: Authority = field(default_factory=lambda: Authority("Partner CA"))
    stranger: Authority = field(default_factory=lambda: Authority("Stranger CA"))
    own: Issued = field(default_factory=lambda: Authority("Gateway CA").issue("gateway"))

    def __post_init__(self) -> None:
        self.partners_client = self.partner.issue("client of the partner")
        self.strangers_client = self.stranger.issue("client of the stranger")

    @property
    def partner_cert(self) -> tuple[str, str]:
        return self.partners_client.written(self.folder)

    @property
    def stranger_cert(self) -> tuple[str, str]:
        return self.strangers_client.written(self.folder)

    def config(
        self, port: int, token: str = "none", *, mode: str = "delta", trust: str = "used", gateway: str = "edge"
    ) -> dict[str, Any]:
        """The configuration that `gateway bootstrap --listen` prints, with a listener on a free port."""
        cert, key = self.own.written(self.folder)
        listen = f"127.0.0.1:{free_port()}"
        text = bootstrap(
            "test", gateway, token, f"127.0.0.1:{port}",
            tls=False, listen=listen, cert=cert, key=key, trust=trust, mode=mode,
        )  # fmt: skip
        config: dict[str, Any] = yaml.safe_load(text)
        return config

    def envoy(self, port: int, token: str = "none", **options: Any) -> Envoy:
        """An Envoy with that configuration."""
        return Envoy(self.config(port, token, **options), self.folder)


def listeners(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The listeners of a configuration, to change or add to."""
    found: list[dict[str, Any]] = config["static_resources"].setdefault("listeners", [])
    return found


def validation(listener: dict[str, Any]) -> dict[str, Any]:
    """The TLS part of a listener that says whom it trusts."""
    common: dict[str, Any] = listener["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    return common


def bare_validation(listener: dict[str, Any]) -> None:
    """Refers to the validation context without a default behind it: what an unwary configuration does."""
    del validation(listener)["combined_validation_context"]
    validation(listener)["validation_context_sds_secret_config"] = {"name": "used", "sds_config": SDS}


def add_mtls(config: dict[str, Any], name: str, trust: str) -> None:
    """Another listener like the first, that refers to another validation context."""
    other: dict[str, Any] = yaml.safe_load(yaml.safe_dump(listeners(config)[0]))
    other["name"] = name
    other["address"]["socket_address"]["port_value"] = free_port()
    validation(other)["combined_validation_context"]["validation_context_sds_secret_config"]["name"] = trust
    listeners(config).append(other)


def add_jwt(config: dict[str, Any]) -> None:
    """A plain listener that asks for a token which the filter `jwks` accepts, and answers 200."""
    types = "type.googleapis.com/envoy.extensions.filters"
    source = {**SDS, "initial_fetch_timeout": "1s"}
    manager = {
        "@type": f"{types}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "jwt",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
                }
            ]
        },
        "http_filters": [
            {
                "name": "jwks",
                "config_discovery": {
                    "config_source": source,
                    "type_urls": [f"{types}.http.jwt_authn.v3.JwtAuthentication"],
                },
            },
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{types}.http.router.v3.Router"}},
        ],
    }
    listeners(config).append(
        {
            "name": "jwt",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": free_port()}},
            "filter_chains": [
                {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
            ],
        }
    )


def ask(port: int, token: str | None = None, path: str = "/") -> int:
    """The status of a plain request, with a bearer token or without."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"} if token else {})
        return connection.getresponse().status
    finally:
        connection.close()
