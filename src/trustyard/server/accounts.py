"""allauth's adapters: accounts are made by an administrator or the company's provider, nobody signs up."""

from __future__ import annotations

import base64
import secrets
from time import time
from typing import Any, NoReturn

import structlog
from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from trustyard.actions import audit, provider_accounts, users
from trustyard.actions.actors import of_provider, of_user
from trustyard.errors import NotAllowed, TrustyardError
from trustyard.models import User
from trustyard.pki.names import fold
from trustyard.web import stages
from trustyard.web.page import refused
from trustyard.web.views.signin import note_failed

from .sealing import seal

log = structlog.get_logger(__name__)
SECONDS = 5.0  # until an answer of the provider is there


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth comes without types
    """No sign-up, no mail; each sign-in is an audit event."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # allauth's own key holds the host that the request names, so a guesser could have every attempt counted apart.
        # Upper case first: databases take some letters for the same (\u0131 and i) that `fold` keeps apart.
        # Codes of second factors are counted under keys that look like names.
        return f"name:{fold(str(credentials.get('username', '')).upper())}"

    def is_safe_url(self, url: str) -> bool:
        # allauth goes on to every host that Trustyard may be called by, such as the reader's own machine.
        return url_has_allowed_host_and_scheme(url, None)

    def get_login_stages(self) -> list[str]:
        return stages.around(super().get_login_stages())

    def is_reauthentication_required(self, *, app: str, **rest: Any) -> bool:
        return super().is_reauthentication_required(app=app, **rest) and not _came_just_now(self.request)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if methods or settings.TRUSTYARD.identity.provider is None or not users.of_provider(user):
            return methods
        return [{"id": "provider", "url": reverse("confirm-by-provider")}]

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        note_failed(request, user.username, "disabled")
        return refused(request, NotAllowed("This account is switched off.", advice="Ask an administrator."))

    def post_login(self, request: HttpRequest, user: User, **rest: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **rest)
        ways = [_WAYS.get(one.get("type") or one["method"], "") for one in get_authentication_records(request, user)]
        method = ", ".join(dict.fromkeys(filter(None, ways)))
        with audit.transaction():
            audit.record(
                of_user(user, _address(request)), "user.sign_in", "user", user.username, after={"method": method}
            )
        return response


def _came_just_now(request: HttpRequest) -> bool:
    """Whether the provider let in, within the last minutes, who has nothing else to show (no password, no factor)."""
    if get_reauthentication_flows(request.user):
        return False
    ways = [one for one in get_authentication_records(request, request.user) if one["method"] == "socialaccount"]
    return bool(ways) and time() - ways[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT


_WAYS = {
    "password": "password",
    "socialaccount": "provider",
    "totp": "authenticator app",
    "webauthn": "security key",
    "recovery_codes": "recovery code",
}


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # the same
    """Secrets of second factors are sealed with a key that is derived from the secret key."""

    def get_totp_issuer(self) -> str:
        return "Trustyard"

    def build_totp_svg(self, url: str) -> str:
        # As an element of the page, since the policy of the console allows no picture from a `data:` address.
        import qrcode
        from qrcode.image.svg import SvgPathImage

        picture: bytes = qrcode.make(url, image_factory=SvgPathImage, border=2).to_string()
        return picture.decode()

    def generate_authenticator_name(self, user: User, type: str) -> str:
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return "Security key" if number == 1 else f"Security key {number}"

    def encrypt(self, text: str) -> str:
        return seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return seal().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            # Sealed with another secret key. A random secret, which no code fits, keeps the sign-in closed until an
            # administrator resets the second factors.
            log.warning("second_factor.unreadable", advice="trustyard user reset-mfa NAME")
            return base64.b32encode(secrets.token_bytes(20)).decode()


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # the same
    """The one provider of the settings; who may come in, and as what, its claims say at each sign-in."""

    def get_requests_session(self) -> Any:
        from trustyard.sources import provider  # with requests, which few need

        return provider.session(SECONDS)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False  # the account is there by then

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Any:
        from trustyard.web.views.provider import CompanyProvider

        return CompanyProvider(request, app=self.get_app(request, provider))

    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Any:
        from allauth.socialaccount.models import SocialApp

        ours = settings.TRUSTYARD.identity.provider
        if ours is None or provider not in (ours.issuer, "openid_connect"):
            raise SocialApp.DoesNotExist
        return SocialApp(
            provider="openid_connect",
            provider_id=ours.issuer,
            name=ours.name,
            client_id=ours.client_id,
            secret=ours.client_secret,
            settings={"server_url": ours.configuration_url, "oauth_pkce_enabled": True, "scope": list(ours.scopes)},
        )

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        ours: Any = settings.TRUSTYARD.identity.provider
        actor = of_provider(ours.name, _address(request))
        nonces = (str(nonce).encode() for nonce in (sociallogin.nonce, sociallogin.state.get("nonce", "")))
        if not secrets.compare_digest(*nonces):
            raise PermissionDenied("The ID token answers another request (nonce).")
        try:
            sociallogin.user = provider_accounts.come_in(
                actor, ours.issuer, sociallogin.account.uid, sociallogin.claims, ours.claim, ours.grants
            )
        except TrustyardError as error:
            raise ImmediateHttpResponse(refused(request, error)) from None

    def on_authentication_error(self, request: HttpRequest, provider: Any, **rest: Any) -> NoReturn:
        from trustyard.web.views.provider import failed

        raise ImmediateHttpResponse(failed(request, rest.get("error"), rest.get("exception")))


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
