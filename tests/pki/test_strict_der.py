"""Certificates that break rules are read as they are, and what is not in DER is told apart."""

from __future__ import annotations

import pytest

from tests.pki.handmade import certificate
from tests.pki.odd import LEFT_OUT_TOO, READ, UNREAD
from tests.tls_servers import Ca
from trustyard.pki.certificates import read_certificate
from trustyard.pki.strict_der import is_der

ODD = {**READ, **UNREAD, **LEFT_OUT_TOO}


def test_a_certificate_that_keeps_the_rules_is_in_der() -> None:
    for data in (certificate(), Ca.new("Test CA").issue("leaf.test", dns=["leaf.test"]).cert_der):
        assert is_der(read_certificate(data).structure())


@pytest.mark.parametrize("said", ODD)
def test_what_breaks_a_rule_is_read_and_only_ber_is_not_in_der(said: str) -> None:
    read = read_certificate(ODD[said])
    assert read.der == ODD[said]
    assert is_der(read.structure()) is not said.startswith("BER")
