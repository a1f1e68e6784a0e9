"""What a run depends on beside its costs, what its numbers are worth, and whether its prices still stand."""

from typing import Any

from django.db import migrations, models


def _options() -> dict[str, Any]:
    """Return what every run before had."""
    return {
        "allow_short": False,
        "benchmark": None,
        "benchmark_version": None,
        "commission_per_order": "0.0000",
        "commission_per_share": "0.0000",
        "impact": "0.0000",
        "interval": "1d",
        "risk_free": "0.0000",
        "seed": 0,
        "sizing": "all_in",
        "size": None,
        "spread_bps": "0.0000",
        "stop_loss_ratio": None,
        "take_profit_ratio": None,
        "time_in_force": "day",
        "trailing_ratio": None,
        "volume_limit": None,
        "whole_shares": True,
    }


class Migration(migrations.Migration):
    dependencies = [("analytics_backtests", "0002_views")]

    operations = [
        migrations.AddField("run", "options", models.JSONField(default=_options), preserve_default=False),
        migrations.AddField("run", "truth", models.JSONField(null=True)),
        migrations.AddField("run", "outdated_by_version", models.IntegerField(null=True)),
        migrations.AddField("run", "changed_count", models.IntegerField(null=True)),
        migrations.AddField("runtrade", "side", models.TextField(default="long"), preserve_default=False),
        migrations.AddField(
            "runtrade", "exit_reason", models.TextField(default="signal"), preserve_default=False
        ),
        migrations.AddField("runtrade", "initial_risk", models.FloatField(null=True)),
        migrations.RunSQL(
            """
            CREATE OR REPLACE VIEW results.trade AS
                SELECT run_id, number, entry_session, exit_session, shares, exit_shares, entry_price, exit_price,
                       entry_commission, exit_commission, dividends, pnl, return_ratio, side, exit_reason, initial_risk
                FROM analytics.run_trade;
            CREATE OR REPLACE VIEW results.run AS
                SELECT id, standing, symbol, data_version, basis, strategy, strategy_version, parameters,
                       initial_capital, commission_bps, slippage_bps, start, "end", state, result_hash,
                       engine_version, metrics_version, calendar_version, first_session, last_session,
                       session_count, trade_count, metrics, benchmark_metrics, open_position, pending_order,
                       problem, created_at, finished_at, options, truth, outdated_by_version, changed_count
                FROM analytics.run;
            """,
            migrations.RunSQL.noop,
        ),
    ]
