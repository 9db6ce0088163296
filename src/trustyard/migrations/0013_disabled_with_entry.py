"""Whether a JWK was disabled by a revocation or by a person. A running older node does not know of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trustyard", "0012_ends")]

    operations = [
        migrations.AddField(
            model_name="jwk",
            name="disabled_with_entry",
            field=models.BooleanField(db_default=False, default=False),
        ),
        # Nobody noted until now who disabled one; where the entry is revoked, Restore has promised to bring it back.
        migrations.RunSQL(
            """
            UPDATE trustyard_jwk SET disabled_with_entry = TRUE
            WHERE state = 'disabled' AND entry_id IN (SELECT id FROM trustyard_entry WHERE revoked_at IS NOT NULL)
            """,
            migrations.RunSQL.noop,
        ),
    ]
