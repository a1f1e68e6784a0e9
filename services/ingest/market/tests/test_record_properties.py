"""Whatever is told, let through, dropped, renamed and broken off: the record keeps what it ever said."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.postgres.owner import as_owner
from services.ingest.fetches.services import import_series
from services.ingest.indexes import domain
from services.ingest.indexes.domain import Rename
from services.ingest.market.domain import SourcesDisagree
from services.ingest.market.models import Bar, Instrument, InstrumentVersion
from services.ingest.market.tests.answers import NOW, SESSIONS, answer, stored_rows
from services.ingest.quarantine.selectors import quarantines
from services.ingest.quarantine.services import StoredPricesChanged, accept_change, dismiss_change
from shared.eventstore.models import Event
from shared.eventstore.rebuild import differences
from shared.pricing.reader import load_history, price_sources, version_at

pytestmark = pytest.mark.usefixtures("cause")
VOLUMES = {"csv": 1_000, "tiingo": 2_000}  # whose each volume is shows in its thousands
RENAMED_AT = 12
NUMBERS = count()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer that somebody gives."""

    is_former: bool
    provider: str
    first: int
    closes: list[Decimal]
    volume: int
    splits: list[int] | None
    dividends: list[tuple[int, Decimal]] | None
    replaces: bool


@dataclass(frozen=True)
class Judgement:
    """A decision about one of the changes that wait."""

    which: int
    is_accepted: bool


@dataclass
class Shown:
    """What each version was when it was the last one."""

    views: dict[tuple[str, int], Any] = field(default_factory=dict)


CLOSES = st.sampled_from([Decimal(text) for text in ("100", "100.04", "101", "99.5", "130", "50")])
ANSWERS = st.builds(
    Answer,
    is_former=st.booleans(),
    provider=st.sampled_from([*VOLUMES]),
    first=st.integers(0, 15),
    closes=st.lists(CLOSES, min_size=1, max_size=9)
    | st.integers(1, 12).map(lambda length: [Decimal(100)] * length),
    volume=st.integers(1, 2),
    splits=st.none() | st.lists(st.integers(0, 24), max_size=2, unique=True),
    dividends=st.none()
    | st.lists(
        st.tuples(st.integers(0, 24), st.sampled_from([Decimal("0.5"), Decimal("0.6"), Decimal(60)])),
        max_size=3,
        unique_by=lambda paid: paid[0],
    ),
    replaces=st.integers(0, 5).map(lambda chance: chance == 0),
)
JUDGEMENTS = st.builds(Judgement, st.integers(0, 3), st.booleans())
STEPS = st.lists(st.one_of(ANSWERS, ANSWERS, ANSWERS, JUDGEMENTS), min_size=2, max_size=10)


def give(told: Answer, names: tuple[str, str]) -> Any:
    """Import an answer; None when it was refused."""
    series = answer(
        *told.closes,
        symbol=names[0] if told.is_former else names[1],
        first=told.first,
        provider=told.provider,
        volume=VOLUMES[told.provider] + told.volume,
        splits=None if told.splits is None else [(SESSIONS[day], 2) for day in told.splits],
        dividends=None
        if told.dividends is None
        else [(SESSIONS[day], amount) for day, amount in told.dividends],
    )
    try:
        return import_series(fetch_id=uuid4(), series=series, now=NOW, replaces=told.replaces)
    except SourcesDisagree:
        return None


def judge(judgement: Judgement, names: tuple[str, str]) -> None:
    """Decide about a change, if one waits."""
    waiting = list(quarantines().filter(symbol__in=names, state="open").order_by("id"))
    if not waiting:
        return
    decided: dict[str, Any] = {
        "quarantine_id": waiting[judgement.which % len(waiting)].id,
        "decided_by": "anna",
        "now": NOW,
    }
    if not judgement.is_accepted:
        dismiss_change(**decided)
        return
    try:
        accept_change(**decided)
    except StoredPricesChanged:
        assert dismiss_change(**decided) == "outdated"


def view(symbol: str, version: int) -> Any:
    """Return all that is shown of a version: prices, actions, and who told them on which terms."""
    history = load_history("ingest", symbol, version=version)
    columns = ("sessions", "open", "high", "low", "close", "volume")
    sources = price_sources("ingest", symbol, version=version)
    return (
        *(getattr(history, name).tolist() for name in columns),
        history.splits,
        history.dividends,
        [(each.provider, each.attribution, each.session_count) for each in sources],
    )


def note(names: tuple[str, str], shown: Shown) -> None:
    """Keep what each new version shows while it is the last one."""
    last = Instrument.objects.using("ingest").filter(symbol__in=names).values_list("symbol", "version")
    for symbol, version in last:
        for each in range(version, 0, -1):
            if (symbol, each) in shown.views:
                break
            shown.views[symbol, each] = view(symbol, each)


