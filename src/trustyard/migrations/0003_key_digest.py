"""The SHA-256 of the public key beside each certificate, filled in for those that are stored already."""

from django.db import migrations, models


def fill(apps, schema_editor):
    from trustyard.pki.certificates import read_certificate

    stored = apps.get_model("trustyard", "StoredCertificate").objects
    batch = []
    for row in stored.only("der").iterator(500):
        row.spki_sha256 = read_certificate(bytes(row.der)).facts.spki_sha256
        batch.append(row)
        if len(batch) == 500:
            stored.bulk_update(batch, ["spki_sha256"])
            batch = []
    stored.bulk_update(batch, ["spki_sha256"])


class Migration(migrations.Migration):
    dependencies = [("trustyard", "0002_receipt_proof")]

    operations = [
        migrations.AddField("storedcertificate", "spki_sha256", models.CharField(default="", max_length=64)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField("storedcertificate", "spki_sha256", models.CharField(db_index=True, max_length=64)),
    ]
