"""Ends of validity are counted from indexes alone: the certificates themselves are many times as large."""

from django.db import migrations

from ._indexes import Index


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds it beside those who write
    dependencies = [("trustyard", "0011_lists")]

    operations = [
        Index("stored_ends", both="ON trustyard_storedcertificate (not_after, sha256)"),
    ]
