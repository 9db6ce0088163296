"""The snippets of docs/gateways/envoy.md, put where the manual says, in a real Envoy."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.live.envoy import REFUSED, Envoy, request
from tests.live.stage import Stage, add_jwt, ask, listeners, validation
from tests.live.test_envoy_delivery import settled
from tests.xds.memory import ControlPlane


def test_the_snippets_of_the_manual_work_as_written(root: Path, tmp_path: Path) -> None:
    manual = (root / "docs/gateways/envoy.md").read_text()
    mtls, jwt = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL))
    stage = Stage(tmp_path)
    with ControlPlane() as plane:
        config = stage.config(plane.port, plane.store.add())
        common = validation(listeners(config)[0])
        deny_all = common["combined_validation_context"]["default_validation_context"]
        common |= mtls
        common["combined_validation_context"]["default_validation_context"] = deny_all
        add_jwt(config)
        manager = listeners(config)[1]["filter_chains"][0]["filters"][0]["typed_config"]
        manager["http_filters"][0] = jwt
        plane.store.release({"acme": stage.partner.der, "other": stage.stranger.der})
        with Envoy(config, tmp_path) as envoy:
            settled(plane)
            assert request(envoy.port(), stage.partner_cert) == 200
            assert request(envoy.port(), stage.stranger_cert) == REFUSED
            assert ask(envoy.port("jwt")) == 401
