"""Linting on demand: pkilint in a worker process with a deadline, its answer kept by the certificate's SHA-256."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from trustyard import models
from trustyard.errors import Unavailable
from trustyard.pki import linting

from . import chains, outward
from .actors import Actor

DEADLINE = 30.0  # seconds from the start of the worker; waiting for a free one comes before
_WORKERS = threading.BoundedSemaphore(2)  # more at once would take the processors from those who serve
_MODULE = "trustyard.pki.linting"


def lint(actor: Actor, certificate: str, environment: str) -> dict[str, Any]:
    """What pkilint says of the certificate that this entry holds.

    Raises `NotFound`; `Unavailable` where pkilint is not installed, fails on this certificate or takes too long, and
    where this actor waits for too much already.
    """
    sha256 = chains.entry(actor, certificate, environment).x509_id
    with outward.place(actor):
        return {"sha256": sha256, **_report(sha256)}


def available() -> bool:
    """Whether pkilint is installed here."""
    return importlib.util.find_spec("pkilint") is not None


@functools.lru_cache(maxsize=512)
def _report(sha256: str) -> dict[str, Any]:
    if not available():
        raise Unavailable(
            "The linter pkilint is not installed here.",
            code="lint-not-installed",
            advice="Install Trustyard with its extra `lint`; `make run` does.",
        )
    der = bytes(models.StoredCertificate.objects.values_list("der", flat=True).get(pk=sha256))
    if not _WORKERS.acquire(timeout=DEADLINE):
        raise Unavailable("The linter is busy with other certificates.", code="lint-timeout", advice="Try again later.")
    try:
        done = subprocess.run(
            [sys.executable, "-m", _MODULE],
            input=der,
            capture_output=True,
            timeout=DEADLINE,
            env={name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _too_long() from None
    finally:
        _WORKERS.release()
    if done.returncode in (-signal.SIGKILL, -signal.SIGXCPU):  # its limit of processor time
        raise _too_long()
    return _answer(done)


def _answer(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        answer = {"failed": f"it ended with {done.returncode}"}
    if "failed" in answer:
        raise Unavailable(
            f"The linter gave up on this certificate: {answer['failed']}.",
            code="lint-failed",
            advice="Trustyard's own findings do not need it.",
        )
    return answer


def _too_long() -> Unavailable:
    return Unavailable(
        "The linter took too long over this certificate and was ended.",
        code="lint-timeout",
        advice=f"It has {linting.SECONDS} seconds of processor time, and {DEADLINE:.0f} in all. Try again later.",
    )
