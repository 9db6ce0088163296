"""The audit: who did what to which object, newest first."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from trustyard.actions import audit
from trustyard.errors import FieldError, Refused
from trustyard.web.page import actor_of, is_fragment, page
from trustyard.web.pages import Pages

PER_PAGE = 50


@page("GET")
def index(request: HttpRequest) -> HttpResponse:
    """The list with its filters."""
    given = request.GET
    until = _day(given, "until")
    rows = audit.find(
        actor_of(request),
        by=given.get("actor", "").strip(),
        object_name=given.get("object", "").strip(),
        action=given.get("action", "").strip(),
        since=_day(given, "since"),
        until=until + timedelta(days=1, microseconds=-1) if until else None,  # the day named is meant whole
        request_id=given.get("request_id", "").strip(),
    )
    shown = Pages(rows, PER_PAGE).get_page(given.get("page"))
    events = [
        {"event": event, "before": _text(event.before), "after": _text(event.after)} for event in shown.object_list
    ]
    filtered = any(given.get(name) for name in ("actor", "object", "action", "since", "until", "request_id"))
    context = {"page": shown, "events": events, "filtered": filtered}
    return render(request, "audit/_list.html" if is_fragment(request) else "audit/list.html", context)


def _day(given: QueryDict, name: str) -> datetime | None:
    """The beginning of the day, UTC. Raises `Refused`: a filter that is not understood is not left out in silence."""
    text = given.get(name, "").strip()
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if text else None
    except ValueError:
        sentence = "A day is written as 2027-01-31."
        raise Refused(sentence, code="bad-filter", fields=[FieldError(name, sentence)]) from None


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
