"""Every address that Django answers: the REST API, and the console at the root."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("trustyard.api.urls")),
    path("api/", include("trustyard.api.elsewhere")),
    path("", include("trustyard.web.urls")),
]
handler400 = "trustyard.web.views.errors.unreadable"
handler403 = "trustyard.web.views.errors.forbidden"
handler404 = "trustyard.web.views.errors.not_found"
handler500 = "trustyard.web.views.errors.broken"
