"""NUL in forms and queries of the console: refused in words, on either database."""

from __future__ import annotations

import pytest
from django.test import Client

from .people import signed_in

pytestmark = pytest.mark.django_db
LISTS = ["/certificates/", "/jwks/", "/gateways/", "/releases/", "/audit/", "/releases/compare/"]
FIELDS = {"q": "", "environment": "test", "certificate": "1", "action": "", "left": "test/1", "name": "", "request": ""}


@pytest.fixture
def person(client: Client) -> Client:
    return signed_in(client, "runs", "admin")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("field", FIELDS)
def test_nul_in_a_query_is_refused(person: Client, path: str, field: str) -> None:
    answer = person.get(path, {**FIELDS, field: "a\0b"})
    assert answer.status_code == 422
    assert "holds the character NUL" in answer.content.decode()


@pytest.mark.parametrize("path", ["/jwks/create/", "/gateways/create/", "/environments/create/", "/sign-in/"])
def test_nul_in_a_form_is_refused(person: Client, path: str) -> None:
    given = {"name": "a\0b", "certificate": "\0", "environment": "\0", "login": "a\0b", "password": "a\0b"}
    answer = person.post(path, given)
    assert answer.status_code == 422
    assert "holds the character NUL" in answer.content.decode()
    part = person.post(path, given, headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Retarget"]) == (422, "#notices")
    assert "<html" not in part.content.decode()


def test_bytes_of_a_file_may_be_any(person: Client) -> None:
    """Certificates are full of NUL."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile("ca.der", b"\0\0\0")
    answer = person.post("/trust-check/", {"source": "file", "file": file})
    assert "NUL" not in answer.content.decode()
