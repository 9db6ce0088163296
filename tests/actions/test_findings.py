"""Findings that need the store: doubles, shared keys, issuers that are missing."""

from __future__ import annotations

import gc
import re
import tracemalloc
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.pki.worst import with_names
from tests.tls_servers import Ca, Issued, new_key
from trustyard import models
from trustyard.actions import certificates, environments, findings, truststores
from trustyard.actions.alike import MOST, NAMED
from trustyard.actions.certificates import Definition, EntryGiven, Saved
from trustyard.actions.certificates_read import certificate_json, certificates_json
from trustyard.pki.certificates import read_certificate

from .conftest import ADMIN, fresh, pem

pytestmark = pytest.mark.django_db

Add = Callable[..., Saved]


def said(saved: Saved, environment: str = "test") -> dict[str, str]:
    """Code to sentence, of the entry in one environment."""
    json = certificate_json(fresh(saved.certificate))
    [entry] = [one for one in json["entries"] if one["environment"] == environment]
    return {one["code"]: one["message"] for one in entry["findings"]}


def test_a_certificate_alone_has_nothing_beside_it(add: Add) -> None:
    assert said(add("acme", "test", "production", issued=Ca.new("Acme CA", days=4000))) == {}


def test_the_same_certificate_twice_in_an_environment_is_named_on_both(add: Add) -> None:
    issued = Ca.new("Acme CA", days=4000)
    one, other = add("acme", issued=issued), add("again", "test", "production", issued=issued, alias="acme 2")
    assert said(one) == {"duplicate": "The same certificate is in test as acme 2 (certificate again) too."}
    assert "as acme (certificate acme)" in said(other)["duplicate"]
    assert said(other, "production") == {}
    certificates.revoke(ADMIN, "again", "test", reason="double")
    assert said(one) == {}, "what is revoked is not trusted"


def test_the_same_certificate_in_the_root_set_is_named_until_it_is_denied(add: Add) -> None:
    issued = Ca.new("Acme CA", days=4000)
    saved = add("acme", "test", "production", issued=issued)
    environments.update(ADMIN, "test", if_match="*", root_set=issued.cert_pem)
    assert said(saved) == {"in-root-set": "The same certificate is in the root set of test too."}
    assert said(saved, "production") == {}
    environments.update(ADMIN, "test", if_match="*", deny_list=[issued.sha256])
    assert said(saved) == {}


def test_what_is_found_is_told_worst_first_whether_it_lasts_passes_or_stands_beside(add: Add, ca: Ca) -> None:
    issued = ca.issue("host.example", start=timezone.now() - timedelta(days=80), days=90)
    one = add("acme", issued=issued)
    add("again", issued=issued, alias="acme 2")
    assert list(said(one)) == ["expiring", "san-missing", "duplicate", "not-a-ca"]


def test_another_certificate_of_the_same_key_is_named_wherever_it_is(add: Add, ca: Ca) -> None:
    key = new_key()
    one = add("old", issued=ca.issue("partner", private=key))
    other = add("new", "production", issued=ca.issue("partner", private=key))
    assert said(one)["same-key"] == "Its key is in other certificates too: new in production (certificate new)."
    assert "old in test" in said(other, "production")["same-key"]


def test_of_many_certificates_of_one_key_some_are_named_and_all_are_counted(add: Add, ca: Ca) -> None:
    key = new_key()
    saved = [add(f"partner {number}", issued=ca.issue(f"partner {number}", private=key)) for number in range(9)]
    words = said(saved[0])["same-key"]
    assert "partner 0" not in words
    assert [f"partner {number} in test" in words for number in range(1, 9)] == [True] * 5 + [False] * 3
    assert words.endswith(" and 3 more.")


def test_a_certificate_of_its_key_in_many_environments_is_counted_wherever_it_is(add: Add, ca: Ca) -> None:
    key = new_key()
    places = [f"site {number}" for number in range(NAMED + 2)]
    for place in places:
        environments.create(ADMIN, name=place)
    one = add("old", issued=ca.issue("device", private=key))
    add("new", *places, issued=ca.issue("device", private=key))
    assert said(one)["same-key"].endswith("new in site 4 (certificate new) and 2 more.")


def test_of_a_key_of_thousands_a_few_are_named_and_doubles_are_still_found(add: Add, ca: Ca) -> None:
    key = new_key()
    issued = [ca.issue(f"device {number}", private=key) for number in range(MOST + 2)]
    saved = [add(f"device {number}", issued=one) for number, one in enumerate(issued)]
    add("again", issued=issued[0])
    found = said(saved[0])
    assert found["same-key"].count(" in test (certificate device ") == NAMED
    assert re.search(r" and over 1[345] more\.$", found["same-key"]), found  # those met
    assert found["duplicate"] == "The same certificate is in test as again (certificate again) too."


