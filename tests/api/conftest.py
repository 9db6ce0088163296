"""The cast with tokens, two environments, and throw-away certificates."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.tls_servers import Ca, Issued
from trustyard.actions import environments, tokens
from trustyard.actions.actors import Actor

from .rest import Answer, Rest, path

ADA = Actor("ada", "admin")


@pytest.fixture(autouse=True)
def _addresses(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.api.urls"


@dataclass(frozen=True)
class Cast:
    """Who may do everything, who operates, who operates test alone, who only looks, and two whom nobody knows."""

    admin: Rest
    operator: Rest
    test_operator: Rest
    viewer: Rest
    stranger: Rest
    revoked: Rest


@pytest.fixture
def cast(db: None) -> Cast:
    environments.create(ADA, name="test")
    environments.create(ADA, name="production", type="production")

    def made(role: str, *places: str) -> Rest:
        return Rest(tokens.create(ADA, f"{role}-{'-'.join(places)}", role=role, environments=places)[1])

    gone = tokens.create(ADA, "gone", role="admin")[1]
    tokens.revoke(ADA, "gone")
    return Cast(
        made("admin"), made("operator"), made("operator", "test"), made("viewer"), Rest("ty_nobody"), Rest(gone)
    )


@pytest.fixture
def operator(cast: Cast) -> Rest:
    return cast.operator


@pytest.fixture(scope="session")
def ca() -> Ca:
    return Ca.new("REST Test CA")


def file(issued: Issued | bytes, name: str = "partner.pem") -> dict[str, Any]:
    """A file source."""
    data = issued if isinstance(issued, bytes) else issued.cert_pem
    return {"kind": "file", "filename": name, "content_base64": base64.b64encode(data).decode()}


@pytest.fixture
def add(operator: Rest, ca: Ca) -> Callable[..., Answer]:
    """Stores a certificate of a name in environments, made of a fresh key, and deploys it."""

    def make(name: str, *places: str, key: str = "ec", deploy: bool = True) -> Answer:
        entries = [{"environments": list(places or ("test",)), "alias": name, "source": file(ca.issue(name, key=key))}]
        answer = operator.post(path("certificates"), {"name": name, "entries": entries, "deploy": deploy}, wait=0)
        assert answer.status == 201, answer.json
        return answer

    return make


@pytest.fixture
def add_jwk(operator: Rest) -> Callable[..., Answer]:
    """Makes a JWK of a certificate's entry."""

    def make(name: str, certificate: str, environment: str = "test", **more: Any) -> Answer:
        source = {"kind": "certificate", "certificate": certificate, "environment": environment}
        answer = operator.post(path("jwks"), {"name": name, "source": source, **more}, wait=0)
        assert answer.status == 201, answer.json
        return answer

    return make
