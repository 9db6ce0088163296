"""Each row of the table of anchors, held against the real programs; the good anchor beside it must always work."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authority import Authority, Issued
from tests.live.anchors import NOW, pairs
from tests.live.bare import ACK, BareControlPlane, trusting
from tests.live.envoy import Envoy, client_context, eventually, request
from tests.live.haproxy import HAProxy
from tests.live.nginx import Nginx
from tests.live.stage import Stage
from tests.programs import need
from trustyard.gateways.anchor_rules import RULES, Trait, concerns, traits_of
from trustyard.gateways.haproxy.runtime import Runtime
from trustyard.pki.certificates import read_certificate
from trustyard.pki.truststores import pkcs12

GOOD = Authority("A good CA")
MEMBER = GOOD.issue("member")


def gets_in(port: int, client: Issued, folder: Path) -> bool:
    """Whether a client gets an answer; its own OpenSSL is told not to mind weak certificates."""
    context = client_context(None)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(*client.written(folder))
    return request(port, context=context) == 200


def test_the_table_has_a_row_for_each_sort_and_the_sorts_are_told_apart() -> None:
    for trait, make in pairs().items():
        assert traits_of(read_certificate(make()[0].der), NOW) == [trait]
    assert RULES.keys() == pairs().keys()


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BareControlPlane, Envoy]]:
    stage = Stage(tmp_path_factory.mktemp("envoy"))
    with BareControlPlane() as plane, stage.envoy(plane.port) as running:
        yield plane, running


@pytest.mark.parametrize("trait", RULES)
def test_envoy_does_what_the_table_says(trait: Trait, envoy: tuple[BareControlPlane, Envoy], tmp_path: Path) -> None:
    plane, running = envoy
    anchor, client = pairs()[trait]()
    assert plane.push(trusting("used", GOOD.pem, anchor.pem)) == ACK
    port = eventually(running.port)
    assert gets_in(port, MEMBER, tmp_path)
    assert gets_in(port, client, tmp_path) is RULES[trait]["envoy"]


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HAProxy]:
    with HAProxy(tmp_path_factory.mktemp("haproxy")) as running:
        yield running


@pytest.mark.parametrize("trait", RULES)
def test_haproxy_does_what_the_table_says(trait: Trait, haproxy: HAProxy, tmp_path: Path) -> None:
    anchor, client = pairs()[trait]()
    Runtime(str(haproxy.socket)).replace(str(haproxy.ca_file), [GOOD.der, anchor.der])
    assert gets_in(haproxy.port, MEMBER, tmp_path)
    assert gets_in(haproxy.port, client, tmp_path) is RULES[trait]["openssl"]


@pytest.mark.parametrize("trait", RULES)
def test_nginx_does_what_the_table_says(trait: Trait, tmp_path: Path) -> None:
    anchor, client = pairs()[trait]()
    nginx = Nginx(tmp_path)
    nginx.ca_file.write_text(GOOD.pem + anchor.pem)
    with nginx:
        assert gets_in(nginx.port, MEMBER, tmp_path)
        assert gets_in(nginx.port, client, tmp_path) is RULES[trait]["openssl"]


def test_java_does_what_the_table_says(tmp_path: Path) -> None:
    """One start of Java for all rows: truststores of kind `files`, its own trust manager."""
    arguments: list[str] = []
    for number, make in enumerate(pairs().values()):
        anchor, client = make()
        store = tmp_path / f"{number}.p12"
        store.write_bytes(pkcs12([("good", GOOD.der), ("odd", anchor.der)], "changeit"))
        for one in (MEMBER, client):
            chain = tmp_path / f"{number}-{one.sha256}.pem"
            chain.write_text(one.pem)
            arguments += [str(store), str(chain)]
    java = need("java", package="default-jdk-headless")
    source = Path(__file__).with_name("Judge.java")
    done = subprocess.run([java, str(source), *arguments], capture_output=True, text=True, timeout=100, check=True)
    said = done.stdout.split()
    assert said[::2] == ["trusted"] * len(RULES)
    assert dict(zip(pairs(), said[1::2], strict=True)) == {
        trait: "trusted" if rules["java"] else "refused" for trait, rules in RULES.items()
    }


def test_a_concern_names_the_program_the_certificate_and_the_reason() -> None:
    pin = read_certificate(pairs()["pin"]()[0].der)
    (concern,) = concerns(pin, NOW, "openssl")
    expected = "HAProxy and nginx do not trust A pinned client: it is not a CA, and somebody else issued it."
    assert concern.sentence == expected
    assert concerns(pin, NOW, "envoy") == []
    expired = read_certificate(pairs()["expired"]()[0].der)
    assert concerns(expired, NOW, "java")[0].sentence == "Java still trusts An expired CA: it has expired."
