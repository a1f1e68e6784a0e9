"""`manage.py train_ml_model SYMBOL`: fit a challenger on one symbol and compare it with the shipped model."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from deploy.local import output
from deploy.local.system import open_system
from deploy.local.training import train, verdict
from shared.symbols import normalise_symbol


class Command(BaseCommand):
    """Trains on a symbol's stored prices; the shipped model is compared with, and never replaced."""

    help = "Fit a forecast model on one symbol, score it beside the shipped model, and keep it for study."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the symbol."""
        parser.add_argument("symbol", metavar="SYMBOL", help="such as AAPL")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, symbol: str, json: bool, **options: Any) -> None:
        """Train and show both models' scores."""
        name = normalise_symbol(symbol)
        with open_system() as system, output.step(f"Train on {name}"):
            result = train(name, state=system.state)
        if json:
            output.print_json({**result, "verdict": verdict(result)})
        else:
            output.print_challenger(result, verdict=verdict(result))
