"""What can be said of a gateway of kind `haproxy`: where its Runtime API is, and which CA file it is given."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from trustyard.gateways.anchors import Include
from trustyard.gateways.places import Held, Place, below_a_root, refused
from trustyard.gateways.proof import Probed


class HaproxyOptions(Probed):
    """`socket` and `ca_file` lie under a folder of TRUSTYARD_FILES_ROOTS; over TCP the socket is of this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    socket: str = Field(
        min_length=1,
        max_length=1000,
        title="Runtime API",
        description="The path of HAProxy's stats socket (level admin), or 127.0.0.1:PORT.",
    )
    ca_file: str = Field(
        min_length=1,
        max_length=1000,
        title="CA file",
        description="The file that `ca-file` of the bind line names, written as in HAProxy's configuration.",
    )
    include: Include = Field(
        default="used", title="Certificates", description="used: the certificates; all: the root set too."
    )

    def tcp(self) -> tuple[str, int] | None:
        """Host and port when the Runtime API is reached over TCP."""
        host, colon, port = self.socket.rpartition(":")
        if self.socket.startswith("/") or not colon or not port.isascii() or not port.isdigit():
            return None
        return host.strip("[]"), int(port)


def settle(options: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The options as they are kept. Raises Refused (`directory`).

    The file keeps the name that was given: HAProxy knows it by exactly that name.
    """
    given = HaproxyOptions.model_validate(dict(options))
    file_of(given, place)
    check_socket(given, place)
    return dict(options)


def holds(options: Mapping[str, Any], place: Place) -> tuple[Held, ...]:
    """The CA file, which no other gateway may have, and the socket: one HAProxy may have several CA files.

    A port is one and the same at every address of loopback, for HAProxy may listen on all of them.
    """
    given = HaproxyOptions.model_validate(dict(options))
    address = given.tcp()
    socket = f"port {address[1]} of this machine" if address else os.path.realpath(given.socket)
    return Held("ca_file", os.path.realpath(given.ca_file)), Held("socket", socket, shared=True)


def file_of(options: HaproxyOptions, place: Place) -> Path:
    """The CA file, links followed; judged again at each delivery, for links may have moved since it was saved."""
    path = below_a_root(options.ca_file, place, option="ca_file")
    if path.is_dir():
        raise refused(f"{options.ca_file} is a folder; name the file.", "ca_file")
    if not options.ca_file.isascii() or not options.ca_file.isprintable():
        raise refused("The CA file's path holds a character that HAProxy's Runtime API does not take.", "ca_file")
    if any(character.isspace() or character in "#;<>\"'\\" for character in options.ca_file):
        # The name stands in a command line of the Runtime API, where these mean something.
        raise refused("The CA file's path holds a space, a quote or one of # ; < > \\.", "ca_file")
    return path


def check_socket(options: HaproxyOptions, place: Place) -> None:
    """Accepts only sockets of this machine, since the Runtime API has no authentication."""
    address = options.tcp()
    if address is None:
        below_a_root(options.socket, place, option="socket")
        return
    try:
        loopback = ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        loopback = False
    if not loopback or not 0 < address[1] < 65536:
        raise refused("Over TCP the Runtime API is reached on loopback only, such as 127.0.0.1:9999.", "socket")
