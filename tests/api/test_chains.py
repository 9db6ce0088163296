"""Chains of entries and comparisons over REST."""

from __future__ import annotations

import base64
import dataclasses
import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.tls_servers import Ca, Issued, TlsServer, build

from .conftest import Cast, file
from .rest import Answer, Rest, path

Add = Callable[..., Answer]
ROOT = Ca.new("Chain Root")
SUB = ROOT.subordinate("Chain Sub")
LEAF = SUB.issue("partner.test", dns=["partner.test"])


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    """Servers on loopback may be asked."""
    settings.TRUSTYARD = dataclasses.replace(
        settings.TRUSTYARD, fetch_allow=(ipaddress.ip_network("127.0.0.0/8"),), fetch_deny=()
    )


def bundle(*issued: Issued) -> dict[str, Any]:
    return file(b"".join(one.cert_pem for one in issued))


@pytest.fixture
def store(operator: Rest) -> Callable[..., Answer]:
    """Stores a source under a name in an environment."""

    def make(name: str, source: dict[str, Any], place: str = "test", *, deploy: bool = True, **more: Any) -> Answer:
        entries = [{"environment": place, "alias": name, "source": source, **more}]
        answer = operator.post(path("certificates"), {"name": name, "entries": entries, "deploy": deploy}, wait=0)
        assert answer.status == 201, answer.json
        return answer

    return make


@pytest.fixture
def server() -> Iterator[TlsServer]:
    """A server that presents its intermediate, then the root, out of order."""
    with TlsServer(LEAF, chain=[ROOT.cert_pem, SUB.cert_pem]) as running:
        yield running


def chain_of(rest: Rest, name: str, place: str = "test") -> Any:
    answer = rest.get(path("certificates", name, "entries", place, "chain"))
    assert answer.status == 200, answer.json
    return answer.json


def side(name: str, place: str = "test", **more: Any) -> dict[str, Any]:
    return {"certificate": name, "environment": place, **more}


def compare(rest: Rest, left: Any, right: Any) -> Answer:
    return rest.post(path("certificates", "compare"), {"left": left, "right": right})


def test_the_chain_of_a_server_that_presents_it_out_of_order(store: Add, server: TlsServer, cast: Cast) -> None:
    store("acme", {"kind": "connection", "url": server.url})
    seen = chain_of(cast.viewer, "acme")
    assert [one["certificate"]["certificate_name"] for one in seen["links"]] == [
        "partner.test",
        "Chain Sub",
        "Chain Root",
    ]
    assert [one["position"] for one in seen["links"]] == [1, 3, 2]
    assert [one["signature"] for one in seen["links"]] == ["verified"] * 3
    assert (seen["state"], seen["in_order"]) == ("whole", False)
    assert [(one["environment"], one["alias"], one["how"]) for one in seen["anchors"]] == [("test", "acme", "same")]


def test_anchors_of_every_environment_are_told_saved_and_in_force(store: Add, operator: Rest) -> None:
    store("leaf", bundle(LEAF, SUB))
    store("sub", bundle(SUB), "production", deploy=False)
    store("root", bundle(ROOT), "production")
    found = {one["alias"]: one for one in chain_of(operator, "leaf")["anchors"]}
    # Deploying `root` put in force what was saved before it in the same environment.
    assert {alias: (one["how"], one["saved"], one["in_force"]) for alias, one in found.items()} == {
        "leaf": ("same", True, True),
        "sub": ("same", True, True),
        "root": ("issuer", True, True),
    }
    assert (found["root"]["definition"], found["root"]["environment"]) == ("root", "production")
    later = ROOT.subordinate("Waiting")
    store("waits", bundle(later), "production", deploy=False)
    [waiting] = [one for one in chain_of(operator, "waits", "production")["anchors"] if one["alias"] == "waits"]
    assert (waiting["saved"], waiting["in_force"], waiting["left_out"]) == (True, False, None)
    store("ended", bundle(Ca.new("Ended", days=1 / 48)))
    ended = chain_of(operator, "ended")
    [anchor] = ended["anchors"]
    assert (anchor["saved"], anchor["in_force"]) == (True, False)
    assert anchor["left_out"].startswith("Expired on ")
    assert ended["sentence"] == "Ended was issued by itself. It ends only at what the releases of test leave out."
    [own] = operator.get(path("certificates", "ended")).json["entries"]
    [row] = operator.get(path("environments", "test", "truststore"), status="expired").json["items"]
    assert anchor["left_out"] == own["left_out"] == row["left_out"], "one place decides"


