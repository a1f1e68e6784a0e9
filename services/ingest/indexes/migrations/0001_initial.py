from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="IndexMembership",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "index",
                        "symbol",
                        "start_date",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("index", models.TextField()),
                ("symbol", models.TextField()),
                ("start_date", models.DateField()),
                ("end_date", models.DateField(null=True)),
            ],
            options={
                "db_table": "index_membership",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("end_date", None), ("end_date__gt", models.F("start_date")), _connector="OR"
                        ),
                        name="index_membership_ends_later",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TickerRename",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "old", "on_date", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("old", models.TextField()),
                ("new", models.TextField()),
                ("on_date", models.DateField()),
                ("company", models.TextField()),
                ("source", models.TextField()),
            ],
            options={
                "db_table": "ticker_rename",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("old", models.F("new")), _negated=True),
                        name="ticker_rename_is_one",
                    )
                ],
            },
        ),
    ]
