"""One certificate under two aliases of an environment: whoever revokes or adds one of them is told of the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.actions.conftest import ADMIN, fresh, pem
from tests.tls_servers import Ca
from trustyard.actions import certificates, environments
from trustyard.actions.certificates import EntryGiven, Saved

pytestmark = pytest.mark.django_db
Add = Callable[..., Saved]


def told(saved: Saved) -> list[tuple[str, str]]:
    return [(notice.code, notice.message) for notice in saved.notices]


def test_a_revocation_names_what_still_trusts_the_certificate(add: Add) -> None:
    issued = Ca.new("Acme CA", days=4000)
    add("acme", "test", "production", issued=issued)
    add("again", "test", issued=issued, alias="acme 2")
    environments.update(ADMIN, "test", if_match="*", root_set=issued.cert_pem)
    still = "The same certificate is still trusted in test, as"
    assert told(certificates.revoke(ADMIN, "acme", "test", reason="keyCompromise")) == [
        ("still-trusted", f"{still} acme 2 (certificate again): revoke it there too."),
        ("still-trusted", f"{still} a root of its root set: put it on the deny list too."),
    ]
    environments.update(ADMIN, "test", if_match="*", deny_list=[issued.sha256])
    assert told(certificates.revoke(ADMIN, "again", "test", reason="keyCompromise")) == []
    assert told(certificates.revoke(ADMIN, "acme", "production", reason="keyCompromise")) == []


def test_whoever_takes_in_what_is_revoked_there_is_told(add: Add) -> None:
    ca = Ca.new("Acme CA", days=4000)
    add("acme", "test", "production", issued=ca)
    certificates.revoke(ADMIN, "acme", "test", reason="keyCompromise")
    again = add("again", "test", "production", issued=ca, alias="acme 2")
    there = [("revoked-there", "The same certificate is revoked in test as acme (certificate acme).")]
    assert told(again) == there
    other = add("other", "test", issued=Ca.new("Other CA", days=4000))
    assert told(other) == []
    given = [EntryGiven(("test",), None, pem(ca))]
    updated = certificates.update(ADMIN, "other", if_match=fresh(other.certificate).etag, entries=given)
    assert told(updated) == there
    # One's own revocation ends with another certificate, and is no other's.
    renewed = [EntryGiven(("test",), None, pem(Ca.new("Acme CA 2", days=4000)))]
    assert told(certificates.update(ADMIN, "acme", if_match="*", entries=renewed)) == []
