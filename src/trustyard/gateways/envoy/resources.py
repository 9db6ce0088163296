"""What Envoy asks for by name, made of a release: SDS validation contexts and the ECDS filter `jwks`.

Each resource's version is a digest of its bytes, so that what a gateway reports when it comes back says what it runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from trustyard.errors import InputRefused
from trustyard.gateways.envoy.jwt import filter_of
from trustyard.gateways.envoy.options import EnvoyOptions
from trustyard.pki.certificates import read_certificate
from trustyard.pki.content import Material
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.filenames import safe_filename
from trustyard.pki.truststores import pem_bundle

PREFIX = "type.googleapis.com/"
SECRET = PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"
EXTENSION = PREFIX + "envoy.config.core.v3.TypedExtensionConfig"


@dataclass(frozen=True)
class Resource:
    """One resource: its type and name, the digest that is its version, the message's bytes, and what to tell people."""

    type_url: str
    name: str
    version: str
    body: bytes = field(repr=False)
    notes: tuple[str, ...] = ()


class Catalogue:
    """Every resource of one gateway and release, each made when it is first asked for. Without a release: deny-all."""

    def __init__(self, material: Material | None, options: EnvoyOptions) -> None:
        self.material = material
        self.options = options
        self._made: dict[tuple[str, str], Resource | None] = {}

    @property
    def number(self) -> int | None:
        """The release's number; None without one."""
        return self.material.number if self.material else None

    def resource(self, type_url: str, name: str) -> Resource | None:
        """The resource of that name, or None where the name is none of ours. An unknown alias is deny-all."""
        key = (type_url, name)
        if key not in self._made:
            self._made[key] = self._make(type_url, name)
        return self._made[key]

    def _make(self, type_url: str, name: str) -> Resource | None:
        if type_url == EXTENSION and name == "jwks":
            return self._jwks()
        if type_url != SECRET:
            return None
        if name == "truststore":
            return validation_context(name, self.material.truststore() if self.material else [])
        if name == "used":
            return validation_context(name, self.material.used() if self.material else [], self._pins(None))
        if name.startswith("alias/"):
            return self._alias(name)
        return None

    def _alias(self, name: str) -> Resource:
        entries = self.material.entries() if self.material else []
        ders = [der for entry, der in entries if f"alias/{safe_filename(entry.alias)}" == name]
        missing = () if ders or not self.material else (f"{name} is not in this release and trusts nobody.",)
        return validation_context(name, ders, missing + self._pins(name))

    def _pins(self, name: str | None) -> tuple[str, ...]:
        """D-18: Envoy takes a certificate that is no CA as an anchor for exactly itself; people are told."""
        entries = self.material.entries() if self.material else []
        return tuple(
            f"{entry.alias} is a pin: it is not a CA, and Envoy trusts exactly this certificate."
            for entry, der in entries
            if name in (None, f"alias/{safe_filename(entry.alias)}") and not _is_ca(der)
        )

    def _jwks(self) -> Resource:
        published = self.material.content.jwks if self.material else ()
        in_order = sorted(published, key=lambda key: (str(key.jwk.get("kid")), str(key.jwk.get("use")), key.name))
        configuration, left_out = filter_of(in_order, self.options.issuers)
        extension = TypedExtensionConfig(name="jwks")
        extension.typed_config.type_url = PREFIX + configuration.DESCRIPTOR.full_name
        extension.typed_config.value = configuration.SerializeToString(deterministic=True)
        return _resource(EXTENSION, "jwks", extension, left_out)


def validation_context(name: str, ders: Iterable[bytes], notes: tuple[str, ...] = ()) -> Resource:
    """An SDS secret that trusts these certificates and nobody else; with none of them it trusts nobody.

    A validation context without `trusted_ca` would switch client authentication off, and Envoy would confirm it.
    """
    distinct = sorted(set(ders), key=lambda der: hashlib.sha256(der).digest())
    secret = Secret(name=name)
    secret.validation_context.trusted_ca.inline_bytes = pem_bundle(distinct or [deny_all_der()])
    return _resource(SECRET, name, secret, notes)


def _resource(type_url: str, name: str, message: Any, notes: tuple[str, ...]) -> Resource:
    body = message.SerializeToString(deterministic=True)
    return Resource(type_url, name, hashlib.sha256(body).hexdigest(), body, notes)


def _is_ca(der: bytes) -> bool:
    try:
        return read_certificate(der).facts.is_ca
    except InputRefused:
        return True  # nothing is said of what cannot be read
