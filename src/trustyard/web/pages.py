"""Long lists in numbered pages: at most `MOST_PAGES` are offered, and counting the rows stays cheap."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from trustyard.actions.counting import Counted, counted

MOST_PAGES = 200
LINES = 50  # of a part of a page at once


class Pages(Paginator):  # type: ignore[type-arg]  # it takes no argument while it runs
    """Pages of rows; `fitting` is how many there are, or the same rows in no order, where that is quicker to count."""

    def __init__(self, rows: QuerySet[Any], per_page: int, fitting: QuerySet[Any] | Counted | None = None) -> None:
        super().__init__(rows, per_page)
        self._fitting = rows if fitting is None else fitting

    @functools.cached_property
    def _counted(self) -> Counted:
        return counted(self._fitting)

    @functools.cached_property
    def count(self) -> int:
        """How many rows there are, as `counted` says."""
        return self._counted.number

    @functools.cached_property
    def num_pages(self) -> int:
        """How many pages are offered: beyond them a search is quicker, for whoever asks and for the database."""
        return min(-(-max(self.count - self._counted.more, 1) // self.per_page), MOST_PAGES)

    @property
    def more(self) -> int:
        """The number that there are more than, or 0 where `count` is exact."""
        return self.count - 1 if self._counted.more else 0

    @property
    def cut(self) -> bool:
        """Whether some rows are on none of the pages."""
        return self.count > self.num_pages * self.per_page

    def _get_page(self, *arguments: Any) -> Page[Any]:
        return _Page(*arguments)


class _Page(Page[Any]):
    def end_index(self) -> int:
        """The last row that it shows; Django takes the last page for the end of the list, which it need not be."""
        return min(super().end_index(), self.number * self.paginator.per_page)


class Part(Page[Any]):
    """Rows of which a page shows some, and turns them without the rest of it (`_turns.html`).

    `key` names their page in the address, and the element that holds them.
    """

    def __init__(self, request: HttpRequest, key: str, rows: Sequence[Any]) -> None:
        given = request.GET.copy()
        shown = Paginator(rows, LINES).get_page(next(iter(given.pop(key, [])), 1))
        super().__init__(shown.object_list, shown.number, shown.paginator)
        self.key = key
        self.address = f"{request.path}?{given.urlencode()}&{key}="
