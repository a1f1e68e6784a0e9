"""Shows of each version its fetch, by which the terms of what was taken over from a former name are found."""

from django.db import migrations, models

VIEW = """
CREATE {how} VIEW market.instrument_version AS
    SELECT symbol, version, provider, attribution, notes, recorded_at{fetch} FROM ingest.instrument_version
"""


class Migration(migrations.Migration):
    dependencies = [("ingest_market", "0003_version_times")]

    operations = [
        migrations.AddIndex(
            "instrumentversion", models.Index(fields=["fetch_id"], name="instrument_version_fetch")
        ),
        migrations.RunSQL(
            VIEW.format(how="OR REPLACE", fetch=", fetch_id"),
            "DROP VIEW market.instrument_version;" + VIEW.format(how="", fetch=""),
        ),
    ]
