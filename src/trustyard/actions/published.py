"""What anybody may fetch of the release in force: the JWK Set always, the truststore where its environment says so."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from trustyard import models
from trustyard.gateways.contents import TRUSTSTORES
from trustyard.pki.names import fold

from . import delivery

JWKS = "jwks.json"
MEDIA_TYPES = {
    JWKS: "application/jwk-set+json",
    "truststore.pem": "application/x-pem-file",
    "used.pem": "application/x-pem-file",
    "truststore.p12": "application/x-pkcs12",
    "truststore.jks": "application/x-java-keystore",
}


@dataclass(frozen=True)
class Document:
    """The bytes with their ETag (RFC 9110, section 8.8.3)."""

    body: bytes
    etag: str


@dataclass(frozen=True)
class Edition:
    """The document of one release; `version` tells it from every other edition. None: it is the known one."""

    version: str
    document: Document | None


def edition(environment: str, name: str, known: str = "") -> Edition | None:
    """What is in force under this name; None for an environment that does not exist or does not publish it.

    Making a file may take a moment: it is not done where the version is the one that is `known`.
    """
    releases = models.Release.objects.filter(environment__name_key=fold(environment)).order_by("-number")
    row = releases.values_list("pk", "environment__publish_truststore").first()
    if row is None:
        there = name == JWKS and models.Environment.objects.filter(name_key=fold(environment)).exists()
        return Edition("none", _jwk_set([])) if there else None
    pk, publishes = row
    if name not in MEDIA_TYPES or (name != JWKS and not publishes):
        return None
    version = f"release {pk}"
    if version == known:
        return Edition(version, None)
    release = models.Release.objects.filter(pk=pk).first()
    return Edition(version, _of_release(release, name)) if release is not None else None  # gone with its environment


def _of_release(release: models.Release, name: str) -> Document:
    if name == JWKS:
        return _jwk_set(release.read().jwk_set()["keys"])
    # PKCS#12 is salted and JKS holds the time: the same truststore, and not always the same bytes.
    weak = "" if name.endswith(".pem") else "W/"
    return Document(TRUSTSTORES[name](delivery.of_release(release)), f'{weak}"{release.digest}"')


def _jwk_set(keys: object) -> Document:
    """RFC 7517, section 5."""
    body = json.dumps({"keys": keys}, separators=(",", ":"), sort_keys=True).encode()
    return Document(body, f'"{hashlib.sha256(body).hexdigest()}"')
