"""What nobody foresaw, in the console, and what is too much: a sentence in the part of the page that asked."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.test import Client, RequestFactory
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from trustyard.web.views.errors import broken

from .people import signed_in


def test_a_part_of_a_page_is_told_in_a_sentence_and_is_given_no_page() -> None:
    asked = RequestFactory().post("/certificates/", headers={"HX-Request": "true"})
    answer = broken(asked)
    said = answer.content.decode()
    assert answer.status_code == 500
    assert 'role="alert"' in said
    assert "under the reference" in said
    assert "<html" not in said
    assert answer["HX-Retarget"] == "#notices", "htmx puts it where the page shows refusals"


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", MULTIPART_CONTENT])
def test_a_form_with_too_many_fields_is_told_the_limit_and_no_setting_of_hosts(client: Client, kind: str) -> None:
    operator = signed_in(client, "ticks", "operator")
    ticked = {"certificate": ["x"] * 25_001}
    data = encode_multipart(BOUNDARY, ticked) if kind == MULTIPART_CONTENT else urlencode(ticked, doseq=True)
    for headers, page in (({"HX-Request": "true"}, False), ({}, True)):
        answer = operator.generic("POST", "/environments/promote/", data, kind, headers=headers)
        said = answer.content.decode()
        assert answer.status_code == 413
        assert "A form has at most 25,000 fields, and this one has more." in said
        assert "ALLOWED_HOSTS" not in said
        assert ("<html" in said, "HX-Retarget" in answer) == (page, not page)


def test_a_host_that_is_not_accepted_is_told_as_before(client: Client) -> None:
    answer = client.get("/", headers={"Host": "elsewhere.test"})
    assert (answer.status_code, b"TRUSTYARD_ALLOWED_HOSTS" in answer.content) == (400, True)
