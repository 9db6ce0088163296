"""What an environment withdrew, revoked certificates and disabled keys: no old release brings them back (D-13)."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trustyard import models
from trustyard.pki.content import PublishedJwk, TrustedEntry
from trustyard.pki.jwks import thumbprint, why_refused
from trustyard.pki.names import fold

from .key_ids import key_members
from .omissions import REVOKED

_NEVER = 0, False


@dataclass(frozen=True)
class _Holder:
    alias_key: str
    name_key: str
    revoked: bool


class Withdrawn:
    """The statements that stand in one environment, read once; ask it about what an old release holds."""

    def __init__(self, environment: models.Environment) -> None:
        self._holders: dict[str, list[_Holder]] = {}
        rows = models.Entry.objects.filter(environment=environment)
        columns = rows.values_list("x509_id", "alias_key", "certificate__name_key", "revoked_at")
        for sha256, alias_key, name_key, revoked_at in columns:
            holder = _Holder(alias_key, name_key, revoked_at is not None)
            self._holders.setdefault(sha256, []).append(holder)
        self._environment, self._began = environment.name, _began(environment.name)
        self._once_revoked = _once_revoked(self._environment, self._began)
        self._jwks: dict[str, list[models.Jwk]] = {}
        for jwk in models.Jwk.objects.filter(environments=environment).defer("description"):
            self._jwks.setdefault(_key(jwk.public), []).append(jwk)

    def certificate(self, entry: TrustedEntry) -> str | None:
        """Why this entry does not come back, or None."""
        holders = self._holders.get(entry.sha256, [])
        own = [h for h in holders if h.alias_key == fold(entry.alias) or h.name_key == fold(entry.certificate)]
        return REVOKED if self._revoked(entry.sha256, own or holders) else None

    def _revoked(self, sha256: str, holders: list[_Holder]) -> bool:
        # An entry that took another certificate, or is gone, revokes nothing any more; what was said of the certificate
        # stays said, and the audit knows it.
        return all(holder.revoked for holder in holders) if holders else sha256 in self._once_revoked

    def jwk(self, key: PublishedJwk) -> str | None:
        """Why this key is not published again, or None."""
        found = self._jwks.get(_key(key.jwk), [])
        for_that = [jwk for jwk in found if jwk.use == key.jwk.get("use", "")]
        standing = [jwk for jwk in for_that if jwk.kid == key.jwk.get("kid")] or for_that
        if standing:
            return _disabled(standing)
        made_from = _made_from(key.jwk)
        if made_from and self._revoked(made_from, self._holders.get(made_from, [])):
            return "The certificate that this JWK was made from is revoked in Trustyard."
        if self._deleted_disabled(key):
            return "This JWK was disabled when it was deleted."
        if not found and (refused := why_refused(key.jwk)):  # what still stands here is somebody's to disable
            return f"It would not be taken today: {refused.sentence}"
        return _disabled(found)  # its use may have been changed since

    def _deleted_disabled(self, key: PublishedJwk) -> bool:
        """Whether the last JWK of this key and use, or of this name and key ID, that was deleted here was disabled."""
        named = "named", key.name, key.jwk.get("kid")
        same = "same", thumbprint(key.jwk), key.jwk.get("use", "")
        return max(self._deleted.get(named, _NEVER), self._deleted.get(same, _NEVER))[1]

    @functools.cached_property
    def _deleted(self) -> dict[tuple[Any, ...], tuple[int, bool]]:
        """By name and key ID, and by key and use, the last event that deleted it, and whether it was disabled then."""
        found = {}
        deleted = models.AuditEvent.objects.filter(action="jwk.delete", pk__gt=self._began).order_by("pk")
        for pk, name, said in deleted.values_list("pk", "object_name", "before").iterator():
            before = said or {}
            places = before.get("environments")
            if places is None or self._environment in places:  # earlier versions said neither where nor which key
                last = pk, before.get("state") == "disabled"
                found["named", name, before.get("kid")] = found["same", before.get("key"), before.get("use")] = last
        return found


def _began(environment: str) -> int:
    """The event after which this environment was made: one of its name before it is another."""
    deleted = models.AuditEvent.objects.filter(action="environment.delete", object_name=environment).order_by("-pk")
    return deleted.values_list("pk", flat=True).first() or 0


def _once_revoked(environment: str, began: int) -> set[str]:
    """The certificates of which the last word in this environment was Revoke."""
    revoked: set[str] = set()
    words = ("certificate.revoke", "certificate.restore")
    events = models.AuditEvent.objects.filter(action__in=words, pk__gt=began).order_by("pk")
    for action, after in events.values_list("action", "after"):
        entry = (after or {}).get("entries", {}).get(environment)
        if entry and action == "certificate.revoke":
            revoked.add(entry["sha256"])
        elif entry:
            revoked.discard(entry["sha256"])
    return revoked


def _disabled(jwks: Sequence[models.Jwk]) -> str | None:
    if not jwks or any(jwk.state == "active" for jwk in jwks):
        return None
    return f"The JWK {jwks[0].name} is disabled."


def _key(jwk: Mapping[str, Any]) -> str:
    return json.dumps(key_members(jwk), sort_keys=True)


def _made_from(jwk: Mapping[str, Any]) -> str | None:
    """SHA-256 of the certificate in `x5c` (RFC 7517, section 4.7)."""
    chain = jwk.get("x5c")
    if not isinstance(chain, list) or not chain:
        return None
    try:
        return hashlib.sha256(base64.b64decode(chain[0], validate=True)).hexdigest()
    except (ValueError, TypeError):
        return None
