"""Related JWKs over REST: the question, the answers, and what must never happen by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.tls_servers import Ca

from .conftest import Cast, file
from .rest import Answer, Rest, path

Add = Callable[..., Answer]


@dataclass
class Story:
    """A certificate in two environments, with two JWKs of test, one of production, and one given by hand."""

    rest: Rest
    ca: Ca
    address: str = path("certificates", "acme")

    def change(self, key: str = "ec", *places: str, **more: Any) -> dict[str, Any]:
        """A body that gives another certificate to these environments (test)."""
        source = file(self.ca.issue("acme", key=key))
        entries = [{"environment": place, "source": source} for place in places or ("test",)]
        return {"entries": entries, **more}

    def state(self) -> tuple[Any, ...]:
        """Everything that a refusal must leave as it was (S-27, S-38)."""
        jwks = self.rest.get(path("jwks")).json["items"]
        releases = [self.rest.get(path("environments", e, "releases")).json["total"] for e in ("test", "production")]
        certificate = self.rest.get(self.address)
        return certificate.json, certificate.etag, jwks, releases

    def jwk(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = self.rest.get(path("jwks", name)).json
        return value

    def kids(self, environment: str = "test") -> list[str]:
        """The key IDs of the newest release."""
        from trustyard.models import Release

        newest = Release.objects.filter(environment__name=environment).order_by("-number")[0]
        return sorted(row["jwk"]["kid"] for row in newest.content["jwks"])


@pytest.fixture
def story(operator: Rest, ca: Ca, add: Add, add_jwk: Add) -> Story:
    add("acme", "test", "production", key="rsa")
    for name, more in (("sign", {"alg": "RS256"}), ("named", {"kid": "by-hand"})):
        add_jwk(name, "acme", deploy=True, **more)
    add_jwk("live", "acme", "production", deploy=True)
    by_hand = {key: value for key, value in operator.get(path("jwks", "live")).json["jwk"].items() if key in "nekty"}
    source = {"kind": "jwk", "jwk": by_hand, "environments": ["test"]}
    assert operator.post(path("jwks"), {"name": "stranger", "source": source, "kid": "stranger"}).status == 201
    return Story(operator, ca)


def answer(action: str = "update", **more: Any) -> dict[str, Any]:
    return {"action": action, "confirm": "acme", **more}


def test_a_change_without_an_answer_is_refused_with_the_list(story: Story) -> None:
    """S-21, S-22, S-23, S-24, S-28, I-01, I-03, D-02, D-14: exactly the JWKs of the entry that changes."""
    before = story.state()
    refused = story.rest.patch(story.address, story.change("rsa", deploy=True))
    assert (refused.status, refused.code, refused.json["title"]) == (409, "jwk-connection", "JWK Connection")
    assert refused.json["detail"] == "This Certificate is used in 2 JWK(s). What would you like to do?"
    assert refused.json["options"] == ["update", "disconnect"]
    assert [(jwk["name"], jwk["environment"]) for jwk in refused.json["jwks"]] == [("named", "test"), ("sign", "test")]
    named, sign = refused.json["jwks"]
    assert named["becomes"]["kid"] == "by-hand"
    assert sign["becomes"]["alg"] == "RS256"
    assert sign["becomes"]["kid"] != sign["kid"]
    assert sign["problem"] is None
    assert story.state() == before


def test_update_brings_the_jwks_along(story: Story) -> None:
    """S-25, S-29, S-30, D-15: the new key, the relation still there, both deployed."""
    saved = story.rest.patch(story.address, story.change("rsa", deploy=True, jwk_connection=answer()), wait=0)
    assert [(j["name"], j["change"]) for j in saved.json["jwks"]] == [("named", "updated"), ("sign", "updated")]
    sha256 = saved.json["entries"][0]["sha256"]
    for name in ("sign", "named"):
        jwk = story.jwk(name)
        assert jwk["connected_to"] == {"certificate": "acme", "environment": "test"}
        assert jwk["jwk"]["x5t#S256"] != story.jwk("live")["jwk"]["x5t#S256"]
    assert story.jwk("named")["kid"] == "by-hand"
    assert saved.json["entries"][1]["sha256"] != sha256, "production is as it was"
    assert story.jwk("sign")["kid"] in story.kids()
    again = story.rest.patch(story.address, story.change("rsa"))
    assert again.status == 409, "the relation still stands"


def test_disconnect_leaves_the_keys_as_they_were(story: Story) -> None:
    """S-26: byte for byte the same key, and a later change finds none."""
    before = [story.jwk(name)["jwk"] for name in ("sign", "named")]
    saved = story.rest.patch(story.address, story.change("rsa", deploy=True, jwk_connection=answer("disconnect")))
    assert {j["change"] for j in saved.json["jwks"]} == {"disconnected"}
    assert [story.jwk(name)["jwk"] for name in ("sign", "named")] == before
    assert story.jwk("sign")["connected_to"] is None
    assert story.rest.patch(story.address, story.change("rsa")).status == 200


@pytest.mark.parametrize("confirm", ["", "ACME", "acme ", "other"])
def test_a_wrong_name_does_not_proceed(confirm: str, story: Story) -> None:
    """S-29, S-34."""
    before = story.state()
    body = story.change("rsa", jwk_connection={"action": "update", "confirm": confirm})
    for refused, field in (
        (story.rest.patch(story.address, body), "jwk_connection.confirm"),
        (story.rest.delete(story.address, jwk_connection="delete", confirm=confirm), "confirm"),
    ):
        assert (refused.status, refused.code) == (422, "wrong-confirmation")
        assert refused.fields == [field]
    assert story.state() == before


def test_an_action_of_the_other_dialog_is_refused(story: Story) -> None:
    body = story.change("rsa", jwk_connection=answer("delete"))
    assert story.rest.patch(story.address, body).code == "bad-action"
    assert story.rest.delete(story.address, jwk_connection="update", confirm="acme").status == 422


def test_a_set_that_moved_is_refused_again_with_the_new_one(story: Story, add_jwk: Add) -> None:
    """I-07, D-05: the certificate first (412), then the set (409), and nothing is written."""
    body = story.change("rsa")
    seen = story.rest.patch(story.address, body)
    add_jwk("late", "acme", kid="late")
    given = {**body, "jwk_connection": answer(version=seen.json["version"])}
    etag = story.rest.get(story.address).etag
    before = story.state()
    moved = story.rest.patch(story.address, given, etag)
    assert (moved.status, moved.json["moved"], len(moved.json["jwks"])) == (409, True, 3)
    assert story.state() == before
    assert story.rest.patch(story.address, given, '"0-0"').status == 412
    given["jwk_connection"]["version"] = moved.json["version"]
    assert len(story.rest.patch(story.address, given, etag).json["jwks"]) == 3


def test_a_deletion_is_guarded_by_the_set_too(story: Story, add_jwk: Add) -> None:
    """D-05."""
    seen = story.rest.delete(story.address)
    add_jwk("late", "acme", kid="late")
    query = {"jwk_connection": "delete", "confirm": "acme", "version": seen.json["version"], "wait": 0}
    moved = story.rest.delete(story.address, **query)
    assert (moved.status, moved.code) == (409, "jwk-connection")
    assert story.rest.delete(story.address, **{**query, "version": moved.json["version"]}).status == 200


def test_another_key_type_takes_another_algorithm(story: Story) -> None:
    """I-06, D-04: what it becomes is offered; one that does not fit is refused, and nothing is half done."""
    body = story.change("p384")
    seen = story.rest.patch(story.address, body)
    assert {jwk["becomes"]["alg"] for jwk in seen.json["jwks"]} == {"ES384"}
    assert seen.json["jwks"][0]["algorithms"] == ["ES384"]
    before = story.state()
    misfit = {**body, "jwk_connection": answer(algorithms={"sign": "RS256"})}
    refused = story.rest.patch(story.address, misfit)
    assert (refused.status, refused.code) == (422, "jwk-does-not-fit")
    assert refused.fields == ["jwk_connection.algorithms.sign"]
    assert story.state() == before
    assert story.rest.patch(story.address, {**body, "jwk_connection": answer()}).status == 200
    assert story.jwk("sign")["alg"] == "ES384"


def test_a_key_without_a_fit_can_only_be_disconnected(story: Story) -> None:
    """D-04."""
    body = story.change("x25519")
    seen = story.rest.patch(story.address, body)
    assert all(jwk["becomes"] is None and jwk["problem"] for jwk in seen.json["jwks"])
    refused = story.rest.patch(story.address, {**body, "jwk_connection": answer()})
    assert (refused.status, refused.code) == (422, "jwk-does-not-fit")
    assert refused.fields == ["jwk_connection.action"] * 2, "all of them"
    assert refused.json["detail"].count("cannot be updated") == 2
    assert refused.json["detail"].count("Disconnect it.") == 1, "the same advice once, and none that leads nowhere"
    assert story.rest.patch(story.address, {**body, "jwk_connection": answer("disconnect")}).status == 200


def test_removing_an_entry_asks_with_the_options_of_a_deletion(story: Story) -> None:
    """I-04, D-02."""
    body = {"entries": [{"environment": "production"}]}
    refused = story.rest.put(story.address, body)
    assert refused.json["options"] == ["delete", "disconnect"]
    assert [jwk["name"] for jwk in refused.json["jwks"]] == ["named", "sign"]
    saved = story.rest.put(story.address, {**body, "deploy": True, "jwk_connection": answer("delete")}, wait=0)
    assert {j["change"] for j in saved.json["jwks"]} == {"deleted"}
    assert story.rest.get(path("jwks", "sign")).status == 404
    assert story.kids() == ["stranger"]
    assert story.jwk("live")["connected_to"] is not None


def test_an_update_and_a_removal_in_one_take_an_action_each(story: Story) -> None:
    """D-27."""
    source = file(story.ca.issue("acme", key="rsa"))
    body = {"entries": [{"environment": "production", "source": source}]}
    refused = story.rest.put(story.address, body)
    assert {jwk["name"]: jwk["options"] for jwk in refused.json["jwks"]} == {
        "named": ["delete", "disconnect"],
        "sign": ["delete", "disconnect"],
        "live": ["update", "disconnect"],
    }
    half = {"actions": {"production": "update"}, "confirm": "acme"}
    assert story.rest.put(story.address, {**body, "jwk_connection": half}).code == "jwk-connection"
    whole = {**half, "actions": {"production": "update", "test": "delete"}}
    saved = story.rest.put(story.address, {**body, "jwk_connection": whole})
    assert {j["name"]: j["change"] for j in saved.json["jwks"]} == {
        "named": "deleted",
        "sign": "deleted",
        "live": "updated",
    }


def test_deleting_with_jwks_takes_them_along(story: Story) -> None:
    """S-32, S-33, S-36: all entries' JWKs, and no unrelated one."""
    refused = story.rest.delete(story.address)
    assert (refused.status, refused.json["options"]) == (409, ["delete", "disconnect"])
    assert len(refused.json["jwks"]) == 3
    gone = story.rest.delete(story.address, jwk_connection="delete", confirm="acme", wait=0)
    assert {(j["name"], j["change"]) for j in gone.json["jwks"]} == {
        ("sign", "deleted"),
        ("named", "deleted"),
        ("live", "deleted"),
    }
    assert [item["name"] for item in story.rest.get(path("jwks")).json["items"]] == ["stranger"]
    assert story.kids() == ["stranger"]
    assert story.kids("production") == []


