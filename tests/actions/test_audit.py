"""The audit chain and the ids of requests in it."""

from __future__ import annotations

import contextvars

from trustyard import models
from trustyard.actions import audit, requests

from .conftest import ADMIN


def test_events_with_and_without_an_id_make_one_chain_and_a_changed_id_breaks_it() -> None:
    def within() -> None:
        requests.begin("abc123")
        audit.record(ADMIN, "user.create", "user", "ida")

    contextvars.copy_context().run(within)
    audit.record(ADMIN, "user.create", "user", "otto")
    plain, traced = models.AuditEvent.objects.order_by("-pk")[:2]
    assert (traced.request_id, plain.request_id) == ("abc123", "")
    assert audit.verify().ok
    assert [event.pk for event in audit.find(ADMIN, request_id="abc123")] == [traced.pk]

    models.AuditEvent.objects.filter(pk=plain.pk).update(request_id="abc123")  # blame for what another request did
    assert audit.verify().broken_at == plain.pk
    models.AuditEvent.objects.filter(pk=plain.pk).update(request_id="")
    models.AuditEvent.objects.filter(pk=traced.pk).update(request_id="")
    assert audit.verify().broken_at == traced.pk
