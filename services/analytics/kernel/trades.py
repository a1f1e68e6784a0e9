"""From fills to trades: each exit leaves the whole position that the entry before it opened."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.analytics.kernel.arrays import FloatArray, IndexArray
from services.analytics.kernel.compiled import compiled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FillColumns:
    """The fills of an account in order, (count,) each.

    session, asset  int64 indexes of session and instrument
    quantity        signed shares
    price           after all costs but the commission
    commission      money
    reason          int64, why, by the numbers of `engine.prices`
    stop            the level that protects from this entry on, NaN where there is none and at exits
    """

    session: IndexArray
    asset: IndexArray
    quantity: FloatArray
    price: FloatArray
    commission: FloatArray
    reason: IndexArray
    stop: FloatArray

    @classmethod
    def of_table(cls, table: FloatArray) -> "FillColumns":
        """Return the columns of the engine's table of fills, (7, count)."""
        session, asset, quantity, price, commission, reason, stop = table
        return cls(
            session=session.astype(np.int64),
            asset=asset.astype(np.int64),
            quantity=quantity,
            price=price,
            commission=commission,
            reason=reason.astype(np.int64),
            stop=stop,
        )

    def __len__(self) -> int:
        return len(self.session)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Give each fill in plain numbers, in the order of the fields."""
        columns = (
            self.session, self.asset, self.quantity, self.price, self.commission, self.reason, self.stop
        )  # fmt: skip
        return zip(*(column.tolist() for column in columns), strict=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TradeColumns:
    """The closed trades of an account in the order of their exits, (count,) each; see `simulation.Trade`.

    entry, exit    int64 rows of the table of fills
    initial_risk   NaN where the entry had no stop
    open_entries   int64 rows of the fills that opened what is still held
    """

    fills: FillColumns
    entry: IndexArray
    exit: IndexArray
    dividends: FloatArray
    pnl: FloatArray
    return_ratio: FloatArray
    initial_risk: FloatArray
    open_entries: IndexArray

    def __len__(self) -> int:
        return len(self.entry)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Give asset, signed quantity, entry and exit session, initial risk, reason and figures of each."""
        fills, entry, exit_ = self.fills, self.entry, self.exit
        plain = (
            fills.asset[entry], fills.quantity[entry], fills.session[entry], fills.session[exit_],
            self.initial_risk, fills.reason[exit_],
        )  # fmt: skip
        figures = {
            "exit_shares": np.abs(fills.quantity[exit_]),
            "entry_price": fills.price[entry],
            "exit_price": fills.price[exit_],
            "entry_commission": fills.commission[entry],
            "exit_commission": fills.commission[exit_],
            "dividends": self.dividends,
            "pnl": self.pnl,
            "return_ratio": self.return_ratio,
        }
        named = [
            dict(zip(figures, row, strict=True))
            for row in zip(*(c.tolist() for c in figures.values()), strict=True)
        ]
        return zip(*(column.tolist() for column in plain), named, strict=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Credits:
    """The dividends of an account, ordered by instrument, then session, (count,) each.

    session, asset  int64 indexes of session, of `sessions` in all, and instrument
    amount          cash credited at the ex-date, negative where a short position owed it
    """

    sessions: int
    session: IndexArray
    asset: IndexArray
    amount: FloatArray

    def between(self, asset: IndexArray, after: IndexArray, until: IndexArray) -> FloatArray:
        """Return what each instrument was credited in the sessions after `after` up to `until`."""
        earned = np.concatenate((np.zeros(1), np.cumsum(self.amount)))
        keys = self.asset * self.sessions + self.session
        first, last = (
            np.searchsorted(keys, asset * self.sessions + session, side="right") for session in (after, until)
        )
        return earned[last] - earned[first]


def trade_columns(fills: FillColumns, credits: Credits, *, instruments: int) -> TradeColumns:
    """Match each exit with the entry of its instrument before it.

    A share bought at the open of its ex-date has no claim to the dividend; one sold at that open still has.
    Identity: sum of pnl + unrealised pnl + dividends = final equity - opening capital.
    """
    entry, exit_, open_entries = match_fills(fills.asset, instruments)
    cost = np.abs(fills.quantity[entry]) * fills.price[entry] + fills.commission[entry]
    pnl = (
        -fills.quantity[exit_] * fills.price[exit_]
        - fills.commission[exit_]
        - (fills.quantity[entry] * fills.price[entry] + fills.commission[entry])
    )
    return TradeColumns(
        fills=fills,
        entry=entry,
        exit=exit_,
        dividends=credits.between(fills.asset[entry], fills.session[entry], fills.session[exit_]),
        pnl=pnl,
        return_ratio=pnl / cost,
        initial_risk=np.abs(fills.quantity[entry] * (fills.price[entry] - fills.stop[entry])),
        open_entries=open_entries,
    )


@compiled
def match_fills(asset: IndexArray, instruments: int) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Return rows of entries, of their exits in order, and of entries without an exit.

    asset (count,): the fills of one instrument alternate, its 1st, 3rd, 5th ... enter.
    """
    count = 0
    entry, exit_ = np.empty(len(asset) // 2, np.int64), np.empty(len(asset) // 2, np.int64)
    held = np.full(instruments, -1)
    for row in range(len(asset)):
        i = asset[row]
        if held[i] < 0:
            held[i] = row
        else:
            entry[count], exit_[count] = held[i], row
            count += 1
            held[i] = -1
    return entry[:count], exit_[:count], np.sort(held[held >= 0])
