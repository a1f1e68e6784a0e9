"""`bellwether import`: read a price file, say which of its rows cannot be true, and record the rest; and the way back."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer
from uuid6 import uuid7

from deploy.local import import_output, output, steps
from deploy.local.failures import command_edge
from deploy.local.options import decimal_of
from deploy.local.system import open_system
from services.ingest.market.columns import text_of
from services.ingest.providers.domain import DailySeries, ImportRejected, SplitAction
from services.ingest.providers.files.forms import FORMS
from services.ingest.providers.files.table import LARGEST_FILE_BYTES
from shared.contracts.codec import to_json
from shared.errors import BellwetherError, ValidationFailed
from shared.symbols import normalise_symbol, printable

if TYPE_CHECKING:
    from services.ingest.market.domain import PriceChange
    from services.ingest.market.services import Recording
    from services.ingest.providers.files.reading import FileReport

LARGEST_RATIO = 10_000


class UnreadableFile(BellwetherError):
    """Raised when a file named on the command line cannot be read."""

    status, slug, title = 400, "unreadable-file", "The file cannot be read"


def import_(  # noqa: PLR0917 - typer maps options by name
    file: Annotated[Path, typer.Argument(help="CSV or JSON with daily prices.")],
    symbol: Annotated[str | None, typer.Option(help="Ticker symbol, where the file does not say it.")] = None,
    form: Annotated[
        str | None, typer.Option(help=f"What wrote the file: {', '.join(form.name for form in FORMS)}.")
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="A split since the file's first row, such as 2020-08-31=4; may be repeated."),
    ] = None,
    as_traded: Annotated[
        bool, typer.Option("--as-traded", help="There was no split since that the file does not show.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Import nothing; say what would happen.")
    ] = False,
    accept_partial: Annotated[
        bool, typer.Option("--accept-partial", help="Import the good rows of a file that has bad ones.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Take the file's word over what other providers told; what looks wrong waits in quarantine.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")
    ] = False,
) -> None:
    """Import prices from a CSV or JSON file of a known form; one with bad rows imports nothing and lists them."""
    with command_edge(as_json=as_json):
        from services.ingest.providers.files.reading import read_file

        splits = _splits(split or [], as_traded=as_traded)
        report = read_file(_content(file), symbol=symbol, now=datetime.now(UTC), form=form, splits=splits)
        if not as_json and not dry_run and not (accept_partial and report.series.bars):
            _refuse_bad_rows(report)
        series = report.series if dry_run else report.accepted(partial=accept_partial)
        done = {"dry_run": dry_run, **_told(report)}
        if series.bars:
            with open_system(), steps.as_command():
                done |= _record(series, replaces=replace, is_trial=dry_run)
        (output.print_json if as_json else import_output.print_import)(done)


def restore(
    symbol: Annotated[str, typer.Argument(help="Ticker symbol, such as AAPL.")],
    version: Annotated[
        int, typer.Option(help="The version to bring back; `prices SYMBOL --versions` lists them.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Bring nothing back; say what would change.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")
    ] = False,
) -> None:
    """Bring back an earlier version of a symbol's prices as a new version; the versions in between stay."""
    with command_edge(as_json=as_json), open_system(), steps.as_command():
        from django.utils import timezone

        from services.ingest.market.services import restore_version

        name = normalise_symbol(symbol)
        restoring = restore_version(symbol=name, version=version, now=timezone.now(), is_trial=dry_run)
        done = {"dry_run": dry_run, **to_json(restoring)}
        (output.print_json if as_json else import_output.print_restored)(done)


def _refuse_bad_rows(report: "FileReport") -> None:
    """Show people the rows for which nothing is imported, each with its text, and end with exit code 1."""
    try:
        report.accepted(partial=False)
    except ImportRejected as refusal:
        if not report.series.rejected:
            raise
        import_output.print_refused(refusal, good_count=len(report.series.bars))
        raise SystemExit(1) from None


