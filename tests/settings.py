"""The product's own settings, with a data directory that goes away and a quick password hasher."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests.databases import chosen

# Set before the product's settings are read. What the caller's environment says of Trustyard must not reach the tests.
for name in [name for name in os.environ if name.startswith("TRUSTYARD_")]:
    del os.environ[name]
os.environ["TRUSTYARD_DATA_DIR"] = tempfile.mkdtemp(prefix="trustyard-tests-")
if address := chosen():
    os.environ["TRUSTYARD_DATABASE_URL"] = f"{address}trustyard"
(Path(os.environ["TRUSTYARD_DATA_DIR"]) / "secret-key").write_text("a key that signs nothing but what these tests make")
atexit.register(shutil.rmtree, os.environ["TRUSTYARD_DATA_DIR"], ignore_errors=True)

from trustyard.server.settings import *  # noqa: E402, F403 - every setting of the product, on purpose

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick; argon2 is met by the journeys
if DATABASES["default"]["ENGINE"].endswith("sqlite"):  # noqa: F405 - of the product's settings
    # A file, as in real life: a database in memory answers a second thread with "table is locked" instead of waiting.
    DATABASES["default"]["TEST"] = {"NAME": Path(os.environ["TRUSTYARD_DATA_DIR"]) / "tests.db"}  # noqa: F405 - the same
