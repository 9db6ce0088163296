"""The files of one release, as bytes by name: nothing here touches a disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC

from trustyard.pki import truststores
from trustyard.pki.content import Material
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.filenames import safe_filename

from .looks import look

PASSWORD = "changeit"  # noqa: S105 - Java's own; the material is public
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Files:
    """Bytes by relative name, `manifest.json` last, and the aliases that files for a program or PKCS#12 do not hold."""

    files: Mapping[str, bytes]
    not_for_openssl: tuple[str, ...]
    not_for_java: tuple[str, ...]
    not_for_pkcs12: tuple[str, ...]

    @property
    def note(self) -> str:
        """That there are such; empty where there is none."""
        said = (
            ("not in truststore.pem and used.pem, which OpenSSL would refuse whole with them", self.not_for_openssl),
            ("not in truststore.p12 and truststore.jks, which Java would refuse whole with them", self.not_for_java),
            ("not in truststore.p12, which cannot hold them", self.not_for_pkcs12),
        )
        return "; ".join(f"{where}: {', '.join(aliases)}" for where, aliases in said if aliases)


def files_of(material: Material, further: Mapping[str, bytes] | None = None) -> Files:
    """Everything in the folder of this release; where nothing is trusted, the deny-all anchor stands (D-17).

    `further` files stand beside the usual ones, and in the manifest.
    """
    looks = [(alias, der, look(der)) for alias, _, der in material.named()]
    not_for_openssl = tuple(alias for alias, _, seen in looks if not seen.by_openssl)
    not_for_java = tuple(alias for alias, _, seen in looks if not seen.by_java)
    not_for_pkcs12 = tuple(alias for alias, der, seen in looks if seen.by_java and not truststores.fits_pkcs12(der))
    files = {
        **{name: made(material) for name, made in TRUSTSTORES.items()},
        **{f"aliases/{safe_filename(e.alias)}.pem": truststores.pem_bundle([der]) for e, der in material.entries()},
        "jwks.json": _json(material.content.jwk_set()),
        **(further or {}),
    }
    files[MANIFEST] = manifest_of(material, files)
    return Files(files, not_for_openssl, not_for_java, not_for_pkcs12)


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
    fitting = [(alias, der) for alias, der in _for_java(material) if truststores.fits_pkcs12(der)]
    return truststores.pkcs12(fitting or _nobody(), PASSWORD)


def _jks(material: Material) -> bytes:
    return truststores.jks(_for_java(material) or _nobody(), PASSWORD, material.created_at)


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


def _for_java(material: Material) -> list[tuple[str, bytes]]:
    named = material.named()  # the further aliases of a certificate have their files in aliases/
    aliases = truststores.java_aliases((alias, sha256) for alias, sha256, _ in named)
    return [(alias, der) for alias, (_, _, der) in zip(aliases, named, strict=True) if look(der).by_java]


def _nobody() -> list[tuple[str, bytes]]:
    return [("deny-all", deny_all_der())]


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
