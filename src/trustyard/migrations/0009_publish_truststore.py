"""Whether an environment's truststore may be fetched by anybody. A running older node does not know of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trustyard", "0008_saves")]

    operations = [
        migrations.AddField(
            model_name="environment",
            name="publish_truststore",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
