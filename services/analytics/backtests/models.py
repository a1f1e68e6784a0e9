"""Runs as their events left them, and the rows that those events name."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.fields.json import KeyTextTransform


class Run(models.Model):
    """One backtest: a pure function of its inputs, which `inputs_hash` names. A projection.

    `outdated_by_version` is the version of the prices that corrected `changed_count` of its sessions first.
    """

    id = models.UUIDField(primary_key=True)
    inputs_hash = models.TextField()
    standing = models.BooleanField()
    symbol = models.TextField()
    data_version = models.IntegerField()
    basis = models.TextField()
    strategy = models.TextField()
    strategy_version = models.IntegerField()
    parameters = models.JSONField()
    initial_capital = models.DecimalField(max_digits=20, decimal_places=2)
    commission_bps = models.DecimalField(max_digits=8, decimal_places=2)
    slippage_bps = models.DecimalField(max_digits=8, decimal_places=2)
    start = models.DateField(null=True)
    end = models.DateField(null=True)
    options = models.JSONField()
    state = models.TextField()
    result_hash = models.TextField(null=True)
    engine_version = models.TextField(null=True)
    metrics_version = models.TextField(null=True)
    calendar_version = models.TextField(null=True)
    first_session = models.DateField(null=True)
    last_session = models.DateField(null=True)
    session_count = models.IntegerField(null=True)
    trade_count = models.IntegerField(null=True)
    metrics = models.JSONField(null=True)
    benchmark_metrics = models.JSONField(null=True)
    open_position = models.JSONField(null=True)
    pending_order = models.JSONField(null=True)
    index_metrics = models.JSONField(null=True)
    truth = models.JSONField(null=True)
    outdated_by_version = models.IntegerField(null=True)
    changed_count = models.IntegerField(null=True)
    problem = models.JSONField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "run"
        indexes = [
            models.Index(fields=["symbol", "-created_at"], name="run_symbol_newest"),
            models.Index(fields=["symbol", "data_version"], name="run_symbol_version"),
            models.Index(KeyTextTransform("benchmark", "options"), name="run_benchmark"),
        ]

    @property
    def data_cut(self) -> dict[str, int]:
        """Return the version of each symbol's prices that the run used: its own, and those of its index."""
        index, version = self.options["benchmark"], self.options["benchmark_version"]
        return ({} if index is None else {index: version}) | {self.symbol: self.data_version}


class RunTrade(models.Model):
    """One closed trade of a run, in order. Part of the record. Prices after slippage, money net of fees."""

    pk = models.CompositePrimaryKey("run_id", "number")
    run_id = models.UUIDField()
    number = models.IntegerField()
    side = models.TextField()
    entry_session = models.DateField()
    exit_session = models.DateField()
    exit_reason = models.TextField()
    shares = models.FloatField()
    exit_shares = models.FloatField()
    entry_price = models.FloatField()
    exit_price = models.FloatField()
    entry_commission = models.FloatField()
    exit_commission = models.FloatField()
    dividends = models.FloatField()
    pnl = models.FloatField()
    return_ratio = models.FloatField()
    initial_risk = models.FloatField(null=True)

    class Meta:
        db_table = "run_trade"


class RunEquity(models.Model):
    """The curves of a run: n + 1 dates, the first being the session before the first bar. Part of the record."""

    run_id = models.UUIDField(primary_key=True)
    dates = ArrayField(models.DateField())
    equity = ArrayField(models.FloatField())
    benchmark_equity = ArrayField(models.FloatField())
    index_equity = ArrayField(models.FloatField(), null=True)

    class Meta:
        db_table = "run_equity"
        verbose_name = "equity curve"