def test_a_certificate_in_many_environments_does_not_hide_another_of_its_key(add: Add, ca: Ca) -> None:
    key = new_key()
    places = [f"site {number}" for number in range(MOST + 1)]
    for place in places:
        environments.create(ADMIN, name=place)
    one = add("everywhere", *places, issued=ca.issue("device", private=key))
    add("renewed", issued=ca.issue("device", private=key))
    words = said(one, places[0])["same-key"]
    assert words == "Its key is in other certificates too: renewed in test (certificate renewed)."


def test_an_intermediate_without_its_root_is_said_to_lack_it(add: Add) -> None:
    """Rule 2 of the gateways: HAProxy and nginx accept nobody by it."""
    root = Ca.new("Acme Root", days=4000)
    saved = add("acme", "test", "production", issued=root.subordinate("Acme Issuing", days=4000))
    assert said(saved)["issuer-missing"] == "Its issuer “CN=Acme Root” is not in the truststore of test."
    of_it = add("root", issued=root)
    assert "issuer-missing" not in said(saved)
    assert "issuer-missing" in said(saved, "production")
    environments.update(ADMIN, "production", if_match="*", root_set=root.cert_pem)
    assert "issuer-missing" not in said(saved, "production")
    certificates.revoke(ADMIN, "root", "test", reason="ceased")
    assert "issuer-missing" in said(saved), "what is revoked is not trusted"
    assert said(of_it) == {}, "a root lacks nobody"


def test_a_longer_list_asks_the_database_no_more(add: Add, ca: Ca) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            certificates_json(list(models.Certificate.objects.all()))
        return len(queries)

    root = Ca.new("Acme Root")
    add("the first", "test", "production", issued=root.subordinate("Issuing"))
    few = count()
    for number in range(8):
        add(f"next {number}", "test", "production", issued=root.subordinate(f"Issuing {number}"))
    assert count() == few


def test_the_truststore_forgets_what_passes_with_time(add: Add, ca: Ca, monkeypatch: pytest.MonkeyPatch) -> None:
    add("acme", issued=ca.issue("acme", days=90))
    now = timezone.now()

    def codes() -> list[str]:
        [row] = truststores.rows(ADMIN, "test")
        return [one["code"] for one in row["findings"]]

    lasting = ["san-missing", "not-a-ca"]
    assert codes() == lasting
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(days=80))
    assert codes() == ["expiring", *lasting]
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(days=91))
    assert codes() == ["expired", *lasting]
    monkeypatch.setattr(timezone, "now", lambda: now)
    assert codes() == lasting


def test_the_worst_of_several_marks_a_row_whatever_the_moment() -> None:
    fine, weak, ended = Ca.new("Fine", days=4000), Ca.new("Weak", key="rsa1024", days=4000), Ca.new("Ended", days=0)

    def mark(*made: Issued) -> str | None:
        return findings.mark(models.StoredCertificate.of(read_certificate(one.cert_der)) for one in made)

    assert mark(fine, ended) is None, "that it ended is a status already"
    odd = fine.issue("no-alternative-name.example")
    assert (mark(fine, odd), mark(odd, weak), mark(weak, fine)) == ("warning", "error", "error")


@pytest.mark.django_db(transaction=True)
def test_the_migration_fills_the_key_of_what_is_stored_already() -> None:
    """What an older version stored is found by its key too."""
    key = new_key()
    root = Ca.new("Acme")
    entry = EntryGiven(("test",), "acme", pem(root.issue("acme", private=key)))
    certificates.create(ADMIN, [Definition("acme", "", [entry])])
    before, after = (
        [("trustyard", "0002_receipt_proof")],
        MigrationExecutor(connection).loader.graph.leaf_nodes("trustyard"),
    )
    wanted = dict(models.StoredCertificate.objects.values_list("pk", "spki_sha256"))
    MigrationExecutor(connection).migrate(before)
    MigrationExecutor(connection).migrate(after)
    assert dict(models.StoredCertificate.objects.values_list("pk", "spki_sha256")) == wanted
    assert all(wanted.values())


def test_large_certificates_are_not_remembered_with_all_that_was_read_of_them() -> None:
    """An hour of saving such ones would fill the memory of the server."""
    tracemalloc.start()
    try:
        for number in range(5):
            findings.facts(models.StoredCertificate(der=with_names(5_000 + number)).read())
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
