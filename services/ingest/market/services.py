"""Records what providers say; nothing known is ever overwritten."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from services.ingest.market.basis import Closes
from services.ingest.market.columns import SeriesColumns
from services.ingest.market.domain import Comparison, Held, PriceChange, SourcesDisagree, compare
from services.ingest.market.record import (
    NAMED_CORRECTIONS,
    NewVersion,
    held_for,
    lock_instruments,
    recording_times,
    write_versions,
)
from services.ingest.market.restoring import Restoring, bring_back
from services.ingest.market.selectors import instrument_named, versions_of
from services.ingest.market.suspicion import (
    NOTHING_HELD,
    AlreadyHeld,
    Decision,
    decide,
    taken_back,
    weighs_on_known,
)
from services.ingest.providers.domain import DailySeries
from services.ingest.quarantine.selectors import already_held
from services.ingest.quarantine.services import hold_back, outdate
from shared.contracts.prices import PricesUpdated
from shared.errors import BellwetherError, NotFound
from shared.eventstore.append import append
from shared.pricing.reader import NoPrices, load_histories


class NothingToRestore(BellwetherError):
    """Raised when a version is to be brought back that shows what the instrument shows now."""

    status, slug, title = 409, "nothing-to-restore", "The version is what is stored now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer that a fetch brought; with `replaces` it also takes over what other providers told."""

    series: SeriesColumns
    fetch_id: UUID
    replaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What became of an answer. `changed` is false when nothing of it was applied; counts are rows.

    Of sessions known from another provider `kept_count` stayed as they were and `compared_count` closes were
    compared; the worst 20 that differ by more than 5 bp, and actions that do, are `disagreements`. Changes that
    wait for an operator, or were dismissed before, are `quarantined_count` under `quarantine_id`; of an answer of
    which much does, `postponed_count` new sessions are not taken before. `unchanged_count` sessions and their
    teller are as they were, `absent_count` are not in the answer and stay, and `largest_change` is that of a price
    that came back different, held back or not. Of splits and dividends `actions_told_count` are new or different.
    """

    version: int
    changed: bool
    added_count: int
    corrected_sessions: tuple[date, ...]
    actions_changed_count: int
    first_session: date
    last_session: date
    bar_count: int
    kept_count: int
    compared_count: int
    disagreeing_count: int
    disagreements: tuple[dict[str, str], ...]
    quarantine_id: UUID | None
    quarantined_count: int
    postponed_count: int
    unchanged_count: int
    absent_count: int
    actions_told_count: int
    actions_withdrawn_count: int
    largest_change: PriceChange | None


def record_series(*, series: DailySeries, fetch_id: UUID, now: datetime, replaces: bool = False) -> Recording:
    """Store what is new or different in `series` as the instrument's next version and append `PricesUpdated`.

    Runs in the caller's transaction on alias `ingest`. Bars that the answer lacks stay; actions of its provider
    that it lacks within its own range are withdrawn, unless it says nothing about actions. What looks wrong is
    held back, also of an answer that `replaces` what another provider told, which else stays as it is. Raises SourcesDisagree, and NoPrices for actions of a symbol without a bar; in both cases
    nothing is stored.
    """
    told = Told(series=SeriesColumns.of(series), fetch_id=fetch_id, replaces=replaces)
    (outcome,) = record_many(batch=[told], now=now)
    if not isinstance(outcome, Recording):
        raise outcome
    return outcome


def record_many(
    *, batch: Sequence[Told], now: datetime
) -> tuple[Recording | SourcesDisagree | NoPrices, ...]:
    """Do for many symbols at once what `record_series` does; return what became of each answer, in their order.

    Nothing is stored of an answer that is refused. Runs in the caller's transaction; memory grows with the batch,
    for which 100 answers is a good size. Raises ValueError for a symbol that is there twice.
    """
    answers = [told.series for told in batch]
    symbols = [series.symbol for series in answers]
    if len(set(symbols)) < len(symbols):
        raise ValueError("a batch has one answer of each symbol")
    lock_instruments(symbols)
    outcomes: dict[str, Recording | SourcesDisagree | NoPrices] = {}
    versions: list[NewVersion] = []
    comparisons: list[tuple[Told, Held, Comparison]] = []
    for told, held in zip(batch, held_for([told.series for told in batch]), strict=True):
        try:
            comparisons.append((told, held, _compared(told, held)))
        except (SourcesDisagree, NoPrices) as refusal:
            outcomes[told.series.symbol] = refusal
    for symbol, version, outcome in _concluded(comparisons, now=now):
        outcomes[symbol] = outcome
        if not version.is_empty:
            versions.append(version)
    write_versions(versions, now=now)
    return tuple(outcomes[symbol] for symbol in symbols)


def _concluded(
    comparisons: Sequence[tuple[Told, Held, Comparison]], *, now: datetime
) -> Iterator[tuple[str, NewVersion, Recording]]:
    """Yield of each symbol the version to write and what became of its answer; hold back what is suspicious."""
    providers = {told.series.symbol: told.series.provider for told, held, _ in comparisons if held.totals}
    already = already_held(providers)
    closes = _closes(comparisons)
    for told, held, found in comparisons:
        symbol = told.series.symbol
        known = already.get(symbol, NOTHING_HELD)
        gone = taken_back(told.series, held, known)
        outdate(gone, now=now)
        decision = _decided(told, held, found, known.without(gone), closes.get(symbol, {}))
        version = _version(told, held, decision)
        held_as = _held_back(told, decision, now=now)
        yield symbol, version, _recording(version, found, decision, held_as=held_as)


def _closes(comparisons: Sequence[tuple[Told, Held, Comparison]]) -> dict[str, Closes]:
    """Return the stored closes of the symbols of which actions change that known prices hang on."""
    asked: dict[str, int | None] = {
        told.series.symbol: None
        for told, held, found in comparisons
        if any(weighs_on_known(change, held, found.added) for change in found.actions)
    }
    return {
        history.symbol: dict(zip(history.sessions.tolist(), history.close.tolist(), strict=True))
        for history in (load_histories("ingest", asked) if asked else ())
    }


def _compared(told: Told, held: Held) -> Comparison:
    if held.totals is None and not len(told.series.bars):
        raise NoPrices.of(told.series.symbol)
    return compare(told.series, held, replaces=told.replaces)


def _touches(held: Held, found: Comparison) -> bool:
    """Return whether an answer would change an instrument other than by new sessions."""
    return held.totals is not None and bool(len(found.changed) or found.actions)


def _decided(told: Told, held: Held, found: Comparison, already: AlreadyHeld, closes: Closes) -> Decision:
    if not _touches(held, found):
        return Decision(added=found.added, changed=found.changed, actions=found.actions)
    return decide(told.series, held, found, already, closes)


def _version(told: Told, held: Held, decision: Decision) -> NewVersion:
    return NewVersion(
        symbol=told.series.symbol,
        provider=told.series.provider,
        attribution=told.series.attribution,
        notes=told.series.notes,
        fetch_id=told.fetch_id,
        before=held.totals,
        added=decision.added,
        corrected=decision.changed.told,
        actions=decision.actions,
    )


def _held_back(told: Told, decision: Decision, *, now: datetime) -> UUID | None:
    """Hold back what is suspicious, and return the quarantine that an operator should look at."""
    if decision.suspicion is None:
        return decision.quarantine_id
    return hold_back(told=told.series, fetch_id=told.fetch_id, suspicion=decision.suspicion, now=now)


def _recording(
    version: NewVersion, found: Comparison, decision: Decision, *, held_as: UUID | None
) -> Recording:
    totals = version.totals()
    newly_held = decision.suspicion.row_count if decision.suspicion else 0
    return Recording(
        version=totals.version,
        changed=not version.is_empty,
        added_count=len(version.added),
        corrected_sessions=tuple(version.corrected["session"].tolist()),
        actions_changed_count=version.actions_changed_count,
        first_session=totals.first_session,
        last_session=totals.last_session,
        bar_count=totals.bar_count,
        kept_count=found.kept_count,
        compared_count=found.kept_count,
        disagreeing_count=found.disagreeing_count,
        disagreements=found.disagreements,
        quarantine_id=held_as,
        quarantined_count=newly_held + decision.already_held_count,
        postponed_count=len(found.added) - len(decision.added),
        unchanged_count=len(found.compared_sessions) - found.kept_count - len(found.changed),
        absent_count=(version.before.bar_count if version.before else 0) - len(found.compared_sessions),
        actions_told_count=sum(change.told is not None for change in decision.actions),
        actions_withdrawn_count=sum(change.told is None for change in decision.actions),
        largest_change=found.changed.largest_change,
    )


def restore_version(*, symbol: str, version: int, now: datetime, is_trial: bool = False) -> Restoring:
    """Bring back what `version` of an instrument showed as its next version; a trial says what would change.

    Sessions that came later are no more then, until they are fetched again. Raises NoPrices, NotFound for a version
    that never was, and NothingToRestore.
    """
    with transaction.atomic(using="ingest", durable=True):
        lock_instruments([symbol])
        known = instrument_named(symbol)
        told = versions_of(symbol).filter(version=version).first()
        if told is None:
            raise NotFound(f"{symbol} has versions 1 to {known.version}, not {version}.")
        place = {"symbol": symbol, "restored": version, "version": known.version + 1}
        restoring, changed = bring_back(place)
        if not (restoring.added_count or changed or restoring.actions_changed_count):
            raise NothingToRestore(
                f"{symbol} shows in version {known.version} what version {version} showed."
            )
        updated = PricesUpdated(
            symbol=symbol,
            version=restoring.version,
            provider=told.provider,
            attribution=told.attribution,
            notes=(*told.notes, f"Version {restoring.version} brings back version {version}."),
            fetch_id=told.fetch_id,
            first_session=restoring.first_session,
            last_session=restoring.last_session,
            bar_count=restoring.bar_count,
            added_count=restoring.added_count,
            corrected_count=len(changed),
            corrected_sessions=changed[:NAMED_CORRECTIONS],
            actions_changed_count=restoring.actions_changed_count,
        )
        at = recording_times([symbol], now=now)[symbol]
        append("ingest", f"instrument-{symbol}", updated, now=at, expected_version=known.version)
        transaction.set_rollback(is_trial, using="ingest")
    return restoring
