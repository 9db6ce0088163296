"""pkilint's findings on one certificate. As a program it is the worker: DER on standard input, JSON on standard output.

The worker is a process of its own, because somebody's certificate decides how long the linter thinks and how much
memory it takes: `actions/lint.py` starts it and ends it.
"""

from __future__ import annotations

import importlib.metadata
import json
import resource
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from trustyard.pki import der
from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.findings.examined import SERVER, Examined

MEMORY = 512 << 20  # bytes of address space; an ordinary run takes 65 MB
SECONDS = 20  # of processor time; an ordinary run takes two
MOST = 20  # findings of one code: a certificate with a thousand names need not say each a thousand times
GROUPS = {
    "cabf-serverauth": "CA/Browser Forum TLS Baseline Requirements",
    "pkix": "RFC 5280",
}

_POLICIES, _PUBLIC_TLS = "2.5.29.32", "2.23.140.1."  # the Forum's own policies


def group_of(certificate: Certificate) -> str:
    """Which rules are meant for it: those of public TLS servers where it is one or says so, else RFC 5280 alone."""
    examined = Examined(certificate)
    server = examined.purposes is not None and SERVER in examined.purposes
    if (server and not certificate.facts.is_ca) or _of_the_forum(examined):
        return "cabf-serverauth"
    return "pkix"


def _of_the_forum(examined: Examined) -> bool:
    extension = examined.extensions.get(_POLICIES)
    try:
        rows = der.read_all(extension.value).children() if extension else []
        return any(row.children()[0].oid().startswith(_PUBLIC_TLS) for row in rows)
    except (ValueError, IndexError):
        return False


def lint(data: bytes) -> dict[str, Any]:
    """The linter's name and version, the group of rules, and its findings, worst first.

    `ImportError` where pkilint is not installed, ValueError where it cannot load the certificate.
    """
    from pkilint import loader

    group = group_of(read_certificate(data))
    document = loader.RFC5280CertificateDocumentLoader().load_der_document(data, "certificate")
    kind, results = _server(document) if group == "cabf-serverauth" else ("", _pkix(document))
    return {
        "linter": f"pkilint {importlib.metadata.version('pkilint')}",
        "group": group,
        "rules": GROUPS[group],
        "kind": kind,
        **_told(results),
    }


def _server(document: Any) -> tuple[str, Iterable[Any]]:
    from pkilint import finding_filter
    from pkilint.cabf import serverauth
    from pkilint.pkix import certificate

    kind = serverauth.determine_certificate_type(document)
    container = certificate.create_pkix_certificate_validator_container(
        serverauth.create_decoding_validators(), serverauth.create_validators(kind)
    )
    filters = serverauth.create_serverauth_finding_filters(kind)
    results, _ = finding_filter.filter_results(filters, container.validate(document.root))
    return str(kind.to_option_str), results


def _pkix(document: Any) -> Iterable[Any]:
    from pkilint.pkix import certificate, extension, name

    container = certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )
    return list(container.validate(document.root))


def _told(results: Iterable[Any]) -> dict[str, Any]:
    told, seen = [], Counter[str]()
    for result in results:
        for description in result.finding_descriptions:
            code = str(description.finding.code)
            seen[code] += 1
            if seen[code] <= MOST:
                severity = description.finding.severity
                message = str(description.message or "")[:500]
                place = str(result.node.path)[:300]
                told.append((int(severity), severity.name.lower(), code, message, place))
    told.sort(key=lambda one: one[0])
    left_out = sum(count - MOST for count in seen.values() if count > MOST)
    names = ("severity", "code", "message", "where")
    return {"findings": [dict(zip(names, one[1:], strict=True)) for one in told], "left_out": left_out}


def main() -> None:
    """The worker. Its limits come before anything of the linter is loaded."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        answer = lint(sys.stdin.buffer.read())
    except MemoryError:
        answer = {"failed": "it takes more memory than it may"}
    except Exception as error:  # noqa: BLE001 - whatever the linter trips over is said, never passed on
        answer = {"failed": f"{type(error).__name__}: {error}"[:300]}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
