"""A control plane with no rules of its own: it pushes to Envoy whatever a test says and gives back Envoy's answer.

For what Envoy does with bad input, and as the measure that Trustyard's way to Envoy is held against.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.service.discovery.v3 import ads_pb2_grpc
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryResponse

ACK = ""


class BareControlPlane(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):
    """Delta ADS for one Envoy at a time."""

    def __init__(self) -> None:
        self._outgoing: queue.Queue[DeltaDiscoveryResponse | None] = queue.Queue()
        self._answers: dict[str, queue.Queue[str]] = {}
        self._nonce = 0
        self._server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> BareControlPlane:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._outgoing.put(None)
        self._server.stop(0.2).wait(30)

    def DeltaAggregatedResources(self, requests: Any, context: Any) -> Any:
        threading.Thread(target=self._read, args=(requests,), daemon=True).start()
        while (response := self._outgoing.get()) is not None:
            yield response

    def _read(self, requests: Any) -> None:
        try:
            for request in requests:
                if request.response_nonce in self._answers:
                    words = request.error_detail.message if request.HasField("error_detail") else ACK
                    self._answers[request.response_nonce].put(words)
        except grpc.RpcError:
            pass  # Envoy left

    def push(self, *messages: Secret | TypedExtensionConfig, remove: tuple[str, ...] = ()) -> str:
        """Sends these resources in one response; `ACK`, or the words of the refusal."""
        self._nonce += 1
        nonce = str(self._nonce)
        self._answers[nonce] = queue.Queue()
        kind = messages[0].DESCRIPTOR.full_name if messages else Secret.DESCRIPTOR.full_name
        response = DeltaDiscoveryResponse(type_url=f"type.googleapis.com/{kind}", nonce=nonce, removed_resources=remove)
        for message in messages:
            response.resources.add(name=message.name, version=nonce).resource.Pack(message)
        self._outgoing.put(response)
        return self._answers[nonce].get(timeout=30)


def trusting(name: str, *pems: str | bytes) -> Secret:
    """A validation context with these bytes as `trusted_ca`, whatever they are."""
    secret = Secret(name=name)
    parts = [part if isinstance(part, bytes) else part.encode() for part in pems]
    secret.validation_context.trusted_ca.inline_bytes = b"".join(parts)
    return secret
