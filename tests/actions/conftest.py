"""The cast of the actions' tests, two environments, and throw-away certificates."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tls_servers import Ca, Issued
from trustyard import models
from trustyard.actions import certificates, environments
from trustyard.actions.actors import Actor
from trustyard.actions.certificates import Definition, EntryGiven, Saved
from trustyard.actions.sources import FileGiven

ADMIN = Actor("ada", "admin")
OPERATOR = Actor("olaf", "operator")
TEST_OPERATOR = Actor("tess", "operator", frozenset({"test"}))
VIEWER = Actor("vera", "viewer")


@pytest.fixture(autouse=True)
def _places(db: None) -> None:
    environments.create(ADMIN, name="test")
    environments.create(ADMIN, name="production", type="production")


@pytest.fixture(scope="session")
def ca() -> Ca:
    return Ca.new("Actions Test CA")


def pem(issued: Issued) -> FileGiven:
    """The certificate as a file source."""
    return FileGiven("partner.pem", issued.cert_pem)


@pytest.fixture
def add(ca: Ca) -> Callable[..., Saved]:
    """Adds a certificate of a name to environments, deployed, made of a fresh key of a kind."""

    def make(name: str, *places: str, key: str = "ec", issued: Issued | None = None, alias: str | None = None) -> Saved:
        source = pem(issued or ca.issue(name, key=key))
        entry = EntryGiven(places or ("test",), alias or name, source)
        return certificates.create(ADMIN, [Definition(name, "", [entry])], deploy=True)

    return make


def fresh(certificate: models.Certificate) -> models.Certificate:
    """The row as it is now."""
    return models.Certificate.objects.get(pk=certificate.pk)
