"""Sweeps as their events left them, and the surfaces that those events name."""

from django.db import models


class Sweep(models.Model):
    """One sweep: a pure function of its inputs, which `inputs_hash` names. A projection.

    `outdated_by_version` is the version of the prices that corrected `changed_count` of its sessions first.
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
    surface_hash = models.TextField(null=True)
    engine_version = models.TextField(null=True)
    metrics_version = models.TextField(null=True)
    calendar_version = models.TextField(null=True)
    first_session = models.DateField(null=True)
    last_session = models.DateField(null=True)
    session_count = models.IntegerField(null=True)
    summary = models.JSONField(null=True)
    truth = models.JSONField(null=True)
    outdated_by_version = models.IntegerField(null=True)
    changed_count = models.IntegerField(null=True)
    problem = models.JSONField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sweep"
        indexes = [models.Index(fields=["symbol", "-created_at"], name="sweep_symbol_newest")]

    @property
    def data_cut(self) -> dict[str, int]:
        """Return the version of the prices that it rests on, by symbol."""
        return {self.symbol: self.data_version}


class SweepChunk(models.Model):
    """The figures of a range of cells, packed by the kernel. Part of the record."""

    pk = models.CompositePrimaryKey("sweep_id", "number")
    sweep_id = models.UUIDField()
    number = models.IntegerField()
    cell_count = models.IntegerField()
    surface_hash = models.TextField()
    surface = models.BinaryField()

    class Meta:
        db_table = "sweep_chunk"
