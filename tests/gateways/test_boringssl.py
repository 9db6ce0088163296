"""Which certificates are left out because Envoy cannot read them; tests/live asks Envoy itself about the same ones."""

from __future__ import annotations

from tests.pki.odd import LEFT_OUT_TOO, READ, UNREAD
from trustyard.gateways.looks import look


def test_a_certificate_is_left_out_exactly_where_envoy_could_not_read_it() -> None:
    every = {**READ, **UNREAD, **LEFT_OUT_TOO}
    assert {said for said, data in every.items() if not look(data).by_envoy} == {*UNREAD, *LEFT_OUT_TOO}
