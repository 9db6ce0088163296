"""What this host says: folders, room, the secret key's file and the TLS files of xDS."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from trustyard.errors import TrustyardError
from trustyard.pki.hosts import host_port
from trustyard.server.configuration import Configuration
from trustyard.server.datadir import OWN_FOLDER, foreign
from trustyard.server.sockets import bound
from trustyard.server.xdscertificate import validity
from trustyard.xds.ownkey import misfit

from .finding import Finding, note, wrong

MOUNTED = Path("/run/secrets")  # a container's secrets: readable there for all, and nobody else is in there
ANY = ("127.0.0.1", 0)  # an address that is always free
FULL, SCARCE = 100_000_000, 1_000_000_000  # bytes left


def folders(configuration: Configuration) -> Iterator[Finding]:
    """The data directory and the folders that gateways may use."""
    folder = configuration.data_dir
    if not folder.exists():
        there = next(place for place in folder.parents if place.exists())
        if os.access(there, os.W_OK | os.X_OK):
            yield note(f"The data directory {folder} does not exist yet: the first start makes it.")
        else:
            yield note(
                f"The data directory {folder} does not exist yet, and this user may not make it in {there}. "
                "systemd makes it for a unit with StateDirectory=; else make it (0700) for the user of the server."
            )
    elif not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield wrong(f"The data directory {folder} cannot be written to.")
    else:
        if folder.stat().st_mode & 0o077 and os.getuid() not in (0, folder.stat().st_uid):
            yield wrong(f"{foreign(folder)} {OWN_FOLDER}")
        elif folder.stat().st_mode & 0o077:
            yield note(f"The data directory {folder} is open to others: the next start closes it (0700).")
        if configuration.sqlite:
            yield from _not_ours(configuration.sqlite_file)
    for root in (root.folder for root in configuration.files_roots):
        if not root.is_dir():
            yield note(f"TRUSTYARD_FILES_ROOTS: there is no folder {root} yet.")
        elif not os.access(root, os.W_OK | os.X_OK) and not _has_socket(root):
            yield wrong(f"TRUSTYARD_FILES_ROOTS: {root} cannot be written to.")


def _has_socket(folder: Path) -> bool:
    """Whether it is HAProxy's: of that the socket alone has to be written to, and the folder may be root's."""
    return os.access(folder, os.R_OK | os.X_OK) and any(
        path.is_socket() and os.access(path, os.W_OK) for path in folder.iterdir()
    )


def _not_ours(database: Path) -> Iterator[Finding]:
    for file in (database, *(database.with_name(f"{database.name}-{end}") for end in ("wal", "shm"))):
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            yield wrong(f"The file {file} cannot be written to: chown it to the user of the server.")


def room(configuration: Configuration) -> Iterator[Finding]:
    """How much the disk of the data directory still takes."""
    folder = configuration.data_dir
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), Path("/"))
    free = shutil.disk_usage(there).free
    if free < SCARCE:
        sentence = f"The disk of the data directory has {free // 1_000_000} MB left."
        yield wrong(sentence) if free < FULL else note(sentence)


def addresses(configuration: Configuration) -> Iterator[Finding]:
    """Whether it can listen where it is told to; a server that runs does so already."""
    given = {
        "TRUSTYARD_LISTEN": configuration.listen,
        "TRUSTYARD_XDS_LISTEN": configuration.xds_listen,
        "TRUSTYARD_WORKER_LISTEN": configuration.worker_listen or ANY,
    }
    for name, address in given.items():
        try:
            bound(address).close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                yield note(f"{name}: {host_port(*address)} has a program that listens there: this server, if it runs.")
            else:
                yield wrong(f"{name}: Trustyard cannot listen on {host_port(*address)}: {error.strerror}.")


def secret_key(configuration: Configuration) -> Iterator[Finding]:
    """The file of the secret key; whether it is the database's own is the database's to say."""
    try:
        earlier = configuration.earlier_secret_keys
    except TrustyardError as error:
        yield wrong(error.sentence)
        return
    if earlier:
        yield note("An earlier secret key is still accepted: `trustyard secret forget` ends it.")
    given = configuration.given_secret_key_file
    if given and _open_to_others(given):
        yield note(f"TRUSTYARD_SECRET_KEY_FILE: everybody on this host can read {given}: chmod 600 or 640 it.")


def _open_to_others(path: Path) -> bool:
    if path.is_relative_to(MOUNTED):
        return False
    return bool(path.stat().st_mode & stat.S_IROTH) and all(
        folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents
    )


def tls(configuration: Configuration) -> Iterator[Finding]:
    """The certificate and the key of the xDS server: do they load, and is it still valid?"""
    if not configuration.xds_tls:
        return
    why = misfit(*configuration.xds_tls)
    try:
        found = None if why else validity(configuration.xds_tls[0])
    except (OSError, TrustyardError) as error:
        why = str(error).removesuffix(".")
    if why or found is None:
        yield wrong(f"TRUSTYARD_XDS_CERT and TRUSTYARD_XDS_KEY do not load: {why}.")
        return
    word, day = found[0], f"{found[1]:%Y-%m-%d}"
    if word == "expiring":
        yield note(f"TRUSTYARD_XDS_CERT expires on {day}: gateways that check it will not connect any more.")
    elif word != "valid":
        yield wrong(f"TRUSTYARD_XDS_CERT is not valid now ({word}; it ends on {day}): gateways do not connect.")
