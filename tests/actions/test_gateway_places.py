"""Places of the machine: no gateway writes where one of another environment does, whatever its kind."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from trustyard import models
from trustyard.actions import gateways
from trustyard.errors import Conflict, Refused
from trustyard.gateways.places import Root

from .conftest import ADMIN, TEST_OPERATOR


def open_to_gateways(monkeypatch: pytest.MonkeyPatch, folder: Path, *roots: Root) -> None:
    configuration = dataclasses.replace(settings.TRUSTYARD, data_dir=folder / "data", files_roots=roots)
    monkeypatch.setattr(settings, "TRUSTYARD", configuration)


@pytest.fixture
def srv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder under which gateways of every environment may write."""
    open_to_gateways(monkeypatch, tmp_path, Root(tmp_path))
    return tmp_path


def files(environment: str, folder: Path | None, actor: Any = ADMIN, name: str = "files") -> models.Gateway:
    options = {"directory": str(folder)} if folder else {}
    return gateways.create(actor, environment, name=name, kind="files", options=options)


def haproxy(
    environment: str, socket: object, ca_file: Path, actor: Any = ADMIN, name: str = "haproxy"
) -> models.Gateway:
    options = {"socket": str(socket), "ca_file": str(ca_file)}
    return gateways.create(actor, environment, name=name, kind="haproxy", options=options)


def refused(field: str, call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(Conflict) as caught:
        call(*arguments)
    assert caught.value.code == "directory-taken"
    assert [one.field for one in caught.value.fields] == [f"options.{field}"]
    return caught.value.sentence


def test_a_ca_file_inside_the_folder_of_another_environment_s_gateway_is_taken(srv: Path) -> None:
    """Else an operator of test alone could make production's HAProxy trust what test trusts."""
    files("production", srv / "production")
    ca_file = srv / "production" / "current" / "used.pem"
    said = refused("ca_file", haproxy, "test", "127.0.0.1:9999", ca_file, TEST_OPERATOR)
    taken = f"{srv / 'production'}, which is taken by the gateway files of production; name another place."
    assert said == f"{ca_file} lies in {taken}"
    assert refused("directory", files, "test", srv, TEST_OPERATOR) == f"{srv} holds {taken}"
    haproxy("production", "127.0.0.1:9999", ca_file)


def test_the_folder_that_an_environment_has_in_the_data_directory_is_taken_too(srv: Path) -> None:
    files("production", None)
    said = refused("directory", files, "production", None, ADMIN, "second")
    assert said == "The environment's own folder is taken by the gateway files of production; name a directory."
    folder = srv / "data" / "environments" / "production"
    refused("ca_file", haproxy, "test", "127.0.0.1:9999", folder / "current" / "used.pem", TEST_OPERATOR)
    refused("directory", files, "test", folder, TEST_OPERATOR)


def test_a_folder_around_another_environment_s_or_inside_it_is_taken(srv: Path) -> None:
    files("production", srv / "production")
    haproxy("production", srv / "admin.sock", srv / "haproxy" / "clients.pem")
    for folder in ("production", "production/releases", ".", "haproxy"):
        refused("directory", files, "test", srv / folder, TEST_OPERATOR)
    files("production", srv / "production" / "more", name="more")  # harms nobody else


def test_a_ca_file_by_another_name_is_the_same_ca_file(srv: Path) -> None:
    haproxy("production", srv / "admin.sock", srv / "clients.pem")
    (srv / "link").symlink_to(srv)
    refused("ca_file", haproxy, "test", srv / "other.sock", srv / "link" / "clients.pem", TEST_OPERATOR)
    refused("ca_file", haproxy, "test", srv / "other.sock", srv / "x" / ".." / "clients.pem", TEST_OPERATOR)


@pytest.mark.parametrize(("theirs", "ours"), [("SRV/admin.sock", "SRV/./admin.sock"), ("127.0.0.1:9999", "[::1]:9999")])
def test_who_operates_test_alone_does_not_speak_with_production_s_haproxy(srv: Path, theirs: str, ours: str) -> None:
    theirs, ours = theirs.replace("SRV", str(srv)), ours.replace("SRV", str(srv))
    haproxy("production", theirs, srv / "production.pem")
    said = refused("socket", haproxy, "test", ours, srv / "test.pem", TEST_OPERATOR)
    assert said.endswith("Somebody who operates both environments may name it in both.")
    # One HAProxy with a listener for each environment is somebody's who may do both.
    row = haproxy("test", ours, srv / "test.pem", ADMIN)
    options = {**row.options, "include": "all"}
    row = gateways.update(TEST_OPERATOR, "test", row.name, if_match=row.etag, options=options)
    assert row.options["include"] == "all"
    moved = {**options, "ca_file": str(srv / "unmanaged.pem")}
    with pytest.raises(Conflict):
        gateways.update(TEST_OPERATOR, "test", row.name, if_match=row.etag, options=moved)


def test_one_haproxy_of_an_environment_has_several_ca_files_and_each_ca_file_one_gateway(srv: Path) -> None:
    haproxy("test", srv / "admin.sock", srv / "one.pem")
    haproxy("test", srv / "admin.sock", srv / "two.pem", name="two")
    refused("ca_file", haproxy, "test", srv / "admin.sock", srv / "two.pem", ADMIN, "three")


def test_a_root_of_one_environment_is_open_to_its_gateways_alone_also_inside_a_common_one(
    srv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = (Root(srv / "common"), Root(srv / "common" / "prod", "Production"), Root(srv / "test", "test"))
    open_to_gateways(monkeypatch, srv, *roots)
    with pytest.raises(Refused, match=rf"that is open to test \({srv}/common, {srv}/test\)"):
        files("test", srv / "common" / "prod")
    with pytest.raises(Refused):
        files("production", srv / "test" / "x")
    files("test", srv / "test" / "x")
    files("production", srv / "common" / "prod" / "x")
    files("production", srv / "common" / "x", name="more")


def test_nothing_is_locked_while_the_disk_is_looked_at(srv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder on a network mount that hangs would hold up every deploy."""
    files("production", srv / "production")
    seen: list[str] = []

    def told(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        seen.append(sql.split()[0])
        return execute(sql, *rest)

    look = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda *given, **more: seen.append("look") or look(*given, **more))
    with connection.execute_wrapper(told):
        row = files("test", srv / "test")
        gateways.update(ADMIN, "test", "files", if_match=row.etag, options={"directory": str(srv / "else")})
    outside, depth = [], 0
    for one in seen:
        depth += (one == "SAVEPOINT") - (one == "RELEASE")
        if one == "look":
            outside.append(depth == 0)
    assert len(outside) > 4
    assert all(outside)
