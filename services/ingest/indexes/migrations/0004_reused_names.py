"""Tells other services since when a former ticker is another company's."""

from typing import Any

from django.db import migrations, models

from services.ingest.indexes.domain import renames

VIEW = "CREATE {how} VIEW market.rename AS SELECT old, new, on_date, company, source{more} FROM ingest.ticker_rename"


def fill(apps: Any, schema_editor: Any) -> None:
    """Store since when tickers are used anew."""
    with schema_editor.connection.cursor() as cursor:
        for rename in renames():
            cursor.execute(
                "UPDATE ticker_rename SET reused_on = %s WHERE old = %s AND on_date = %s",
                [rename.reused_on, rename.old, rename.on],
            )


class Migration(migrations.Migration):
    dependencies = [("ingest_indexes", "0003_more_renames")]

    operations = [
        migrations.AddField("tickerrename", "reused_on", models.DateField(null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(
            VIEW.format(how="OR REPLACE", more=", reused_on"),
            "DROP VIEW market.rename;" + VIEW.format(how="", more=""),
        ),
    ]
