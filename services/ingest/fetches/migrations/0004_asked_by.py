from django.db import migrations, models

PK = ("asked_by", "provider", "call")


class Migration(migrations.Migration):
    """Keeps the answers of lookups too."""

    dependencies = [("ingest_fetches", "0003_older_rows")]

    # Django renames no column of a composite key, so it is told what PostgreSQL does.
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE ingest.answer RENAME COLUMN fetch_id TO asked_by",
                    "ALTER TABLE ingest.answer RENAME COLUMN asked_by TO fetch_id",
                )
            ],
            state_operations=[
                migrations.DeleteModel(name="Answer"),
                migrations.CreateModel(
                    name="Answer",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                *PK, blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("asked_by", models.UUIDField()),
                        ("provider", models.TextField()),
                        ("call", models.TextField()),
                        ("body", models.BinaryField()),
                        ("received_at", models.DateTimeField()),
                    ],
                    options={"db_table": "answer"},
                ),
            ],
        )
    ]
