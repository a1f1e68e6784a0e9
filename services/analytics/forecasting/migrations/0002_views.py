"""Publishes forecasts and scores to the other services."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("analytics_forecasting", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE VIEW results.forecast AS
                SELECT id, kind, symbol, data_version, model, model_version, model_sha256, model_scores, state, basis,
                       calendar_version, origin_session, origin_close, volatility, problem, created_at,
                       finished_at
                FROM analytics.forecast;
            CREATE VIEW results.forecast_point AS
                SELECT forecast_id, horizon, target_session, point, q025, q100, q250, q500, q750, q900, q975,
                       random_walk
                FROM analytics.forecast_point;
            CREATE VIEW results.score AS
                SELECT forecast_id, data_version, actual, scored_count, mae_rw_ratio, pinball_rw_ratio,
                       coverage80_ratio, coverage95_ratio
                FROM analytics.forecast_score;
            """,
            "DROP VIEW results.forecast; DROP VIEW results.forecast_point; DROP VIEW results.score",
        )
    ]