def test_a_root_of_a_root_set_ends_the_chain_with_its_origin(store: Add, cast: Cast) -> None:
    place = cast.admin.get(path("environments", "test"))
    changed = {"root_set": {"pem": ROOT.cert_pem.decode()}}
    assert cast.admin.patch(path("environments", "test"), changed, place.etag).status == 200
    store("acme", bundle(LEAF, SUB), deploy=False)
    [root] = [one for one in chain_of(cast.viewer, "acme")["anchors"] if one["origin"] == "root"]
    assert (root["alias"], root["in_force"]) == (f"root-{ROOT.sha256[:16]}", False)
    cast.admin.post(path("environments", "test", "releases"), wait=0)
    [root] = [one for one in chain_of(cast.viewer, "acme")["anchors"] if one["origin"] == "root"]
    assert (root["how"], root["saved"], root["in_force"], root["definition"]) == ("issuer", True, True, None)


def test_a_revoked_anchor_ends_nothing_when_it_is_out_of_force(store: Add, operator: Rest) -> None:
    store("leaf", bundle(LEAF, SUB))
    store("root", bundle(ROOT))
    address = path("certificates", "root", "entries", "test", "revoke")
    assert operator.post(address, {"reason": "gone", "deploy": False}).status == 200
    found = {one["alias"]: (one["saved"], one["in_force"]) for one in chain_of(operator, "leaf")["anchors"]}
    assert found == {"leaf": (True, True), "root": (False, True)}
    assert operator.post(address, {"reason": "gone"}, wait=0).status == 200
    assert [one["alias"] for one in chain_of(operator, "leaf")["anchors"]] == ["leaf"]


def test_a_missing_intermediate_a_foreign_and_a_cross_signed_certificate_are_told(store: Add, operator: Rest) -> None:
    old, stranger = Ca.new("Old Root"), Ca.new("Stranger")
    names = ROOT.certificate.subject, old.certificate.subject
    crossed = Ca(build(*names, ROOT.key.public_key(), old.key, is_ca=True), ROOT.key)
    store("gap", bundle(LEAF, ROOT), choose=LEAF.sha256)
    gap = chain_of(operator, "gap")
    assert (gap["state"], gap["missing"][0]["name"]) == ("open", "CN=Chain Sub")
    assert [one["kind"] for one in gap["others"]] == ["foreign"]
    store("crossed", bundle(LEAF, SUB, ROOT, crossed, stranger), choose=LEAF.sha256, place="production")
    seen = chain_of(operator, "crossed", "production")
    assert [one["certificate"]["issuer"] for one in seen["cross_signs"]] == ["CN=Old Root"]
    assert [one["certificate"]["certificate_name"] for one in seen["others"]] == ["Stranger"]
    assert seen["notes"] == [
        "Cross-signed: Chain Root is here from another issuer too.",
        "Foreign to this chain: Stranger.",
    ]


def test_the_chain_of_what_is_not_there_is_404(add: Add, cast: Cast) -> None:
    add("acme")
    for name, place in (("nobody", "test"), ("acme", "production"), ("acme", "nowhere")):
        answer = cast.viewer.get(path("certificates", name, "entries", place, "chain"))
        assert (answer.status, answer.code) == (404, "not-found")


def test_an_entry_is_compared_with_what_its_server_presents_now(store: Add, server: TlsServer, operator: Rest) -> None:
    store("acme", {"kind": "connection", "url": server.url})
    same = compare(operator, side("acme"), side("acme", live=True))
    assert (same.status, same.json["same"], same.json["sentence"]) == (200, True, "The same certificate.")
    assert (same.json["left"]["label"], same.json["right"]["label"]) == ("acme in test", f"{server.url}, now")
    server.use(SUB.issue("partner.test", dns=["partner.test"], days=180, private=LEAF.key))
    renewed = compare(operator, side("acme"), side("acme", live=True)).json
    assert renewed["sentence"] == "Renewed: same key, same issuer, valid 90 days longer."
    marks = [row["same"] for row in renewed["rows"]]
    assert marks == sorted(marks), "differences first"


