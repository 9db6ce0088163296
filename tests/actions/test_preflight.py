"""Releases judged before they leave: the preview, and what a policy leaves out or stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.actions.conftest import ADMIN, OPERATOR, VIEWER
from tests.actions.test_gateway_places import open_to_gateways
from tests.live.anchors import root
from trustyard import models
from trustyard.actions import certificates, environments, gateways, preflight, releases, truststores
from trustyard.actions.certificates import Definition, EntryGiven, Saved
from trustyard.actions.sources import FileGiven
from trustyard.errors import Preflight, Refused
from trustyard.gateways.places import Root

pytestmark = pytest.mark.django_db
Add = Callable[..., Saved]
SHORT = root("A short CA", rsa.generate_private_key(65537, 1024))


def policy(name: str, **answers: str) -> None:
    """Gives an environment a policy."""
    environments.update(ADMIN, name, if_match="*", policy=answers)


def save_short(*, deploy: bool = False) -> None:
    """A CA with a key of 1024 bits, saved in test."""
    entry = EntryGiven(("test",), "short", FileGiven("short.pem", SHORT.pem.encode()))
    certificates.create(ADMIN, [Definition("short", "", [entry])], deploy=deploy)


def preview(name: str = "test") -> dict[str, Any]:
    return preflight.preview(VIEWER, name).json()


def codes(gateway: dict[str, Any]) -> list[str]:
    return [note["code"] for note in gateway["notes"]]


def test_a_preview_says_what_would_change_and_writes_nothing(add: Add) -> None:
    add("acme")
    save_short()
    found = preview()
    assert (found["from"], found["changed"]) == (1, True)
    assert [line["alias"] for line in found["difference"]["added"]] == ["short"]
    assert models.Release.objects.count() == 1
    releases.deploy(OPERATOR, "test")
    assert preview()["changed"] is False


def test_roots_that_no_release_held_yet_are_named() -> None:
    environments.update(ADMIN, "test", if_match="*", root_set="mozilla")
    added = preview()["difference"]["added"]
    assert len(added) > 100
    assert all(line["certificate_name"] and line["not_after"] for line in added)


def test_an_answer_of_the_policy_that_is_not_given_stays_and_what_was_never_given_follows_the_type() -> None:
    policy("test", weak="block")
    policy("test", unhonoured="block")
    assert environments.environment_json(environments.get(VIEWER, "test"))["policy"] == {
        "weak": "block",
        "unhonoured": "block",
        "removal": "allow",
    }
    row = environments.update(ADMIN, "test", if_match="*", type="production", policy={"weak": "warn"})
    assert environments.environment_json(row)["policy"] == {
        "weak": "warn",
        "unhonoured": "block",
        "removal": "confirm",
    }


def test_each_gateway_is_told_apart_by_what_it_honours(add: Add) -> None:
    """D-18: a pin is nothing to HAProxy, and something to Envoy."""
    for name, kind in (("edge", "envoy"), ("reports", "files")):
        gateways.create(ADMIN, "test", name=name, kind=kind)
    add("acme")  # issued by a CA that is not in the set: a pin
    notes = {one["gateway"]: [note["sentence"] for note in one["notes"]] for one in preview()["gateways"]}
    assert notes["edge"] == []
    assert notes["reports"] == ["HAProxy and nginx do not trust acme: it is not a CA, and somebody else issued it."]


def test_a_haproxy_that_is_given_no_roots_is_judged_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to_gateways(monkeypatch, tmp_path, Root(tmp_path))
    environments.update(ADMIN, "test", if_match="*", root_set="mozilla")
    for include in ("all", "used"):
        options = {"socket": f"{tmp_path}/admin.sock", "ca_file": f"{tmp_path}/{include}.pem", "include": include}
        gateways.create(ADMIN, "test", name=include, kind="haproxy", options=options)
    save_short()
    every, used = preview()["gateways"]
    assert (used["certificates"], "too-large" in codes(used)) == (1, False)
    assert (every["certificates"] > 100, "too-large" in codes(every)) == (True, True)


def test_the_errors_of_certificates_are_named() -> None:
    save_short()
    assert [(note["alias"], note["code"]) for note in preview()["findings"]] == [("short", "rsa-key-small")]


def test_a_policy_that_leaves_weak_certificates_out_keeps_the_rest_and_says_why(add: Add) -> None:
    """D-19."""
    policy("test", weak="leave out")
    add("acme")
    save_short()
    shown = preview()
    assert (shown["changed"], shown["left_out_alone"]) == (True, True)
    assert not any(shown["difference"][part] for part in ("added", "removed", "changed"))
    (row,) = truststores.rows(ADMIN, "test", q="short")
    assert row["left_out"] == shown["left_out"][0]["reason"]
    assert row["pending"] == "added", "D-21: saved, and in no release yet"
    releases.deploy(ADMIN, "test")
    assert not preview()["left_out_alone"]
    (newest,) = models.Release.objects.filter(environment__name="test").order_by("-number")[:1]
    assert [entry["alias"] for entry in newest.content["entries"]] == ["acme"]
    (left,) = newest.left_out
    assert left["alias"] == "short"
    assert left["reason"].startswith("The policy of test leaves it out: Its RSA key has 1024 bits")


def test_a_policy_that_blocks_stops_the_save_whole(add: Add) -> None:
    policy("test", weak="block")
    with pytest.raises(Preflight) as stopped:
        save_short(deploy=True)
    assert "short" in stopped.value.extra["blocked"][0]
    assert not models.Certificate.objects.filter(name="short").exists()
    save_short()  # without a deployment it may be kept
    with pytest.raises(Preflight):
        add("acme")
    assert preview()["blocked"]


def test_a_policy_may_block_what_a_gateway_would_not_honour(add: Add) -> None:
    gateways.create(ADMIN, "test", name="reports", kind="files")
    policy("test", unhonoured="block")
    with pytest.raises(Preflight) as stopped:
        add("acme")
    assert stopped.value.extra["blocked"] == [
        "reports: HAProxy and nginx do not trust acme: it is not a CA, and somebody else issued it."
    ]


@pytest.mark.parametrize(
    ("count", "whom"),
    [
        (2, "reader-0 and reader-1"),
        (3, "reader-0, reader-1 and reader-2"),
        (4, "reader-0, reader-1, reader-2 and reader-3"),
        (9, "reader-0, reader-1, reader-2 and 6 others"),
    ],
)
def test_what_several_gateways_will_not_honour_is_said_once(add: Add, count: int, whom: str) -> None:
    gateways.create(ADMIN, "test", name="edge", kind="envoy")
    for number in range(count):
        gateways.create(ADMIN, "test", name=f"reader-{number}", kind="agent")
    policy("test", unhonoured="block")
    with pytest.raises(Preflight) as stopped:
        add("acme")
    sentence = "HAProxy and nginx do not trust acme: it is not a CA, and somebody else issued it."
    assert stopped.value.extra["blocked"] == [f"{whom}: {sentence}"]


def test_production_asks_before_a_certificate_goes_and_test_does_not(add: Add) -> None:
    add("acme", "test", "production")
    certificates.delete(ADMIN, "acme", if_match="*", deploy=False)
    assert preview("production")["asks"]
    assert not preview("test")["asks"]
    policy("production", removal="allow")
    assert not preview("production")["asks"]


def test_a_policy_of_other_words_is_refused_at_its_field() -> None:
    with pytest.raises(Refused) as refused:
        policy("test", weak="ignore")
    assert [field.field for field in refused.value.fields] == ["policy.weak"]
