"""Says of each version when it was recorded, from which fetch, and what it changed."""

from django.db import migrations, models

# A projection is made again from the record, so that no row needs a made-up value in between.
REFILL = """
INSERT INTO ingest.instrument_version (symbol, version, provider, attribution, notes, fetch_id, added_count,
    corrected_count, actions_changed_count, recorded_at)
SELECT data ->> 'symbol', (data ->> 'version')::integer, data ->> 'provider', data ->> 'attribution',
    data -> 'notes', (data ->> 'fetch_id')::uuid, (data ->> 'added_count')::integer,
    (data ->> 'corrected_count')::integer, (data ->> 'actions_changed_count')::integer, occurred_at
FROM ingest.event WHERE type = 'PricesUpdated' ORDER BY position
"""
VIEW = """
CREATE VIEW market.instrument_version AS
    SELECT symbol, version, provider, attribution, notes FROM ingest.instrument_version
"""


class Migration(migrations.Migration):
    dependencies = [("ingest_market", "0002_views"), ("eventstore", "0001_initial")]

    operations = [
        migrations.RunSQL("DELETE FROM ingest.instrument_version", migrations.RunSQL.noop),
        migrations.AddField("instrumentversion", "fetch_id", models.UUIDField()),
        migrations.AddField("instrumentversion", "added_count", models.IntegerField()),
        migrations.AddField("instrumentversion", "corrected_count", models.IntegerField()),
        migrations.AddField("instrumentversion", "actions_changed_count", models.IntegerField()),
        migrations.AddField("instrumentversion", "recorded_at", models.DateTimeField()),
        migrations.RunSQL(REFILL, migrations.RunSQL.noop),
        migrations.RunSQL(
            "CREATE OR REPLACE VIEW market.instrument_version AS"
            " SELECT symbol, version, provider, attribution, notes, recorded_at FROM ingest.instrument_version",
            f"DROP VIEW market.instrument_version; {VIEW}",
        ),
    ]
