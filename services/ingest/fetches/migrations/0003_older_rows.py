"""Fills what fetches that ended before could not say, as their events are read now."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ingest_fetches", "0002_whole_outcome")]

    operations = [
        migrations.RunSQL(
            """
            UPDATE "fetch" SET sources = '[]', rejected_count = 0, rejected = '[]', kept_count = 0, compared_count = 0,
                disagreeing_count = 0, disagreements = '[]', quarantined_count = 0
            WHERE state IN ('succeeded', 'partial') AND sources IS NULL;
            """,
            migrations.RunSQL.noop,
        )
    ]
