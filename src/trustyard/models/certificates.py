"""Certificates: a definition, its entries (one for each environment) and the X.509 certificates themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Self

from django.db import models

from trustyard.pki.certificates import Certificate as X509Certificate
from trustyard.pki.certificates import expiring_from, read_certificate
from trustyard.pki.names import search_fold
from trustyard.pki.remembering import CERTIFICATE, remembered

from .batches import BATCH
from .environments import Environment
from .inserting import insert
from .versions import Versioned

SOURCE_KINDS = ("connection", "file", "paste")
FEW = 20  # rows of a statement that SQLite takes whole


_read = remembered(longest=CERTIFICATE, entries=4096)(read_certificate)


def _searchable(*lines: str) -> str:
    """A line each, case folded. Alternative names may hold NUL, which PostgreSQL cannot keep."""
    return search_fold("\n".join(lines).replace("\x00", "\N{REPLACEMENT CHARACTER}"))


class StoredCertificate(models.Model):
    """An X.509 certificate, kept once byte for byte, with the facts that lists search and sort by."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    der = models.BinaryField()
    sha1 = models.CharField(max_length=40, db_index=True)
    spki_sha256 = models.CharField(max_length=64, db_index=True)  # the same key in another certificate is found by it
    serial_hex = models.TextField()
    subject = models.TextField()
    issuer = models.TextField()
    certificate_name = models.TextField()
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()  # `stored_ends` begins with it
    expiring_from = models.DateTimeField(db_index=True)  # the moment from which its status is "expiring" (D-12)
    key_type = models.CharField(max_length=40)
    key_size = models.PositiveIntegerField(null=True)
    curve = models.CharField(max_length=80, blank=True, default="")
    is_ca = models.BooleanField(default=False)
    self_signed = models.BooleanField(null=True)
    search_text = models.TextField()  # names, SANs: a line each, case folded; LIKE of SQLite folds ASCII alone

    _known: X509Certificate | None = None  # read already, where the row was made of it

    class Meta:
        ordering = ["sha256"]

    def __str__(self) -> str:
        return self.certificate_name

    def read(self) -> X509Certificate:
        """The certificate as a value of `trustyard.pki`."""
        return self._known or _read(bytes(self.der))

    @classmethod
    def of(cls, certificate: X509Certificate) -> StoredCertificate:
        """The row of this certificate as `keep_all` stores it, and not read a second time."""
        row = cls(sha256=certificate.sha256, **_columns(certificate))
        row._known = certificate
        return row

    @classmethod
    def ders(cls, wanted: Collection[str]) -> dict[str, bytes]:
        """DER by SHA-256 of those that are stored."""
        rows = cls.objects.filter(pk__in=wanted).values_list("pk", "der")
        return {sha256: bytes(der) for sha256, der in rows}

    @classmethod
    def keep_all(cls, certificates: Iterable[X509Certificate]) -> None:
        """Stores those that are not there, the same DER once, in the order in which everybody inserts them."""
        once = {certificate.sha256: certificate for certificate in certificates}
        if 0 < len(once) <= FEW:
            insert([cls.of(once[sha256]) for sha256 in sorted(once)], ignore=True)
            return
        rows = (StoredCertificate(sha256=sha256, **_columns(once[sha256])) for sha256 in sorted(once))
        StoredCertificate.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def _columns(certificate: X509Certificate) -> dict[str, Any]:
    facts = certificate.facts
    return {
        "der": certificate.der,
        "sha1": facts.sha1,
        "spki_sha256": facts.spki_sha256,
        "serial_hex": facts.serial_hex,
        "subject": facts.subject,
        "issuer": facts.issuer,
        "certificate_name": facts.certificate_name,
        "not_before": facts.not_before,
        "not_after": facts.not_after,
        "expiring_from": expiring_from(facts.not_before, facts.not_after),
        "key_type": facts.key.type,
        "key_size": facts.key.size,
        "curve": facts.key.curve or "",
        "is_ca": facts.is_ca,
        "self_signed": facts.self_signed,
        "search_text": _searchable(facts.subject, facts.issuer, *(san.value for san in facts.sans)),
    }


class Certificate(Versioned):
    """A named definition; what it is in each environment stands in its entries."""

    name = models.CharField(max_length=100)
    name_key = models.CharField(max_length=300, unique=True)
    description = models.TextField(blank=True, default="")
    search_text = models.TextField(default="")  # name and description, case folded
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    known_entries: list[Entry]  # with what they refer to, where `bring_entries` or the change that wrote them says so

    class Meta:
        ordering = ["name_key"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keeps what the search looks through in step with the name and the description."""
        self._make_searchable()
        super().save(*args, **kwargs)

    @classmethod
    def create_all(cls, rows: Sequence[Self], *, later: bool = False) -> None:
        """Saves many new ones at once; `later` is as for `insert`, where they are few."""
        for row in rows:
            row._make_searchable()
        if len(rows) <= FEW:
            insert(rows, later=later)
        else:
            cls.objects.bulk_create(rows, batch_size=BATCH)

    def _make_searchable(self) -> None:
        self.search_text = search_fold(f"{self.name}\n{self.description}")


class Entry(models.Model):
    """The certificate of one definition in one environment."""

    # Unique constraints below begin with each of these two.
    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="entries", db_index=False)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="entries", db_index=False)
    alias = models.CharField(max_length=100)
    alias_key = models.CharField(max_length=300)
    # The file name of an alias that is not one itself, else NULL. Older versions do not set it.
    alias_file = models.CharField(max_length=80, null=True)
    source_kind = models.CharField(max_length=20)
    source_url = models.TextField(blank=True, default="")
    chain = models.JSONField(default=list)  # SHA-256 of every certificate of the source, as presented
    x509 = models.ForeignKey(StoredCertificate, on_delete=models.PROTECT, related_name="entries")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=150, blank=True, default="")
    revoked_reason = models.TextField(blank=True, default="")

    known_jwks: list[str]  # the names of those made of it, where they were brought along

    class Meta:
        ordering = ["certificate_id", "environment_id"]
        constraints = [
            models.UniqueConstraint(fields=["certificate", "environment"], name="entry_once_in_environment"),
            models.UniqueConstraint(fields=["environment", "alias_key"], name="entry_alias_once_in_environment"),
            models.CheckConstraint(condition=models.Q(source_kind__in=SOURCE_KINDS), name="entry_source_known"),
        ]

    def __str__(self) -> str:
        return self.alias

    @property
    def revoked(self) -> bool:
        """Taken out of trust inside Trustyard (not at the issuer)."""
        return self.revoked_at is not None
