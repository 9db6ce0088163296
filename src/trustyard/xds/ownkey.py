"""Trustyard's own certificate and key: whether they load, and belong together. gRPC would say nothing of why not."""

from __future__ import annotations

import ssl
from pathlib import Path

BEGIN = b"-----BEGIN CERTIFICATE-----"
OTHER_KEY = {"NO_CERTIFICATE_ASSIGNED", "KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}  # OpenSSL's words for it


class _Asked(Exception):
    """OpenSSL wants a pass phrase; without somebody to ask it would ask the terminal."""


def misfit(cert: Path, key: Path) -> str:
    """Why these two PEM files cannot serve TLS together, as the end of a sentence; empty where they can."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_ask)
    except _Asked:
        return f"{key} is locked with a pass phrase, and Trustyard has none"
    except ssl.SSLError as error:
        if error.reason in OTHER_KEY:
            return "the key belongs to another certificate"
        return (
            f"{key} holds no private key in PEM"
            if BEGIN in cert.read_bytes()
            else f"{cert} holds no certificate in PEM"
        )
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _ask() -> str:
    raise _Asked
