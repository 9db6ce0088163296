"""`trustyard check`: what is set, and what would not work, without changing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from trustyard.errors import TrustyardError
from trustyard.pki.hosts import is_loopback
from trustyard.server.configuration import EVERYWHERE, SETTINGS, Configuration, unknown
from trustyard.server.databaseaddress import without_password

from .database import database
from .finding import Finding, note, wrong
from .host import addresses, folders, room, secret_key, tls

SECRET = {"TRUSTYARD_ADMIN_PASSWORD", "TRUSTYARD_OIDC_CLIENT_SECRET", "TRUSTYARD_TOKEN"}


def settings_shown(environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Name, value and where it comes from, of each setting; secrets stay hidden."""
    rows = []
    for setting in SETTINGS:
        given = environ.get(setting.name, "").strip()
        rows.append((setting.name, _shown(setting.name, given or setting.default), "set" if given else "default"))
    return rows


def findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that is wrong or odd about these variables and what they point to."""
    yield from (note(f"{name} is no setting of Trustyard: a typing error?") for name in unknown(environ))
    try:
        configuration = Configuration.from_environment(environ)
    except TrustyardError as error:
        yield from (wrong(f"{field.field}: {field.message}") for field in error.fields)
        return
    try:
        for look in (folders, room, secret_key, tls, addresses, _names, _identity, database):
            yield from look(configuration)
    except PermissionError as error:  # it lies in a folder that this user may not look into
        yield wrong(f"{error.filename} cannot be looked at: {error.strerror}. What comes after it was not checked.")


def _names(configuration: Configuration) -> Iterator[Finding]:
    host = configuration.listen[0]
    if host in EVERYWHERE and not (configuration.public_url or configuration.allowed_hosts):
        yield note(
            f"TRUSTYARD_LISTEN is {host}, but only loopback names are accepted: "
            "set TRUSTYARD_PUBLIC_URL or TRUSTYARD_ALLOWED_HOSTS."
        )
    public = urlsplit(configuration.public_url)
    if public.scheme == "http" and not is_loopback(public.hostname or ""):
        yield note("TRUSTYARD_PUBLIC_URL is http: passwords and tokens can be read on the way. Put https in front.")
    if configuration.https and not configuration.trusted_proxies:
        yield note(
            "TRUSTYARD_PUBLIC_URL is https, but no proxy is trusted: everybody will seem to come from the proxy. "
            "Set TRUSTYARD_TRUSTED_PROXIES."
        )


def _identity(configuration: Configuration) -> Iterator[Finding]:
    if configuration.identity.provider and not configuration.public_url:
        yield note(
            "TRUSTYARD_OIDC_ISSUER is set, but not TRUSTYARD_PUBLIC_URL: people are sent back to the address that "
            "they came by, and the provider must know each."
        )


def _shown(name: str, value: str) -> str:
    if name in SECRET:
        return "(hidden)" if value else ""
    return without_password(value) if name == "TRUSTYARD_DATABASE_URL" else value
