"""Where a certificate is used is read from the index alone: filters by date go through thousands of them."""

from django.db import migrations

from ._indexes import Index


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds it beside those who write
    dependencies = [("trustyard", "0010_scale")]

    operations = [
        Index(
            "entry_of_x509",
            postgresql="ON trustyard_entry (x509_id) INCLUDE (certificate_id, environment_id, revoked_at)",
        ),
    ]
