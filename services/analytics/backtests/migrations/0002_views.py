"""Publishes runs to the other services."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("analytics_backtests", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE VIEW results.run AS
                SELECT id, standing, symbol, data_version, basis, strategy, strategy_version, parameters,
                       initial_capital, commission_bps, slippage_bps, start, "end", state, result_hash,
                       engine_version, metrics_version, calendar_version, first_session, last_session,
                       session_count, trade_count, metrics, benchmark_metrics, open_position, pending_order,
                       problem, created_at, finished_at
                FROM analytics.run;
            CREATE VIEW results.trade AS
                SELECT run_id, number, entry_session, exit_session, shares, exit_shares, entry_price, exit_price,
                       entry_commission, exit_commission, dividends, pnl, return_ratio
                FROM analytics.run_trade;
            CREATE VIEW results.equity AS SELECT run_id, dates, equity, benchmark_equity FROM analytics.run_equity;
            """,
            "DROP VIEW results.run; DROP VIEW results.trade; DROP VIEW results.equity",
        )
    ]
