"""Publishes to the other services what is held back."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ingest_quarantine", "0002_outdated")]

    operations = [
        migrations.RunSQL(
            """
            CREATE VIEW market.quarantine AS
                SELECT id, symbol, provider, kind, detail, row_count, first_session, last_session, state, created_at
                FROM ingest.quarantine
            """,
            "DROP VIEW market.quarantine",
        )
    ]
