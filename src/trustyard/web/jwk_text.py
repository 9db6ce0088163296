"""Which text of the box JWK is shown again after a refusal: what cannot hold a private or symmetric key (D-07)."""

from __future__ import annotations

import re

# The public members of RFC 7517, 7518 and 8037 but for `x5c`: base64 of anything may stand there until it is read.
_NAME = r"""["']?(?:x5t#S256|key_ops|alg|crv|keys|kid|kty|pub|use|x5t|x5u|e|n|x|y)["']?"""
# Possessive throughout (`*+`), so that no text makes the search try again and again.
_VALUE = r"""["']?+[A-Za-z0-9+/=_.~-]*+["']?+"""
_MEMBER = re.compile(rf"(?<![A-Za-z0-9_#]){_NAME}\s*+:\s*+(?:\[\s*+(?:{_VALUE}\s*+,\s*+)*+{_VALUE}\s*+\]|{_VALUE})")
_STRUCTURE = re.compile(r"[\s{}\[\],:]*")
_LONGEST = 20_000  # characters


def plainly_public(text: str) -> bool:
    """Whether nothing stands in the text, broken or not, but public members and what holds JSON together.

    Everything else (another name, a bare string, an escape, a PEM block) may be a secret, or may be named to hide one.
    """
    return len(text) <= _LONGEST and _STRUCTURE.fullmatch(_MEMBER.sub("", text)) is not None
