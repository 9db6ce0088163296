"""Exporting a certificate: a file from which the same certificates come back, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.pki.filenames import safe_filename
from trustyard.pki.truststores import pem_bundle, pkcs7, sha256sums, zip_of

from . import certificates_read, found
from .actors import Actor
from .files import File
from .permissions import require

FORMATS = ("zip", "pem", "der", "pkcs7")


def export(actor: Actor, certificate: str, *, format: str = "zip", environment: str | None = None) -> File:
    """The certificate of every environment, or of one. Raises `Refused` for an unknown format, or DER of several."""
    require(actor, "certificates.export")
    row = certificates_read.get(actor, certificate)
    entries = row.entries.select_related("x509", "environment").order_by("environment_id")
    place = None if environment is None else found.environment(environment)
    if place is not None:
        entries = entries.filter(environment=place)
    if not entries:
        raise Refused(f"The certificate {row.name} has no entry there to export.", code="nothing-to-export")
    return _file(row, list(entries), format, place.name if place is not None else "")


def _file(row: models.Certificate, entries: Sequence[models.Entry], format: str, environment: str) -> File:
    base = safe_filename(row.name)
    base = f"{base}-{safe_filename(environment)}" if environment else base
    ders = list({entry.x509_id: bytes(entry.x509.der) for entry in entries}.values())
    match format:
        case "zip":
            return File(f"{base}.zip", "application/zip", _archive(row, entries))
        case "pem":
            return File(f"{base}.pem", "application/x-pem-file", pem_bundle(ders))
        case "der":
            if len(ders) > 1:
                sentence = "DER holds one certificate; name the environment whose certificate you want."
                raise Refused(sentence, code="choose-environment", fields=[FieldError("environment", sentence)])
            return File(f"{base}.cer", "application/pkix-cert", ders[0])
        case "pkcs7":
            return File(f"{base}.p7b", "application/x-pkcs7-certificates", pkcs7(ders))
    sentence = f"The format is one of {', '.join(FORMATS)}."
    raise Refused(sentence, code="bad-format", fields=[FieldError("format", sentence)])


def _archive(row: models.Certificate, entries: Sequence[models.Entry]) -> bytes:
    files = {
        f"{safe_filename(row.name)}-{safe_filename(entry.environment.name)}.cer": bytes(entry.x509.der)
        for entry in entries
    }
    return zip_of({**files, "SHA256SUMS": sha256sums(files)}, timezone.now())
