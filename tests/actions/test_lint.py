"""pkilint on demand: in a worker that ends, with an answer that is kept, or a problem that says why there is none."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context

import pytest

from tests.pki import made
from tests.programs import missing
from tests.tls_servers import Ca
from trustyard.actions import lint, outward, requests
from trustyard.actions.actors import Actor
from trustyard.actions.certificates import Saved
from trustyard.errors import NotFound, Unavailable
from trustyard.pki.certificates import read_certificate
from trustyard.pki.linting import group_of

from .conftest import VIEWER

Add = Callable[..., Saved]


@pytest.fixture
def installed() -> None:
    if not lint.available():
        missing("pkilint is missing: install the extra lint (make test does it)")


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    lint._report.cache_clear()


def test_a_certificate_is_linted_once_for_all_its_entries(
    installed: None, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = Ca.new("Acme CA")
    add("acme", "test", "production", issued=issued)
    report = lint.lint(VIEWER, "acme", "test")
    assert report["linter"].startswith("pkilint ")
    assert (report["group"], report["sha256"], report["left_out"]) == ("pkix", issued.sha256, 0)
    assert all(set(one) == {"severity", "code", "message", "where"} for one in report["findings"])
    monkeypatch.setattr(lint, "_MODULE", "nothing.of.this.name")
    assert lint.lint(VIEWER, "ACME", "production") == report, "no worker was started again"


def test_the_rules_are_those_that_the_certificate_is_made_for() -> None:
    policies = ("2.5.29.32", False, bytes.fromhex("300a3008060667810c010201"))
    for data, group in (
        (made.root(), "pkix"),
        (made.root(made.purposes(made.SERVER)), "pkix"),
        (made.root(policies), "cabf-serverauth"),
        (made.leaf(), "pkix"),
        (made.leaf(made.purposes(made.CLIENT)), "pkix"),
        (made.leaf(made.purposes(made.SERVER)), "cabf-serverauth"),
    ):
        assert group_of(read_certificate(data)) == group


def test_a_thousand_findings_of_one_code_are_counted_and_not_shown(installed: None) -> None:
    names = made.dns(*(f"host{number}.internal" for number in range(300)))
    report = json.loads(worker(data=made.leaf(made.purposes(made.SERVER), names)).stdout)
    assert report["kind"].endswith("FINAL-CERTIFICATE")
    assert report["left_out"] >= 280
    assert len(report["findings"]) < 100


def test_the_worker_ends_where_its_memory_or_its_time_ends() -> None:
    assert json.loads(worker("linting.lint = lambda data: bytes(linting.MEMORY); ").stdout) == {
        "failed": "it takes more memory than it may"
    }
    endless = worker("linting.SECONDS = 1; linting.lint = lambda data: any(iter(int, 1)); ")
    assert endless.returncode in (-signal.SIGKILL, -signal.SIGXCPU)


def worker(first: str = "", data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = f"from trustyard.pki import linting; {first}linting.main()"
    return subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, timeout=60, check=False)


def test_where_it_is_not_installed_the_problem_says_how_to_install_it(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("acme")
    monkeypatch.setattr(lint, "available", lambda: False)
    refusal(VIEWER, "lint-not-installed", "extra `lint`")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("_MODULE", "nothing.of.this.name", "lint-failed"), ("DEADLINE", 0.001, "lint-timeout")],
)
def test_a_worker_that_fails_or_takes_too_long_is_a_problem_and_is_tried_again(
    name: str, value: object, code: str, installed: None, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("acme", issued=Ca.new("Acme CA"))
    with monkeypatch.context() as patch:
        patch.setattr(lint, name, value)
        refusal(VIEWER, code, "linter")
    assert lint.lint(VIEWER, "acme", "test")["group"] == "pkix", "a failure is not kept"


def test_only_a_certificate_that_took_too_long_is_told_how_long_the_linter_has(
    installed: None, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("acme")
    monkeypatch.setattr(lint, "DEADLINE", 0.001)
    advice = refusal(VIEWER, "lint-timeout", "took too long").advice
    assert advice.startswith("It has 20 seconds of processor time")
    monkeypatch.setattr(lint, "_WORKERS", threading.Semaphore(0))
    assert refusal(VIEWER, "lint-timeout", "busy with other certificates").advice == "Try again later."


def refusal(actor: Actor, code: str, word: str) -> Unavailable:
    with pytest.raises(Unavailable) as refused:
        lint.lint(actor, "acme", "test")
    assert (refused.value.code, refused.value.status) == (code, 503)
    assert word in refused.value.detail
    return refused.value


def test_an_entry_that_is_not_there_is_not_found(add: Add) -> None:
    add("acme")
    for name, environment in (("acme", "production"), ("acme", "nowhere"), ("nobody", "test")):
        with pytest.raises(NotFound):
            lint.lint(VIEWER, name, environment)


def test_who_waits_for_too_much_already_does_not_wait_for_the_linter_besides(add: Add) -> None:
    add("acme")

    def ask() -> str:
        requests.begin("one of many")
        with ExitStack() as waiting:
            for _ in range(outward.EACH):
                waiting.enter_context(outward.place(VIEWER))
            with pytest.raises(Unavailable, match="for the linter") as caught:
                lint.lint(VIEWER, "acme", "test")
        return caught.value.code

    assert copy_context().run(ask) == "busy"
