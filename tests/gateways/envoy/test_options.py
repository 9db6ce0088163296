"""What may be said of a gateway of kind `envoy`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trustyard.gateways.envoy.options import EnvoyOptions


def test_an_issuer_covers_every_path_and_any_audience_unless_said() -> None:
    (issuer,) = EnvoyOptions.model_validate({"issuers": [{"issuer": "https://a.test"}]}).issuers
    assert (issuer.prefix, issuer.audiences) == ("/", ())


@pytest.mark.parametrize(
    "options",
    [
        {"issuer": []},
        {"issuers": [{}]},
        {"issuers": [{"issuer": ""}]},
        {"issuers": [{"issuer": "a", "prefix": "shop"}]},
        {"issuers": [{"issuer": "a", "audiences": [""]}]},
        {"issuers": [{"issuer": "a", "secret": "x"}]},
    ],
)
def test_what_is_not_known_or_makes_no_sense_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EnvoyOptions.model_validate(options)
