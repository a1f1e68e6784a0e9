"""Publishes the market to the other services."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ingest_market", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE VIEW market.bar AS
                SELECT symbol, session, version, superseded_version, open, high, low, close, volume,
                       provider, fetch_id
                FROM ingest.bar;
            CREATE VIEW market.action AS
                SELECT symbol, kind, ex_date, version, superseded_version, value, provider, fetch_id
                FROM ingest.action;
            CREATE VIEW market.instrument AS
                SELECT symbol, version, first_session, last_session, bar_count, provider, attribution, notes,
                       updated_at
                FROM ingest.instrument;
            CREATE VIEW market.instrument_version AS
                SELECT symbol, version, provider, attribution, notes
                FROM ingest.instrument_version;
            """,
            "DROP VIEW market.bar; DROP VIEW market.action; DROP VIEW market.instrument;"
            " DROP VIEW market.instrument_version",
        )
    ]
