"""The secret key made another while people are signed in and gateways are out there."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import httpx
import pytest
from allauth.mfa.models import Authenticator

from tests.server.serving import Serving, run, sign_in
from trustyard import models
from trustyard.actions import environments, gateway_tokens, gateways
from trustyard.actions.actors import LOCAL
from trustyard.actions.gateway_tokens import AGENT, XDS
from trustyard.errors import Conflict, Refused
from trustyard.server import secretkey
from trustyard.server.accounts import SecondFactorAdapter
from trustyard.server.configuration import Configuration
from trustyard.server.datadir import prepare, write_secret
from trustyard.server.sealing import seal_again


@pytest.mark.timeout(240)
def test_nobody_is_signed_out_by_a_rotation_and_everybody_when_the_earlier_key_is_forgotten(tmp_path: Path) -> None:
    data = tmp_path / "data"
    run(data, "token", "create", "first")
    assert "no earlier secret key" in run(data, "secret", "forget", code=1).stderr
    with httpx.Client(trust_env=False, timeout=30) as browser:
        with Serving(data) as server:
            assert sign_in(browser, server.url)
            run(data, "secret", "rotate")
            assert browser.get(f"{server.url}/certificates/").status_code == 200, "a server that runs goes on"
        assert len((data / "secret-key").read_text().splitlines()) == 2
        assert (data / "secret-key").stat().st_mode & 0o777 == 0o600
        with Serving(data) as server:
            assert browser.get(f"{server.url}/certificates/").status_code == 200
        run(data, "secret", "rotate")  # whoever has not come by since then is signed out when both are forgotten
        run(data, "secret", "forget")
        with Serving(data) as server:
            assert browser.get(f"{server.url}/certificates/").status_code == 302
            with server.client() as client:
                actions = [one["action"] for one in client.get("/api/v1/audit").json()["items"]]
    assert [action for action in actions if action.startswith("secret")] == [
        "secret.forget", "secret.rotate", "secret.rotate",
    ]  # fmt: skip


@pytest.mark.django_db
def test_blank_lines_in_the_file_are_no_keys(tmp_path: Path) -> None:
    file = tmp_path / "secret-key"
    file.write_text("\nnew\n\n")
    configuration = Configuration.from_environment({"TRUSTYARD_DATA_DIR": str(tmp_path)})
    with pytest.raises(Conflict, match="no earlier secret key"):
        secretkey.forget(configuration)
    file.write_text("\nnew\n\nold")
    assert secretkey.forget(configuration) == 1
    assert file.read_text() == "new\n"
    assert secretkey.rotate(configuration) == 1
    assert file.read_text().endswith("\nnew\n")


@pytest.mark.django_db
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_key_that_root_rotates_is_still_read_by_the_user_of_the_server(tmp_path: Path) -> None:
    file = tmp_path / "secret-key"
    for mode in (0o600, 0o640):
        file.write_text("old\n")
        os.chown(file, 65534, 65533)
        file.chmod(mode)
        secretkey.rotate(Configuration.from_environment({"TRUSTYARD_DATA_DIR": str(tmp_path)}))
        found = file.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (65534, 65533, mode)


@pytest.mark.django_db
def test_a_key_file_that_cannot_be_written_is_named_with_what_to_do_by_hand(tmp_path: Path) -> None:
    file = tmp_path / ("k" * 255)  # none with a longer name fits beside it
    file.write_text(f"{'n' * 40}\n{'o' * 40}\n")
    given = {"TRUSTYARD_DATA_DIR": str(tmp_path / "data"), "TRUSTYARD_SECRET_KEY_FILE": str(file)}
    configuration = Configuration.from_environment(given)
    for change, advice in ((secretkey.rotate, "as the first line yourself"), (secretkey.forget, "All else is done")):
        with pytest.raises(Refused, match=str(file)) as caught:
            change(configuration)
        assert caught.value.code == "secret-key-file"
        assert advice in caught.value.advice
    assert len(file.read_text().splitlines()) == 2


def test_a_disk_that_is_full_is_left_no_half_of_a_key(tmp_path: Path) -> None:
    configuration = Configuration.from_environment({"TRUSTYARD_DATA_DIR": str(tmp_path)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(Refused, match="File too large"):
            prepare(configuration)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
    prepare(configuration)
    assert len(configuration.secret_key) > 40


def test_a_key_that_cannot_take_the_place_of_its_file_is_not_left_beside_it(tmp_path: Path) -> None:
    (tmp_path / "secret-key").mkdir()  # as a file that is mounted by itself, it cannot be renamed over
    configuration = Configuration.from_environment({"TRUSTYARD_DATA_DIR": str(tmp_path)})
    with pytest.raises(Refused, match="cannot be written: Is a directory"):
        write_secret(configuration, b"a new key", otherwise="Do it yourself.")
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


@pytest.mark.django_db
def test_second_factors_outlive_the_key_that_they_were_sealed_with(settings: Any) -> None:
    user = models.User.objects.create(username="ida")
    factors = SecondFactorAdapter()
    sealed = {"secret": factors.encrypt("JBSWY3DPEHPK3PXP"), "other": "as it is"}
    row = Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data=sealed)
    codes = {"seed": factors.encrypt("seed"), "migrated_codes": [factors.encrypt("code"), "sealed with a lost key"]}
    spare = Authenticator.objects.create(user=user, type=Authenticator.Type.RECOVERY_CODES, data=codes)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [settings.SECRET_KEY]
    seal_again()
    settings.SECRET_KEY_FALLBACKS = []
    row.refresh_from_db()
    assert factors.decrypt(row.data["secret"]) == "JBSWY3DPEHPK3PXP"
    assert row.data["other"] == "as it is"
    spare.refresh_from_db()
    assert factors.decrypt(spare.data["seed"]) == "seed"
    assert factors.decrypt(spare.data["migrated_codes"][0]) == "code"
    assert spare.data["migrated_codes"][1] == "sealed with a lost key"


@pytest.mark.django_db
def test_a_gateways_token_of_the_earlier_key_opens_until_it_is_forgotten(settings: Any) -> None:
    place = models.Environment.objects.create(name="test", name_key="test")
    edge = models.Gateway.objects.create(environment=place, name="edge", name_key="edge", kind="envoy")
    old = gateway_tokens.token_of(edge, XDS)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [settings.SECRET_KEY]
    new = gateway_tokens.token_of(edge, XDS)
    assert new != old
    assert gateway_tokens.holders([old, new], XDS) == {old: edge, new: edge}
    assert gateway_tokens.holders([old], AGENT) == {}
    edge.token_generation += 1
    edge.save()
    assert gateway_tokens.holders([old], XDS) == {}, "an ended token stays ended"
    edge.token_generation -= 1
    edge.save()
    settings.SECRET_KEY_FALLBACKS = []
    assert gateway_tokens.holders([old, new], XDS) == {new: edge}


@pytest.mark.django_db
def test_no_token_of_a_gateway_comes_again_when_a_restore_takes_its_row_back() -> None:
    environments.create(LOCAL, name="test")
    edge = gateways.create(LOCAL, "test", name="edge", kind="envoy")
    lost = [gateway_tokens.token_of(gateways.rotate_token(LOCAL, "test", "edge"), XDS) for _ in range(3)]
    edge.save()  # as it was in the backup
    lost.append(gateway_tokens.token_of(gateways.create(LOCAL, "test", name="late", kind="envoy"), XDS))
    number = models.Gateway.objects.get(name="late").pk
    models.Gateway.objects.get(name="late").delete()
    gateways.create(LOCAL, "test", name="other", kind="envoy")
    models.Gateway.objects.filter(name="other").update(id=number)  # which the backup did not know as given out
    rotated = gateways.rotate_token(LOCAL, "test", "edge")
    assert gateway_tokens.holders(lost, XDS) == {}
    assert gateway_tokens.holders([gateway_tokens.token_of(rotated, XDS)], XDS) != {}
