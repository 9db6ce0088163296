"""The files of one release, as bytes by name: nothing here touches a disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from trustyard.pki import truststores
from trustyard.pki.content import Material
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.filenames import safe_filename

from .looks import look

PASSWORD = "changeit"  # noqa: S105 - Java's own; the material is public
MANIFEST = "manifest.json"
_TELLING = ("truststore.pem", "truststore.jks", "used.pem")  # the same bytes each time; PKCS#12 is salted
_MOST = 1_000

_usual: dict[tuple[str, int, str, datetime], Usual] = {}


@dataclass(frozen=True)
class Files:
    """Bytes by relative name, `manifest.json` last; and which aliases some of them do not hold, empty where they do."""

    files: Mapping[str, bytes]
    note: str


class Usual(NamedTuple):
    """What tells whether a folder holds the files that this version writes of a release, and the note of these."""

    sha256: Mapping[str, str]
    note: str


def files_of(material: Material, further: Mapping[str, bytes] | None = None) -> Files:
    """Everything in the folder of this release; where nothing is trusted, the deny-all anchor stands (D-17).

    `further` files stand beside the usual ones, and in the manifest.
    """
    files = {
        **{name: made(material) for name, made in TRUSTSTORES.items()},
        **{f"aliases/{safe_filename(e.alias)}.pem": truststores.pem_bundle([der]) for e, der in material.entries()},
        "jwks.json": _json(material.content.jwk_set()),
        **(further or {}),
    }
    files[MANIFEST] = manifest_of(material, files)
    return Files(files, _note(material))


def is_of(manifest: Mapping[str, Any], material: Material) -> bool:
    """Whether a folder with this manifest holds this release, in the files that this version writes of it.

    What another version wrote has the same number and digest, and may hold what a program refuses whole.
    """
    if (manifest.get("release"), manifest.get("digest")) != (material.number, material.content.digest()):
        return False
    present: Mapping[str, str] = manifest["files"]
    return usual(material).sha256.items() <= present.items()


def usual(material: Material) -> Usual:
    """Of this release, made once: folders are looked at every minute."""
    key = (material.content.environment, material.number, material.content.digest(), material.created_at)
    found = _usual.get(key)
    if found is None:
        if len(_usual) >= _MOST:
            _usual.clear()
        made = {name: hashlib.sha256(TRUSTSTORES[name](material)).hexdigest() for name in _TELLING}
        found = _usual[key] = Usual(made, _note(material))
    return found


def _note(material: Material) -> str:
    looks = [(alias, der, look(der)) for alias, _, der in material.named()]
    said = (
        (
            "not in truststore.pem and used.pem, which OpenSSL would refuse whole with them",
            [alias for alias, _, seen in looks if not seen.by_openssl],
        ),
        (
            "not in truststore.p12 and truststore.jks, which Java would refuse whole with them",
            [alias for alias, _, seen in looks if not seen.by_java],
        ),
        (
            "not in truststore.p12, which cannot hold them",
            [alias for alias, der, seen in looks if seen.by_java and not truststores.fits_pkcs12(der)],
        ),
    )
    return "; ".join(f"{where}: {', '.join(aliases)}" for where, aliases in said if aliases)


def manifest_of(material: Material, files: Mapping[str, bytes]) -> bytes:
    """Release, digest of the content, and per file its SHA-256 (of this delivery: PKCS#12 is salted)."""
    return _json(
        {
            "release": material.number,
            "digest": material.content.digest(),
            "environment": material.content.environment,
            "created_at": material.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
    )


def _pem(material: Material) -> bytes:
    return truststores.pem_bundle(_for_openssl(material.truststore()) or [deny_all_der()])


def _pkcs12(material: Material) -> bytes:
    fitting = [(alias, der) for alias, der in for_java(material.named()) if truststores.fits_pkcs12(der)]
    return truststores.pkcs12(fitting or _nobody(), PASSWORD)


def _jks(material: Material) -> bytes:
    return truststores.jks(for_java(material.named()) or _nobody(), PASSWORD, material.created_at)


def _used(material: Material) -> bytes:
    return truststores.pem_bundle(_for_openssl(material.used()) or [deny_all_der()])


# Each of these files by itself.
TRUSTSTORES: Mapping[str, Callable[[Material], bytes]] = {
    "truststore.pem": _pem,
    "truststore.p12": _pkcs12,
    "truststore.jks": _jks,
    "used.pem": _used,
}


def _for_openssl(ders: Iterable[bytes]) -> list[bytes]:
    return [der for der in ders if look(der).by_openssl]


def for_java(named: Sequence[tuple[str, str, bytes]]) -> list[tuple[str, bytes]]:
    """Alias and DER of what Java can read of these (alias, SHA-256 and DER), and loses none of two that look alike."""
    aliases = truststores.java_aliases((alias, sha256) for alias, sha256, _ in named)
    return [(alias, der) for alias, (_, _, der) in zip(aliases, named, strict=True) if look(der).by_java]


def _nobody() -> list[tuple[str, bytes]]:
    return [("deny-all", deny_all_der())]


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
