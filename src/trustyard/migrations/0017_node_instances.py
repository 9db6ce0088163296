"""Two agents of one name are noticed: a node remembers which agents spoke under it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trustyard", "0016_superfluous_indexes")]

    operations = [
        migrations.AddField("node", "instances", models.JSONField(blank=True, null=True)),
    ]
