"""Releases over REST: compared, restored, downloaded, looked up by moment; and one environment promoted to another."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.tls_servers import Ca
from trustyard import models

from .conftest import Cast, file
from .rest import Answer, Rest, path

Add = Callable[..., Answer]
RELEASES = path("environments", "test", "releases")
PROMOTE = path("environments", "production", "promote")


def entries(number: int, place: str = "test") -> list[str]:
    content = models.Release.objects.get(environment__name=place, number=number).content
    return [entry["alias"] for entry in content["entries"]]


@pytest.fixture
def restored(add: Add, operator: Rest) -> Answer:
    """test: release 3 with the content of release 1, and `bank` saved and waiting."""
    add("acme")
    add("bank")
    return operator.post(f"{RELEASES}/1/restore", {"note": "too early"}, wait=0)


def test_restoring_answers_with_the_new_release_and_where_it_is(restored: Answer, operator: Rest) -> None:
    """D-22."""
    assert restored.status == 201
    assert (restored.json["number"], restored.json["restored_from"], restored.json["note"]) == (3, 1, "too early")
    assert restored.json["deployment"]["environments"][0]["release"] == 3
    assert restored.headers["Location"] == f"{RELEASES}/3"
    again = operator.post(f"{RELEASES}/1/restore", wait=0)
    assert (again.status, again.json["number"]) == (200, 3)
    assert operator.post(f"{RELEASES}/9/restore").status == 404


def test_a_preview_says_what_comes_back_and_what_cannot_and_its_version_holds(add: Add, operator: Rest) -> None:
    add("acme")
    add("bank")
    operator.post(path("certificates", "acme", "entries", "test", "revoke"), {"reason": "stolen"}, wait=0)
    seen = operator.post(f"{RELEASES}/2/restore", {"preview": True})
    assert (seen.status, seen.json["left_out"][0]["reason"]) == (200, "Revoked in Trustyard.")
    add("third")
    stale = operator.post(f"{RELEASES}/2/restore", {"version": seen.json["version"]}, wait=0)
    assert (stale.status, stale.code) == (409, "moved")
    version = operator.post(f"{RELEASES}/2/restore", {"preview": True}).json["version"]
    done = operator.post(f"{RELEASES}/2/restore", {"version": version}, wait=0)
    assert (done.status, entries(done.json["number"])) == (201, ["bank"])


def test_the_next_deploy_is_refused_with_the_list_until_it_is_confirmed(restored: Answer, operator: Rest) -> None:
    """D-22."""
    refused = operator.post(RELEASES, wait=0)
    assert (refused.status, refused.code) == (409, "restored")
    (place,) = refused.json["restored"]
    assert (place["environment"], place["restored_from"]) == ("test", 1)
    assert [row["alias"] for row in place["added"]] == ["bank"]
    wrong = operator.post(RELEASES, {"confirm_restored": "0" * 32}, wait=0)
    assert (wrong.status, wrong.json["moved"]) == (409, True)
    assert operator.post(RELEASES, {"confirm_restored": False}, wait=0).status == 409
    assert operator.post(RELEASES, {"confirm_restored": refused.json["version"]}, wait=0).status == 201
    assert operator.post(RELEASES, wait=0).status == 200


@pytest.mark.parametrize("said", ["yes", "True", "0" * 31, "x" * 32])
def test_an_answer_that_is_none_is_refused_at_its_field_in_a_query_and_a_form_too(
    said: str, restored: Answer, operator: Rest, ca: Ca
) -> None:
    """Not as something that changed meanwhile, and not passed over where nothing is asked."""
    of_acme = {"kind": "certificate", "certificate": "acme", "environment": "test"}
    assert operator.post(path("jwks"), {"name": "sign", "source": of_acme}).status == 201
    parts = {"file": SimpleUploadedFile("new.pem", ca.issue("new").cert_pem), "environments": "test"}
    data = encode_multipart(BOUNDARY, {**parts, "deploy": "true", "confirm_restored": said})
    before = models.AuditEvent.objects.count()
    for answer in (
        operator.delete(path("certificates", "acme"), confirm_restored=said, deploy=False),
        operator.delete(path("jwks", "sign"), confirm_restored=said),
        operator.ask("POST", path("certificates", "import"), data=data, media_type=MULTIPART_CONTENT),
    ):
        assert (answer.status, answer.code, answer.fields) == (422, "bad-fields", ["confirm_restored"])
        assert "true, false or the version of the refusal" in answer.json["detail"]
    assert models.AuditEvent.objects.count() == before


def test_every_write_that_deploys_takes_the_same_answer(restored: Answer, operator: Rest, ca: Ca) -> None:
    """D-22: bodies and, where there is none, the query."""
    new = {
        "name": "new",
        "entries": [{"environment": "test", "alias": "new", "source": file(ca.issue("new"))}],
        "deploy": True,
    }
    jwk = {"name": "sign", "source": {"kind": "certificate", "certificate": "acme", "environment": "test"}}
    writes: list[Callable[[Any], Answer]] = [
        lambda said: operator.post(path("certificates"), {**new, **said}, wait=0),
        lambda said: operator.post(
            path("certificates", "import"),
            {"environments": ["test"], "deploy": True, "certificates": [{"pem": ca.issue("more").cert_pem.decode()}]}
            | said,
            wait=0,
        ),
        lambda said: operator.patch(path("certificates", "bank"), {"name": "Bank", "deploy": True, **said}, wait=0),
        lambda said: operator.post(
            path("certificates", "acme", "entries", "test", "revoke"), {"reason": "x", **said}, wait=0
        ),
        lambda said: operator.post(
            path("certificates", "acme", "entries", "test", "restore"), {"reason": "x", **said}, wait=0
        ),
        lambda said: operator.post(path("jwks"), {**jwk, "deploy": True, **said}, wait=0),
        lambda said: operator.patch(path("jwks", "sign"), {"kid": "k", "deploy": True, **said}, wait=0),
        lambda said: operator.delete(path("jwks", "sign"), wait=0, **said),
        lambda said: operator.delete(path("certificates", "acme"), wait=0, **said),
    ]
    for number, write in enumerate(writes):
        before = models.AuditEvent.objects.count()
        refused = write({})
        assert (refused.status, refused.code) == (409, "restored"), number
        assert models.AuditEvent.objects.count() == before, number
        assert write({"confirm_restored": True}).status in (200, 201), number
        operator.post(f"{RELEASES}/1/restore", wait=0)
        if number == 3:  # what was revoked stays out, so release 2 gives the next one something to lose
            operator.post(f"{RELEASES}/2/restore", wait=0)


def test_a_difference_names_what_came_went_and_changed(add: Add, operator: Rest, cast: Cast, ca: Ca) -> None:
    add("acme")
    add("bank")
    issued = ca.issue("acme")
    change = {"entries": [{"environment": "test", "alias": "acme-2", "source": file(issued)}], "deploy": True}
    operator.patch(path("certificates", "acme"), change, wait=0)
    before = cast.viewer.get(f"{RELEASES}/2/diff").json
    assert (before["from"], before["to"]) == (1, 2)
    assert [(row["alias"], row["origin"]) for row in before["added"]] == [("bank", "certificate")]
    (changed,) = cast.viewer.get(f"{RELEASES}/3/diff", against=2).json["changed"]
    assert (changed["alias"], changed["sha256"]) == ("acme-2", issued.sha256)
    assert (changed["before"]["alias"], changed["changes"]) == ("acme", ["certificate", "alias"])
    assert [row["alias"] for row in cast.viewer.get(f"{RELEASES}/1/diff", against=2).json["removed"]] == ["bank"]
    assert cast.viewer.get(f"{RELEASES}/3/diff", against="saved").json["to"] == "saved"
    assert cast.viewer.get(f"{RELEASES}/3/diff", against="9").status == 404
    bad = cast.viewer.get(f"{RELEASES}/3/diff", against="-1")
    assert (bad.status, bad.fields) == (422, ["against"])


def test_what_was_in_force_at_a_moment_is_a_list_of_one(add: Add, operator: Rest) -> None:
    """D-21."""
    add("acme")
    add("bank")
    models.Release.objects.filter(number=1).update(created_at="2026-03-03T14:00:00Z")

    def at(moment: str) -> list[int]:
        return [one["number"] for one in operator.get(RELEASES, at=moment).json["items"]]

    assert at("2026-03-03T15:00:00+01:00") == [1]
    assert at("2026-03-03T13:59:59Z") == []
    assert at("2100-01-01T00:00:00Z") == [2]
    assert operator.get(RELEASES, at="1772546400").status == 422


def test_a_release_is_found_at_the_moment_that_is_shown_of_it(add: Add, operator: Rest) -> None:
    """Moments are shown in whole seconds and kept in finer ones."""
    add("acme")
    models.Release.objects.filter(number=1).update(created_at="2026-03-03T14:00:00.900Z")
    shown = operator.get(f"{RELEASES}/1").json["created_at"]
    for moment, found in ((shown, 1), ("2026-03-03T14:00Z", 1), ("2026-03-03T14:00:00.5Z", 0)):
        assert operator.get(RELEASES, at=moment).json["total"] == found, moment


def test_a_release_comes_as_a_folder_with_its_digests(add: Add, cast: Cast) -> None:
    add("acme")
    add("bank")
    answer = cast.viewer.get(f"{RELEASES}/1/download")
    assert 'filename="release-test-1.zip"' in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as folder:
        held = {name: folder.read(name) for name in folder.namelist()}
    sums = dict(reversed(line.split("  ")) for line in held.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in held.items()}
    assert {"truststore.pem", "truststore.p12", "truststore.jks", "used.pem", "jwks.json", "manifest.json"} < set(held)
    assert [name for name in held if name.startswith("aliases/")] == ["aliases/acme.pem"]
    assert cast.viewer.get(f"{RELEASES}/9/download").status == 404


def test_promoting_is_shown_first_and_done_in_one_step(add: Add, operator: Rest) -> None:
    add("acme")
    add("bank")
    given = {"from": "test", "certificates": None, "deploy": False, "preview": True}
    seen = operator.post(PROMOTE, given).json
    assert [row["alias"] for row in seen["difference"]["added"]] == ["acme", "bank"]
    assert not models.Entry.objects.filter(environment__name="production").exists()
    given = {"from": "test", "certificates": ["acme"], "version": seen["version"], "deploy": True}
    done = operator.post(PROMOTE, given, wait=0)
    assert done.status == 200
    assert [(one["certificate"], one["change"]) for one in done.json["certificates"]] == [("acme", "add")]
    assert done.json["deployment"]["environments"][0]["environment"] == "production"
    assert entries(1, "production") == ["acme"]
    assert operator.post(PROMOTE, given, wait=0).code == "moved"


def test_promoting_is_refused_as_a_whole_with_every_reason(add: Add, add_jwk: Add, operator: Rest, ca: Ca) -> None:
    """D-02, D-14."""
    add("acme", "test", "production")
    add_jwk("sign", "acme", "production")
    renewed = {"entries": [{"environment": "test", "source": file(ca.issue("acme"))}]}
    operator.patch(path("certificates", "acme"), renewed)
    asked = operator.post(PROMOTE, {"from": "test"})
    assert (asked.status, asked.code) == (409, "jwk-connection")
    (question,) = asked.json["certificates"]
    assert (question["certificate"], [jwk["name"] for jwk in question["jwks"]]) == ("acme", ["sign"])
    answer = {"acme": {"action": "update", "confirm": "acme", "version": question["version"]}}
    wrong = operator.post(PROMOTE, {"from": "test", "jwk_connection": {"acme": {"action": "update", "confirm": "x"}}})
    assert (wrong.status, wrong.fields) == (422, ["jwk_connection.acme.confirm"])
    done = operator.post(PROMOTE, {"from": "test", "jwk_connection": answer})
    assert [(jwk["name"], jwk["change"]) for jwk in done.json["jwks"]] == [("sign", "updated")]
    add("other", "production", deploy=False)
    entry = {"environment": "test", "alias": "OTHER", "source": file(ca.issue("clash"))}
    operator.post(path("certificates"), {"name": "clash", "entries": [entry]})
    clash = operator.post(PROMOTE, {"from": "test"})
    assert (clash.status, clash.code, clash.fields) == (409, "alias-taken", ["certificates.clash"])


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, ["from"]),
        ({"from": "nowhere"}, ["from"]),
        ({"from": "production"}, ["from"]),
        ({"from": "test", "certificates": ["nobody"]}, ["certificates.0"]),
    ],
)
def test_what_cannot_be_promoted_is_named_by_its_field(
    operator: Rest, given: dict[str, Any], fields: list[str]
) -> None:
    answer = operator.post(PROMOTE, given)
    assert (answer.status, answer.fields) == (422, fields)


def test_an_operator_of_test_restores_and_promotes_into_test_alone(add: Add, cast: Cast) -> None:
    """D-24."""
    add("acme", "test", "production")
    add("bank", "test", "production")
    mine, there = cast.test_operator, path("environments", "production")
    assert mine.post(f"{there}/releases/1/restore").status == 403
    assert mine.post(f"{there}/releases/1/restore", {"preview": True}).status == 403
    assert mine.post(PROMOTE, {"from": "test", "preview": True}).status == 403
    assert mine.post(f"{RELEASES}/1/restore", wait=0).status == 201
    assert mine.post(path("environments", "test", "promote"), {"from": "production"}).status == 200
