"""A second engine for tests: slow, plain, in decimal numbers, long and short spelt out.

It shares no code and no trick with the kernel. Price impact, whose affordable quantity has no closed form, is
left out.
"""

from dataclasses import dataclass, field
from decimal import Decimal, localcontext

import numpy as np

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.orders import Execution

D = Decimal
ROUNDING = D("1.000000000001")


@dataclass
class Order:
    side: str
    decided: int
    limit: Decimal | None
    stop: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    trailing: Decimal | None
    triggered: bool = False


@dataclass
class Position:
    shares: Decimal
    stop: Decimal | None
    target: Decimal | None
    trail: Decimal | None
    best: Decimal
    met_at: Decimal
    how: str = "before"


@dataclass
class Ledger:
    market: MarketData
    decisions: Decisions
    execution: Execution
    costs: Costs
    cash: Decimal
    position: Position | None = None
    order: Order | None = None
    leave: bool = False
    fills: list[tuple[int, Decimal, Decimal, Decimal, str]] = field(default_factory=list)
    cash_at: list[Decimal] = field(default_factory=list)
    equity_at: list[Decimal] = field(default_factory=list)
    unaffordable: int = 0
    refused: int = 0

    def run(self) -> "Ledger":
        # A product of two floats is exact in 120 digits: prices that tie as floats tie here too.
        with localcontext(prec=120):
            self.equity_at.append(self.cash)
            for t in range(len(self.market)):
                self.session(t)
                self.decide(t)
        return self

    def decide(self, t: int) -> None:
        signal = int(self.decisions.signal[t])
        if signal == 0:
            return
        if signal == -2 and not self.execution.allow_short:
            signal = -1
        is_long = self.position is not None and self.position.shares > 0
        is_short = self.position is not None and self.position.shares < 0
        self.order, self.leave = None, False
        if signal == 1:
            self.leave = is_short
            if not is_long:
                self.order = self.new_order("buy", t)
        elif signal == -2:
            self.leave = is_long
            if not is_short:
                self.order = self.new_order("sell", t)
        else:
            self.leave = is_long or is_short

    def new_order(self, side: str, t: int) -> Order:
        limit, stop, stop_loss, take_profit, trailing = (
            self.level(name, t) for name in ("limit", "stop", "stop_loss", "take_profit", "trailing")
        )
        return Order(side, t, limit, stop, stop_loss, take_profit, trailing)

    def level(self, name: str, t: int) -> Decimal | None:
        column = getattr(self.decisions, name)
        if column is None or np.isnan(column[t]):
            return None
        return D(float(column[t])) * D(float(self.market.close[t])) / D(float(self.market.signal_close[t]))

    def price(self, name: str, t: int) -> Decimal:
        return D(float(getattr(self.market, name)[t]))

    def session(self, t: int) -> None:
        self.actions(t)
        if self.position:
            self.position.how, self.position.met_at = "before", self.price("open", t)
            if self.leave:
                self.close(t, self.price("open", t), "signal")
            else:
                self.protect(t, self.price("open", t), self.price("open", t))
        self.leave = False
        if self.order and not self.position:
            self.enter(t)
        if self.position:
            self.protect(t, self.price("high", t), self.price("low", t))
        if self.position:
            self.follow(t)
        value = self.position.shares * self.price("close", t) if self.position else D(0)
        self.cash_at.append(self.cash)
        self.equity_at.append(self.cash + value)

    def actions(self, t: int) -> None:
        split = self.price("split_ratio", t)
        for holder, names in (
            (self.position, ("stop", "target", "trail", "best")),
            (self.order, ("limit", "stop", "stop_loss", "take_profit", "trailing")),
        ):
            for name in names if holder else ():
                if getattr(holder, name) is not None:
                    setattr(holder, name, getattr(holder, name) / split)
        if self.position:
            self.position.shares *= split
            self.cash += self.position.shares * self.price("dividend", t)

    def enter(self, t: int) -> None:
        order = self.order
        assert order is not None
        found = self.buy_price(order, t) if order.side == "buy" else self.sell_price(order, t)
        outcome = "waits" if found is None else self.fill_entry(t, order, *found)
        self.unaffordable += outcome == "unaffordable"
        self.refused += outcome == "refused"
        if outcome != "waits" or self.execution.time_in_force == "day":
            self.order = None

    def buy_price(self, order: Order, t: int) -> tuple[Decimal, str] | None:
        open_, high, low, close = (self.price(name, t) for name in ("open", "high", "low", "close"))
        if order.stop is not None and not order.triggered:
            if high < order.stop:
                return None
            order.triggered = True
            price, how = (open_, "open") if open_ >= order.stop else (order.stop, "inside")
            if order.limit is None or price <= order.limit:
                return price, how
            if (low if how == "open" else close) <= order.limit:
                return order.limit, "inside"
            return None
        if order.limit is not None:
            if low > order.limit:
                return None
            return (open_, "open") if open_ <= order.limit else (order.limit, "inside")
        return open_, "open"

    def sell_price(self, order: Order, t: int) -> tuple[Decimal, str] | None:
        open_, high, low, close = (self.price(name, t) for name in ("open", "high", "low", "close"))
        if order.stop is not None and not order.triggered:
            if low > order.stop:
                return None
            order.triggered = True
            price, how = (open_, "open") if open_ <= order.stop else (order.stop, "inside")
            if order.limit is None or price >= order.limit:
                return price, how
            if (high if how == "open" else close) >= order.limit:
                return order.limit, "inside"
            return None
        if order.limit is not None:
            if high < order.limit:
                return None
            return (open_, "open") if open_ >= order.limit else (order.limit, "inside")
        return open_, "open"

    def worse(self, price: Decimal, side: str, limit: Decimal | None) -> Decimal:
        ratio = (D(self.costs.slippage_bps) + D(self.costs.spread_bps) / 2) / 10_000
        if side == "buy":
            paid = price * (1 + ratio)
            return paid if limit is None else min(paid, limit)
        paid = price * (1 - ratio)
        return paid if limit is None else max(paid, limit)

    def commission(self, shares: Decimal, price: Decimal) -> Decimal:
        return (
            shares * price * D(self.costs.commission_bps) / 10_000
            + D(self.costs.commission_per_order)
            + shares * D(self.costs.commission_per_share)
        )

    def fill_entry(  # noqa: C901 - spelt out
        self, t: int, order: Order, price: Decimal, how: str
    ) -> str:
        options = self.execution
        paid = self.worse(price, order.side, order.limit)
        sign = 1 if order.side == "buy" else -1

        def from_price(ratio: float | None, direction: int) -> Decimal | None:
            return None if ratio is None else paid + direction * sign * D(ratio) * paid

        stop = order.stop_loss or from_price(options.stop_loss_ratio, -1)
        target = order.take_profit or from_price(options.take_profit_ratio, 1)
        trail = paid - sign * order.trailing if order.trailing else from_price(options.trailing_ratio, -1)
        money, most = self.cash, None
        equity = self.equity_at[-1]
        size = D(options.size or 0)
        if options.sizing == "fixed_cash":
            money = min(money, size)
        elif options.sizing == "percent_of_equity":
            money = min(money, size * equity)
        elif options.sizing == "fixed_shares":
            most = size
        elif options.sizing == "risk_per_stop":
            levels = [level for level in (stop, trail) if level is not None]
            if not levels:
                return "refused"
            risk = paid - max(levels) if sign == 1 else min(levels) - paid
            if risk <= 0:
                return "refused"
            most = equity * size / risk
        each = paid * (1 + D(self.costs.commission_bps) / 10_000) + D(self.costs.commission_per_share)
        shares = max(D(0), (money - D(self.costs.commission_per_order)) / each)
        shares = shares if most is None else min(shares, most)
        outcome = "unaffordable"
        if options.volume_limit is not None and D(options.volume_limit) * self.price("volume", t) < shares:
            shares, outcome = D(options.volume_limit) * self.price("volume", t), "waits"
        if options.whole_shares:
            shares = D(int(shares * ROUNDING))
        if shares <= 0:
            return outcome
        self.record(t, sign * shares, paid, "signal")
        self.position = Position(sign * shares, stop, target, trail, price, price, how)
        return "filled"

    def protect(self, t: int, high: Decimal, low: Decimal) -> None:
        position = self.position
        assert position is not None
        stop, trail, met_at = position.stop, position.trail, position.met_at
        target = None if position.how == "inside" else position.target
        if position.shares > 0:
            nearest = max((x for x in (stop, trail) if x is not None), default=None)
            if nearest is not None and low <= nearest:
                is_trail = stop is None or (trail is not None and trail > stop)
                self.close(t, min(met_at, nearest), "trailing" if is_trail else "stop")
            elif target is not None and high >= target:
                self.close(t, max(met_at, target), "target", target)
        else:
            nearest = min((x for x in (stop, trail) if x is not None), default=None)
            if nearest is not None and high >= nearest:
                is_trail = stop is None or (trail is not None and trail < stop)
                self.close(t, max(met_at, nearest), "trailing" if is_trail else "stop")
            elif target is not None and low <= target:
                self.close(t, min(met_at, target), "target", target)

    def close(self, t: int, price: Decimal, reason: str, limit: Decimal | None = None) -> None:
        assert self.position is not None
        shares = self.position.shares
        got = self.worse(price, "sell" if shares > 0 else "buy", limit)
        self.record(t, -shares, got, reason)
        self.position = None

    def record(self, t: int, shares: Decimal, price: Decimal, reason: str) -> None:
        commission = self.commission(abs(shares), price)
        self.cash -= shares * price + commission
        self.fills.append((t, shares, price, commission, reason))

    def follow(self, t: int) -> None:
        position = self.position
        assert position is not None
        distance = self.level("trailing", t)
        if position.shares > 0:
            seen = self.price("close" if position.how == "inside" else "high", t)
            position.best = max(position.best, seen)
            if distance is None and self.execution.trailing_ratio is not None:
                distance = D(self.execution.trailing_ratio) * position.best
            if distance is not None:
                moved = position.best - distance
                position.trail = moved if position.trail is None else max(position.trail, moved)
        else:
            seen = self.price("close" if position.how == "inside" else "low", t)
            position.best = min(position.best, seen)
            if distance is None and self.execution.trailing_ratio is not None:
                distance = D(self.execution.trailing_ratio) * position.best
            if distance is not None:
                moved = position.best + distance
                position.trail = moved if position.trail is None else min(position.trail, moved)
