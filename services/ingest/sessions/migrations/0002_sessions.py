"""Fills the sessions table from the committed calendar file and publishes it."""

from typing import Any

from django.db import migrations

from services.ingest.sessions.domain import CALENDAR, CALENDAR_VERSION, all_sessions


def fill(apps: Any, schema_editor: Any) -> None:
    """Store every session of the calendar."""
    alias = schema_editor.connection.alias
    apps.get_model("ingest_sessions", "Calendar").objects.using(alias).create(
        calendar=CALENDAR, version=CALENDAR_VERSION
    )
    with schema_editor.connection.cursor() as cursor, cursor.copy("COPY session FROM STDIN") as copy:
        for day in all_sessions():
            copy.write_row((CALENDAR, day.session, day.open_at, day.close_at))


class Migration(migrations.Migration):
    dependencies = [("ingest_sessions", "0001_initial")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(
            """
            CREATE VIEW market.session AS SELECT calendar, session, open_at, close_at FROM ingest.session;
            CREATE VIEW market.calendar AS SELECT calendar, version FROM ingest.calendar;
            """,
            "DROP VIEW market.session; DROP VIEW market.calendar",
        ),
    ]
