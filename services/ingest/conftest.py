"""A vendor of our own, and the settings that lead to it."""

from collections.abc import Callable, Iterator
from datetime import date

import pytest
from django.conf import settings
from django.utils import timezone

from services.ingest.fetches.domain import last_final_session
from services.ingest.providers.tests.simulator import KEY, Simulator, moved

MANY = ((1_000_000, 86_400.0),)  # a limit that no test meets

type Choose = Callable[..., None]


@pytest.fixture
def until() -> date:
    """Give the last session that is over: what a vendor has today."""
    return last_final_session(timezone.now())


@pytest.fixture
def vendor(until: date) -> Iterator[Simulator]:
    """Give a vendor that knows 600 sessions of AAPL up to the last final one."""
    with Simulator(moved("AAPL", until=until, count=600)) as running:
        yield running


@pytest.fixture
def choose(vendor: Simulator, monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Give a function that chooses whose keys are set and how many calls there are."""

    def set_keys(*names: str, limits: tuple[tuple[int, float], ...] = MANY) -> None:
        places = {"alphavantage": vendor.alphavantage_url, "tiingo": vendor.tiingo_url}
        for name, url in places.items():
            prefix = name.upper()
            monkeypatch.setitem(settings.BELLWETHER, f"{prefix}_API_KEY", KEY if name in names else None)
            monkeypatch.setitem(settings.BELLWETHER, f"{prefix}_BASE_URL", url)
            monkeypatch.setitem(settings.BELLWETHER, f"{prefix}_LIMITS", limits)

    set_keys()
    return set_keys
