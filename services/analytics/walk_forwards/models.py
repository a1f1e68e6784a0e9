"""Walks forward as their events left them, and the curves that those events name."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class WalkForward(models.Model):
    """One walk: a pure function of its inputs, which `inputs_hash` names. A projection.

    `best` has the best cell of each window among the chunks that were tried. `outdated_by_version` is the version of
    the prices that corrected `changed_count` of its sessions first.
    """

    id = models.UUIDField(primary_key=True)
    inputs_hash = models.TextField()
    symbol = models.TextField()
    data_version = models.IntegerField()
    basis = models.TextField()
    strategy = models.TextField()
    strategy_version = models.IntegerField()
    grid = models.JSONField()
    parameters = models.JSONField()
    sample = models.IntegerField(null=True)
    objective = models.TextField()
    folds = models.IntegerField()
    anchoring = models.TextField()
    in_sample_ratio = models.IntegerField()
    initial_capital = models.DecimalField(max_digits=20, decimal_places=2)
    commission_bps = models.DecimalField(max_digits=8, decimal_places=2)
    slippage_bps = models.DecimalField(max_digits=8, decimal_places=2)
    start = models.DateField(null=True)
    end = models.DateField(null=True)
    options = models.JSONField()
    cell_count = models.IntegerField()
    chunk_cells = models.IntegerField()
    chunk_count = models.IntegerField()
    state = models.TextField()
    chunks_done = models.IntegerField(default=0)
    cells_done = models.IntegerField(default=0)
    cells_run = models.IntegerField(default=0)
    tried_chunks = ArrayField(models.IntegerField(), default=list)
    best = models.JSONField(default=list)
    result_hash = models.TextField(null=True)
    engine_version = models.TextField(null=True)
    metrics_version = models.TextField(null=True)
    calendar_version = models.TextField(null=True)
    first_session = models.DateField(null=True)
    last_session = models.DateField(null=True)
    session_count = models.IntegerField(null=True)
    windows = models.JSONField(null=True)
    metrics = models.JSONField(null=True)
    benchmark_metrics = models.JSONField(null=True)
    in_sample_return = models.FloatField(null=True)
    out_of_sample_return = models.FloatField(null=True)
    efficiency = models.FloatField(null=True)
    no_efficiency_reason = models.TextField(null=True)
    outdated_by_version = models.IntegerField(null=True)
    changed_count = models.IntegerField(null=True)
    problem = models.JSONField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "walk_forward"
        verbose_name = "walk forward"
        verbose_name_plural = "walks forward"
        indexes = [models.Index(fields=["symbol", "-created_at"], name="walk_forward_symbol_newest")]

    @property
    def data_cut(self) -> dict[str, int]:
        """Return the version of the prices that it rests on, by symbol."""
        return {self.symbol: self.data_version}


class WalkForwardEquity(models.Model):
    """The curves of a walk: n + 1 dates, the first the close before the first window. Part of the record."""

    walk_forward_id = models.UUIDField(primary_key=True)
    dates = ArrayField(models.DateField())
    equity = ArrayField(models.FloatField())
    benchmark_equity = ArrayField(models.FloatField())

    class Meta:
        db_table = "walk_forward_equity"
        verbose_name = "equity curve of a walk"
        verbose_name_plural = "equity curves of walks"
