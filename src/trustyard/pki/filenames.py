"""File names made of names: safe on every system, and by chance never the same for two names (I-13).

Somebody who looks for two names of one file name finds some: `actions/alias_files.py` refuses the second one.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

SAFE = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_SAFE = re.compile(SAFE)
_SLUG_LENGTH = 60

# Letters that Unicode does not take apart into a base letter and a mark.
_LATIN = str.maketrans({"ı": "i", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ß": "ss", "æ": "ae"})


def is_filename(name: str) -> bool:
    """Whether the name is its own file name."""
    return _SAFE.fullmatch(name) is not None


def safe_filename(name: str) -> str:
    """The name itself where it is `[A-Za-z0-9][A-Za-z0-9._-]*`, else a slug, `~` and 8 hex digits of its SHA-256.

    The digest is taken over the name in Unicode NFC, UTF-8. Names of the first kind hold no `~`: the two never meet.
    """
    name = unicodedata.normalize("NFC", name)
    if _SAFE.fullmatch(name):
        return name
    return f"{_slug(name)}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.translate(_LATIN)).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")
    return slug[:_SLUG_LENGTH].strip("-._") or "name"
