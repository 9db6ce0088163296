"""What an Envoy says over ADS."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest
from google.protobuf.message import DecodeError

from fuzz.counting import budget
from trustyard.gateways.envoy.options import EnvoyOptions
from trustyard.gateways.envoy.resources import Catalogue
from trustyard.pki.content import Content, Material
from trustyard.xds.dialects import Delta, StateOfTheWorld
from trustyard.xds.ledger import MAX_LINES, Ledger, TooMuch
from trustyard.xds.room import Room

_CATALOGUE = Catalogue(Material(Content("test"), 1, datetime(2026, 1, 1, tzinfo=UTC)), EnvoyOptions())


def envoy_request(data: bytes) -> None:
    """Requests of both dialects, each after its length in two bytes: its names are counted and given back."""
    for dialect, kind in ((Delta, DeltaDiscoveryRequest), (StateOfTheWorld, DiscoveryRequest)):
        room = Room()
        ledger = Ledger(_CATALOGUE, room=room)
        speaks = dialect(ledger)
        with suppress(TooMuch, DecodeError), budget(len(data), a_call=100_000):
            for part in _parts(data):
                speaks.read(kind.FromString(part))
                assert room.names == len(ledger.lines) <= MAX_LINES
                for line, resource in ledger.due():
                    if speaks.may_push(line):
                        speaks.write(line, resource)
                        ledger.push(line, resource)
                ledger.receipt("node")
        ledger.close()
        assert room.names == 0


def _parts(data: bytes) -> list[bytes]:
    parts = []
    while data:
        size = int.from_bytes(data[:2], "big")
        parts.append(data[2 : 2 + size])
        data = data[2 + size :]
    return parts
