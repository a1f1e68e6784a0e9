"""Reads of the market."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from django.db.models import Case, IntegerField, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from services.ingest.indexes.domain import other_names, renames
from services.ingest.market.models import Action, Bar, Instrument, InstrumentVersion
from shared.http.fields import number_text
from shared.pricing.adjustment import AdjustedBars, Basis, adjust, snap_split_ratio
from shared.pricing.names import require_current_name
from shared.pricing.reader import NoPrices, load_history, version_at
from shared.pricing.versions import UnknownVersion

PRICES = ("open", "high", "low", "close")
STORED = (*PRICES, "volume")
SHARE_SPLIT, PRICE_ONLY, DIVIDEND = "share-split", "price-only", "dividend"
ANNOUNCED, BEFORE_PRICES = "announced", "before-prices"
EFFECTS = (SHARE_SPLIT, PRICE_ONLY, DIVIDEND, ANNOUNCED, BEFORE_PRICES)

type Texts = dict[str, NDArray[np.bytes_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEffect:
    """A split or dividend with what it does to adjusted prices.

    `share-split` changes the count of shares by exactly `ratio`, such as 4/1, and `price-only` (a spin-off that
    is booked as a split) prices alone; one after the last stored session is `announced` and does nothing yet,
    and one before the first has no price to change (`before-prices`).
    """

    kind: str
    ex_date: date
    value: Decimal
    effect: str
    ratio: str | None
    provider: str
    version: int


def instruments() -> QuerySet[Instrument]:
    """Return all instruments by symbol."""
    return Instrument.objects.using("ingest").order_by("symbol")


def instrument_named(symbol: str) -> Instrument:
    """Return one instrument.

    Raises NoPrices, which names the one that is stored under a former of its names, and RenamedSymbol for a later.
    """
    found = {each.symbol: each for each in instruments().filter(symbol__in=[symbol, *other_names(symbol)])}
    if symbol not in found:
        _require_current_name(symbol)
        stored_as = next((name for name in other_names(symbol) if name in found), None)
        raise NoPrices.of(symbol, stored_as=stored_as)
    return found[symbol]


def instrument_at(symbol: str, version: int | None = None, instant: datetime | None = None) -> Instrument:
    """Return one instrument with the `version` that is asked for, or was the last at `instant` (None: now).

    Raises NoPrices and UnknownVersion, and, unless a version or moment of it is asked for, RenamedSymbol.
    """
    found = instrument_named(symbol)
    if version is None and instant is None:
        _require_current_name(symbol)
    if instant is not None:
        version = version_at("ingest", symbol, instant)
    if version is not None and version > found.version:
        raise UnknownVersion.of(symbol, version, last=found.version)
    found.version = version or found.version
    return found


def versions_of(symbol: str) -> QuerySet[InstrumentVersion]:
    """Return who told each version of an instrument and when. Raises NoPrices."""
    instrument_named(symbol)
    return InstrumentVersion.objects.using("ingest").filter(symbol=symbol)


def counted_by_fetch(column: str) -> Case:
    """Return how many rows a fetch added, corrected or changed, as `column` of its versions counts them.

    For rows with the `id`, `symbol` and last `version` of a fetch; what an operator lets through later is not of it.
    None without a version.
    """
    versions = InstrumentVersion.objects.using("ingest").filter(
        fetch_id=OuterRef("id"), symbol=OuterRef("symbol"), version__lte=OuterRef("version")
    )
    total = versions.values("fetch_id").annotate(total=Sum(column)).values("total")
    counted = Coalesce(Subquery(total, output_field=IntegerField()), 0)
    return Case(When(version__isnull=False, then=counted))


def actions_of(symbol: str, *, version: int) -> tuple[ActionEffect, ...]:
    """Return the splits and dividends as known at `version`, oldest first, each with what it does."""
    bars = Bar.objects.using("ingest").filter(_known_at(version), symbol=symbol)
    span = bars.aggregate(first=Min("session"), last=Max("session"))
    rows = Action.objects.using("ingest").filter(_known_at(version), symbol=symbol)
    return tuple(_effect_of(row, **span) for row in rows.order_by("ex_date", "kind"))


def bars_for(symbol: str, *, basis: Basis, version: int) -> AdjustedBars:
    """Return all bars as known at `version`, in terms of that version's last session. Raises NoPrices.

    So the price of a session does not depend on the range it is asked in.
    """
    return adjust(load_history("ingest", symbol, version=version), basis)


def stored_prices(
    symbol: str, *, version: int, sessions: Sequence[date]
) -> dict[str, Sequence[Decimal | int]]:
    """Return prices and volume of ascending `sessions` as they were stored, digit by digit."""
    if not sessions:
        return dict.fromkeys(STORED, ())
    rows = Bar.objects.using("ingest").filter(
        _known_at(version), symbol=symbol, session__range=(sessions[0], sessions[-1])
    )
    columns = zip(*rows.order_by("session").values_list(*STORED), strict=True)
    return dict(zip(STORED, columns, strict=True))


@lru_cache(maxsize=16)
def bar_texts(symbol: str, basis: Basis, version: int, updated_at: datetime) -> tuple[list[date], Texts]:
    """Return all sessions of a version, and the digits of each column as they are shown.

    Writing digits is most of the work of a page. A version never changes, hence the cache; `updated_at` of the
    instrument tells apart what was imported into a database that began anew.
    """
    bars = bars_for(symbol, basis=basis, version=version)
    sessions: list[date] = bars.sessions.tolist()
    columns: dict[str, Iterable[Any]] = {
        name: getattr(bars, name).tolist() for name in (*STORED, "dividend", "split_ratio")
    }
    if basis is Basis.RAW:  # as they were told, where a float may not have all digits
        columns |= stored_prices(symbol, version=version, sessions=sessions)
    volume = columns.pop("volume")
    digits = {
        "session": [session.isoformat() for session in sessions],
        **{name: [number_text(value) for value in column] for name, column in columns.items()},
        "volume": [str(round(value)) for value in volume],
    }
    return sessions, {name: np.array(column, np.bytes_) for name, column in digits.items()}


def _require_current_name(symbol: str) -> None:
    if any(rename.old == symbol for rename in renames()):  # else there is nothing to look up
        require_current_name("ingest", symbol)


def _known_at(version: int) -> Q:
    return Q(version__lte=version) & (Q(superseded_version=None) | Q(superseded_version__gt=version))


def _effect_of(action: Action, *, first: date, last: date) -> ActionEffect:
    ratio = snap_split_ratio(float(action.value)) if action.kind == "split" else None
    effect = DIVIDEND if action.kind == "dividend" else PRICE_ONLY if ratio in (None, 1) else SHARE_SPLIT
    if not first <= action.ex_date <= last:
        effect = ANNOUNCED if action.ex_date > last else BEFORE_PRICES
    return ActionEffect(
        kind=action.kind,
        ex_date=action.ex_date,
        value=action.value,
        effect=effect,
        ratio=None if ratio in (None, 1) else f"{ratio.numerator}/{ratio.denominator}",
        provider=action.provider,
        version=action.version,
    )
