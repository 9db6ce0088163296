"""A gateway's node in Python: speaks ADS with the server, for what Envoy would never do and for many at once."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import grpc
from envoy.service.discovery.v3 import ads_pb2_grpc
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

from trustyard.gateways.envoy.resources import SECRET


class Client:
    """One delta stream."""

    def __init__(
        self, port: int, token: str | None, cluster: str = "test/edge", node: str = "client", host: str = "127.0.0.1"
    ) -> None:
        self._channel = grpc.insecure_channel(f"{host}:{port}")
        self._outgoing: queue.Queue[DeltaDiscoveryRequest | None] = queue.Queue()
        metadata = [("authorization", f"Bearer {token}")] if token is not None else []
        stub = ads_pb2_grpc.AggregatedDiscoveryServiceStub(self._channel)
        self._stream = stub.DeltaAggregatedResources(self._requests(), metadata=metadata, timeout=60)
        self._node = {"id": node, "cluster": cluster}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hang_up(self) -> None:
        """Says no more, and hears on."""
        self._outgoing.put(None)

    def close(self) -> None:
        self.hang_up()
        self._channel.close()

    def _requests(self) -> Iterator[DeltaDiscoveryRequest]:
        while (request := self._outgoing.get()) is not None:
            yield request

    def send(self, **request: Any) -> None:
        self._outgoing.put(DeltaDiscoveryRequest(node=self._node, **{"type_url": SECRET, **request}))

    def subscribe(self, *names: str, **request: Any) -> None:
        self.send(resource_names_subscribe=names, **request)

    def receive(self) -> DeltaDiscoveryResponse:
        return next(self._stream)

    def confirm(self, response: DeltaDiscoveryResponse) -> None:
        self.send(response_nonce=response.nonce)

    def end(self) -> tuple[grpc.StatusCode, str]:
        """The status that the server ends the stream with; whatever comes before it is passed over."""
        try:
            for _ in self._stream:
                pass
        except grpc.RpcError as error:
            return error.code(), error.details()  # type: ignore[attr-defined] # a call, too
        return grpc.StatusCode.OK, ""
