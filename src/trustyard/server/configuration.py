"""The settings that a person may make: read from `TRUSTYARD_*`, judged once, all mistakes at a time."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from trustyard.errors import FieldError, Refused
from trustyard.gateways.places import Root
from trustyard.pki.hosts import host_port, is_loopback

from .databaseaddress import database_url
from .identity import Identity, OneOf, identity

Address = tuple[str, int]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Value = TypeVar("Value")
SHORTEST_KEY = 32
NO_TEXT = "holds bytes that are no ASCII text: each of its lines is a key."
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - looked for, not listened on
# What Django takes as a host: a name, an address, .name for all names below it; or * for any.
HOST = re.compile(r"\*|\.?[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[a-f0-9]*:[a-f0-9.:]+\]", re.IGNORECASE)


@dataclass(frozen=True)
class Setting:
    """One variable of the environment: its name, its default as a person reads it, and what it is for."""

    name: str
    default: str
    description: str


SETTINGS = (
    Setting(
        "TRUSTYARD_DATA_DIR", "./trustyard-data", "Folder (0700) of the database, the secret key and what is published."
    ),
    Setting("TRUSTYARD_DATABASE_URL", "", "`postgresql://…`; empty: SQLite in the data directory."),
    Setting("TRUSTYARD_DATABASE_URL_FILE", "", "A file with that address, instead: it may hold a password."),
    Setting(
        "TRUSTYARD_SECRET_KEY_FILE", "", "File of the secret key, the same on all nodes; empty: in the data directory."
    ),
    Setting("TRUSTYARD_JOBS", "on", "`off`: this server leaves jobs to other nodes; PostgreSQL only."),
    Setting(
        "TRUSTYARD_LISTEN", "127.0.0.1:8400", "Where console and REST API listen, HOST:PORT; port 0 takes a free one."
    ),
    Setting("TRUSTYARD_XDS_LISTEN", "127.0.0.1:8401", "Where Envoy connects, HOST:PORT; port 0 takes a free one."),
    Setting(
        "TRUSTYARD_WORKER_LISTEN",
        "",
        "Where `trustyard worker` answers `/healthz`, `/readyz` and `/metrics`, HOST:PORT; empty: nowhere.",
    ),
    Setting("TRUSTYARD_PUBLIC_URL", "", "The address people use when a proxy stands before Trustyard, `https://…`."),
    Setting(
        "TRUSTYARD_ALLOWED_HOSTS",
        "",
        "Host names accepted, comma separated, besides loopback, the listening host and that of the public address.",
    ),
    Setting("TRUSTYARD_TRUSTED_PROXIES", "", "Networks (CIDR, comma separated) whose forwarding headers count."),
    Setting("TRUSTYARD_XDS_URL", "", "The xDS address that bootstraps name; empty: the one listened on."),
    Setting("TRUSTYARD_XDS_CERT", "", "PEM file of the xDS server's certificate chain."),
    Setting(
        "TRUSTYARD_XDS_KEY", "", "PEM file of its private key; without the two files xDS listens on loopback only."
    ),
    Setting(
        "TRUSTYARD_FILES_ROOTS",
        "",
        "Folders, comma separated, under which gateways may have their folders, files and sockets; "
        "`ENVIRONMENT=/folder` for those of one environment alone.",
    ),
    Setting(
        "TRUSTYARD_ACCESS_LOG",
        "on",
        "Which requests have a line in the log: `on` (console and REST API), `all` (health etc. too) or `off`.",
    ),
    Setting("TRUSTYARD_FETCH_ALLOW", "", "Networks a connection source may reach although refused by default."),
    Setting("TRUSTYARD_FETCH_DENY", "", "Networks a connection source may not reach although allowed by default."),
    Setting(
        "TRUSTYARD_ADMIN_PASSWORD",
        "",
        "Password of the first user `admin`, read at the first start; empty: a random one, printed once.",
    ),
    Setting("TRUSTYARD_ADMIN_PASSWORD_FILE", "", "A file with that password, instead."),
    Setting("TRUSTYARD_LOCAL_SIGN_IN", "on", "`off`: nobody signs in with a password, all come by the provider."),
    Setting("TRUSTYARD_REQUIRE_MFA", "off", "Who signs in with a password needs a second factor: `admins`, `all`."),
    Setting("TRUSTYARD_TOKEN_MAX_DAYS", "0", "How many days a new API token may live; 0: as long as it likes."),
    Setting("TRUSTYARD_OIDC_ISSUER", "", "Address of the company's OpenID Connect provider; empty: none."),
    Setting("TRUSTYARD_OIDC_CLIENT_ID", "", "What the provider calls Trustyard."),
    Setting("TRUSTYARD_OIDC_CLIENT_SECRET", "", "The secret that the provider gave Trustyard."),
    Setting("TRUSTYARD_OIDC_CLIENT_SECRET_FILE", "", "A file with that secret, instead."),
    Setting("TRUSTYARD_OIDC_NAME", "OpenID Connect", "What stands on the button: *Sign in with …*."),
    Setting("TRUSTYARD_OIDC_SCOPES", "openid profile", "What the provider is asked for."),
    Setting("TRUSTYARD_OIDC_ROLE_CLAIM", "groups", "The claim that roles are read from, such as `realm_access.roles`."),
    Setting(
        "TRUSTYARD_OIDC_ROLES",
        "",
        "Which value of that claim is which role: `trust-admins=admin,platform=operator,partners=operator:test`.",
    ),
    Setting("TRUSTYARD_URL", "http://127.0.0.1:8400", "Where the client commands go; `--url` comes first."),
    Setting("TRUSTYARD_TOKEN", "", "The API token of the client commands; `--token` comes first."),
)
DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


def unknown(environ: Mapping[str, str]) -> list[str]:
    """The variables that are named like settings and are none."""
    return sorted(name for name in environ if name.startswith("TRUSTYARD_") and name not in DEFAULTS)


class ConfigurationRefused(Refused):
    """A setting that cannot be taken; `fields` names each variable and what is wrong with it."""

    code, title = "configuration", "Configuration refused"


@dataclass(frozen=True)
class Configuration:
    """Every setting, read and judged; paths are absolute."""

    data_dir: Path
    database_url: str
    given_secret_key_file: Path | None
    jobs: bool
    public_url: str
    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    listen: Address
    xds_listen: Address
    worker_listen: Address | None
    xds_url: str
    xds_cert: Path | None
    xds_key: Path | None
    files_roots: tuple[Root, ...]
    fetch_allow: tuple[Network, ...]
    fetch_deny: tuple[Network, ...]
    admin_password: str
    identity: Identity
    access_log: str = "on"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Configuration:
        """The configuration of these variables; raises ConfigurationRefused with one line for each mistake."""
        reader = Reader(os.environ if environ is None else environ)
        configuration = cls(
            data_dir=reader.take("TRUSTYARD_DATA_DIR", _folder),
            database_url=reader.take_secret("TRUSTYARD_DATABASE_URL", database_url),
            given_secret_key_file=reader.take("TRUSTYARD_SECRET_KEY_FILE", _key_file),
            jobs=reader.take("TRUSTYARD_JOBS", OneOf("on", "off")) == "on",
            public_url=reader.take("TRUSTYARD_PUBLIC_URL", _public_url),
            allowed_hosts=reader.take("TRUSTYARD_ALLOWED_HOSTS", _hosts),
            trusted_proxies=reader.take("TRUSTYARD_TRUSTED_PROXIES", _networks),
            listen=reader.take("TRUSTYARD_LISTEN", _address),
            xds_listen=reader.take("TRUSTYARD_XDS_LISTEN", _address),
            worker_listen=reader.take("TRUSTYARD_WORKER_LISTEN", _address_or_none),
            xds_url=reader.take("TRUSTYARD_XDS_URL", _xds_url),
            xds_cert=reader.take("TRUSTYARD_XDS_CERT", _file),
            xds_key=reader.take("TRUSTYARD_XDS_KEY", _file),
            files_roots=reader.take("TRUSTYARD_FILES_ROOTS", _roots),
            fetch_allow=reader.take("TRUSTYARD_FETCH_ALLOW", _networks),
            fetch_deny=reader.take("TRUSTYARD_FETCH_DENY", _networks),
            admin_password=reader.take_secret("TRUSTYARD_ADMIN_PASSWORD", str),
            identity=identity(reader),
            access_log=reader.take("TRUSTYARD_ACCESS_LOG", OneOf("on", "all", "off")),
        )
        reader.refuse_mistakes()
        configuration._check_addresses()
        configuration._check_xds()
        configuration._check_jobs()
        return configuration

    @property
    def sqlite(self) -> bool:
        """Whether the database is the SQLite file of the data directory."""
        return not self.database_url

    @property
    def sqlite_file(self) -> Path:
        """Where that file is, or would be."""
        return self.data_dir / "trustyard.db"

    @property
    def secret_key_file(self) -> Path:
        """The file that was named, or that of the data directory, which the first start makes."""
        return self.given_secret_key_file or self.data_dir / "secret-key"

    @property
    def secret_key(self) -> str:
        """What sessions and the tokens of gateways are derived from; empty before the data directory is made."""
        return next(iter(self._secret_keys), "")

    @property
    def earlier_secret_keys(self) -> list[str]:
        """Those that are still accepted, newest first, until `trustyard secret forget`."""
        return self._secret_keys[1:]

    @property
    def _secret_keys(self) -> list[str]:
        path = self.secret_key_file
        try:
            lines = path.read_text("ascii").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _bad_key(f"{path} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise _bad_key(f"{path} {NO_TEXT}") from None
        return [line.strip() for line in lines if line.strip()]

    @property
    def https(self) -> bool:
        """Whether people come by https, so that cookies may insist on it."""
        return self.public_url.startswith("https://")

    @property
    def xds_tls(self) -> tuple[Path, Path] | None:
        return (self.xds_cert, self.xds_key) if self.xds_cert and self.xds_key else None

    @property
    def hosts(self) -> list[str]:
        """Every host name that requests may be addressed to (Django's ALLOWED_HOSTS)."""
        names = ["localhost", "127.0.0.1", "[::1]", *self.allowed_hosts]
        host = self.listen[0]
        if host not in EVERYWHERE:
            names.append(f"[{host}]" if ":" in host else host)
        if self.public_url:
            public = urlsplit(self.public_url).hostname or ""
            names.append(f"[{public}]" if ":" in public else public)
        return list(dict.fromkeys(names))

    def _check_addresses(self) -> None:
        if _meet(self.listen, self.xds_listen):
            sentence = f"TRUSTYARD_LISTEN is {host_port(*self.listen)} already: console and xDS need a port each."
            raise _refusal([FieldError("TRUSTYARD_XDS_LISTEN", sentence)])

    def _check_xds(self) -> None:
        if bool(self.xds_cert) != bool(self.xds_key):
            missing = "TRUSTYARD_XDS_KEY" if self.xds_cert else "TRUSTYARD_XDS_CERT"
            raise _refusal([FieldError(missing, "TRUSTYARD_XDS_CERT and TRUSTYARD_XDS_KEY go together.")])
        if self.xds_tls is None and not is_loopback(self.xds_listen[0]):
            sentence = f"Without TLS files xDS listens on loopback only, and {self.xds_listen[0]} is not loopback."
            advice = "Set TRUSTYARD_XDS_CERT and TRUSTYARD_XDS_KEY, since tokens travel on this connection."
            raise _refusal([FieldError("TRUSTYARD_XDS_LISTEN", f"{sentence} {advice}")])

    def _check_jobs(self) -> None:
        if self.sqlite and not self.jobs:
            sentence = "Without TRUSTYARD_DATABASE_URL nobody else does the jobs of this server, so they stay on."
            raise _refusal([FieldError("TRUSTYARD_JOBS", sentence)])


def _meet(one: Address, other: Address) -> bool:
    """Whether nobody can listen on both: the same port of the same address, or of all addresses of its family."""
    (host, port), (another, same) = one, other
    family = (":" in host) == (":" in another)
    return port == same != 0 and family and (host == another or not {host, another}.isdisjoint(EVERYWHERE))


def _bad_key(sentence: str) -> Refused:
    advice = "Each line is a key: `openssl rand -base64 48` makes one."
    return Refused(f"The secret key {sentence}", code="secret-key", advice=advice)


class Reader:
    """Reads one variable after the other and keeps the mistakes."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.mistakes: list[FieldError] = []

    def take(self, name: str, read: Callable[[str], Value]) -> Value:
        """The value of one variable; a mistake is kept for `refuse_mistakes` and the default taken meanwhile."""
        try:
            return read(self.environ.get(name, "").strip() or DEFAULTS[name])
        except ValueError as error:
            self.mistakes.append(FieldError(name, str(error)))
            return read(DEFAULTS[name])

    def take_secret(self, name: str, read: Callable[[str], Value]) -> Value:
        """As `take`; the value may stand in the file that NAME_FILE names, out of sight of who lists processes."""
        path = self.take(f"{name}_FILE", _file)
        try:
            if path is None:
                return self.take(name, read)
            if self.environ.get(name, "").strip():
                raise ValueError(f"It and {name} exclude each other.")
            return read(path.read_text("utf-8").strip())
        except OSError as error:
            self.mistakes.append(FieldError(f"{name}_FILE", f"{path} cannot be read: {error.strerror}."))
        except ValueError as error:  # a UnicodeDecodeError says where in the file, and shows nothing of it
            self.mistakes.append(FieldError(f"{name}_FILE", str(error)))
        return read(DEFAULTS[name])

    def refuse_mistakes(self) -> None:
        """Raises ConfigurationRefused where there was one."""
        if self.mistakes:
            raise _refusal(self.mistakes)


def _refusal(mistakes: list[FieldError]) -> ConfigurationRefused:
    return ConfigurationRefused(" ".join(f"{m.field}: {m.message}" for m in mistakes), fields=mistakes)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _folder(text: str) -> Path:
    return Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - a symbolic link keeps its name


def _roots(text: str) -> tuple[Root, ...]:
    return tuple(Root.read(word) for word in _words(text))


def _file(text: str) -> Path | None:
    if not text:
        return None
    path = _folder(text)
    try:
        if path.is_file():
            return path
    except OSError as error:  # it lies in a folder that this user may not look into
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from None
    raise ValueError(f"There is no file {path}.")


def _key_file(text: str) -> Path | None:
    path = _file(text)
    if path is None:
        return None
    try:
        key = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from None
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"{path} holds less than {SHORTEST_KEY} bytes: too short for a secret key.")
    if not key.isascii():
        raise ValueError(f"{path} {NO_TEXT}")
    return path


def _hosts(text: str) -> tuple[str, ...]:
    for word in _words(text):
        if not HOST.fullmatch(word):
            raise ValueError(f"{word} is no host name such as trustyard.example.org, without scheme, port and path.")
    return _words(text)


def _networks(text: str) -> tuple[Network, ...]:
    networks = []
    for word in _words(text):
        try:
            networks.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            raise ValueError(f"{word} is not a network such as 10.0.0.0/8 or fd00::/8.") from None
    return tuple(networks)


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"{text} is not HOST:PORT such as 127.0.0.1:8400.")
    return host, int(port)


def _address_or_none(text: str) -> Address | None:
    return _address(text) if text else None


def _public_url(text: str) -> str:
    return _url(text, "https://trustyard.example.org")


def _xds_url(text: str) -> str:
    return _url(text, "https://trustyard.example.org:8401")


def _url(text: str, example: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # no host, or no port
        good = False
    if not good:
        raise ValueError(f"{text} is not an address such as {example}.")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{text} has more than scheme, host and port, such as {example}.")
    return text.rstrip("/")
