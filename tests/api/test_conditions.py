"""If-Match over REST: needed by every change, and judged before all else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Cast
from .rest import Answer, Rest, path

Add = Callable[..., Answer]


@pytest.fixture
def objects(add: Add, add_jwk: Add, cast: Cast) -> dict[str, str]:
    """One address of each kind of object that changes."""
    add("acme")
    add_jwk("key", "acme")
    cast.admin.post(path("environments"), {"name": "spare"})
    cast.admin.post(path("environments", "test", "gateways"), {"name": "edge", "kind": "files"})
    return {
        "certificate": path("certificates", "acme"),
        "jwk": path("jwks", "key"),
        "environment": path("environments", "spare"),
        "gateway": path("environments", "test", "gateways", "edge"),
    }


KINDS = ["certificate", "jwk", "environment", "gateway"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_without_if_match_is_refused_with_the_tag_to_send(
    kind: str, objects: dict[str, str], cast: Cast
) -> None:
    address = objects[kind]
    etag = cast.admin.get(address).etag
    for refused in (cast.admin.patch(address, {}, None), cast.admin.delete(address, None)):
        assert (refused.status, refused.code) == (428, "version-missing")
        assert etag in refused.json["detail"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stale_tag_is_refused_and_changes_nothing(kind: str, objects: dict[str, str], cast: Cast) -> None:
    address = objects[kind]
    before = cast.admin.get(address)
    weak = f"W/{before.etag}"  # If-Match compares strongly (RFC 9110, section 13.1.1)
    for etag in ('"0-0"', weak, '"0-0", "0-1"', "nonsense", ""):
        for refused in (cast.admin.patch(address, {}, etag), cast.admin.delete(address, etag)):
            assert (refused.status, refused.code) == (412, "stale-version")
    assert cast.admin.get(address).json == before.json


@pytest.mark.parametrize("kind", KINDS)
def test_the_tag_alone_in_a_list_or_a_star_will_do(kind: str, objects: dict[str, str], cast: Cast) -> None:
    address = objects[kind]
    for etag in (cast.admin.get(address).etag, f'"0-0", {cast.admin.get(address).etag}', "*"):
        assert cast.admin.patch(address, {}, etag).status == 200


def test_the_tag_is_judged_before_the_body_and_after_the_person(objects: dict[str, str], cast: Cast) -> None:
    """D-05: 401, 403 and 404 come first, then 428 and 412, then what the body holds."""
    address = objects["certificate"]
    broken: dict[str, Any] = {"data": b"{", "etag": '"0-0"'}
    assert cast.stranger.ask("PATCH", address, **broken).status == 401
    assert cast.viewer.ask("PATCH", address, **broken).status == 403
    assert cast.operator.ask("PATCH", path("certificates", "nobody"), **broken).status == 404
    assert cast.operator.ask("PATCH", address, **broken).status == 412
    assert cast.operator.ask("PATCH", address, **{**broken, "etag": None}).status == 428
    assert cast.operator.ask("PATCH", address, **broken, media_type="text/plain").status == 412
    assert cast.operator.ask("PATCH", address, **{**broken, "etag": "*"}).status == 400
    assert cast.operator.patch(address, {"colour": "red"}, '"0-0"').status == 412
    assert cast.operator.delete(address, '"0-0"', wait=1000).status == 412


def test_a_tag_names_what_is_stored_and_not_what_is_derived(add: Add, operator: Rest) -> None:
    address = add("acme", deploy=False).headers["Location"]
    before = operator.get(address)
    operator.post(path("environments", "test", "releases"), wait=0)
    after = operator.get(address)
    assert (before.json["entries"][0]["in_force"], after.json["entries"][0]["in_force"]) == (False, True)
    assert after.etag == before.etag
    changed = operator.patch(address, {"description": "x"}, after.etag)
    assert changed.etag != before.etag
    assert operator.get(address).etag == changed.etag


def test_a_change_that_changes_nothing_keeps_the_tag(add: Add, operator: Rest) -> None:
    address = add("acme").headers["Location"]
    before = operator.get(address)
    assert operator.patch(address, {"name": "acme", "description": ""}, before.etag).etag == before.etag


def test_a_new_object_of_an_old_name_has_another_tag(add: Add, operator: Rest) -> None:
    old = add("acme").etag
    operator.delete(path("certificates", "acme"), wait=0)
    assert add("acme").etag != old
