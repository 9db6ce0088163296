"""Findings and lint over REST."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tls_servers import Ca
from trustyard.actions import lint

from .conftest import Cast, file
from .rest import Answer, Rest, path

pytestmark = pytest.mark.django_db

Add = Callable[..., Answer]


def codes(facts: dict[str, list[dict[str, str]]]) -> list[str]:
    return [one["code"] for one in facts["findings"]]


def test_inspections_entries_and_truststore_rows_have_findings(operator: Rest) -> None:
    weak = Ca.new("Weak CA", key="rsa1024", days=4000)
    seen = operator.post(path("certificates", "inspect"), file(weak.cert_pem))
    [one] = seen.json["certificates"]
    assert one["findings"][0] == {
        "code": "rsa-key-small",
        "severity": "error",
        "message": "Its RSA key has 1024 bits; less than 2048 is too weak.",
        "advice": one["findings"][0]["advice"],
        "source": "NIST SP 800-131A Rev. 2, section 3",
    }
    for name in ("weak", "again"):
        entries = [{"environment": "test", "alias": name, "source": file(weak.cert_pem)}]
        saved = operator.post(path("certificates"), {"name": name, "entries": entries, "deploy": True}, wait=0)
        assert saved.status == 201
    assert codes(saved.json["entries"][0]) == ["rsa-key-small", "duplicate"]
    listed = operator.get(path("certificates")).json["items"]
    assert [codes(one["entries"][0]) for one in listed] == [["rsa-key-small", "duplicate"]] * 2
    rows = operator.get(path("environments", "test", "truststore")).json["items"]
    assert {tuple(codes(row)) for row in rows} == {("rsa-key-small",)}
    for query, count in (({"severity": "error"}, 2), ({"severity": "notice"}, 0), ({"finding": "rsa-key-small"}, 2)):
        assert operator.get(path("environments", "test", "truststore"), **query).json["total"] == count
    refused = operator.get(path("environments", "test", "truststore"), finding="nothing")
    assert (refused.status, refused.code, refused.fields) == (422, "bad-filter", ["finding"])


def test_lint_answers_a_report_or_a_problem_that_says_why_not(add: Add, cast: Cast) -> None:
    add("acme")
    answer = cast.viewer.get(path("certificates", "acme", "entries", "test", "lint"))
    if lint.available():
        assert (answer.status, answer.json["group"]) == (200, "cabf-serverauth")
    else:
        assert (answer.status, answer.code) == (503, "lint-not-installed")
    for name, environment in (("acme", "production"), ("acme", "nowhere"), ("nobody", "test")):
        assert cast.viewer.get(path("certificates", name, "entries", environment, "lint")).code == "not-found"
