"""The file name of an alias that is none itself, so that two of one are found by an index. Older nodes leave it out."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trustyard", "0013_disabled_with_entry")]

    # Without a default: SQLite would make the table anew, without the indexes that Django does not know of.
    operations = [migrations.AddField("entry", "alias_file", models.CharField(max_length=80, null=True))]
