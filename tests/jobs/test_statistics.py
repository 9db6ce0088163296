"""SQLite knows how many rows there are, and takes the index that a long list is read by."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tests.authority import Authority
from trustyard import models
from trustyard.actions import alike
from trustyard.actions.certificates_read import in_order
from trustyard.jobs import statistics
from trustyard.jobs.statistics import Statistics
from trustyard.pki.certificates import read_certificate

pytestmark = pytest.mark.sqlite
FEW = 100
SORTS = "TEMP B-TREE FOR ORDER BY"


def fill(count: int, first: int = 0) -> None:
    place, _ = models.Environment.objects.get_or_create(name="test", name_key="test")
    x509 = read_certificate(Authority("Example CA").issue("partner").der)
    names = [f"partner-{number:03d}" for number in range(first, first + count)]
    models.StoredCertificate.keep_all([x509])
    certificates = models.Certificate.objects.bulk_create(models.Certificate(name=n, name_key=n) for n in names)
    models.Entry.objects.bulk_create(
        models.Entry(
            certificate=one,
            environment=place,
            alias=one.name,
            alias_key=one.name,
            source_kind="file",
            x509_id=x509.sha256,
        )
        for one in certificates
    )


@pytest.fixture
def uncounted(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No figures, neither of tests before this one nor for those that follow, and numbers that begin with 1."""
    monkeypatch.setattr(statistics, "FEW", FEW)
    forget = "DROP TABLE IF EXISTS sqlite_stat1"
    connection.cursor().execute(forget)
    connection.cursor().execute("DELETE FROM sqlite_sequence")
    yield
    connection.cursor().execute(forget)


def has_figures() -> bool:
    return bool(connection.cursor().execute("SELECT name FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchall())


def plan(rows: int) -> str:
    """How so many rows of the list by the ends of certificates are read. Plans, unlike answers, are never made anew."""
    models.Environment.objects.count()  # what a connection knows is as old as what it asked last
    return in_order(models.Certificate.objects.all(), "valid_until")[:rows].explain()


def test_a_sorted_page_is_read_by_its_index_instead_of_sorting_all_rows_once_they_are_counted(uncounted: None) -> None:
    fill(3 * FEW)
    with ThreadPoolExecutor(1) as another:  # whose connection is open all the time
        assert SORTS in another.submit(plan, 50).result()
        Statistics().look()
        assert SORTS not in another.submit(plan, 51).result()
        another.submit(lambda: connection.close()).result()
    assert SORTS not in plan(52)


def test_a_few_rows_have_no_figures_which_would_be_wrong_once_there_are_many(uncounted: None) -> None:
    fill(FEW // 2)
    connection.cursor().execute("ANALYZE")  # as a state of before did at its start
    looks = Statistics()
    looks.look()
    assert not has_figures()
    fill(3 * FEW, first=FEW)
    looks.look()
    assert has_figures()


def test_what_has_grown_is_counted_anew(uncounted: None) -> None:
    def counted() -> int:
        rows = connection.cursor().execute("SELECT stat FROM sqlite_stat1 WHERE tbl = 'trustyard_certificate'")
        return int(rows.fetchone()[0].split()[0])

    looks = Statistics()
    fill(2 * FEW)
    looks.look()
    known = counted()
    fill(FEW, first=2 * FEW)
    looks.look()
    assert counted() == known, "half as many more change no plan"
    fill(3 * FEW, first=3 * FEW)
    looks.look()
    assert counted() > known


def test_others_of_a_key_are_looked_up_by_it_whatever_was_counted_before(uncounted: None) -> None:
    for name in ("test", "production"):
        models.Environment.objects.create(name=name, name_key=name)
    connection.cursor().execute("ANALYZE")  # as a state of before did at its first start
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {alike._OF_KEYS['sqlite']}", ["[]"])
        steps = [step for *_, step in cursor.fetchall()]
    assert [step for step in steps if step.startswith("SCAN") and "asked" not in step] == []
