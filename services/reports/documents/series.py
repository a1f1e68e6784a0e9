"""Series of a document's sections: their days and their lengths."""

from collections.abc import Sequence
from datetime import date


def days(sessions: Sequence[date]) -> list[str]:
    """Write trading days as ISO dates."""
    return [session.isoformat() for session in sessions]


def require_equal_lengths(*series: Sequence[object]) -> None:
    """Raise `ValueError` unless the series have one length and are not empty."""
    lengths = {len(values) for values in series}
    if len(lengths) > 1:
        raise ValueError(f"series of one section differ in length: {sorted(lengths)}")
    if lengths == {0}:
        raise ValueError("a section needs at least one session")
