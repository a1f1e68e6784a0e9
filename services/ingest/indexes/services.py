"""Follows renamed tickers through the prices that are stored."""

from datetime import datetime

import structlog
from django.db import transaction

from services.ingest.indexes.domain import names_of, predecessors
from services.ingest.market.adoption import Former, OtherInstrument, adopt_bars

log = structlog.get_logger(__name__)


def adopt_history(*, symbol: str, now: datetime) -> tuple[str, ...]:
    """Have `symbol` and its later names take over what is stored under their former ones; return which did.

    Runs in the caller's transaction on alias `ingest`, after prices of `symbol` were recorded; a second time
    changes nothing. Former names whose prices contradict are another instrument's, and left out.
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
