"""`manage.py load_stock_data [SYMBOL...]`: fetch histories through the queue and the worker, as the API does."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from deploy.local import output, steps
from services.ingest.providers.bundled_provider import BundledProvider
from services.ingest.providers.registry import provider_names
from shared.errors import BellwetherError
from shared.symbols import normalise_symbol


class NotAllLoaded(BellwetherError):
    """Raised when some of the symbols asked for could not be loaded; `fetches` says why for each."""

    status, slug, title = 502, "not-all-loaded", "Not all symbols were loaded"


class Command(BaseCommand):
    """Fetches the histories of some symbols, of all that are bundled by default, and shows what they brought."""

    help = (
        "Fetch price histories; without symbols all that are bundled. New prices start backtest and forecast."
    )
    requires_system_checks = ()
    symbols_needed = "*"

    def add_arguments(self, parser: CommandParser) -> None:
        """Take symbols and provider."""
        parser.add_argument("symbols", nargs=self.symbols_needed, metavar="SYMBOL", help="such as AAPL")
        parser.add_argument("--provider", default="bundled", help=f"one of: {', '.join(provider_names())}")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, symbols: list[str], provider: str, json: bool, **options: Any) -> None:
        """Fetch them one after the other; one that fails does not stop the others."""
        names = [normalise_symbol(symbol) for symbol in symbols] or list(BundledProvider().symbols())
        with steps.worker_for_command() as worker:
            jobs = steps.fetch_all(list(dict.fromkeys(names)), provider=provider, worker=worker)
        if json:
            output.print_json({"fetches": jobs})
        else:
            output.print_loaded(jobs)
        if failed := [job["symbol"] for job in jobs if job["error"]]:
            raise NotAllLoaded(f"{len(failed)} of {len(jobs)} were not loaded: {', '.join(failed)}.")
