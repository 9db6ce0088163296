"""The printed configuration: what it holds, and what is refused instead of printed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.authority import Authority
from trustyard.errors import Refused
from trustyard.gateways.envoy.bootstrap import bootstrap
from trustyard.pki.certificates import pem
from trustyard.pki.denyall import deny_all_der

FILES = {"listen": "127.0.0.1:8443", "cert": "/etc/edge/cert.pem", "key": "/etc/edge/key.pem"}


def printed(url: str = "127.0.0.1:8401", *, tls: bool = False, **options: Any) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(bootstrap("test", "edge", "the-token", url, tls=tls, **options))
    return config


def test_it_says_who_the_gateway_is_and_carries_its_token() -> None:
    config = printed()
    assert config["node"] == {"id": "edge", "cluster": "test/edge"}
    (service,) = config["dynamic_resources"]["ads_config"]["grpc_services"]
    assert service["initial_metadata"] == [{"key": "authorization", "value": "Bearer the-token"}]


def test_delta_is_the_default_and_state_of_the_world_is_to_be_had() -> None:
    assert printed()["dynamic_resources"]["ads_config"]["api_type"] == "DELTA_GRPC"
    assert printed(mode="sotw")["dynamic_resources"]["ads_config"]["api_type"] == "GRPC"


def test_it_refers_to_no_file_but_the_two_of_its_listener() -> None:
    chain = Authority("top").pem
    assert "filename" not in bootstrap("test", "edge", "t", "https://xds.test", tls=True, ca=chain)
    text = bootstrap("test", "edge", "t", "https://xds.test", tls=True, ca=chain, **FILES)
    assert text.count("filename") == 2


def test_the_listener_stands_behind_the_deny_all_anchor() -> None:
    (listener,) = printed(**FILES)["static_resources"]["listeners"]
    tls = listener["filter_chains"][0]["transport_socket"]["typed_config"]
    assert tls["require_client_certificate"] is True
    context = tls["common_tls_context"]["combined_validation_context"]
    assert context["default_validation_context"] == {"trusted_ca": {"inline_string": pem(deny_all_der())}}
    assert context["validation_context_sds_secret_config"]["name"] == "used"


@pytest.mark.parametrize(
    ("trust", "name"),
    [
        ("truststore", "truststore"),
        ("alias/acme", "alias/acme"),
        ("alias/a b", "alias/a-b~c8687a08"),
        ("alias/a-b~c8687a08", "alias/a-b~c8687a08"),
    ],
)
def test_an_alias_may_be_given_as_people_write_it(trust: str, name: str) -> None:
    (listener,) = printed(trust=trust, **FILES)["static_resources"]["listeners"]
    common = listener["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    assert common["combined_validation_context"]["validation_context_sds_secret_config"]["name"] == name


@pytest.mark.parametrize(
    ("url", "tls", "address", "kind", "secure"),
    [
        ("127.0.0.1:8401", False, ("127.0.0.1", 8401), "STATIC", False),
        ("[::1]:8401", False, ("::1", 8401), "STATIC", False),
        ("xds.test:8401", True, ("xds.test", 8401), "STRICT_DNS", True),
        ("http://xds.test:8401", False, ("xds.test", 8401), "STRICT_DNS", False),
        ("https://xds.test", False, ("xds.test", 443), "STRICT_DNS", True),
    ],
)
def test_the_xds_address_may_be_written_in_several_ways(
    url: str, tls: bool, address: tuple[str, int], kind: str, secure: bool
) -> None:
    (cluster,) = printed(url, tls=tls)["static_resources"]["clusters"]
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    assert (endpoint["address"], endpoint["port_value"]) == address
    assert cluster["type"] == kind
    assert ("transport_socket" in cluster) is secure


def test_over_tls_the_name_is_checked_and_the_last_certificate_is_the_anchor() -> None:
    top = Authority("top")
    (cluster,) = printed("https://xds.test", ca=top.issue("xds").pem + top.pem)["static_resources"]["clusters"]
    context = cluster["transport_socket"]["typed_config"]
    validation = context["common_tls_context"]["validation_context"]
    assert context["sni"] == "xds.test"
    assert validation["match_typed_subject_alt_names"] == [{"san_type": "DNS", "matcher": {"exact": "xds.test"}}]
    assert validation["trusted_ca"] == {"inline_string": top.pem}


def test_an_address_that_nobody_can_connect_to_is_refused_with_the_setting() -> None:
    with pytest.raises(Refused, match="TRUSTYARD_XDS_URL"):
        printed("0.0.0.0:8401", tls=True)


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"listen": "127.0.0.1:8443"}, "cert key"),
        ({**FILES, "listen": "8443"}, "listen"),
        ({**FILES, "listen": "127.0.0.1:http"}, "listen"),
        ({**FILES, "listen": "127.0.0.1:99999"}, "listen"),
        ({**FILES, "trust": "acme"}, "trust"),
        ({**FILES, "trust": "alias/"}, "trust"),
        ({"mode": "rest"}, "mode"),
        ({"ca": "no pem", "tls": True}, "ca"),
    ],
)
def test_what_would_not_run_is_refused_with_the_field(options: dict[str, Any], fields: str) -> None:
    with pytest.raises(Refused) as refused:
        printed(**options)
    assert [error.field for error in refused.value.fields] == fields.split()
