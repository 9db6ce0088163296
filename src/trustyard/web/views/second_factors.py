"""Second factors on one's own account, and at the sign-in: allauth's views with our pages, 429 and audit events."""

from __future__ import annotations

import ipaddress
import struct
from typing import Any
from urllib.parse import urlsplit

from allauth.account.stages import LoginStageController
from allauth.account.views import ReauthenticateView
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.base.views import ReauthenticateView as ReauthenticateByCodeView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.forms import AddWebAuthnForm, AuthenticateWebAuthnForm, ReauthenticateWebAuthnForm
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView, RemoveWebAuthnView
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy

from trustyard.actions import audit, second_factors, users
from trustyard.errors import Refused
from trustyard.models import User
from trustyard.pki.names import clean_name
from trustyard.web.page import actor_of, page
from trustyard.web.stages import is_over
from trustyard.web.typed_json import MAX_TEXT

from .errors import TOO_MANY
from .signin import note_failed

THROTTLED = {"too_many_login_attempts", "rate_limited"}
WRONG = "This code is not correct, or was used already."
WRONG_KEY = "This security key was not accepted. Try again."


class _Told:
    """What went wrong, as one sentence; 429 where it went wrong too often."""

    wrong = WRONG

    def told(self, *forms: Any) -> tuple[str, int]:
        errors = [form.errors.as_data() for form in forms if form is not None and form.is_bound]
        codes = {error.code for one in errors for found in one.values() for error in found}
        if codes & THROTTLED:
            return TOO_MANY, 429
        return (self.wrong, 200) if codes else ("", 200)


class _Sound:
    """A form that takes what browsers say of a key: whoever writes that by hand sees it refused, and no failure."""

    data: Any

    def full_clean(self) -> None:
        form: Any = super()  # the form that this is mixed into
        if any(len(text) > MAX_TEXT for text in self.data.values()):
            self.data = {}  # of no key: to be refused without being read
        try:
            form.full_clean()
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error):
            form.add_error(None, get_adapter().validation_error("incorrect_code"))


class _NewKey(_Sound, AddWebAuthnForm):  # type: ignore[misc]  # allauth comes without types
    def clean_name(self) -> str:
        try:
            return clean_name(super().clean_name())
        except Refused as refused:
            raise ValidationError(refused.sentence, code=refused.code) from None


class _Key(_Sound, AuthenticateWebAuthnForm):  # type: ignore[misc]  # the same
    pass


class _KeyAgain(_Sound, ReauthenticateWebAuthnForm):  # type: ignore[misc]  # the same
    pass


class SecondStep(_Told, AuthenticateView):  # type: ignore[misc]  # allauth comes without types
    """After the password: a code, or a security key."""

    webauthn_form_class = _Key

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        stage = LoginStageController.enter(request, AuthenticateStage.key)
        # Its factors may be gone with it, and then this page and the first one would lead to each other for ever.
        if stage is not None and is_over(stage):
            return stage.abort()  # type: ignore[no-any-return]  # allauth comes without types
        return super().dispatch(request, *args, **kwargs)  # type: ignore[no-any-return]  # the same

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kinds = set(Authenticator.objects.filter(user=self.stage.login.user).values_list("type", flat=True))
        return {**super().get_context_data(**kwargs), "kinds": kinds}

    def render_to_response(self, context: dict[str, Any], **rest: Any) -> HttpResponse:
        by_key = self.webauthn_form is not None and self.webauthn_form.is_bound
        self.wrong = WRONG_KEY if by_key else WRONG
        problem, status = self.told(self.auth_form, self.webauthn_form)
        if problem:
            name = self.stage.login.user.username
            note_failed(self.request, name, "second factor", throttled=status == 429)
        response: HttpResponse = super().render_to_response(
            {**context, "problem": problem, "wrong_code": bool(problem) and not by_key}, status=status, **rest
        )
        return response


class _Form(_Told):
    """A form of one's own account; mixed into allauth's views."""

    request: HttpRequest

    def render_to_response(self, context: dict[str, Any], **rest: Any) -> HttpResponse:
        problem, status = self.told(context.get("form"))
        shown = {**context, "problem": problem, "key_possible": key_possible(self.request)}
        view: Any = super()  # the view that this is mixed into
        response: HttpResponse = view.render_to_response(shown, status=status, **rest)
        return response


