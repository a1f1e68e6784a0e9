import unicodedata

import django.contrib.postgres.functions
import django.db.models.functions.text
import shared.identity.models
from django.db import migrations, models


def fold_usernames(apps, schema_editor):
    """Bring names to the form that stands for all ways to write them; who wrote it that way first keeps the name."""
    users = apps.get_model("identity", "User").objects.using(schema_editor.connection.alias)
    for user in users.order_by("id"):
        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", user.username).casefold())
        if name == user.username:
            continue
        if len(name) > 150 or users.filter(username=name).exists():
            name = f"{name[:141]}-{user.public_id.hex[:8]}"
        users.filter(pk=user.pk).update(username=name)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("identity", "0001_initial"),
    ]

    operations = [
        # Its result gains columns, which CREATE OR REPLACE refuses; check_token.sql makes it again at once.
        migrations.RunSQL("DROP FUNCTION IF EXISTS identity.check_token(bytea)", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="LoginAttempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account", models.BinaryField(max_length=32, null=True)),
                ("address", models.CharField(max_length=64)),
                ("tried_at", models.DateTimeField()),
            ],
            options={
                "db_table": "login_attempt",
            },
        ),
        migrations.AlterModelManagers(
            name="user",
            managers=[
                ("objects", shared.identity.models.UserManager()),
            ],
        ),
        migrations.RemoveField(
            model_name="user",
            name="first_name",
        ),
        migrations.RemoveField(
            model_name="user",
            name="last_name",
        ),
        migrations.AddField(
            model_name="token",
            name="idle_limit",
            field=models.DurationField(null=True),
        ),
        migrations.AddField(
            model_name="token",
            name="kind",
            field=models.CharField(
                choices=[("api", "API"), ("session", "session")], default="api", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="token",
            name="last_used_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="token",
            name="name",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="token",
            name="prefix",
            field=models.CharField(default="", max_length=12),
        ),
        migrations.AddField(
            model_name="token",
            name="public_id",
            field=models.UUIDField(
                db_default=django.contrib.postgres.functions.RandomUUID(), editable=False, unique=True
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="display_name",
            field=models.CharField(blank=True, default="", max_length=150),
        ),
        migrations.AddConstraint(
            model_name="token",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("api", "session"))), name="token_kind"
            ),
        ),
        migrations.RunPython(fold_usernames, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("username"), name="user_name_is_taken_in_any_case"
            ),
        ),
        migrations.AddIndex(
            model_name="loginattempt",
            index=models.Index(fields=["address", "tried_at"], name="login_attempt_by_address"),
        ),
    ]
