"""The file names of the aliases that are stored already, and the index. What is interrupted goes on where it was."""

from django.db import migrations, transaction

from ._indexes import Index

BATCH = 1000
ONE_BY_ONE = "UPDATE trustyard_entry SET alias_file = %s, filed_alias = alias WHERE id = %s"
AT_ONCE = """
    UPDATE trustyard_entry SET alias_file = made.file, filed_alias = alias
    FROM unnest(%s::text[], %s::bigint[]) AS made (file, id) WHERE trustyard_entry.id = made.id
"""


def fill(apps, schema_editor):
    from trustyard.pki.filenames import is_filename, safe_filename

    connection = schema_editor.connection
    entries = apps.get_model("trustyard", "Entry").objects.using(connection.alias)
    last = 0
    while True:
        with transaction.atomic(using=connection.alias):
            # Others write meanwhile. What they hold is passed over: the clean-up of every hour sees it.
            free = entries.select_for_update(skip_locked=True).filter(pk__gt=last, filed_alias=None).order_by("pk")
            rows = list(free.values_list("pk", "alias")[:BATCH])
            if not rows:
                return
            files = [("" if is_filename(alias) else safe_filename(alias), pk) for pk, alias in rows]
            with connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    cursor.execute(AT_ONCE, [list(column) for column in zip(*files, strict=True)])
                else:
                    cursor.executemany(ONE_BY_ONE, files)
        last = rows[-1][0]


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds the index beside those who write, and a batch holds its rows for a moment alone
    dependencies = [("trustyard", "0014_alias_file")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=False),
        Index("entry_alias_file", both="ON trustyard_entry (environment_id, alias_file)"),
    ]
