"""The configuration that a gateway's Envoy starts with: complete YAML, runs as it is."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import yaml

from trustyard.errors import FieldError, Refused
from trustyard.pki.certificates import pem
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.filenames import safe_filename
from trustyard.pki.hosts import ip_of

_TYPES = "type.googleapis.com/envoy.extensions."
_HTTP_PROTOCOLS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_ADS = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "5s"}
_SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"  # Debian's and Alpine's place; what Envoy's own images have

_SERVED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(~[0-9a-f]{8})?")

_HEAD = """\
# Envoy for the Trustyard gateway {gateway} of {environment}. Start it with: envoy -c envoy.yaml
# Several processes of this gateway: give each a name of its own with --service-node NAME.
# The token below is this gateway's own; keep this file as you keep passwords.
"""


def bootstrap(
    environment: str,
    gateway: str,
    token: str,
    xds_url: str,
    *,
    tls: bool,
    listen: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    trust: str = "used",
    mode: str = "delta",
    ca: str | None = None,
) -> str:
    """A complete Envoy configuration in YAML.

    `xds_url` is HOST:PORT or a URL; `tls` says that the xDS address speaks TLS (an `https` URL says it too). `ca` is
    PEM: the last certificate in it is what Envoy then trusts there, else the system's roots. `listen` (HOST:PORT) adds
    a listener that demands client certificates which the validation context `trust` accepts; `cert` and `key` are paths
    of its own PEM files on Envoy's machine. `mode` is `delta` or `sotw`. Raises Refused with the field at fault.
    """
    host, port, secure = _xds_address(xds_url, tls)
    if host in ("0.0.0.0", "::"):  # noqa: S104 - looked for, not listened on
        raise _refused("xds_url", "Trustyard listens on every address: say in TRUSTYARD_XDS_URL which one Envoy uses.")
    if mode not in ("delta", "sotw"):
        raise _refused("mode", "The mode is delta or sotw.")
    config: dict[str, Any] = {"node": {"id": gateway, "cluster": f"{environment}/{gateway}"}}
    config["dynamic_resources"] = {"ads_config": _ads(token, mode)}
    static: dict[str, Any] = {"clusters": [_xds_cluster(host, port, secure, ca)]}
    if listen:
        address = _address(listen, "listen")
        if not cert or not key:
            sentence = "A listener needs a certificate and its key: give the paths of both."
            fields = [FieldError(name, sentence) for name, path in (("cert", cert), ("key", key)) if not path]
            raise Refused(sentence, code="bad-bootstrap", fields=fields)
        static["listeners"] = [_listener(address, cert, key, _trust(trust), f"{environment}/{gateway}")]
    config["static_resources"] = static
    head = _HEAD.format(gateway=gateway, environment=environment)
    return head + yaml.dump(config, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def _ads(token: str, mode: str) -> dict[str, Any]:
    return {
        "api_type": "DELTA_GRPC" if mode == "delta" else "GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [
            {
                "envoy_grpc": {"cluster_name": "trustyard"},
                "initial_metadata": [{"key": "authorization", "value": f"Bearer {token}"}],
                # The default waits up to 30 seconds after Trustyard was away.
                "retry_policy": {"retry_back_off": {"base_interval": "0.25s", "max_interval": "5s"}},
            }
        ],
    }


def _xds_cluster(host: str, port: int, secure: bool, ca: str | None) -> dict[str, Any]:
    # Without the keepalive a Trustyard that vanished from the network would be noticed by TCP alone, after minutes.
    http2 = {"http2_protocol_options": {"connection_keepalive": {"interval": "10s", "timeout": "5s"}}}
    cluster: dict[str, Any] = {
        "name": "trustyard",
        "type": "STATIC" if ip_of(host) else "STRICT_DNS",
        "connect_timeout": "2s",
        "typed_extension_protocol_options": {
            _HTTP_PROTOCOLS: {"@type": f"type.googleapis.com/{_HTTP_PROTOCOLS}", "explicit_http_config": http2}
        },
        "load_assignment": {
            "cluster_name": "trustyard",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _socket(host, port)}}]}],
        },
    }
    if not ip_of(host):
        # Else Envoy takes a name's IPv6 addresses alone where it has some, whether or not Trustyard listens there.
        cluster["dns_lookup_family"] = "ALL"
    if secure:
        cluster["transport_socket"] = _upstream_tls(host, ca)
    return cluster


def _upstream_tls(host: str, ca: str | None) -> dict[str, Any]:
    name = {"san_type": "IP_ADDRESS" if ip_of(host) else "DNS", "matcher": {"exact": host}}
    context: dict[str, Any] = {
        "@type": f"{_TYPES}transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {
            "alpn_protocols": ["h2"],
            "validation_context": {
                "trusted_ca": {"inline_string": _top(ca)} if ca else {"filename": _SYSTEM_ROOTS},
                "match_typed_subject_alt_names": [name],
            },
        },
    }
    if not ip_of(host):
        context["sni"] = host
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _listener(address: tuple[str, int], cert: str, key: str, trust: str, who: str) -> dict[str, Any]:
    tls = {
        "@type": f"{_TYPES}transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": True,
        "common_tls_context": {
            "tls_certificates": [{"certificate_chain": {"filename": cert}, "private_key": {"filename": key}}],
            # The default is what holds until Trustyard has answered, and if it ever sent nothing: nobody.
            "combined_validation_context": {
                "default_validation_context": {"trusted_ca": {"inline_string": pem(deny_all_der())}},
                "validation_context_sds_secret_config": {"name": trust, "sds_config": _ADS},
            },
        },
    }
    return {
        "name": "mtls",
        "address": _socket(*address),
        "filter_chains": [
            {
                "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
                "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": _http(who)}],
            }
        ],
    }


def _http(who: str) -> dict[str, Any]:
    answer = {"status": 200, "body": {"inline_string": f"Accepted by {who}.\n"}}
    route = {"match": {"prefix": "/"}, "direct_response": answer}
    return {
        "@type": f"{_TYPES}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "mtls",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}filters.http.router.v3.Router"},
            }
        ],
    }


def _xds_address(xds_url: str, tls: bool) -> tuple[str, int, bool]:
    if "//" not in xds_url:
        return *_address(xds_url, "xds_url"), tls
    parts = urlsplit(xds_url)
    secure = tls or parts.scheme == "https"
    return *_address(parts.netloc, "xds_url", default=443 if secure else None), secure


def _address(text: str, what: str, default: int | None = None) -> tuple[str, int]:
    """HOST:PORT, IPv6 in brackets; a missing host means every address of this machine."""
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port if parts.port is not None else default
    except ValueError:
        port = None
    if port is None or "/" in text or "@" in text:
        raise _refused(what, f"{text} is not HOST:PORT, such as 127.0.0.1:8443.")
    return parts.hostname or "0.0.0.0", port  # noqa: S104 - what `:8443` means


def _socket(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _trust(name: str) -> str:
    """The validation context's name as Trustyard serves it; an alias may be given as people write it."""
    if name in ("truststore", "used"):
        return name
    alias = name.removeprefix("alias/")
    if alias == name or not alias:
        raise _refused("trust", f"{name} is not a name that Trustyard serves: used, truststore or alias/<alias>.")
    return name if _SERVED.fullmatch(alias) else f"alias/{safe_filename(alias)}"


def _top(chain: str) -> str:
    """The last certificate of a chain in PEM: its issuer, or the certificate itself where it stands alone."""
    begin = chain.rfind("-----BEGIN CERTIFICATE-----")
    if begin < 0:
        raise _refused("ca", "The chain of the xDS address holds no certificate in PEM.")
    return chain[begin:]


def _refused(field: str, sentence: str) -> Refused:
    return Refused(sentence, code="bad-bootstrap", fields=[FieldError(field, sentence)])


class _Dumper(yaml.SafeDumper):
    """Writes PEM as a block, and nothing as an alias to something further up."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
