"""HAProxy's Runtime API: one command on a connection of its own, and the answer read to its end."""

from __future__ import annotations

import hashlib
import re
import socket
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from trustyard.pki.certificates import pem
from trustyard.pki.structure import take_apart

SECONDS = 10.0  # for one command, from the connection to the end of the answer
MAX_ANSWER = 4_000_000  # bytes; `show ssl ca-file` says about 400 of each certificate
MAX_GREETING = 100_000  # bytes; `show info` says about 1,200
_HAPROXY = re.compile(r"Name: \S+\nVersion: \S")
_CERTIFICATE = re.compile(r"^Certificate #\d+:$", re.MULTILINE)
_SERIAL = re.compile(r"^Serial: ([0-9A-F]*)$", re.MULTILINE)
_FINGERPRINT = re.compile(r"^SHA1 FingerPrint: ([0-9A-F]{40})$", re.MULTILINE)


class RuntimeRefused(Exception):
    """HAProxy answered with an error; the message is its own."""


class Listed(NamedTuple):
    """What HAProxy says of a certificate that is in use. Of some keys (Ed25519, ML-DSA) 2.6 says no fingerprint."""

    serial: int
    sha1: str  # lower-case hex, or empty


def are_just(listed: Iterable[Listed], ders: Iterable[bytes]) -> bool:
    """Whether these certificates are listed and no others: by SHA-1, and where that is not said by serial number."""
    missing = {hashlib.sha1(der, usedforsecurity=False).hexdigest(): der for der in ders}
    unnamed: Counter[int] = Counter()
    for one in listed:
        if not one.sha1:
            unnamed[one.serial] += 1
        elif missing.pop(one.sha1, None) is None:
            return False
    return unnamed == Counter(abs(take_apart(der).serial) for der in missing.values())


@dataclass(frozen=True)
class Runtime:
    """The Runtime API at a path or at a host and port. OSError (TimeoutError among them) when nobody answers."""

    address: str | tuple[str, int]

    def greet(self) -> None:
        """Checks that HAProxy answers. Another program may listen at the port; its answer is not shown.

        RuntimeRefused when that is not HAProxy.
        """
        if not _HAPROXY.match(self.ask("show info\n", most=MAX_GREETING)):
            raise RuntimeRefused("what answers there is not its Runtime API.")

    def ask(self, command: str, *, most: int = MAX_ANSWER) -> str:
        """The answer to one command, which ends with a line feed (and a payload with an empty line)."""
        deadline = time.monotonic() + SECONDS
        family = socket.AF_UNIX
        if isinstance(self.address, tuple):
            family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(SECONDS)
            try:
                connection.connect(self.address)
            except OSError as error:
                error.filename = self.address if isinstance(self.address, str) else "{}:{}".format(*self.address)
                raise
            connection.sendall(command.encode("ascii"))
            connection.shutdown(socket.SHUT_WR)
            return _read(connection, deadline, most).decode("utf-8", "replace").strip()

    def listed(self, ca_file: str) -> list[Listed]:
        """Each certificate that is in use under this name. `RuntimeRefused` for no such name."""
        answer = self.ask(f"show ssl ca-file {ca_file}\n")
        if not answer.startswith("Filename:"):
            raise RuntimeRefused(answer or "HAProxy gave an empty answer.")
        return [_listed(said) for said in _CERTIFICATE.split(answer)[1:]]

    def replace(self, ca_file: str, ders: Iterable[bytes]) -> None:
        """Puts these certificates in force under this name, in one transaction. `RuntimeRefused` when it does not.

        Never `commit ssl cert` beside it: after a CA transaction HAProxy 2.6 answers that with success and no effect,
        and may crash at the next one (haproxy/haproxy#3165).
        """
        # Encoded from DER here: an empty line would end the payload, and what follows would run as commands.
        payload = "".join(pem(der) for der in ders)
        try:
            self._expect(f"set ssl ca-file {ca_file} <<\n{payload}\n", "transaction", len(payload))
            self._expect(f"commit ssl ca-file {ca_file}\n", "Success!", 0)
        except RuntimeRefused:
            self.ask(f"abort ssl ca-file {ca_file}\n")
            raise

    def _expect(self, command: str, word: str, payload: int) -> None:
        try:
            answer = self.ask(command)
        except (BrokenPipeError, ConnectionResetError):  # it was closed while there was more to send
            if not payload:
                raise
            answer = ""
        if word in answer:
            return
        if not answer and payload:
            raise RuntimeRefused(
                f"HAProxy gave no answer to {payload} bytes of certificates: its tune.bufsize is too small for them."
            )
        raise RuntimeRefused(answer or "HAProxy gave an empty answer.")


def _listed(said: str) -> Listed:
    serial, sha1 = _SERIAL.search(said), _FINGERPRINT.search(said)
    return Listed(int(serial[1] or "0", 16) if serial else -1, sha1[1].lower() if sha1 else "")


def _read(connection: socket.socket, deadline: float, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no end of the answer within {SECONDS:.0f} s")
        connection.settimeout(left)
        part = connection.recv(65536)
        if not part:
            return b"".join(parts)
        size += len(part)
        if size > most:
            raise RuntimeRefused(f"the answer is longer than {most} bytes.")
        parts.append(part)
