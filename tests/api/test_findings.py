"""Findings and lint over REST."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tls_servers import Ca
from trustyard.actions import lint, preflight

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
    asked = [({"severity": "error"}, 2), ({"severity": "notice"}, 0), ({"finding": "rsa-key-small"}, 2)]
    for query, count in (*asked, ({"finding": "expired"}, 0)):
        assert operator.get(path("environments", "test", "truststore"), **query).json["total"] == count
    refused = operator.get(path("environments", "test", "truststore"), finding="nothing")
    assert (refused.status, refused.code, refused.fields) == (422, "bad-filter", ["finding"])


def test_a_deploy_names_what_is_wrong_with_the_certificates_that_it_brings(add: Add, operator: Rest) -> None:
    """As a preview does, and only what is new: nobody reads a list that is the same each time."""
    add("weak", key="rsa1024", deploy=False)
    releases = path("environments", "test", "releases")
    [seen] = operator.post(f"{releases}/preview", {}).json["findings"]
    assert (seen["code"], seen["alias"]) == ("rsa-key-small", "weak")
    assert found(operator.post(releases, {}, wait=0)) == [seen]
    assert found(operator.post(releases, {}, wait=0)) == [], "nothing changed"
    assert found(add("sound")) == []
    promoted = operator.post(path("environments", "production", "promote"), {"from": "test", "deploy": True}, wait=0)
    assert found(promoted) == [seen]
    given = {"environments": ["test"], "deploy": True, "files": [imported(Ca.new("Weak too", key="rsa1024"))]}
    assert [one["alias"] for one in found(operator.post(path("certificates", "import"), given, wait=0))] == ["weak too"]


def test_a_deploy_that_brings_very_many_says_where_their_findings_stand(
    add: Add, operator: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_MOST_NEW", 1)
    add("weak", key="rsa1024", deploy=False)
    [told] = found(add("another"))
    assert (told["code"], told["alias"]) == ("many-new", None)
    assert told["sentence"].startswith("2 certificates are new")


def test_what_is_saved_without_a_deploy_says_what_is_wrong_with_it(add: Add, operator: Rest) -> None:
    """Whoever imports or promotes hears it then, and not when somebody else deploys."""
    add("weak", key="rsa1024", deploy=False)
    sentence = "Its RSA key has 1024 bits; less than 2048 is too weak."
    address, given = path("environments", "production", "promote"), {"from": "test"}
    assert operator.post(address, {**given, "preview": True}).json["findings"] == []
    promoted = operator.post(address, given).json
    assert promoted["findings"] == [{"code": "rsa-key-small", "alias": "weak", "sentence": f"weak: {sentence}"}]
    assert operator.post(address, {**given, "deploy": True}, wait=0).json["findings"] == []
    given = {"environments": ["test", "production"], "files": [imported(Ca.new("Weak too", key="rsa1024"))]}
    stored = operator.post(path("certificates", "import"), given).json
    assert [one["sentence"] for one in stored["findings"]] == [f"weak too: {sentence}"]
    assert operator.post(path("certificates", "import"), given).json["findings"] == [], "it is there already"


def found(answer: Answer) -> list[dict[str, str]]:
    [place] = answer.json["deployment"]["environments"]
    return list(place["findings"])


def imported(ca: Ca) -> dict[str, str]:
    given = file(ca.cert_pem)
    return {"filename": "weak too.pem", "content_base64": given["content_base64"]}


def test_lint_answers_a_report_or_a_problem_that_says_why_not(add: Add, cast: Cast) -> None:
    add("acme")
    answer = cast.viewer.get(path("certificates", "acme", "entries", "test", "lint"))
    if lint.available():
        assert (answer.status, answer.json["group"]) == (200, "cabf-serverauth")
    else:
        assert (answer.status, answer.code) == (503, "lint-not-installed")
    for name, environment in (("acme", "production"), ("acme", "nowhere"), ("nobody", "test")):
        assert cast.viewer.get(path("certificates", name, "entries", environment, "lint")).code == "not-found"
