"""Sign in by the company's OpenID Connect provider: allauth's own flow, with what it leaves open decided here.

1. The provider describes itself at its well-known address, and must call itself what the settings call it.
2. The browser goes there with state, nonce and a PKCE challenge (RFC 7636); nothing of these comes from an address.
3. It comes back with a code; the tokens are fetched, the ID token's signature, issuer, audience and end verified.
4. The nonce is compared, and the claims of the user info endpoint are taken if they are about the same subject.
5. `server.accounts` asks the claims for a role, makes the account or refuses.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

import jwt
import structlog
from allauth.core.internal import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base.constants import AuthError, AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET
from requests import RequestException

from trustyard.actions import outward
from trustyard.actions.actors import of_provider
from trustyard.errors import NotSignedIn, TooManyAttempts, Unavailable
from trustyard.sources.provider import check_address
from trustyard.web.page import refused

from .errors import TOO_MANY

# Signatures that anybody can verify; none that the client secret makes.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
CLOCKS_DIFFER = 60  # seconds
log = structlog.get_logger(__name__)
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# What a provider may be wrong about: no answer, no JSON, fields that are missing, of another type or without measure.
AWRY = (
    RequestException,
    OAuth2Error,
    jwt.PyJWTError,
    ImproperlyConfigured,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)


class CompanyAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth comes without types
    """How the provider is spoken to."""

    @property
    def openid_config(self) -> dict[str, Any]:
        described: dict[str, Any] = super().openid_config
        if str(described["issuer"]).rstrip("/") != self.provider_id:
            raise OAuth2Error("The provider calls itself something else than TRUSTYARD_OIDC_ISSUER says.")
        for name in ENDPOINTS:
            check_address(described[name])
        return described

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        path = reverse("provider-callback")
        return (
            (settings.TRUSTYARD.public_url + path)
            if settings.TRUSTYARD.public_url
            else request.build_absolute_uri(path)
        )

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        identified = self._verified(app, kwargs["response"]["id_token"])
        claims = dict(identified)
        if self.openid_config.get("userinfo_endpoint"):
            told = self._fetch_user_info(token.token)
            if told["sub"] != identified["sub"]:  # OpenID Connect Core 1.0, section 5.3.2
                raise OAuth2Error("The user info is about somebody else than the ID token.")
            claims |= told
        login = self.get_provider().sociallogin_from_response(request, {"id_token": {"sub": identified["sub"]}})
        login.claims, login.nonce = claims, identified.get("nonce")
        return login

    def _verified(self, app: Any, id_token: str) -> dict[str, Any]:
        """The claims of an ID token (OpenID Connect Core 1.0, section 3.1.3.7).

        allauth would spare itself the signature of what came straight from the provider; it costs one more request.
        """
        described = self.openid_config
        with get_adapter().get_requests_session() as session:
            answer = session.get(described["jwks_uri"])
        answer.raise_for_status()
        named = jwt.get_unverified_header(id_token).get("kid")
        keys = [key for key in jwt.PyJWKSet.from_dict(answer.json()).keys if named in (None, key.key_id)]
        if len(keys) != 1:
            raise OAuth2Error("The provider does not have the one key that signed the ID token.")
        claims: dict[str, Any] = jwt.decode(
            id_token,
            keys[0],
            algorithms=ALGORITHMS,
            audience=app.client_id,
            issuer=described["issuer"],
            leeway=CLOCKS_DIFFER,
            options={"require": ["exp", "iat", "sub"]},
        )
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("The ID token was made for another program.")
        return claims


class CompanyProvider(OpenIDConnectProvider):  # type: ignore[misc]  # the same
    """The provider of the settings; the browser's address chooses neither scopes nor parameters."""

    oauth2_adapter_class = CompanyAdapter

    def redirect(self, request: HttpRequest, process: str, next_url: Any = None, data: Any = None, **_: Any) -> Any:
        nonce = secrets.token_urlsafe(16)
        asked = {"nonce": nonce, **({"prompt": "login"} if request.user.is_authenticated else {})}  # to confirm
        more = {"auth_params": asked, "scope": self.get_scope(), "nonce": nonce}
        return super().redirect(request, AuthProcess.LOGIN, next_url, data, **more)


@require_GET
def sign_in(request: HttpRequest) -> HttpResponse:
    """On to the provider."""
    return _throttled(request, OAuth2LoginView)


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the provider, with a code or with an error."""
    return _throttled(request, OAuth2CallbackView)


def _throttled(request: HttpRequest, view: Any) -> HttpResponse:
    if not ratelimit.consume(request, app="allauth.account", action="provider", limit_get=True):
        return refused(request, TooManyAttempts(TOO_MANY))
    ours = _ours()
    try:
        with outward.place(of_provider(ours.name, request.META.get("REMOTE_ADDR", ""))):
            response: HttpResponse = view.adapter_view(CompanyAdapter(request, ours.issuer))(request)
        return response
    except Unavailable:
        busy = Unavailable(f"Many wait for {ours.name} already.", code="busy", advice="Begin again in a few seconds.")
        return refused(request, busy)
    except AWRY as error:
        return failed(request, AuthError.UNKNOWN, error)


def failed(request: HttpRequest, error: str | None, exception: Exception | None) -> HttpResponse:
    """Why it came to nothing, on a page with a way back."""
    if error == AuthError.CANCELLED:
        return refused(request, NotSignedIn("The sign-in was cancelled at the provider."))
    if exception is None:
        return refused(
            request, NotSignedIn("This sign-in was begun elsewhere, or too long ago.", advice="Begin it again.")
        )
    log.warning("provider.failed", error=type(exception).__name__, reason=_reason(exception))
    name = _ours().name
    # Those of its errors that are of values too are about what was said: no JSON, an address that is none.
    if isinstance(exception, RequestException) and not isinstance(exception, ValueError):
        sentence = f"{name} does not answer, so nobody can sign in by it now."
    else:
        sentence = f"What {name} answered cannot be relied upon, so nobody is signed in."
    return refused(request, Unavailable(sentence, advice="Try again in a moment; the log of Trustyard says more."))


def _reason(exception: Exception) -> str:
    """What the log may hold: allauth repeats whole answers of the token endpoint, and there may be tokens in them."""
    said = str(exception)
    if not isinstance(exception, OAuth2Error):
        return said[:300]
    code = re.search(r'"error"\s*:\s*"([a-z_]{1,60})"', said)
    return f"{said.partition(':')[0][:200]}{f' ({code[1]})' if code else ''}"


def _ours() -> Any:
    return settings.TRUSTYARD.identity.provider
