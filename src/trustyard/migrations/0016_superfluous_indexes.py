"""Indexes that others serve as well go: an eighth of a large database, and as much of what each save writes."""

import django.db.models.deletion
from django.db import migrations, models

from ._indexes import Superfluous

BOTH = ("sqlite", "postgresql")


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL drops them beside those who read and write
    dependencies = [("trustyard", "0015_alias_file_filled")]

    operations = [
        # The first columns of indexes that are there for another reason.
        migrations.SeparateDatabaseAndState(
            [
                Superfluous("trustyard_entry_certificate_id_20dc29c3", *BOTH),
                Superfluous("trustyard_entry_environment_id_65413bc9", *BOTH),
                Superfluous("trustyard_storedcertificate_not_after_c85c574a", *BOTH),
            ],
            [
                migrations.AlterField(
                    "entry",
                    "certificate",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="entries",
                        to="trustyard.certificate",
                    ),
                ),
                migrations.AlterField(
                    "entry",
                    "environment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="trustyard.environment",
                    ),
                ),
                migrations.AlterField("storedcertificate", "not_after", models.DateTimeField()),
            ],
        ),
        # Django makes a second index of each text for LIKE; of these only whole values are asked for.
        Superfluous("trustyard_certificate_name_key_ae15758e_like", "postgresql"),
        Superfluous("trustyard_storedcertificate_spki_sha256_a91d0786_like", "postgresql"),
        Superfluous("trustyard_auditevent_action_f7d1933a_like", "postgresql"),
        Superfluous("trustyard_auditevent_actor_853cb68f_like", "postgresql"),
        Superfluous("trustyard_auditevent_hash_810aca5c_like", "postgresql"),
        Superfluous("trustyard_auditevent_object_name_f860ebe9_like", "postgresql"),
        Superfluous("trustyard_auditevent_prev_hash_e0e4ac12_like", "postgresql"),
        # And this one serves both.
        Superfluous("trustyard_entry_x509_id_33d27000", "postgresql"),
    ]
