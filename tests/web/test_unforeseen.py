"""What nobody foresaw, in the console: a sentence with a reference number, in the part of the page that asked."""

from __future__ import annotations

from django.test import RequestFactory

from trustyard.web.views.errors import broken


def test_a_part_of_a_page_is_told_in_a_sentence_and_is_given_no_page() -> None:
    asked = RequestFactory().post("/certificates/", headers={"HX-Request": "true"})
    answer = broken(asked)
    said = answer.content.decode()
    assert answer.status_code == 500
    assert 'role="alert"' in said
    assert "under the reference" in said
    assert "<html" not in said
    assert answer["HX-Retarget"] == "#notices", "htmx puts it where the page shows refusals"
