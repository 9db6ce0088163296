"""JSON bodies of the REST API."""

from __future__ import annotations

import json
import os
from contextlib import suppress

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")  # `api` imports Django, which wants settings

from fuzz.counting import budget
from trustyard.api.bodies import read_json
from trustyard.errors import TrustyardError


def json_body(data: bytes) -> None:
    """`read_json`: a value that can be written and stored, or a refusal."""
    with suppress(TrustyardError), budget(len(data)):
        value = read_json(data)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        assert read_json(text) == value
