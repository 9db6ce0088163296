"""`trustyard check`: what is set, and what would not work, without changing anything."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from trustyard.errors import TrustyardError

from .configuration import SETTINGS, Configuration

SECRET = {"TRUSTYARD_ADMIN_PASSWORD", "TRUSTYARD_OIDC_CLIENT_SECRET", "TRUSTYARD_TOKEN"}


@dataclass(frozen=True)
class Finding:
    """One sentence; `error` where Trustyard would not start or not work."""

    error: bool
    sentence: str


def settings_shown(environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Name, value and where it comes from, of each setting; secrets stay hidden."""
    rows = []
    for setting in SETTINGS:
        given = environ.get(setting.name, "").strip()
        rows.append((setting.name, _shown(setting.name, given or setting.default), "set" if given else "default"))
    return rows


def findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that is wrong or odd about these variables and what they point to."""
    known = {setting.name for setting in SETTINGS}
    for name in sorted(environ):
        if name.startswith("TRUSTYARD_") and name not in known:
            yield Finding(False, f"{name} is no setting of Trustyard: a typing error?")
    try:
        configuration = Configuration.from_environment(environ)
    except TrustyardError as error:
        yield from (Finding(True, f"{field.field}: {field.message}") for field in error.fields)
        return
    yield from _folders(configuration)
    yield from _tls(configuration)
    yield from _addresses(configuration)
    yield from _identity(configuration)
    yield from _database(configuration)


def _folders(configuration: Configuration) -> Iterator[Finding]:
    folder = configuration.data_dir
    if not folder.exists():
        yield Finding(False, f"The data directory {folder} does not exist yet: the first start makes it.")
    elif not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(True, f"The data directory {folder} cannot be written to.")
    elif folder.stat().st_mode & 0o077:
        yield Finding(False, f"The data directory {folder} is open to others: the next start closes it (0700).")
    for root in configuration.files_roots:
        if not root.is_dir():
            yield Finding(False, f"TRUSTYARD_FILES_ROOTS: there is no folder {root} yet.")
        elif not os.access(root, os.W_OK | os.X_OK):
            yield Finding(True, f"TRUSTYARD_FILES_ROOTS: {root} cannot be written to.")


def _tls(configuration: Configuration) -> Iterator[Finding]:
    if configuration.xds_tls:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*configuration.xds_tls)
        except (OSError, ssl.SSLError) as error:
            yield Finding(True, f"TRUSTYARD_XDS_CERT and TRUSTYARD_XDS_KEY do not load: {error}.")


def _addresses(configuration: Configuration) -> Iterator[Finding]:
    host = configuration.listen[0]
    if host in ("0.0.0.0", "::") and not (configuration.public_url or configuration.allowed_hosts):  # noqa: S104 - it is looked for, not listened on
        yield Finding(
            False,
            f"TRUSTYARD_LISTEN is {host}, but only loopback names are accepted: "
            "set TRUSTYARD_PUBLIC_URL or TRUSTYARD_ALLOWED_HOSTS.",
        )
    if configuration.https and not configuration.trusted_proxies:
        yield Finding(
            False,
            "TRUSTYARD_PUBLIC_URL is https, but no proxy is trusted: everybody will seem to come from the proxy. "
            "Set TRUSTYARD_TRUSTED_PROXIES.",
        )


def _identity(configuration: Configuration) -> Iterator[Finding]:
    provider = configuration.identity.provider
    if provider and not configuration.public_url:
        yield Finding(
            False,
            "TRUSTYARD_OIDC_ISSUER is set, but not TRUSTYARD_PUBLIC_URL: people are sent back to the address that "
            "they came by, and the provider must know each.",
        )


def _database(configuration: Configuration) -> Iterator[Finding]:
    if configuration.sqlite and not (configuration.data_dir / "trustyard.db").exists():
        return  # the first start makes it; looking would make an empty one
    from .opening import behind, set_up

    try:
        set_up()
        missing = behind()
    except Exception as error:  # noqa: BLE001 - whatever the database does, this is a report
        yield Finding(True, f"The database cannot be used: {str(error).strip()}")
        return
    if missing:
        yield Finding(False, f"The database lacks {len(missing)} migration(s): the next start brings them.")


def _shown(name: str, value: str) -> str:
    if name in SECRET:
        return "(hidden)" if value else ""
    if name == "TRUSTYARD_DATABASE_URL" and value:
        parts = urlsplit(value)
        return value.replace(f":{parts.password}@", ":(hidden)@") if parts.password else value
    return value
