"""The file names of the aliases that are stored already, and the index. What is interrupted goes on where it was."""

from django.db import migrations, transaction

from ._indexes import Index

BATCH = 1000


def fill(apps, schema_editor):
    from trustyard.pki.filenames import SAFE, safe_filename

    using = schema_editor.connection.alias
    entries = apps.get_model("trustyard", "Entry").objects.using(using)
    wanted = entries.filter(alias_file=None).exclude(alias__regex=f"^{SAFE}$").order_by("pk")
    last = 0
    while True:
        with transaction.atomic(using=using):
            # Others write meanwhile. What they hold is passed over: the clean-up of every hour sees it.
            free = wanted.select_for_update(skip_locked=True).filter(pk__gt=last)
            rows = list(free.only("alias")[:BATCH])
            if not rows:
                return
            for row in rows:
                row.alias_file = safe_filename(row.alias)
            entries.bulk_update(rows, ["alias_file"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds the index beside those who write, and a batch holds its rows for a moment alone
    dependencies = [("trustyard", "0014_alias_file")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=False),
        Index("entry_alias_file", both="ON trustyard_entry (environment_id, alias_file) WHERE alias_file IS NOT NULL"),
    ]
