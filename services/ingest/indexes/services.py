"""Follows renamed tickers through the prices that are stored."""

from datetime import datetime

import structlog
from django.db import transaction

from services.ingest.indexes.domain import names_of, predecessors
from services.ingest.market.adoption import Former, OtherInstrument, adopt_bars
from services.ingest.market.record import lock_instruments

log = structlog.get_logger(__name__)


def lock_names(*, symbol: str) -> None:
    """Wait until nobody else records prices of `symbol` or of another name of it, until the transaction ends.

    A symbol may come back: then each of two names takes over from the other, and locks that were taken one by
    one would wait for each other.
    """
    lock_instruments([name.symbol for name in names_of(symbol)])


def adopt_history(*, symbol: str, now: datetime) -> tuple[str, ...]:
    """Have `symbol` and its later names take over what is stored under their former ones; return which did.

    Runs in the caller's transaction on alias `ingest`, after its names were locked and prices of
    `symbol` recorded; a second time changes nothing. Former names whose prices contradict are another instrument's, and left out.
    """
    adopted = []
    for name in dict.fromkeys(each.symbol for each in names_of(symbol)):
        formers = [
            Former(symbol=former.symbol, until=former.until) for former in predecessors(name) if former.until
        ]
        try:
            with transaction.atomic(using="ingest"):
                version = adopt_bars(symbol=name, formers=formers, now=now) if formers else None
        except OtherInstrument as contradiction:
            log.warning("history_not_adopted", symbol=name, detail=contradiction.detail)
            continue
        if version is not None:
            adopted.append(name)
    return tuple(adopted)