def _content(path: Path) -> bytes:
    """Return the bytes of a file, one more than permitted at most. Raises UnreadableFile."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise UnreadableFile(f"{printable(str(path))}: {error.strerror}.") from None


def _splits(given: Sequence[str], *, as_traded: bool) -> tuple[SplitAction, ...] | None:
    """Return the splits that are stated, None when nothing is. Raises ValidationFailed."""
    if as_traded and given:
        raise ValidationFailed("Give --split or --as-traded, not both.")
    if not given:
        return () if as_traded else None
    return tuple(_split(text) for text in given)


def _split(text: str) -> SplitAction:
    day, _, ratio = text.partition("=")
    try:
        ex_date = date.fromisoformat(day)
    except ValueError:
        raise ValidationFailed(f"--split {text[:60]!r}: give DATE=RATIO, such as 2020-08-31=4.") from None
    value = decimal_of(ratio, name="ratio", least=0, most=LARGEST_RATIO)
    if not value:
        raise ValidationFailed(f"--split {text[:60]!r}: the ratio must be above zero.")
    return SplitAction(ex_date=ex_date, ratio=value)


def _told(report: "FileReport") -> dict[str, Any]:
    """Return what the file holds."""
    series = report.series
    return {
        "symbol": series.symbol,
        "form": report.form,
        "rows": len(series.bars),
        "rows_read": report.row_count,
        "counted_in": report.counted_in,
        "first_session_read": series.bars[0].session.isoformat() if series.bars else None,
        "last_session_read": series.bars[-1].session.isoformat() if series.bars else None,
        "missing_sessions": [session.isoformat() for session in report.missing_sessions],
        "splits": None if series.splits is None else len(series.splits),
        "dividends": None if series.dividends is None else len(series.dividends),
        "notes": list(series.notes),
        "rejected": [{"line": row.line, "reason": row.reason, "text": row.text} for row in series.rejected],
    }


def _record(series: DailySeries, *, replaces: bool, is_trial: bool) -> dict[str, Any]:
    """Record the rows and return what they changed; a trial takes it all back. Raises SourcesDisagree."""
    from django.db import transaction
    from django.utils import timezone

    from services.ingest.fetches.services import import_series
    from services.ingest.market.services import record_series

    fetch_id, now = UUID(str(uuid7())), timezone.now()
    if not is_trial:
        recording = import_series(fetch_id=fetch_id, series=series, now=now, replaces=replaces)
        return {"fetch_id": str(fetch_id), **_changes(recording)}
    with transaction.atomic(using="ingest", durable=True):
        recording = record_series(series=series, fetch_id=fetch_id, now=now, replaces=replaces)
        transaction.set_rollback(True, using="ingest")
    return {"fetch_id": None, **_changes(recording)}


def _changes(recording: "Recording") -> dict[str, Any]:
    return {
        "version": recording.version,
        "changed": recording.changed,
        "added": recording.added_count,
        "corrected": len(recording.corrected_sessions),
        "unchanged": recording.unchanged_count,
        "absent": recording.absent_count,
        "kept": recording.kept_count,
        "largest_change": recording.largest_change and _price_change(recording.largest_change),
        "actions_changed": recording.actions_changed_count,
        "actions_told": recording.actions_told_count,
        "actions_withdrawn": recording.actions_withdrawn_count,
        "disagreeing": recording.disagreeing_count,
        "quarantined": recording.quarantined_count,
        "postponed": recording.postponed_count,
        "quarantine_id": str(recording.quarantine_id) if recording.quarantine_id else None,
        "first_session": recording.first_session.isoformat(),
        "last_session": recording.last_session.isoformat(),
    }


def _price_change(change: "PriceChange") -> dict[str, Any]:
    return {
        "session": change.session.isoformat(),
        "price": change.name,
        "stored": text_of(change.held),
        "told": text_of(change.told),
        "change_ratio": round(change.change_ratio, 6),
    }
