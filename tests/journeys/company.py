"""A company with its own sign-in: a real OpenID Connect provider beside a real server that trusts it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.programs import free_port
from tests.server.serving import Serving, eventually

PEOPLE: dict[str, dict[str, Any]] = {
    "s-ada": {"preferred_username": "ada", "realm": {"groups": ["trust-admins", "everyone"]}},
    "s-olga": {"preferred_username": "olga", "realm": {"groups": ["partners"]}},
    "s-otto": {"preferred_username": "otto", "realm": {"groups": ["partners"]}},
    "s-eve": {"preferred_username": "eve", "realm": {"groups": ["everyone"]}},
    "s-fake": {"preferred_username": "admin", "email": "admin@example.org", "realm": {"groups": ["partners"]}},
}
ROLES = "trust-admins=admin,platform=operator,partners=operator:test,elsewhere=operator:moon"


class Provider:
    """`oidc-provider-mock` in a process of its own; whoever it is asked for signs in by one click."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"http://localhost:{port}"
        command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
        for subject, claims in PEOPLE.items():
            command += ["--user-claims", json.dumps({"sub": subject, **claims})]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._answers)

    def put(self, subject: str, **claims: Any) -> None:
        """From now on the provider says this of somebody."""
        httpx.put(f"{self.url}/users/{subject}", json=claims, trust_env=False, timeout=30).raise_for_status()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def _answers(self) -> bool:
        assert self.process.poll() is None, "the provider ended"
        try:
            return httpx.get(f"{self.url}/.well-known/openid-configuration", trust_env=False, verify=False).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """The company's provider."""
    made = Provider()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def company(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that takes people from it, and wants a second factor of administrators with a password."""
    secret: Path = tmp_path_factory.mktemp("company") / "client-secret"
    secret.write_text("of the client\n")
    settings = {
        "OIDC_ISSUER": provider.url,
        "OIDC_CLIENT_ID": "trustyard",
        "OIDC_CLIENT_SECRET_FILE": str(secret),
        "OIDC_NAME": "Example AG",
        "OIDC_ROLE_CLAIM": "realm.groups",
        "OIDC_ROLES": ROLES,
        "REQUIRE_MFA": "admins",
    }
    with Serving(secret.parent / "data", **settings) as serving:
        # Security keys want a name, not an address.
        serving.url = serving.url.replace("127.0.0.1", "localhost")
        yield serving
