"""Fills the table of renamed tickers anew from the committed file, which had fewer before."""

from typing import Any

from django.db import migrations

from services.ingest.indexes.domain import renames


def fill(apps: Any, schema_editor: Any) -> None:
    """Store every renaming."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("DELETE FROM ticker_rename")
        with cursor.copy("COPY ticker_rename (old, new, on_date, company, source) FROM STDIN") as copy:
            for rename in renames():
                copy.write_row((rename.old, rename.new, rename.on, rename.company, rename.source))


class Migration(migrations.Migration):
    dependencies = [("ingest_indexes", "0002_members")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
