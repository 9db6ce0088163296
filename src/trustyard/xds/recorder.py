"""Writes what nodes say, in a thread and in batches: the newest word of a node on a release counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import structlog

from trustyard.actions.turns import Turns
from trustyard.gateways.receipts import Receipt
from trustyard.xds.store import Store

log = structlog.get_logger(__name__)
Run = Callable[[Callable[[], None]], Awaitable[None]]
RETRY_SECONDS = 1.0
Node = tuple[int, str]  # the gateway's id, its name
Key = tuple[int, str, int]  # the same, and the release
Name = TypeVar("Name", Node, Key)
Said = TypeVar("Said")


class Recorder:
    """What waits to be written. `run` calls something that blocks in a thread."""

    def __init__(self, store: Store, run: Run) -> None:
        self._store = store
        self._run = run
        self._receipts: dict[Key, Receipt] = {}
        self._nodes: dict[Node, bool] = {}
        self._written: dict[Node, dict[int, Receipt]] = {}  # or being so; by node, then by release
        self._something = asyncio.Event()
        self._turns = Turns()

    def receipt(self, gateway_id: int, number: int, receipt: Receipt) -> None:
        """Queues a receipt, unless it repeats the node's last one for this release."""
        key = (gateway_id, receipt.node, number)
        if self._written.get(key[:2], {}).get(number) == receipt:
            self._receipts.pop(key, None)
            return
        self._receipts[key] = receipt
        self._something.set()

    def again(self, gateway_id: int, node: str) -> None:
        """Lets the node's next receipt be written though it repeats the last one: the store may have dropped that."""
        self._written.pop((gateway_id, node), None)

    def node(self, gateway_id: int, node: str, *, connected: bool) -> None:
        """Queues that a node connected or disconnected."""
        if not connected:
            self.again(gateway_id, node)
        self._nodes[gateway_id, node] = connected
        self._something.set()

    async def work(self) -> None:
        """Writes until it is cancelled; what could not be written is tried again."""
        while True:
            await self._something.wait()
            self._something.clear()
            if not await self.flush():
                self._something.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def flush(self) -> bool:
        """Writes what is queued; False when some of it has to be tried again later.

        Begun, it comes to its end, also where nobody waits for that any more; who asks next has to.
        """
        return await self._turns.take(self._write_all)

    async def _write_all(self) -> bool:
        receipts, self._receipts = self._receipts, {}
        nodes, self._nodes = self._nodes, {}
        for key, receipt in receipts.items():
            self._keep(key, receipt)  # what is said meanwhile may repeat this, and not what was written before
        for node, connected in nodes.items():
            if not connected:
                self.again(*node)
        # Receipts first: writing one says that its node is there.
        words = {key: (key[0], key[2], receipt) for key, receipt in receipts.items()}
        written = await self._stored(words, self._store.record_all)
        good = len(written) == len(receipts)
        for key, receipt in receipts.items():
            if key not in written:
                self.again(*key[:2])
                self._receipts.setdefault(key, receipt)
        there = await self._stored({node: (*node, nodes[node]) for node in nodes}, self._store.seen_all)
        late = {key[:2] for key in self._receipts}
        for node, connected in nodes.items():
            # A receipt that is written later brings back a node that has gone: that is said once more after it.
            if node not in there or (node in late and not connected):
                self._nodes.setdefault(node, connected)
                good = False
        return good

    async def _stored(self, words: Mapping[Name, Said], write: Callable[[Sequence[Said]], None]) -> set[Name]:
        """Writes all in one transaction; where that fails, one by one, so that no word blocks the others."""
        if not words or await self._write(partial(write, list(words.values()))):
            return set(words)
        if len(words) == 1:
            return set()
        return {name for name, word in words.items() if await self._stored({name: word}, write)}

    def _keep(self, key: Key, receipt: Receipt) -> None:
        """Forgets what was written of older releases: the node sends no receipts for them any more."""
        node, number = key[:2], key[2]
        newer = {other: word for other, word in self._written.get(node, {}).items() if other > number}
        self._written[node] = {**newer, number: receipt}

    async def _write(self, call: Callable[[], None]) -> bool:
        try:
            await self._run(call)
        except Exception:  # the database may be away for a while; the stream goes on and so do we
            log.warning("xds.not_recorded", exc_info=True)
            return False
        return True
