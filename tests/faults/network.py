"""A network between a node and its database that can fall silent: no packet comes through, and nobody is told."""

from __future__ import annotations

import ctypes
import socket
import struct
import threading
from contextlib import suppress

ATTACH_FILTER, DETACH_FILTER = 26, 27  # socket options of Linux (asm-generic/socket.h)
DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # one instruction of the packet filter: return 0 bytes
HALF = 65_536


class Network:
    """Forwards connections to a port of loopback until it is `cut`.

    A filter on our sockets drops each packet before it is acknowledged, as a broken network does: the node's system
    sends it again and again, and finds out by its own time-outs alone.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._passing = threading.Event()
        self._passing.set()
        self._ended = False
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Network:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self.mend()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets = [one for pair in self._pairs for one in pair]
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for one in sockets:
            one.close()

    def cut(self) -> None:
        """From now on nothing comes through, on connections that stand and on new ones."""
        self._passing.clear()
        with self._lock:
            for near in (self._listener, *(pair[0] for pair in self._pairs)):
                _drop_all(near)

    def mend(self) -> None:
        """New connections come through again, and old ones that nobody has given up."""
        with self._lock:
            for near in (self._listener, *(pair[0] for pair in self._pairs)):
                with suppress(OSError):
                    near.setsockopt(socket.SOL_SOCKET, DETACH_FILTER, 0)
        self._passing.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            with self._lock:
                self._pairs.append((near, far))
                if not self._passing.is_set():
                    _drop_all(near)
            self._begin(self._pump, near, far)
            self._begin(self._pump, far, near)

    def _begin(self, work: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(HALF):
                self._passing.wait()
                target.sendall(chunk)
        self._passing.wait()
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def _drop_all(one: socket.socket) -> None:
    program = ctypes.create_string_buffer(DROP_ALL)
    with suppress(OSError):  # it is closed
        one.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
