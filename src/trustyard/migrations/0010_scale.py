"""Indexes for a million certificates: search within text, subjects, statuses, what changed last."""

from django.db import migrations

from ._indexes import Index, Trigrams


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds them beside those who write
    dependencies = [("trustyard", "0009_publish_truststore")]

    operations = [
        Trigrams(),
        Index("certificate_search_trigrams", postgresql="ON trustyard_certificate USING gin (search_text gin_trgm_ops)"),
        Index("entry_alias_trigrams", postgresql="ON trustyard_entry USING gin (alias_key gin_trgm_ops)"),
        Index("stored_search_trigrams", postgresql="ON trustyard_storedcertificate USING gin (search_text gin_trgm_ops)"),
        Index("stored_serial_trigrams", postgresql="ON trustyard_storedcertificate USING gin (serial_hex gin_trgm_ops)"),
        # By its hash, for a subject may be longer than a line of a sorted index.
        Index(
            "stored_subject",
            postgresql="ON trustyard_storedcertificate USING hash (subject)",
            sqlite="ON trustyard_storedcertificate (subject)",
        ),
        Index("stored_not_before", both="ON trustyard_storedcertificate (not_before)"),
        Index("entry_revoked", both="ON trustyard_entry (certificate_id) WHERE revoked_at IS NOT NULL"),
        Index("certificate_changed", both="ON trustyard_certificate (changed_at, name_key)"),
    ]
