"""Every address that Django answers: the REST API, and the console at the root."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = []
if find_spec("trustyard.api.urls"):
    urlpatterns.append(path("api/v1/", include("trustyard.api.urls")))
if find_spec("trustyard.web.urls"):
    urlpatterns.append(path("", include("trustyard.web.urls")))
