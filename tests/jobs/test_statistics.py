"""SQLite knows how many rows there are, and takes the index that a long list is read by."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from tests.authority import Authority
from trustyard import models
from trustyard.actions.certificates_read import in_order
from trustyard.jobs import statistics
from trustyard.pki.certificates import read_certificate

pytestmark = pytest.mark.sqlite
CERTIFICATES = 300


def fill() -> None:
    place = models.Environment.objects.create(name="test", name_key="test")
    x509 = read_certificate(Authority("Example CA").issue("partner").der)
    names = [f"partner-{number:03d}" for number in range(CERTIFICATES)]
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
def uncounted(transactional_db: None) -> Iterator[None]:
    """No figures, neither of tests before this one nor for those that follow."""
    forget = "DROP TABLE IF EXISTS sqlite_stat1"
    connection.cursor().execute(forget)
    yield
    connection.cursor().execute(forget)


def plan() -> str:
    """How a page of the list by the ends of its certificates is read, by a connection that is opened for it."""
    connection.close()
    return in_order(models.Certificate.objects.all(), "valid_until")[:50].explain()


def test_a_sorted_page_is_read_by_its_index_instead_of_sorting_all_rows_once_they_are_counted(uncounted: None) -> None:
    fill()
    assert "TEMP B-TREE FOR ORDER BY" in plan()
    statistics.count()
    assert "TEMP B-TREE FOR ORDER BY" not in plan()
