"""Fills both tables from the committed files and publishes them."""

from typing import Any

from django.db import migrations

from services.ingest.indexes.domain import indexes, renames


def fill(apps: Any, schema_editor: Any) -> None:
    """Store every stay in an index and every renaming."""
    with schema_editor.connection.cursor() as cursor:
        with cursor.copy("COPY index_membership (index, symbol, start_date, end_date) FROM STDIN") as copy:
            for name, index in indexes().items():
                for spell in index.spells:
                    copy.write_row((name, spell.symbol, spell.start_date, spell.end_date))
        with cursor.copy("COPY ticker_rename (old, new, on_date, company, source) FROM STDIN") as copy:
            for rename in renames():
                copy.write_row((rename.old, rename.new, rename.on, rename.company, rename.source))


class Migration(migrations.Migration):
    dependencies = [("ingest_indexes", "0001_initial")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(
            """
            CREATE VIEW market.membership AS
                SELECT index, symbol, start_date, end_date FROM ingest.index_membership;
            CREATE VIEW market.rename AS SELECT old, new, on_date, company, source FROM ingest.ticker_rename;
            """,
            "DROP VIEW market.membership; DROP VIEW market.rename",
        ),
    ]
