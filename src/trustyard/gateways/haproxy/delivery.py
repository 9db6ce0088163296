"""Gives HAProxy a release without a reload, and says in its own words how that went."""

from __future__ import annotations

import stat
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trustyard.errors import Refused
from trustyard.gateways.anchors import Anchors, for_openssl
from trustyard.gateways.beside import held
from trustyard.gateways.places import Place
from trustyard.gateways.receipts import LOCAL, Receipt, State, plain
from trustyard.pki.content import Material
from trustyard.pki.sentences import plural
from trustyard.pki.truststores import pem_bundle

from .options import HaproxyOptions, check_socket, file_of
from .runtime import Runtime, RuntimeRefused, are_just

_BUSY = "ongoing transaction is about"  # another CA file: HAProxy has room for one at a time
_TURNS: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)  # one delivery at a time for each socket


def deliver(material: Material, options: Mapping[str, Any], place: Place) -> Receipt:
    """Writes the CA file, commits it over the Runtime API and reads it back. Idempotent; never raises.

    `accepted`: HAProxy lists exactly these certificates, and the file that it reads at its next start is the same.
    `refused`: HAProxy did not take them, in its own words; what it had before is in force, and in the file.
    `unreachable`: nobody answered at the socket, or the file could not be written; worth trying again.
    """
    started = time.monotonic()
    given = HaproxyOptions.model_validate(dict(options))
    with _TURNS[given.socket]:
        state, detail = _try(material, given, place)
    return Receipt(LOCAL, state, detail, round((time.monotonic() - started) * 1000))


def _try(material: Material, options: HaproxyOptions, place: Place) -> tuple[State, str]:
    anchors = for_openssl(material, options.include)
    try:
        check_socket(options, place)
        file = file_of(options, place)
        runtime = Runtime(options.tcp() or options.socket)
        return _replace(runtime, options.ca_file, file, anchors, material.number)
    except Refused as error:
        return "refused", error.sentence
    except RuntimeRefused as error:
        said = plain(str(error))
        return "unreachable" if _BUSY in said else "refused", f"HAProxy: {said}"
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return "unreachable", f"Release {material.number} was not delivered: {error.strerror or error}{where}."


def _replace(runtime: Runtime, name: str, file: Path, anchors: Anchors, number: int) -> tuple[State, str]:
    pem = pem_bundle(anchors.ders)
    runtime.greet()
    # 1. What is in force, and is there such a CA file at all?
    in_force = are_just(runtime.listed(name), anchors.ders)
    old = _read(file)
    if in_force and old == pem:
        return "accepted", _said(f"release {number} is in force", anchors)
    # 2. The file first: a HAProxy that restarts now starts with the new set.
    _write(file, pem)
    try:
        # 3. One transaction. 4. Believe what HAProxy lists, not what it was told.
        if not in_force:
            runtime.replace(name, anchors.ders)
        seen = runtime.listed(name)
        if not are_just(seen, anchors.ders):
            lists = plural(len(seen), "certificate")
            raise RuntimeRefused(f"it lists {lists}, which are not just the {len(anchors.ders)} that were committed.")
        drifted = old == pem  # the file was ours already: somebody has committed another set meanwhile
    except BaseException:
        _restore(file, old)  # whatever HAProxy starts with next, it is not what it did not take
        raise
    again = " again, for other certificates were in force" if drifted else ""
    counted = plural(len(anchors.ders), "certificate")
    return "accepted", _said(f"release {number} committed{again}, {counted} read back", anchors)


def _said(done: str, anchors: Anchors) -> str:
    return "; ".join((done, *anchors.notes))


def _restore(file: Path, old: bytes | None) -> None:
    if old is None:
        file.unlink(missing_ok=True)
    else:
        _write(file, old)


def _read(file: Path) -> bytes | None:
    """What stands there. OSError for what is no file: a pipe would be waited for, and this gateway's turn with it."""
    with held(file.parent) as folder:
        return folder.read(file.name) if folder.has(file.name) else None


def _write(file: Path, data: bytes) -> None:
    """A file keeps its owner's bits; a new one is for everybody to read."""
    mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o644
    with held(file.parent) as folder:
        folder.replace(file.name, data, mode)
