"""Lists on PostgreSQL: each can be answered by indexes, however many certificates there are; plans, not times."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.authority import Authority
from trustyard import models
from trustyard.actions import (
    alike,
    audit,
    certificates_read,
    counting,
    delivery,
    figures,
    promotion,
    proofs,
    releases,
    searching,
)
from trustyard.actions import certificates as written
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Paste
from trustyard.api.paging import Paging, page, page_at_once
from trustyard.web.views.chains import shown

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="about PostgreSQL's plans"),
]
LARGE = "certificate|entry|storedcertificate|auditevent"
SHA256 = "ab" * 32


@pytest.fixture(autouse=True)
def _some() -> None:
    """A few certificates, and the planner told to avoid reading whole tables where it can."""
    authority = Authority("Plan CA")
    for number in range(5):
        given = [EntryGiven(("test",), f"alias {number}", Paste("BASE64PEM", authority.issue(f"partner {number}").pem))]
        written.create(LOCAL, [Definition(f"partner {number}", "", given)])
    releases.deploy(LOCAL, "test")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL enable_seqscan = off")


def read_whole(ask: Callable[[], Any]) -> list[str]:
    """The large tables that one of its queries cannot but read from end to end."""
    with CaptureQueriesContext(connection) as captured:
        ask()
    found = []
    for query in captured.captured_queries:
        if query["sql"].startswith(("SELECT", "(SELECT")):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {query['sql']}")
                plan = "\n".join(row[0] for row in cursor.fetchall())
            found += re.findall(rf"Seq Scan on trustyard_(?:{LARGE})\b", plan)
    return found


def listed(sort: str = "name", cursor: str | None = None, **filters: Any) -> Any:
    fits = certificates_read.fitting(LOCAL, **filters)
    rows, paging = certificates_read.in_order(fits.rows, sort), Paging(limit=2, cursor=cursor)
    return page_at_once("", rows, paging, certificates_read.certificates_json, fitting=fits.counted)


@pytest.mark.parametrize("sort", certificates_read.SORTS)
def test_each_order_and_a_page_behind_a_cursor_follow_an_index(sort: str) -> None:
    assert read_whole(lambda: listed(sort)) == []
    behind = listed(sort)["next"]
    assert read_whole(lambda: listed(sort, behind)) == []


@pytest.mark.parametrize(
    "filters",
    [
        {"environment": "test"}, *({"status": status} for status in certificates_read.STATUSES), {"expires_within": 30},
        {"connected_jwks": True}, {"q": "partner 3"}, {"q": "quetzalcoatl"}, {"q": SHA256}, {"q": SHA256[:40]},
        {"q": "0a:1b:2c"}, {"q": "partner", "environment": "test", "status": "valid"},
    ],
    ids=str,
)  # fmt: skip
def test_each_filter_and_each_search_is_answered_by_indexes(filters: dict[str, Any]) -> None:
    assert read_whole(lambda: listed(**filters)) == []


def test_a_certificate_finds_its_chain_and_its_likes_by_indexes() -> None:
    row = models.Certificate.objects.get(name="partner 4")
    assert read_whole(lambda: certificates_read.certificate_json(row)) == []
    more(3_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL enable_seqscan = on")
    entries = row.entries.select_related("x509", "environment")
    assert read_whole(lambda: shown(LOCAL, list(entries), timezone.now())) == []


def test_the_audit_and_what_the_jobs_ask_every_two_seconds_read_nothing_whole() -> None:
    for filters in ({}, {"by": "admin"}, {"action": "certificate.create"}, {"object_name": "partner 1"}):
        rows = audit.find(LOCAL, **filters)  # type: ignore[arg-type]  # all of them are text
        assert read_whole(lambda rows=rows: page("/audit", rows, Paging(limit=2), audit.event_json)) == []  # type: ignore[misc]  # bound at once
    for ask in (delivery.behind, proofs.wanted):
        assert read_whole(ask) == []


def test_ends_of_validity_are_counted_without_reading_certificates() -> None:
    more()
    models.StoredCertificate.objects.update(not_after=timezone.now() + timedelta(days=3))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        # As VACUUM would have left it, which cannot be run in here.
        cursor.execute("UPDATE pg_class SET relallvisible = relpages WHERE relname = 'trustyard_storedcertificate'")
    with CaptureQueriesContext(connection) as captured:
        figures.ends()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {captured.captured_queries[-1]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Only Scan using stored_ends" in plan


def test_a_count_of_many_stops_and_says_that_there_are_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def total(**filters: Any) -> counting.Counted:
        return counting.counted(certificates_read.fitting(LOCAL, **filters).counted)

    assert total(environment="test") == (5, False)
    monkeypatch.setattr(counting, "MOST", 3)
    monkeypatch.setattr(counting, "_whole", {})
    assert total(environment="test") == (4, True)
    assert total() == (5, False), "a whole list is counted to its end"
    given = [EntryGiven(("test",), "later", Paste("BASE64PEM", Authority("Later CA").issue("later").pem))]
    written.create(LOCAL, [Definition("later", "", given)])
    assert total().number == 6, "what was counted before is not said again"


def more(count: int = 500, place: str = "test", first: int = 0) -> None:
    """Certificates as those that are there, each with a key of its own."""
    (entry,) = models.Entry.objects.select_related("x509", "certificate", "environment")[:1]
    entry.environment = models.Environment.objects.get(name=place)
    x509s, certificates, entries = [], [], []
    for number in range(first, first + count):
        x509, certificate, own = copy(entry.x509), copy(entry.certificate), copy(entry)
        x509.sha256, x509.spki_sha256 = f"{number:064x}", f"{number:064x}"
        certificate.pk, certificate.name, certificate.name_key = None, f"more {number}", f"more {number}"
        own.pk, own.certificate, own.x509 = None, certificate, x509
        own.alias, own.alias_key = f"more {number}", f"more {number}"
        x509s.append(x509)
        certificates.append(certificate)
        entries.append(own)
    models.StoredCertificate.objects.bulk_create(x509s)
    models.Certificate.objects.bulk_create(certificates)
    models.Entry.objects.bulk_create(entries)


def rows_read(plan: dict[str, Any], *, but: str = "none") -> int:
    """By all of its scans but those of a kind."""
    is_scan = "Scan" in plan["Node Type"] and plan["Node Type"] != but
    own = plan["Actual Rows"] * plan["Actual Loops"] if is_scan else 0
    return int(own) + sum(rows_read(one, but=but) for one in plan.get("Plans", ()))


def test_a_search_that_fits_many_joins_no_more_of_them_than_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    more(5_000)
    for module in (counting, searching):
        monkeypatch.setattr(module, "MOST_OF_LARGE", 10)
    monkeypatch.setattr(searching, "ABOUT", 100)
    monkeypatch.setattr(counting, "LARGE", 10)
    monkeypatch.setattr(counting, "_large", {})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL enable_seqscan = on")
    with CaptureQueriesContext(connection) as captured:
        assert certificates_read.fitting(LOCAL, q="plan ca").counted == (11, True)
    (statement,) = (query["sql"] for query in captured.captured_queries if query["sql"].startswith("(SELECT"))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        (read,) = (rows_read(one["Plan"], but="Bitmap Index Scan") for one in cursor.fetchone()[0])
    assert read < 100


@pytest.mark.parametrize("statement", [alike._OF_KEYS, alike._CERTIFICATES_OF_KEYS, alike._OF_CERTIFICATES])
def test_a_plan_that_was_made_while_tables_were_small_reads_no_more_when_they_are_not(
    statement: dict[str, str],
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = on")
        cursor.execute("PREPARE asked(text[]) AS " + statement["postgresql"].replace("%s", "$1"))
        cursor.execute("EXECUTE asked('{}')")
        more()
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked(%s)", [[f"{7:064x}"]])
        (read,) = (rows_read(one["Plan"]) for one in cursor.fetchone()[0])
        cursor.execute("DEALLOCATE asked")
    assert read < 50


def test_a_promotion_of_many_looks_no_alias_up_by_the_index_for_searching() -> None:
    """Which can answer for equal texts too, a thousand of them in some ten seconds."""
    more(2_000)
    more(2_000, "production", first=2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL enable_seqscan = on")
    with CaptureQueriesContext(connection) as captured:
        promotion.preview(LOCAL, "production", source="test")
    plans = []
    with connection.cursor() as cursor:
        for query in captured.captured_queries:
            if query["sql"].startswith("SELECT"):
                cursor.execute(f"EXPLAIN {query['sql']}")
                plans += [row[0] for row in cursor.fetchall()]
    assert any("trustyard_entry" in line for line in plans)
    assert [line for line in plans if "trigrams" in line] == []


def test_no_index_of_a_large_table_does_what_another_does_as_well() -> None:
    """Each costs every save its writing, and a million certificates some 100 MB."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT less.indexrelid::regclass::text FROM pg_index less JOIN pg_index more
            ON more.indrelid = less.indrelid AND more.indexrelid <> less.indexrelid
            AND (more.indkey::text || ' ') LIKE (less.indkey::text || ' %%')
            AND (more.indclass::text || ' ') LIKE (less.indclass::text || ' %%')
            WHERE NOT less.indisunique AND less.indpred IS NULL AND more.indpred IS NULL
            AND less.indrelid::regclass::text ~ %s
            """,
            [f"^trustyard_({LARGE})$"],
        )
        assert cursor.fetchall() == []
        cursor.execute(r"SELECT tablename, indexdef FROM pg_indexes WHERE indexname LIKE 'trustyard\_%\_like'")
        for_like = {re.sub(r".*\((\w+) .*", rf"{table}.\1", definition) for table, definition in cursor.fetchall()}
    sought = {"trustyard_entry.x509_id", "trustyard_storedcertificate.sha256", "trustyard_storedcertificate.sha1"}
    assert {one for one in for_like if re.match(f"trustyard_({LARGE})[.]", one)} == sought
