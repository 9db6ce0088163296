"""Long lists in numbered pages: only as many are offered as anybody turns, and none of them is dear to count."""

from __future__ import annotations

import functools
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet

from trustyard.actions.counting import MOST_COUNTED, counted, is_many


class Pages(Paginator):  # type: ignore[type-arg]  # it takes no argument while it runs
    """Pages of rows; `fitting` are the same rows in no order, where that is quicker to count."""

    def __init__(self, rows: QuerySet[Any], per_page: int, fitting: QuerySet[Any] | None = None) -> None:
        super().__init__(rows, per_page)
        self._fitting = rows if fitting is None else fitting

    @functools.cached_property
    def count(self) -> int:
        """How many rows there are, as `counted` says."""
        return counted(self._fitting)

    @functools.cached_property
    def num_pages(self) -> int:
        """How many pages are offered: beyond them a search is quicker, for whoever asks and for the database."""
        return min(-(-max(self.count, 1) // self.per_page), MOST_COUNTED // self.per_page)

    @property
    def many(self) -> bool:
        """Whether there are more than `count` says."""
        return is_many(self._fitting, self.count)

    @property
    def cut(self) -> bool:
        """Whether some rows are on none of the pages."""
        return self.count > MOST_COUNTED