def test_a_server_that_forgets_its_intermediate_is_told_though_its_own_certificate_is_the_same(
    store: Add, server: TlsServer, operator: Rest
) -> None:
    store("acme", {"kind": "connection", "url": server.url})
    assert compare(operator, side("acme"), side("acme", live=True)).json["notes"] == []
    server.use(LEAF, [Ca.new("Stranger").cert_pem])
    found = compare(operator, side("acme"), side("acme", live=True)).json
    assert found["same"] is True
    assert found["notes"] == [
        "It no longer presents: Chain Root, Chain Sub.",
        "It now presents besides: Stranger.",
    ]
    server.use(LEAF, [Ca.new(f"Stranger {number:02}").cert_pem for number in range(12)])
    assert compare(operator, side("acme"), side("acme", live=True)).json["notes"][1].endswith("Stranger 09 and 2 more.")


def test_another_server_is_compared_without_words_about_the_chain_of_the_entry_s_own(
    store: Add, server: TlsServer, operator: Rest
) -> None:
    store("acme", {"kind": "connection", "url": server.url})
    with TlsServer(LEAF, [Ca.new("Stranger").cert_pem]) as other:
        given = {"source": {"kind": "connection", "url": other.url}}
        found = compare(operator, side("acme"), given)
    assert (found.status, found.json["same"], found.json["notes"]) == (200, True, [])


def test_an_entry_without_an_address_has_no_server_to_ask(add: Add, operator: Rest) -> None:
    add("acme")
    refused = compare(operator, side("acme"), side("acme", live=True))
    assert (refused.status, refused.code, refused.fields) == (422, "no-address", ["right.live"])
    assert "acme in test came from no address" in refused.json["detail"]


def test_a_server_that_is_gone_is_a_clear_refusal(store: Add, operator: Rest) -> None:
    with TlsServer(LEAF) as running:
        store("acme", {"kind": "connection", "url": running.url})
    refused = compare(operator, side("acme"), side("acme", live=True))
    assert (refused.status, refused.code, refused.fields) == (422, "source-unreachable", ["right.live"])


def test_viewers_compare_what_is_stored_and_nothing_else(add: Add, cast: Cast) -> None:
    """D-24: whoever may not look at sources may not make Trustyard connect or read one by comparing."""
    add("one")
    add("two")
    assert compare(cast.viewer, side("one"), side("two")).json["kind"] == "other-subject"
    for right in (side("one", live=True), {"source": file(LEAF)}):
        refused = compare(cast.viewer, side("one"), right)
        assert (refused.status, refused.code) == (403, "not-allowed")
    assert compare(cast.operator, side("one"), {"source": file(LEAF)}).status == 200


def test_two_sources_are_compared_and_one_of_several_is_chosen(operator: Rest) -> None:
    other = SUB.issue("other.test")
    several = bundle(LEAF, other)
    unclear = compare(operator, {"source": several}, {"source": file(other)})
    assert (unclear.status, unclear.code, unclear.fields) == (422, "choice-needed", ["left.choose"])
    chosen = compare(operator, {"source": several, "choose": other.sha256}, {"source": file(other)})
    assert chosen.json["kind"] == "same"
    assert chosen.json["left"]["label"] == "partner.pem"


@pytest.mark.parametrize(
    ("right", "code", "field"),
    [
        (side("nobody"), "unknown-certificate", "right.certificate"),
        (side("one", "production"), "unknown-certificate", "right.certificate"),
        (side("one", "nowhere"), "unknown-environment", "right.environment"),
        ({"certificate": "one"}, "bad-fields", "right.environment"),
        ({**side("one"), "source": {"kind": "paste", "encoding": "BASE64", "content": "x"}}, "bad-fields", None),
        ({"source": {"kind": "connection", "url": "http://x"}}, "bad-url", "right.source.url"),
        ({"source": {"kind": "file", "content_base64": "?"}}, "bad-base64", "right.source.content_base64"),
        ({}, "bad-fields", "right.certificate"),
    ],
)
def test_a_side_that_cannot_be_had_is_refused_at_its_field(
    add: Add, operator: Rest, right: Any, code: str, field: str | None
) -> None:
    add("one")
    refused = compare(operator, side("one"), right)
    assert (refused.status, refused.code) == (422, code), refused.json
    assert field is None or field in refused.fields


def test_a_certificate_may_be_named_compare(add: Add, operator: Rest) -> None:
    add("compare")
    assert operator.get(path("certificates", "compare")).json["name"] == "compare"
    text = base64.b64encode(LEAF.cert_der).decode()
    pasted = {"source": {"kind": "paste", "encoding": "BASE64", "content": text}}
    assert compare(operator, side("compare"), pasted).json["right"]["label"] == "pasted text"
