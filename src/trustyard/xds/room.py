"""What may be taken of this server: connections by everybody, streams and names by all nodes of one gateway."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CONNECTIONS = 4_096  # 2,000 Envoys, each of them twice while it is restarted hot
MAX_STREAMS = 1_000
MAX_NAMES = 100_000


@dataclass(eq=False)
class Room:
    """What they have taken."""

    streams: int = 0
    names: int = 0

    def has_for_a_stream(self) -> bool:
        """Whether one more may be opened."""
        return self.streams < MAX_STREAMS

    def has_for_a_name(self) -> bool:
        """Whether a stream may subscribe to one more."""
        return self.names < MAX_NAMES
