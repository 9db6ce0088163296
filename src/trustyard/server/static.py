"""Static files from the package, with the fingerprint of their content in the address."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


@cache
def _fingerprint(name: str) -> str:
    path = finders.find(name)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12] if path else ""


class FingerprintedStorage(StaticFilesStorage):
    """`{% static "a.css" %}` becomes `/static/a.css?v=<digest>`: a new version is a new address."""

    def url(self, name: str | None) -> str:
        plain = super().url(name)
        fingerprint = _fingerprint(name) if name else ""
        return f"{plain}?v={fingerprint}" if fingerprint else plain
