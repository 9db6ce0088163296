"""The two ways in which Envoy speaks ADS, read into a ledger and written from it: delta and state-of-the-world.

Both send one resource in a response: with two of them in one, a refusal of one is a refusal of the response, though
Envoy has taken the other.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import Protocol

from envoy.service.discovery.v3.discovery_pb2 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)

from trustyard.gateways.envoy.resources import EXTENSION, SECRET, Resource, anew
from trustyard.xds.ledger import MAX_NAME, Ledger, Line

WILDCARD = "*"  # "everything": never answered, because Trustyard serves by name alone


class Dialect(Protocol):
    """Reads requests into the ledger and writes responses for it."""

    def read(self, request: DeltaDiscoveryRequest | DiscoveryRequest) -> None: ...
    def may_push(self, line: Line) -> bool: ...
    def write(self, line: Line, resource: Resource) -> DeltaDiscoveryResponse | DiscoveryResponse: ...


class Delta:
    """Incremental xDS: each resource has its own version, subscription and answer."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._numbers = itertools.count(1)
        self._unanswered: dict[str, tuple[Line, Resource]] = {}  # the answer names the nonce alone

    def read(self, request: DeltaDiscoveryRequest) -> None:
        """One request: an answer to a response, a change of subscriptions, or both. Raises TooMuch."""
        self._ledger.judge(request.resource_names_subscribe, request.resource_names_unsubscribe)
        _answer(self._ledger, self._unanswered.pop(request.response_nonce, None), request)
        for name in request.resource_names_unsubscribe:
            self._forget(request.type_url, name)
            self._ledger.drop(request.type_url, name)
        for name in request.resource_names_subscribe:
            if name != WILDCARD:  # one that is subscribed already is asked for anew and must be sent again
                self._forget(request.type_url, name)
                running = request.initial_resource_versions.get(name, "")
                self._ledger.subscribe(request.type_url, name, running)

    def _forget(self, type_url: str, name: str) -> None:
        """An answer that is still to come says nothing of a subscription that follows this one."""
        line = self._ledger.lines.get((type_url, name))
        if line:
            self._unanswered.pop(line.nonce, None)

    def may_push(self, line: Line) -> bool:
        """Each resource is answered for itself."""
        return True

    def write(self, line: Line, resource: Resource) -> DeltaDiscoveryResponse:
        """The response that carries one resource. None ever removes one."""
        nonce = line.nonce = str(next(self._numbers))
        self._unanswered[nonce] = (line, resource)
        response = DeltaDiscoveryResponse(type_url=resource.type_url, nonce=nonce)
        carrier = response.resources.add(name=resource.name, version=resource.version)
        carrier.resource.type_url, carrier.resource.value = resource.type_url, _body(line, resource)
        return response


class StateOfTheWorld:
    """One version and one unanswered response for each type. A resource that is left out stays as it is (SDS, ECDS).

    The version of a response is a digest over what the node runs once it has taken it. So the version that a node
    reports when it comes back says whether it runs all that is wanted.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._numbers = itertools.count(1)
        self._seen: set[str] = set()
        self._unanswered: dict[str, tuple[str, Line, Resource]] = {}

    def read(self, request: DiscoveryRequest) -> None:
        """One request: the names that the node wants now, and perhaps an answer. Raises TooMuch."""
        self._ledger.judge(request.resource_names)
        type_url = request.type_url
        waiting = self._unanswered.get(type_url)
        if waiting and waiting[0] == request.response_nonce:
            del self._unanswered[type_url]
            _answer(self._ledger, waiting[1:], request)
        names = [name for name in request.resource_names if name != WILDCARD]
        known = {line.name for line in self._ledger.of_type(type_url)}
        for name in known - set(names):
            self._ledger.drop(type_url, name)
        for name in names:
            if name not in known:
                self._ledger.subscribe(type_url, name)
        if type_url in (SECRET, EXTENSION) and type_url not in self._seen:
            self._seen.add(type_url)
            self._reported(type_url, request.version_info)

    def _reported(self, type_url: str, version: str) -> None:
        """A node came back: it runs either exactly what is wanted, or something that cannot be known."""
        if not version:
            return
        lines = self._ledger.of_type(type_url)
        wanted = {line.name: r.version for line in lines if (r := self._ledger.wanted(line))}
        same = state_version(wanted) == version
        for line in lines:
            line.running = wanted.get(line.name, "") if same else f"reported {version[:MAX_NAME]}"

    def may_push(self, line: Line) -> bool:
        """An answer names the type's newest response, so that the next one waits for it."""
        return line.type_url not in self._unanswered

    def write(self, line: Line, resource: Resource) -> DiscoveryResponse:
        """The response that carries one resource."""
        nonce = str(next(self._numbers))
        self._unanswered[resource.type_url] = (nonce, line, resource)
        state = {other.name: other.running for other in self._ledger.of_type(resource.type_url) if other.running}
        version = state_version(state | {resource.name: resource.version})
        response = DiscoveryResponse(type_url=resource.type_url, nonce=nonce, version_info=version)
        response.resources.add(type_url=resource.type_url, value=_body(line, resource))
        return response


def state_version(versions: dict[str, str]) -> str:
    """The digest of what a node runs of one type: versions by name."""
    text = "\n".join(f"{name}={version}" for name, version in sorted(versions.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _body(line: Line, resource: Resource) -> bytes:
    """As it stands only where this stream knows what the node has: it may have refused the same in another one."""
    return resource.body if line.good else anew(resource)


def _answer(
    ledger: Ledger, answered: tuple[Line, Resource] | None, request: DeltaDiscoveryRequest | DiscoveryRequest
) -> None:
    if answered is None:
        return
    if request.HasField("error_detail"):
        ledger.refuse(*answered, request.error_detail.message or f"Refused with code {request.error_detail.code}.")
    else:
        ledger.accept(*answered)
