"""A process whose clock is wrong."""

import time
from datetime import datetime, timedelta

from django.utils import timezone

DAY_SECONDS = 86_400


def shift_clock(*, days: float) -> None:
    """Have this process believe that it is so many days later; intervals stay as they are."""
    seconds, nanoseconds, now = time.time, time.time_ns, timezone.now

    def shifted_now() -> datetime:
        return now() + timedelta(days=days)

    time.time = lambda: seconds() + days * DAY_SECONDS
    time.time_ns = lambda: nanoseconds() + int(days * DAY_SECONDS * 1_000_000_000)
    timezone.now = shifted_now
