"""The index that a run may be measured against."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform


class Migration(migrations.Migration):
    dependencies = [("analytics_backtests", "0003_options_truth_and_outdating")]

    operations = [
        migrations.AddField("run", "index_metrics", models.JSONField(null=True)),
        migrations.AddField(
            "runequity", "index_equity", ArrayField(base_field=models.FloatField(), null=True, size=None)
        ),
        migrations.AddIndex(
            "run", models.Index(KeyTextTransform("benchmark", "options"), name="run_benchmark")
        ),
        migrations.RunSQL(
            """
            CREATE OR REPLACE VIEW results.run AS
                SELECT id, standing, symbol, data_version, basis, strategy, strategy_version, parameters,
                       initial_capital, commission_bps, slippage_bps, start, "end", state, result_hash,
                       engine_version, metrics_version, calendar_version, first_session, last_session,
                       session_count, trade_count, metrics, benchmark_metrics, open_position, pending_order,
                       problem, created_at, finished_at, options, truth, outdated_by_version, changed_count,
                       index_metrics
                FROM analytics.run;
            CREATE OR REPLACE VIEW results.equity AS
                SELECT run_id, dates, equity, benchmark_equity, index_equity FROM analytics.run_equity;
            """,
            migrations.RunSQL.noop,
        ),
    ]
