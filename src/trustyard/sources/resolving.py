"""Names to addresses within a deadline, and a TCP connection to an address that the guard has seen."""

from __future__ import annotations

import queue
import socket
import threading
from time import monotonic

from trustyard.errors import SourceDenied, SourceUnreachable
from trustyard.sources.addresses import Target
from trustyard.sources.guard import Guard


def addresses_of(target: Target, deadline: float) -> list[str]:
    """The IP addresses of the target's host, in the resolver's order. `SourceUnreachable` when none comes in time."""
    if target.sni is None:
        return [target.host]
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()
    # The system's resolver takes no time limit: it runs in a thread that may be left behind.
    threading.Thread(target=_resolve, args=(target, answers), name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.0, deadline - monotonic()))
    except queue.Empty:
        raise SourceUnreachable(f"{target} cannot be reached: its name was not resolved in time.") from None
    if isinstance(answer, OSError) or not answer:
        raise SourceUnreachable(
            f"{target} cannot be reached: the name {target.host} does not resolve.", advice="Check its spelling."
        )
    return answer


def connect(target: Target, guard: Guard, deadline: float) -> tuple[socket.socket, str]:
    """A TCP connection to the first address that the guard lets through and that answers, and that address.

    The addresses are resolved once; the connection goes to the very address that was checked, so that a second answer
    of the name server cannot lead elsewhere. `SourceDenied` when the guard lets none through.
    """
    permitted = _permitted(addresses_of(target, deadline), guard)
    sentence = ""
    for number, address in enumerate(permitted):
        if number and monotonic() >= deadline:
            break  # a name may have thousands
        # One address that swallows packets must leave time for the next.
        share = max(0.05, (deadline - monotonic()) / (len(permitted) - number))
        try:
            return socket.create_connection((address, target.port), timeout=share), address
        except TimeoutError:
            sentence = sentence or f"{target} did not accept a connection in time."
        except ConnectionRefusedError:
            sentence = f"{target} refused the connection: nothing listens on port {target.port} there."
        except OSError as error:
            sentence = sentence or f"{target} cannot be reached: {error.strerror or 'no route'}."
    raise SourceUnreachable(sentence, advice="Check the address, the port and the firewalls on the way.")


def _resolve(target: Target, answers: queue.SimpleQueue[list[str] | OSError]) -> None:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
    except OSError as error:
        answers.put(error)


def _permitted(addresses: list[str], guard: Guard) -> list[str]:
    permitted: list[str] = []
    denials: list[SourceDenied] = []
    for address in addresses:
        try:
            guard.check(address)
            permitted.append(address)
        except SourceDenied as denial:
            denials.append(denial)
    if not permitted:
        raise denials[0]
    return permitted
