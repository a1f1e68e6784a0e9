"""Makes a long, mixed history of every event type of all services, the same one for a seed.

Each stream lives as its service lets it live: asked for, done, failed and asked for again. What the services of
others would add by themselves they do add: events are delivered, and reactors append theirs.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from django.db import transaction

import shared.contracts
from services.analytics.forecasting.domain import QUANTILES
from shared.contracts.conclusions import (
    BacktestCompleted,
    BacktestOutdated,
    BacktestRefused,
    BacktestRequested,
    ForecastIssued,
    ForecastRefused,
    ForecastRequested,
    ForecastsScored,
)
from shared.contracts.market_data import (
    CapabilityLearnt,
    ChangeOutdated,
    ChangeQuarantined,
    LookupCompleted,
    LookupFailed,
    LookupRequested,
    ProviderClosed,
    ProviderOpened,
    QuarantineAccepted,
    QuarantineDismissed,
    WatchListDeleted,
    WatchListSaved,
)
from shared.contracts.prices import FetchCompleted, FetchFailed, FetchRequested, PricesUpdated
from shared.contracts.registry import decode_event, type_of
from shared.contracts.reports import ReportFailed, ReportRendered, ReportRequested
from shared.contracts.sweeps import (
    SweepCompleted,
    SweepOutdated,
    SweepProgressed,
    SweepRefused,
    SweepRequested,
    WalkForwardCompleted,
    WalkForwardOutdated,
    WalkForwardProgressed,
    WalkForwardRefused,
    WalkForwardRequested,
)
from shared.eventstore.append import append
from shared.eventstore.inbox import receive
from shared.eventstore.models import Outbox
from shared.messaging.topology import SUBSCRIPTIONS

GOLDEN = Path(shared.contracts.__path__[0]) / "tests/golden"
BEGINNING = datetime(2026, 1, 2, 21, tzinfo=UTC)
OPEN_STREAMS, EVENTS_AT_ONCE, BODIES_AT_ONCE = 40, 8, 50

type Life = Iterator[Any]


class History:
    """A history that goes on as long as it is asked to; its streams and symbols are those of its seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._seed = seed
        self._now = BEGINNING
        self._open: list[tuple[str, Life]] = []
        self._delivered = dict.fromkeys(("ingest", "analytics"), 0)
        self._symbols = [f"S{seed}X{number}" for number in range(12)]
        self._lives: list[Callable[[], tuple[str, Life]]] = [
            *(
                self._fetch,
                self._instrument,
                self._quarantine,
                self._lookup,
                self._watch_list,
                self._provider,
            ),
            *(self._backtest, self._backtest, self._forecast, self._forecast, self._scores, self._report),
            *(self._sweep, self._walk_forward),
        ]

    def write(self, count: int) -> None:
        """Append so many events, each to one of many streams that are open at a time."""
        for _ in range(count // EVENTS_AT_ONCE):
            chosen = [self._next() for _ in range(EVENTS_AT_ONCE)]
            self._now += timedelta(seconds=self._random.randint(0, 90))
            for service in SUBSCRIPTIONS | {"ingest": ()}:
                with transaction.atomic(using=service, durable=True):
                    for stream, event in chosen:
                        if type_of(type(event)).source == service:
                            append(service, stream, event, now=self._now)

    def deliver(self) -> None:
        """Have every service receive what was published since, a little out of order, until nothing is new."""
        moved = True
        while moved:
            moved = False
            for service, sources in SUBSCRIPTIONS.items():
                for source in sources:
                    bodies = self._published(source)
                    self._random.shuffle(bodies)
                    for start in range(0, len(bodies), BODIES_AT_ONCE):
                        receive(service, bodies[start : start + BODIES_AT_ONCE], pause=lambda _: None)
                    moved = moved or bool(bodies)

    def _published(self, source: str) -> list[bytes]:
        rows = Outbox.objects.using(source).filter(position__gt=self._delivered[source]).order_by("position")
        found = list(rows.values_list("position", "body"))
        if found:
            self._delivered[source] = found[-1][0]
        return [bytes(body) for _, body in found]

    def _next(self) -> tuple[str, Any]:
        while True:
            if len(self._open) < OPEN_STREAMS:
                self._open.append(self._random.choice(self._lives)())
            stream, life = self._random.choice(self._open)
            event = next(life, None)
            if event is not None:
                return stream, event
            self._open.remove((stream, life))

    def _fetch(self) -> tuple[str, Life]:
        fetch_id = self._id()

        def life() -> Life:
            yield golden(FetchRequested, fetch_id=fetch_id, symbol=self._symbol(), reason=self._text())
            if self._random.random() < 0.7:
                state, held = self._random.choice([("succeeded", None), ("partial", self._id())])
                yield golden(
                    FetchCompleted, fetch_id=fetch_id, state=state, quarantine_id=held, reason=self._text()
                )
            else:
                yield golden(
                    FetchFailed, fetch_id=fetch_id, state=self._random.choice(["failed", "cancelled"])
                )

        return f"fetch-{fetch_id}", life()

    def _instrument(self) -> tuple[str, Life]:
        symbol = f"{self._symbol()}I{self._random.randrange(10**6)}"

        def life() -> Life:
            for version in range(1, self._random.randint(2, 8)):
                yield golden(
                    PricesUpdated,
                    symbol=symbol,
                    version=version,
                    fetch_id=self._id(),
                    bar_count=version * 10,
                    notes=(self._text(),),
                    provider=self._random.choice(["alphavantage", "tiingo", "bundled"]),
                )

        return f"instrument-{symbol}", life()

    def _quarantine(self) -> tuple[str, Life]:
        held, name = self._id(), self._text()

        def life() -> Life:
            yield golden(
                ChangeQuarantined,
                quarantine_id=held,
                symbol=self._symbol(),
                content_hash=held.hex,
                detail=name,
            )
            yield self._random.choice(
                [
                    QuarantineAccepted(
                        quarantine_id=held, version=self._random.randint(1, 99), decided_by=name
                    ),
                    QuarantineDismissed(quarantine_id=held, decided_by=name),
                    ChangeOutdated(quarantine_id=held),
                    None,
                ]
            )

        return f"quarantine-{held}", life()

    def _lookup(self) -> tuple[str, Life]:
        lookup_id = self._id()

        def life() -> Life:
            yield golden(LookupRequested, lookup_id=lookup_id, subject=self._text() or "x")
            yield self._random.choice(
                [
                    golden(LookupCompleted, lookup_id=lookup_id, row_count=self._random.randrange(99)),
                    golden(LookupFailed, lookup_id=lookup_id, state="failed"),
                ]
            )

        return f"lookup-{lookup_id}", life()

    def _watch_list(self) -> tuple[str, Life]:
        name = f"list{self._id().hex[:12]}"

        def life() -> Life:
            for _ in range(self._random.randint(1, 4)):
                for active in (True, False):
                    symbols = tuple(self._random.sample(self._symbols, 3))
                    yield WatchListSaved(name=name, symbols=symbols, provider="auto", active=active)
                if self._random.random() < 0.5:
                    yield WatchListDeleted(name=name)

        return f"watchlist-{name}", life()

    def _provider(self) -> tuple[str, Life]:
        key: dict[str, Any] = {"provider": "tiingo", "key_fingerprint": self._id().hex[:8]}

        def life() -> Life:
            for allowed in (True, False):
                yield CapabilityLearnt(**key, capability=self._random.choice("abc"), allowed=allowed)
                yield golden(ProviderClosed, **key, until=self._random.choice([None, self._now]))
                yield ProviderOpened(**key)

        return f"provider-{key['key_fingerprint']}", life()

    def _backtest(self) -> tuple[str, Life]:
        about: dict[str, Any] = {"run_id": self._id(), **self._cut(), "standing": self._random.random() < 0.8}

        def life() -> Life:
            yield golden(BacktestRequested, **about, inputs_hash=about["run_id"].hex)
            while self._random.random() < 0.3:
                yield golden(BacktestRefused, **about, state=self._random.choice(["failed", "cancelled"]))
                yield golden(BacktestRequested, **about, inputs_hash=about["run_id"].hex)
            yield golden(BacktestCompleted, **about, trade_count=self._random.randrange(999))
            while self._random.random() < 0.2:
                cut = {name: about[name] for name in ("run_id", "symbol", "data_version")}
                yield golden(BacktestOutdated, **cut, by_version=self._random.randrange(2, 99))

        return f"backtest-{about['run_id']}", life()

    def _sweep(self) -> tuple[str, Life]:
        sweep_id = self._id()
        about: dict[str, Any] = {"sweep_id": sweep_id, "inputs_hash": sweep_id.hex, **self._cut()}
        chunks = self._random.randint(1, 4)

        def life() -> Life:
            yield golden(SweepRequested, **about, chunk_count=chunks)
            for number in range(chunks):
                run = self._random.randrange(4)
                yield golden(SweepProgressed, sweep_id=sweep_id, chunk=number, run_count=run)
                if self._random.random() < 0.2:
                    state = self._random.choice(["failed", "cancelled"])
                    yield golden(SweepRefused, sweep_id=sweep_id, state=state)
                    yield golden(SweepRequested, **about, chunk_count=chunks)
            yield golden(SweepCompleted, sweep_id=sweep_id)
            if self._random.random() < 0.5:
                yield golden(SweepOutdated, sweep_id=sweep_id, by_version=self._random.randrange(2, 99))

        return f"sweep-{sweep_id}", life()

    def _walk_forward(self) -> tuple[str, Life]:
        name: dict[str, Any] = {"walk_forward_id": self._id()}
        about = {**name, **self._cut(), "inputs_hash": name["walk_forward_id"].hex}
        chunks = self._random.randint(1, 4)

        def life() -> Life:
            yield golden(WalkForwardRequested, **about, chunk_count=chunks)
            (one, *others) = golden(WalkForwardProgressed).best
            for number in range(chunks):
                best = ({**one, "cell": number}, *others) if self._random.random() < 0.8 else ()
                yield golden(WalkForwardProgressed, **name, chunk=number, best=best)
                if self._random.random() < 0.2:
                    state = self._random.choice(["failed", "cancelled"])
                    yield golden(WalkForwardRefused, **name, state=state)
                    yield golden(WalkForwardRequested, **about, chunk_count=chunks)
            yield golden(WalkForwardCompleted, **name)
            if self._random.random() < 0.5:
                yield golden(WalkForwardOutdated, **name, by_version=self._random.randrange(2, 99))

        return f"walk_forward-{name['walk_forward_id']}", life()

    def _forecast(self) -> tuple[str, Life]:
        forecast_id, kind = self._id(), self._random.choice(["live", "backfilled"])
        about: dict[str, Any] = {"forecast_id": forecast_id, "kind": kind, **self._cut()}

        def life() -> Life:
            yield golden(ForecastRequested, **about, inputs_hash=forecast_id.hex)
            if self._random.random() < 0.3:
                yield golden(ForecastRefused, **about, state="failed")
                yield golden(ForecastRequested, **about, inputs_hash=forecast_id.hex)
            points = tuple(self._random.uniform(1, 1e6) for _ in range(3))
            yield golden(
                ForecastIssued,
                **about,
                origin_close=self._random.uniform(1e-6, 1e6),
                target_sessions=tuple(date(2026, 1, 5) + timedelta(days=day) for day in range(3)),
                point=points,
                random_walk=points[::-1],
                quantiles={str(level): points for level in QUANTILES},
            )

        return f"forecast-{forecast_id}", life()

    def _scores(self) -> tuple[str, Life]:
        symbol = f"{self._symbol()}F{self._random.randrange(10**6)}"
        (score,) = golden(ForecastsScored).scores

        def life() -> Life:
            scored = [{**score, "forecast_id": str(self._id())} for _ in range(4)]
            for version in range(1, self._random.randint(2, 6)):
                some = tuple({**each, "scored_count": version} for each in self._random.sample(scored, 2))
                yield ForecastsScored(symbol=symbol, data_version=version, scores=some)

        return f"forecast_score-{symbol}", life()

    def _report(self) -> tuple[str, Life]:
        about: dict[str, Any] = {"report_id": self._id(), **self._cut()}

        def life() -> Life:
            parts: dict[str, Any] = {name: self._id() for name in ("run_id", "forecast_id", "backfill_id")}
            yield ReportRequested(**about, **parts)
            if self._random.random() < 0.4:
                yield golden(ReportFailed, **about, state="failed")
                yield ReportRequested(**about, **parts)
            yield golden(ReportRendered, **about)

        return f"report-{about['report_id']}", life()

    def _id(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def _symbol(self) -> str:
        return self._random.choice(self._symbols)

    def _cut(self) -> dict[str, Any]:
        """Return prices that other results share, so that several streams write one row."""
        return {"symbol": self._symbol(), "data_version": self._random.randint(1, 5)}

    def _text(self) -> str:
        return self._random.choice(
            ["", "plain", "naïve — “quoted”", "'; DROP TABLE run; --", "日本 \\u0041 %s {x}", "a\nb"]
        )


def golden[E](cls: type[E], **changes: Any) -> E:
    """Return the golden event of a class with other values in some fields."""
    kind = type_of(cls)
    text = (GOLDEN / f"{kind.type}.v{kind.schema_version}.json").read_text(encoding="utf-8")
    event = decode_event(type=kind.type, schema_version=kind.schema_version, data=json.loads(text))
    found: E = replace(event, **changes)
    return found
