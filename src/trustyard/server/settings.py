"""Django's settings, made of the configuration; nothing here is to be edited for a deployment."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import trustyard

from .configuration import Configuration
from .database import database
from .logs import logging_config

PACKAGE = Path(trustyard.__file__).parent
WEB = PACKAGE / "web"
# The pages of /api/v1/docs come from here and from no other host. Not as an app, which every local command would load.
NINJA = Path(getattr(find_spec("ninja"), "origin", "")).parent

TRUSTYARD = Configuration.from_environment()
SECRET_KEY = TRUSTYARD.secret_key  # empty before the first start: Django then refuses to sign anything
SECRET_KEY_FALLBACKS = TRUSTYARD.earlier_secret_keys
DEBUG = False

ALLOWED_HOSTS = TRUSTYARD.hosts
ROOT_URLCONF = "trustyard.server.urls"
AUTH_USER_MODEL = "trustyard.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": database(TRUSTYARD)}
# A cache that all nodes share and that outlives a restart: the counters of failed sign-ins live here.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "trustyard_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

INSTALLED_APPS = [
    "trustyard",  # first, so that its templates win
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",  # its tables are always there; the provider's part is loaded where one is set
    "allauth.usersessions",
    "django_htmx",
]
if not TRUSTYARD.sqlite:
    INSTALLED_APPS.append("procrastinate.contrib.django")  # the queue of jobs; its migrations are for PostgreSQL alone
    PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""  # jobs.worker takes its tasks itself
MIDDLEWARE = [
    "trustyard.server.programs.ProgramsFirst",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "trustyard.server.people.SessionsSeen",
    "trustyard.server.people.SecondFactorFirst",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "trustyard.server.texts.NoNul",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [WEB / "templates", NINJA / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "trustyard.web.page.common",
            ],
            "builtins": ["trustyard.web.tags"],
        },
    }
]

# Static files come straight from the package; their addresses carry a fingerprint, so no step collects them.
STATIC_URL = "/static/"
STATICFILES_DIRS = [WEB / "static", NINJA / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # nothing that is uploaded is kept as a file
    "staticfiles": {"BACKEND": "trustyard.server.static.FingerprintedStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 600  # not for ever: modules import each other by plain names

# Sign-in: by user name, or by the company's provider; nobody signs up.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["trustyard.server.passwords.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
ACCOUNT_ADAPTER = "trustyard.server.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PRESERVE_USERNAME_CASING = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key", "provider": "60/m/ip"}
ACCOUNT_REAUTHENTICATION_METHODS = {"password", "mfa"}  # nobody is sent a code; for the provider see the adapter
ACCOUNT_LOGIN_TIMEOUT = 600  # from the password to the second factor
MFA_ADAPTER = "trustyard.server.accounts.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # clocks of telephones differ
SOCIALACCOUNT_ADAPTER = "trustyard.server.accounts.ProviderAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a link, for `form-action 'self'` forbids a form that ends at another host
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# __Host-: only from this very host, over https; the names say which is which when a proxy is put in front later.
SESSION_COOKIE_NAME = "__Host-trustyard-session" if TRUSTYARD.https else "trustyard-session"
CSRF_COOKIE_NAME = "__Host-trustyard-csrf" if TRUSTYARD.https else "trustyard-csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TRUSTYARD.https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "trustyard.web.views.errors.csrf_failed"
CSRF_TRUSTED_ORIGINS = [TRUSTYARD.public_url] if TRUSTYARD.public_url else []

# The router has read and capped every body. Uploads stay in memory: a private key in one never touches the disk.
DATA_UPLOAD_MAX_MEMORY_SIZE = 66_000_000  # an import, the largest
DATA_UPLOAD_MAX_NUMBER_FIELDS = 25_000  # a promotion has four for each certificate whose JWKs are decided about
FILE_UPLOAD_MAX_MEMORY_SIZE = 66_000_000
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

LANGUAGE_CODE = "en-gb"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

LOGGING = logging_config()
