"""The xDS server's certificate and key, read anew when their files change, so that a renewal needs no restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import structlog

from trustyard.errors import Refused
from trustyard.xds.ownkey import misfit

log = structlog.get_logger(__name__)


def credentials(cert: Path, key: Path) -> Any:
    """gRPC server credentials of these two PEM files.

    Raises Refused (`xds-tls`) when they cannot be read, or do not belong together.
    """
    stamp = said = [_written_at(file) for file in (cert, key)]

    def changed() -> Any:
        """Asked by gRPC at each handshake; None means nothing new."""
        nonlocal stamp, said
        now = [_written_at(file) for file in (cert, key)]
        if now == stamp:
            return None
        try:
            fresh = _read(cert, key)
        except (OSError, Refused) as error:  # half-written: the old one goes on
            if now != said:  # once, however many strangers come
                log.warning("xds.certificate_unreadable", error=str(error))
            said = now
            return None
        stamp = said = now
        return fresh

    return grpc.dynamic_ssl_server_credentials(_read(cert, key), changed)


def _read(cert: Path, key: Path) -> Any:
    try:
        pair = (key.read_bytes(), cert.read_bytes())
    except OSError as error:
        raise Refused(f"The xDS certificate or key cannot be read: {error.strerror}.", code="xds-tls") from None
    if why := misfit(cert, key):
        raise Refused(f"The xDS certificate and key do not load: {why}.", code="xds-tls")
    return grpc.ssl_server_certificate_configuration([pair])


def _written_at(file: Path) -> int:
    """In nanoseconds; 0 where that cannot be seen."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