class _Changes(_Form):
    """A form whose change is an audit event of the same transaction."""

    action, kind = "add", "totp"

    def form_valid(self, form: Any) -> HttpResponse:
        view: Any = super()
        with audit.transaction():
            name = self.name_of(form)
            response: HttpResponse = view.form_valid(form)
            second_factors.note(actor_of(self.request), self.action, self.kind, name)
        return response

    def name_of(self, form: Any) -> str:
        return ""


class AddApp(_Changes, ActivateTOTPView):  # type: ignore[misc]  # the same
    """An authenticator app (TOTP, RFC 6238). Its code may be tried at once with a sign-in."""


class RemoveApp(_Changes, DeactivateTOTPView):  # type: ignore[misc]  # the same
    """Takes the app away."""

    action = "remove"
    success_url = reverse_lazy("account")


class AddKey(_Changes, AddWebAuthnView):  # type: ignore[misc]  # the same
    """A security key or passkey (WebAuthn)."""

    form_class, kind, wrong = _NewKey, "webauthn", WRONG_KEY

    def told(self, *forms: Any) -> tuple[str, int]:
        problem, status = super().told(*forms)
        unfit = [error for form in forms for error in form.errors.get("name", ())]
        return (unfit or [problem])[0], status

    def name_of(self, form: Any) -> str:
        return str(form.cleaned_data["name"])


class RemoveKey(_Changes, RemoveWebAuthnView):  # type: ignore[misc]  # the same
    """Takes a key away."""

    action, kind = "remove", "webauthn"
    success_url = reverse_lazy("account")

    def name_of(self, form: Any) -> str:
        return str(self.get_object().wrap().name)


class RenewCodes(_Changes, GenerateRecoveryCodesView):  # type: ignore[misc]  # the same
    """Ten new recovery codes instead of the present ones."""

    action, kind = "renew", "recovery_codes"


class _Confirms(_Form):
    """Who changes factors shows that it is still them. Whoever holds a session of theirs may guess, which is noted."""

    def told(self, *forms: Any) -> tuple[str, int]:
        problem, status = super().told(*forms)
        if problem:
            note_failed(self.request, actor_of(self.request).name, "confirming", throttled=status == 429)
        return problem, status


class ByPassword(_Confirms, ReauthenticateView):  # type: ignore[misc]  # the same
    """By the password."""

    wrong = "The password is not correct."


class ByCode(_Confirms, ReauthenticateByCodeView):  # type: ignore[misc]  # the same
    """By a code."""


class ByKey(_Confirms, ReauthenticateWebAuthnView):  # type: ignore[misc]  # the same
    """By a security key."""

    form_class, wrong = _KeyAgain, WRONG_KEY

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form))


second_step = SecondStep.as_view()
add_app = AddApp.as_view()
remove_app = RemoveApp.as_view()
add_key = AddKey.as_view()
remove_key = RemoveKey.as_view()
view_codes = ViewRecoveryCodesView.as_view()
renew_codes = RenewCodes.as_view()
by_password = ByPassword.as_view()
by_code = ByCode.as_view()
by_key = ByKey.as_view()


@page("GET")
def by_provider(request: HttpRequest) -> HttpResponse:
    """By one more sign-in at the company's provider, for who has neither password nor factor here."""
    ours, person = settings.TRUSTYARD.identity.provider, request.user
    assert isinstance(person, User)
    if ours is None or not users.of_provider(person):
        return own(request)
    return render(request, "account/by_provider.html", {"provider": ours, "next": request.GET.get("next", "")})


def own(request: HttpRequest) -> HttpResponseRedirect:
    """Where allauth goes when something is done."""
    return redirect(f"{reverse('account')}#second-factor")


def key_possible(request: HttpRequest) -> bool:
    """Whether browsers do WebAuthn at this address: never for an IP address (Web Authentication, section 5.1.2)."""
    try:
        ipaddress.ip_address(urlsplit(f"//{request.get_host()}").hostname or "")
    except ValueError:
        return True
    return False
