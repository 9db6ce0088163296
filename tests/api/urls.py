"""The API's addresses as the product has them, and sign-in; without the console, which has tests of its own."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("trustyard.api.urls")),
    path("api/", include("trustyard.api.elsewhere")),
    path("accounts/", include("allauth.account.urls")),
]
