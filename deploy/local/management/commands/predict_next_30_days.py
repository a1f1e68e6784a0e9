"""`manage.py predict_next_30_days SYMBOL`: the forecast from the newest prices, session by session."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from deploy.local import output, steps
from shared.symbols import normalise_symbol


class Command(BaseCommand):
    """Forecasts a symbol's next 30 sessions from its newest stored prices."""

    help = "Forecast the next 30 sessions, with the 80 % band and the random walk beside them."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the symbol."""
        parser.add_argument("symbol", metavar="SYMBOL", help="such as AAPL")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, symbol: str, json: bool, **options: Any) -> None:
        """Ask for the forecast, wait for it and print all of it."""
        with steps.worker_for_command() as worker:
            found = steps.forecast(normalise_symbol(symbol), worker=worker)
        if json:
            output.print_json(found)
        else:
            output.print_forecast(found, whole=True)