def check(names: tuple[str, str], shown: Shown) -> None:
    """Fail when a version shows anything else than when it came, or its event says what is not so."""
    for symbol in names:
        recorded = InstrumentVersion.objects.using("ingest").filter(symbol=symbol).order_by("version")
        rows = list(Bar.objects.using("ingest").filter(symbol=symbol))
        moments = [version.recorded_at for version in recorded]
        assert moments == sorted(set(moments))
        for number, moment in enumerate(moments, 1):
            assert view(symbol, number) == shown.views[symbol, number]
            assert version_at("ingest", symbol, moment) == number
            if number > 1:
                assert version_at("ingest", symbol, moment - timedelta(microseconds=1)) == number - 1
            check_event(symbol, number, rows)
        assert all(row.volume // 1_000 * 1_000 == VOLUMES[row.provider] for row in rows)
        for source in price_sources("ingest", symbol, version=len(moments)) if moments else ():
            assert source.attribution == f"terms of {source.provider}"


def check_event(symbol: str, version: int, rows: list[Bar]) -> None:
    """Compare the event of a version with the rows that it superseded and added."""
    told = Event.objects.using("ingest").get(stream=f"instrument-{symbol}", version=version).data
    superseded = sorted(row.session for row in rows if row.superseded_version == version)
    introduced = {row.session for row in rows if row.version == version}
    known = {
        row.session
        for row in rows
        if row.version <= version and (row.superseded_version is None or row.superseded_version > version)
    }
    assert told["corrected_sessions"] == [str(day) for day in superseded]
    assert told["corrected_count"] == len(superseded)
    assert set(superseded) <= introduced
    assert told["added_count"] == len(introduced) - len(superseded)
    assert told["bar_count"] == len(known)
    assert (told["first_session"], told["last_session"]) == (str(min(known)), str(max(known)))
    assert told["added_count"] or told["corrected_count"] or told["actions_changed_count"]


@contextmanager
def renamed(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Give two names of an instrument that has not been before: of then, and of now."""
    number = next(NUMBERS)
    names = (f"OLD{number}", f"NEW{number}")
    rename = Rename(old=names[0], new=names[1], on=SESSIONS[RENAMED_AT], company="C", source="a test")
    with monkeypatch.context() as patch:
        patch.setattr(domain, "renames", lambda: (rename,))
        yield names


@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # a server answers in between, and each example has its own names
@given(steps=STEPS)
def test_no_version_ever_shows_anything_else_and_each_event_is_true(
    db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, steps: list[Answer | Judgement]
) -> None:
    shown = Shown()
    with renamed(monkeypatch) as names:
        for step in steps:
            if isinstance(step, Judgement):
                judge(step, names)
            elif give(step, names):
                before = Event.objects.using("ingest").filter(stream__startswith="instrument-").count()
                again = give(step, names)
                assert again is None or not again.changed
                after = Event.objects.using("ingest").filter(stream__startswith="instrument-").count()
                assert before == after
            note(names, shown)
        check(names, shown)
    with as_owner():
        assert set(differences("ingest").values()) == {0}


class PowerCut(Exception):
    """What a test has happen between two statements."""


@contextmanager
def cut_after(statements: int) -> Iterator[None]:
    """Break off before the statement of that number."""
    left = count(statements, -1)

    def execute(run: Any, *rest: Any) -> Any:
        if not next(left):
            raise PowerCut
        return run(*rest)

    with connections["ingest"].execute_wrapper(execute):
        yield


def test_wherever_it_is_broken_off_the_former_state_stays(
    db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    common: dict[str, Any] = {"provider": "csv", "volume": 1, "splits": None, "replaces": False}
    with renamed(monkeypatch) as names:
        first = Answer(is_former=True, first=0, closes=[Decimal(100)] * 9, dividends=[], **common)
        give(first, names)
        give(Answer(is_former=False, first=14, closes=[Decimal(100)] * 3, dividends=None, **common), names)
        closes = [Decimal(text) for text in ("101", "50", *["100"] * 8)]
        correction = Answer(is_former=True, first=0, closes=closes, dividends=[(3, Decimal("0.5"))], **common)
        before = stored_rows(db)
        for statement in count():
            try:
                with cut_after(statement):
                    give(correction, names)
                break
            except PowerCut:
                assert stored_rows(db) == before
        assert statement > 15
        (held,) = quarantines()
        assert load_history("ingest", names[1]).close.tolist()[:2] == [101.0, 100.0]

        before = stored_rows(db)
        for statement in count():
            try:
                with cut_after(statement):
                    accept_change(quarantine_id=held.id, decided_by="anna", now=NOW)
                break
            except PowerCut:
                assert stored_rows(db) == before
        assert load_history("ingest", names[1]).close.tolist()[:2] == [101.0, 50.0]
