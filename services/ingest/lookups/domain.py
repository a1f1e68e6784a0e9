"""What a provider may be asked beside daily prices."""

from datetime import date

from shared.symbols import normalise_symbol

KINDS = (
    *("quote", "search", "overview", "weekly", "monthly"),
    *("dividends", "splits", "earnings", "listing"),
)


WORDS = ("search", "listing")  # whose subject is no symbol


def subject_of(kind: str, text: str) -> str:
    """Return what is asked about as it is written everywhere. Raises InvalidSymbol."""
    return " ".join(text.split()) if kind in WORDS else normalise_symbol(text)


def question_of(*, provider: str, kind: str, subject: str, on: date | None) -> str:
    """Return what tells one question from another: the same is open once, and asked once a day."""
    return f"{provider} {kind} {subject} {on or ''}".rstrip()
