"""Filters and searches find in a table of very many rows what they find in any other, though they ask otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.tls_servers import Ca
from trustyard.actions import certificates, certificates_read, counting, environments, jwks, narrowing, searching
from trustyard.actions.certificates import Saved
from trustyard.actions.counting import Counted
from trustyard.actions.jwks import FromCertificate

from .conftest import ADMIN

Add = Callable[..., Saved]
FILTERS: list[dict[str, Any]] = [
    {"q": "actions test ca"},  # many
    {"q": "one"},  # few
    {"q": "one", "environment": "test"},
    {"q": "actions test ca", "environment": "production"},
    {"q": "actions test ca", "status": "revoked"},
    {"q": "nowhere"},
    {"environment": "test"},
    {"environment": "production", "status": "valid"},
    {"status": "valid"},
    {"status": "expiring"},
    {"status": "revoked"},
    {"status": "expired"},
    {"expires_within": 20},
    {"expires_within": 500, "environment": "test"},
    {"connected_jwks": True},
    {"connected_jwks": True, "q": "actions test ca"},
    {"connected_jwks": False, "environment": "production"},
]


@pytest.fixture(autouse=True)
def _stored(add: Add, ca: Ca) -> None:
    """Some in each environment and in both, among them revoked ones, one that ends soon, and one with a JWK."""
    for number in range(4):
        add(f"test {number}", "test")
        add(f"production {number}", "production")
    add("one in both", "test", "production")
    environments.create(ADMIN, name="third")
    add("soon", "test", "production", "third", issued=ca.issue("soon", days=10))  # met three times before all others
    add("of another", "production", issued=Ca.new("Another CA").issue("another"))
    certificates.revoke(ADMIN, "test 0", "test", reason="lost", deploy=False)
    certificates.revoke(ADMIN, "production 1", "production", reason="lost", deploy=False)
    for name in ("one in both", "test 2"):
        jwks.create(ADMIN, name=name, source=FromCertificate(name, "test"))


def found(filters: dict[str, Any]) -> tuple[list[str], Counted]:
    """Their names, and how many are said to be there."""
    fits = certificates_read.fitting(ADMIN, **filters)
    rows = certificates_read.in_order(fits.rows)
    return list(rows.values_list("name", flat=True)), counting.counted(fits.counted)


@pytest.fixture(
    params=[(1, 20_000), (2, 20_000), (2, 0), (100, 0)],
    ids=["one is few", "two are few", "in all environments", "all are few"],
)
def large(request: pytest.FixtureRequest) -> Iterator[Callable[[], int]]:
    """Makes the tables large from then on; answers up to how many rows a filtered list is counted."""
    few, looked_through = request.param

    def become() -> int:
        patch.setattr(counting, "LARGE", 1)
        patch.setattr(counting, "_large", {})
        for module in (counting, narrowing, searching):
            patch.setattr(module, "MOST_OF_LARGE", few)
        for module in (narrowing, searching):
            patch.setattr(module, "ABOUT", 2 * few)
            patch.setattr(module, "MOST_NAMED", few, raising=False)
        patch.setattr(searching, "LOOKED_THROUGH", looked_through)
        return int(few)

    with pytest.MonkeyPatch.context() as patch:
        yield become


def test_the_same_is_found_in_tables_of_any_size(large: Callable[[], int]) -> None:
    usual = [found(filters) for filters in FILTERS]
    assert {len(names) for names, _ in usual} >= {0, 1, 2, 10}, "some filters fit many, and some none"
    most = large()
    for filters, (names, counted) in zip(FILTERS, usual, strict=True):
        now, said = found(filters)
        assert now == names, filters
        assert said in (counted, Counted(most + 1, more=True)), filters
        assert said.more == (len(names) > most), filters


def test_a_search_counts_up_to_the_limit_and_says_that_there_are_more(monkeypatch: pytest.MonkeyPatch) -> None:
    names, counted = found({"q": "actions test ca"})
    assert counted == (len(names), False)
    for most, more in ((len(names), False), (len(names) - 1, True), (1, True)):
        for module in (counting, searching):
            monkeypatch.setattr(module, "MOST", most)
            monkeypatch.setattr(module, "MOST_OF_LARGE", 0)
        assert found({"q": "actions test ca"}) == (names, Counted(most + more, more))
