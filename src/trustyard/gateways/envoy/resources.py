"""What Envoy asks for by name, made of a release: SDS validation contexts and the ECDS filter `jwks`.

Each resource's version is a digest of its bytes, so that what a gateway reports when it comes back says what it runs.
"""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import JwtAuthentication
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from trustyard.gateways.envoy.jwt import filter_of
from trustyard.gateways.envoy.options import EnvoyOptions
from trustyard.gateways.looks import look
from trustyard.pki.content import Material
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.filenames import safe_filename
from trustyard.pki.truststores import pem_bundle

PREFIX = "type.googleapis.com/"
SECRET = PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"
EXTENSION = PREFIX + "envoy.config.core.v3.TypedExtensionConfig"
MOST_STRANGE = 10_000  # resources of aliases that are not in the release, kept by a catalogue
MOST_SAID = 20  # certificates by name in one receipt
Named = Sequence[tuple[str, bytes]]  # alias and DER


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
        self._made: dict[tuple[str, str], Resource] = {}  # no more than the release has
        self._strange: dict[str, Resource] = {}  # what else gateways ask for, which may be anything

    @property
    def number(self) -> int | None:
        """The release's number; None without one."""
        return self.material.number if self.material else None

    def resource(self, type_url: str, name: str) -> Resource | None:
        """The resource of that name, or None where Trustyard serves no such name. An unknown alias is deny-all."""
        key = (type_url, name)
        found = self._made.get(key) or (self._strange.get(name) if type_url == SECRET else None)
        return found or self._make_and_keep(key)

    def _make_and_keep(self, key: tuple[str, str]) -> Resource | None:
        made = self._make(*key)
        if made is None:
            return None
        if key[1].startswith("alias/") and key[1] not in self._aliases:
            while len(self._strange) >= MOST_STRANGE:
                del self._strange[next(iter(self._strange))]
            self._strange[key[1]] = made
        else:
            self._made[key] = made
        return made

    def _make(self, type_url: str, name: str) -> Resource | None:
        if type_url == EXTENSION and name == "jwks":
            return self._jwks()
        if type_url != SECRET:
            return None
        if name in ("truststore", "used"):
            named = self.material.named(roots=name == "truststore") if self.material else []
            of_pins = self._entries() if name == "used" else ()
            return _trusting(name, [(alias, der) for alias, _, der in named], of_pins)
        if name.startswith("alias/"):
            return self._alias(name)
        return None

    def _alias(self, name: str) -> Resource:
        named = self._aliases.get(name, ())
        missing = () if named or not self.material else (f"{name} is not in this release and trusts nobody.",)
        return _trusting(name, named, named, missing)

    @functools.cached_property
    def _aliases(self) -> dict[str, list[tuple[str, bytes]]]:
        found: dict[str, list[tuple[str, bytes]]] = {}
        for alias, der in self._entries():
            found.setdefault(f"alias/{safe_filename(alias)}", []).append((alias, der))
        return found

    def _entries(self) -> Named:
        return [(entry.alias, der) for entry, der in self.material.entries()] if self.material else []

    def _jwks(self) -> Resource:
        published = self.material.content.jwks if self.material else ()
        in_order = sorted(published, key=lambda key: (str(key.jwk.get("kid")), str(key.jwk.get("use")), key.name))
        configuration, left_out = filter_of(in_order, self.options.issuers)
        extension = TypedExtensionConfig(name="jwks")
        extension.typed_config.type_url = PREFIX + configuration.DESCRIPTOR.full_name
        extension.typed_config.value = configuration.SerializeToString(deterministic=True)
        return _resource(EXTENSION, "jwks", extension, left_out)


def _trusting(name: str, named: Named, of_pins: Named, notes: tuple[str, ...] = ()) -> Resource:
    """A validation context of what Envoy can read: one that it cannot would cost all others.

    D-18: Envoy takes a certificate that is no CA as an anchor for exactly itself; people are told, of `of_pins`.
    """
    looks = {der: look(der) for _, der in (*named, *of_pins)}
    unread = [alias for alias, der in named if not looks[der].by_envoy]
    left_out = _each(
        unread, "is left out: Envoy or its clients cannot read it, and all others would be refused with it"
    )
    pins = [alias for alias, der in of_pins if looks[der].by_envoy and not looks[der].is_ca]
    said = _each(pins, "is a pin: it is not a CA, and Envoy trusts exactly this certificate")
    return validation_context(name, [der for _, der in named if looks[der].by_envoy], (*notes, *said, *left_out))


def _each(aliases: list[str], said: str) -> tuple[str, ...]:
    """A sentence for each of the first few, and how many more there are."""
    more = len(aliases) - MOST_SAID
    first = tuple(f"{alias} {said}." for alias in aliases[:MOST_SAID])
    return first if more <= 0 else (*first, f"The same is true of {more} more.")


def validation_context(name: str, ders: Iterable[bytes], notes: tuple[str, ...] = ()) -> Resource:
    """An SDS secret that trusts these certificates and nobody else; with none of them it trusts nobody.

    A validation context without `trusted_ca` would switch client authentication off, and Envoy would confirm it.
    """
    distinct = sorted(set(ders), key=lambda der: hashlib.sha256(der).digest())
    secret = Secret(name=name)
    secret.validation_context.trusted_ca.inline_bytes = pem_bundle(distinct or [deny_all_der()])
    return _resource(SECRET, name, secret, notes)


def anew(resource: Resource) -> bytes:
    """The body of a resource with blanks behind its certificates or keys, others each time.

    Envoy keeps what it was given last, also where it refused that, and confirms the same bytes without a look at them.
    """
    blanks = format(secrets.randbits(64), "b").translate({ord("0"): " ", ord("1"): "\t"})
    if resource.type_url == SECRET:
        secret = Secret.FromString(resource.body)
        secret.validation_context.trusted_ca.inline_bytes += blanks.encode()
        return bytes(secret.SerializeToString(deterministic=True))
    extension = TypedExtensionConfig.FromString(resource.body)
    configuration = JwtAuthentication.FromString(extension.typed_config.value)
    for provider in configuration.providers.values():
        provider.local_jwks.inline_string += blanks
    extension.typed_config.value = configuration.SerializeToString(deterministic=True)
    return bytes(extension.SerializeToString(deterministic=True))


def _resource(type_url: str, name: str, message: Any, notes: tuple[str, ...]) -> Resource:
    body = message.SerializeToString(deterministic=True)
    return Resource(type_url, name, hashlib.sha256(body).hexdigest(), body, notes)
