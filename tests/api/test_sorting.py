"""Lists by name: whatever collation the database has, a walk with cursors meets each row once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from django.db import connection

from trustyard import models
from trustyard.pki.names import fold

from .conftest import Cast
from .rest import Rest, path

LETTERS = (*"abzABZıIİişsSßéeEΩя1_", "A b", "B-a", "-a")
NAMES = {fold(f"{one}{other}"): f"{one}{other}" for one, other in itertools.product(LETTERS, ("", "x", "İ"))}


@pytest.fixture
def names(cast: Cast) -> dict[str, str]:
    models.Certificate.objects.bulk_create(models.Certificate(name=name, name_key=key) for key, name in NAMES.items())
    return NAMES


def walked(rest: Rest, sort: str, limit: int) -> Iterator[str]:
    cursor = None
    while True:
        page = rest.get(path("certificates"), sort=sort, limit=limit, cursor=cursor).json
        yield from (one["name"] for one in page["items"])
        cursor = page["next"]
        if cursor is None:
            return


def test_names_stand_in_the_order_of_their_characters_and_case_does_not_count(
    cast: Cast, names: dict[str, str]
) -> None:
    """On SQLite, and on a PostgreSQL whose locale is C.UTF-8 as the manual says."""
    in_order = [names[key] for key in sorted(names)]
    assert list(walked(cast.viewer, "name", 7)) == in_order
    assert list(walked(cast.viewer, "-name", 500)) == in_order[::-1]


@pytest.mark.postgresql
@pytest.mark.parametrize("collation", ["tr-x-icu", "en-US-x-icu", "de-x-icu", "und-x-icu"])
@pytest.mark.parametrize("sort", ["name", "-name", "-changed"])
def test_a_walk_meets_each_row_once_in_the_order_of_any_language(
    cast: Cast, names: dict[str, str], collation: str, sort: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            f'ALTER TABLE trustyard_certificate ALTER COLUMN name_key TYPE varchar(300) COLLATE "{collation}"'
        )
    met = list(walked(cast.viewer, sort, 3))
    assert sorted(met) == sorted(names.values())
    assert met == list(walked(cast.viewer, sort, 500))
