"""`manage.py fetch_stock_data SYMBOL...`: what `load_stock_data` does, for the symbols that are named."""

from deploy.local.management.commands import load_stock_data


class Command(load_stock_data.Command):
    """Fetches the histories of the symbols that are named and shows what they brought."""

    help = "Fetch the price histories of these symbols. New prices start the standing backtest and forecast."
    symbols_needed = "+"
