"""What a ticker symbol may look like."""

import re

from shared.errors import BellwetherError

SYMBOL_GRAMMAR = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,14}")
SHOWN_CHARACTERS = 200


class InvalidSymbol(BellwetherError):
    """Raised when a text cannot be a symbol: 1 to 15 of A-Z, 0-9, dot and hyphen, a letter or digit first."""

    status, slug, title = 400, "invalid-symbol", "The symbol is malformed"


def normalise_symbol(text: object) -> str:
    r"""Return `text` as an upper-case symbol.

    Raises:
        InvalidSymbol: it is no string, not ASCII (before upper-casing: 'ſ' and 'ı' upper-case to ASCII letters),
            or not of the grammar `^[A-Z0-9][A-Z0-9.\-]{0,14}$`.
    """
    if not (isinstance(text, str) and text.isascii() and SYMBOL_GRAMMAR.fullmatch(text.upper())):
        shown = printable(text) if isinstance(text, str) else type(text).__name__
        raise InvalidSymbol(
            f"'{shown}' is not a symbol: 1 to 15 of A-Z, 0-9, '.' and '-', starting with a letter or digit."
        )
    return text.upper()


def printable(text: str) -> str:
    """Return at most 200 characters of `text` in ASCII, the rest escaped: safe for terminals, logs and JSON rows."""
    return text[:SHOWN_CHARACTERS].encode("unicode_escape").decode("ascii")
