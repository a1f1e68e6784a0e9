"""Days that follow each other, as ranges."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any


def day_ranges(days: Sequence[date], *, order: Sequence[date]) -> list[dict[str, Any]]:
    """Return ascending `days` as ranges without a day between them that `order`, ascending, has and `days` have not.

    Each has its first and last day and how many it holds. Raises KeyError for a day that is not in `order`.
    """
    place = {day: at for at, day in enumerate(order)}
    # Within a range the place among all days and the place among the given ones go up together.
    runs = groupby(enumerate(days), key=lambda pair: place[pair[1]] - pair[0])
    return [_range([day for _, day in run]) for _, run in runs]


def _range(days: list[date]) -> dict[str, Any]:
    return {
        "first_session": days[0].isoformat(),
        "last_session": days[-1].isoformat(),
        "session_count": len(days),
    }
