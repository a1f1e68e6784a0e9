"""The trading days of the exchange, generated at build time and read without pandas."""
