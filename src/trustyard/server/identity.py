"""How people sign in, as the settings say: the company's provider, local accounts, second factors, ends of tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trustyard.errors import FieldError
from trustyard.pki.hosts import is_private
from trustyard.pki.names import listed

if TYPE_CHECKING:
    from .configuration import Reader

WELL_KNOWN = "/.well-known/openid-configuration"
ROLES = ("admin", "operator", "viewer")
LONGEST_ISSUER = 200  # what the table of accounts holds
LONGEST_NAME = 60


@dataclass(frozen=True)
class Grant:
    """One part of `TRUSTYARD_OIDC_ROLES`: this value in the claim (`*`: any) gives this role."""

    value: str
    role: str
    environment: str = ""


@dataclass(frozen=True)
class Provider:
    """The OpenID Connect provider; `issuer` is its name for itself, without a slash at the end."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    scopes: tuple[str, ...]
    claim: str
    grants: tuple[Grant, ...]

    @property
    def configuration_url(self) -> str:
        """Where the provider describes itself (OpenID Connect Discovery 1.0, section 4)."""
        return self.issuer + WELL_KNOWN


@dataclass(frozen=True)
class Identity:
    """Who may come in, and by which ways; without a provider only local accounts."""

    provider: Provider | None
    local: bool
    second_factor: str  # off, admins or all
    token_days: int  # how long a new token may live; 0: as long as it likes


def identity(reader: Reader) -> Identity:
    """All of it; the reader keeps the mistakes."""
    provider = _provider(reader)
    local = reader.take("TRUSTYARD_LOCAL_SIGN_IN", OneOf("on", "off")) == "on"
    if not local and provider is None:
        sentence = "Nobody could sign in: set TRUSTYARD_OIDC_ISSUER too, or leave local sign-in on."
        reader.mistakes.append(FieldError("TRUSTYARD_LOCAL_SIGN_IN", sentence))
    second_factor = reader.take("TRUSTYARD_REQUIRE_MFA", OneOf("off", "admins", "all"))
    return Identity(provider, local, second_factor, reader.take("TRUSTYARD_TOKEN_MAX_DAYS", _days))


def _provider(reader: Reader) -> Provider | None:
    issuer = reader.take("TRUSTYARD_OIDC_ISSUER", _issuer)
    provider = Provider(
        issuer,
        reader.take("TRUSTYARD_OIDC_CLIENT_ID", str),
        reader.take_secret("TRUSTYARD_OIDC_CLIENT_SECRET", str),
        reader.take("TRUSTYARD_OIDC_NAME", _name),
        tuple(reader.take("TRUSTYARD_OIDC_SCOPES", _scopes)),
        reader.take("TRUSTYARD_OIDC_ROLE_CLAIM", str),
        tuple(reader.take("TRUSTYARD_OIDC_ROLES", _grants)),
    )
    if not issuer:
        return None
    for name, given in (("TRUSTYARD_OIDC_CLIENT_ID", provider.client_id), ("TRUSTYARD_OIDC_ROLES", provider.grants)):
        if not given and name not in {mistake.field for mistake in reader.mistakes}:
            reader.mistakes.append(FieldError(name, "TRUSTYARD_OIDC_ISSUER needs it."))
    return provider


def _issuer(text: str) -> str:
    if not text:
        return ""
    parts = urlsplit(text)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{text} is not an address such as https://login.example.org/realms/company.")
    if not is_private(text):
        raise ValueError(f"{text} is not https, and what it says decides who comes in.")
    issuer = text.rstrip("/").removesuffix(WELL_KNOWN).rstrip("/")
    if len(issuer) > LONGEST_ISSUER:
        raise ValueError(f"An issuer is at most {LONGEST_ISSUER} characters long.")
    return issuer


def _name(text: str) -> str:
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise ValueError(f"A name is text of at most {LONGEST_NAME} characters.")
    return text


def _scopes(text: str) -> list[str]:
    scopes = text.replace(",", " ").split()
    return scopes if "openid" in scopes else ["openid", *scopes]


def _grants(text: str) -> list[Grant]:
    return [_grant(part) for part in listed(text) if part]


def _grant(part: str) -> Grant:
    value, equals, granted = part.rpartition("=")
    role, colon, environment = granted.partition(":")
    if not (equals and value and role in ROLES):
        raise ValueError(f"{part} is not VALUE=ROLE such as trust-admins=admin; roles are {', '.join(ROLES)}.")
    if colon and not (role == "operator" and environment):
        raise ValueError(f"{part}: only operators are for one environment, as in partners=operator:test.")
    return Grant(value, role, environment)


class OneOf:
    """Reads one of these words, however it is written."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, text: str) -> str:
        if text.lower() not in self.words:
            raise ValueError(f"{text} is none of {', '.join(self.words)}.")
        return text.lower()


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 36_500):
        raise ValueError(f"{text} is not a number of days.")
    return int(text)