def test_delete_disconnect_keeps_them_published(story: Story) -> None:
    """S-37."""
    before = story.jwk("sign")
    gone = story.rest.delete(story.address, jwk_connection="disconnect", confirm="acme", wait=0)
    assert gone.status == 200
    after = story.jwk("sign")
    assert (after["jwk"], after["kid"], after["state"]) == (before["jwk"], before["kid"], "active")
    assert after["connected_to"] is None
    assert before["kid"] in story.kids()


def test_a_rename_of_either_side_keeps_the_relation(story: Story) -> None:
    """I-01."""
    story.rest.patch(path("jwks", "sign"), {"name": "renamed"})
    story.rest.patch(story.address, {"name": "acme-2"})
    refused = story.rest.patch(path("certificates", "acme-2"), story.change("rsa"))
    assert {jwk["name"] for jwk in refused.json["jwks"]} == {"renamed", "named"}


def test_an_operator_of_test_brings_along_the_jwks_of_test(story: Story, cast: Cast) -> None:
    """D-24."""
    saved = cast.test_operator.patch(story.address, story.change("rsa", jwk_connection=answer()))
    assert saved.status == 200


def test_another_name_deletes_nothing_also_without_any_jwk(operator: Rest, add: Add) -> None:
    add("alone", "test")
    address = path("certificates", "alone")
    for query in ({"jwk_connection": "delete", "confirm": "other-name"}, {"confirm": "other-name"}):
        refused = operator.delete(address, **query)
        assert (refused.code, refused.fields) == ("wrong-confirmation", ["confirm"]), "as it is called in the address"
    body = {"description": "words", "jwk_connection": {"action": "update", "confirm": "WRONG"}}
    assert operator.patch(address, body).code == "wrong-confirmation"
    assert operator.get(address).json["description"] == ""
    assert operator.delete(address, jwk_connection="delete", confirm="alone").status == 200
