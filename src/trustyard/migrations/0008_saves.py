"""Constraints that guard what only the program did before."""

from django.db import migrations, models
from django.db.models.functions import Lower

STATES = ("pending", "sent", "accepted", "observed", "refused", "unreachable", "superseded", "drifted", "open")


class Migration(migrations.Migration):
    dependencies = [("trustyard", "0007_signin")]
    operations = [
        migrations.AddConstraint(
            "user", models.UniqueConstraint(Lower("username"), name="user_name_once_without_case")
        ),
        migrations.AddConstraint(
            "entry",
            models.CheckConstraint(
                condition=models.Q(source_kind__in=("connection", "file", "paste")), name="entry_source_known"
            ),
        ),
        migrations.AddConstraint(
            "receipt", models.CheckConstraint(condition=models.Q(state__in=STATES), name="receipt_state_known")
        ),
    ]
