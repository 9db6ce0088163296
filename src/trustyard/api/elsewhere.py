"""What is under /api/ and of no version that there is: a problem, as everything here."""

from __future__ import annotations

from django.urls import re_path

from .problems import unknown_address
from .urls import edge

urlpatterns = [re_path(r"^(?P<rest>(?s:.*))$", edge(unknown_address))]
