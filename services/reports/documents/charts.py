"""The three charts of a report, drawn from the document's sections as matplotlib figures (never pyplot)."""

import io
from collections.abc import Callable
from datetime import date
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from services.reports.documents import axes as look
from services.reports.documents.axes import (
    Area,
    EndLabel,
    label_ends,
    pane,
    set_date_axis,
    set_ticks,
    set_value_axis,
    size_pt,
)
from services.reports.documents.wording import MINUS, percent, price

Section = dict[str, Any]

LEFT_PT, RIGHT_PT, BOTTOM_PT, TOP_PT = 38, 114, 16, 18
DRAWDOWN_SHARE = 0.34
LINE_BUCKETS = 250
MOST_MARKED_TRADES = 60


def draw_equity(area: Area, run: Section) -> None:
    """Draw equity against buy and hold with the trades, and the drawdown below, from a completed run."""
    series = run["series"]
    sessions = [date.fromisoformat(day) for day in series["sessions"]]
    _, height = size_pt(area)
    split = height * DRAWDOWN_SHARE
    values = [*series["equity"], *series["benchmark_equity"]]
    low, high = min(values), max(values) * 1.05
    low = low * 0.95 if low > 0 else low
    scale = ", logarithmic scale" if look.is_logarithmic(low, high) else ""
    title = f"Value of the account{scale}"
    upper = pane(area, left=LEFT_PT, right=RIGHT_PT, bottom=split + 8, top=TOP_PT, title=title)
    set_value_axis(upper, low, high, _compact)
    set_date_axis(upper, sessions)
    set_ticks(upper.xaxis, [], [])
    _line(upper, sessions, series["benchmark_equity"], color=look.BENCHMARK, linewidth=1.0)
    _line(upper, sessions, series["equity"], color=look.STRATEGY, linewidth=1.3)
    _mark_trades(upper, run, dict(zip(series["sessions"], series["equity"], strict=True)))
    headline = run["headline"][0]
    label_ends(
        upper,
        [
            EndLabel(series["equity"][-1], f"Strategy {headline['text']}", look.STRATEGY),
            EndLabel(
                series["benchmark_equity"][-1], f"Buy and hold {headline['benchmark_text']}", look.MUTED
            ),
        ],
    )
    _draw_drawdown(area, sessions, series["drawdown_ratio"], top=height - split + 26)


def draw_forecast(area: Area, forecast: Section) -> None:
    """Draw the fan of a forecast after the recent closes, and what came where the section has it."""
    rows, origin = forecast["rows"], forecast["origin_close"]
    recent = forecast["recent"]["closes"]
    actual = [row.get("actual") for row in rows]
    steps = range(len(rows) + 1)
    fan = {
        name: [origin, *(row[name] for row in rows)]
        for name in ("low95", "low80", "point", "high80", "high95")
    }
    seen = [*recent, *fan["low95"], *fan["high95"], *(value for value in actual if value is not None)]
    room = (max(seen) - min(seen)) * 0.04 or origin * 0.01
    scored = forecast["state"] == "scored"
    title = "Close, predicted and actual" if scored else "Close, and the forecast from its origin"
    axes = pane(area, left=LEFT_PT, right=RIGHT_PT, bottom=BOTTOM_PT, top=TOP_PT, title=title)
    set_value_axis(axes, min(seen) - room, max(seen) + room, _price_tick)
    _set_session_axis(axes, forecast)
    axes.fill_between(steps, fan["low95"], fan["high95"], color=look.BAND95, linewidth=0, clip_on=False)
    axes.fill_between(steps, fan["low80"], fan["high80"], color=look.BAND80, linewidth=0, clip_on=False)
    axes.axvline(0, color=look.MUTED, linewidth=0.5)
    walk = [origin, *(row["random_walk"] for row in rows)]
    axes.plot(steps, walk, color=look.WARM, linewidth=1.0, dashes=(4, 2.5), clip_on=False)
    axes.plot(steps, fan["point"], color=look.STRATEGY, linewidth=1.3, clip_on=False)
    axes.plot(range(1 - len(recent), 1), recent, color=look.INK, linewidth=1.0, clip_on=False)
    known = [(step, value) for step, value in enumerate([origin, *actual]) if value is not None]
    if scored:
        axes.plot(*zip(*known, strict=True), color=look.INK, linewidth=1.3, clip_on=False)
    label_ends(axes, _fan_labels(rows[-1], known[-1][1] if scored else None))


def to_svg(
    width_pt: float, height_pt: float, draw: Callable[[Area, Section], None], section: Section
) -> bytes:
    """Return a chart as SVG of this size in points, without date or creator, text as text."""
    figure = Figure(figsize=(width_pt / 72, height_pt / 72), dpi=72)
    canvas = FigureCanvasSVG(figure)
    draw(figure, section)
    buffer = io.BytesIO()
    canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _draw_drawdown(area: Area, sessions: list[date], drawdown: list[float], *, top: float) -> None:
    lower = pane(
        area, left=LEFT_PT, right=RIGHT_PT, bottom=BOTTOM_PT, top=top, title="Drawdown of the strategy"
    )
    worst = min(drawdown)
    set_value_axis(lower, min(worst * 1.05, -0.01), 0.0, _percent_tick, count=3)
    set_date_axis(lower, sessions)
    kept = look.thinned(drawdown, LINE_BUCKETS)
    days = [sessions[index].toordinal() for index in kept]
    lower.fill_between(
        days, [drawdown[index] for index in kept], 0.0, color=look.BAND80, linewidth=0, clip_on=False
    )
    label_ends(lower, [EndLabel(worst, f"Worst {percent(worst)}", look.MUTED)])


def _line(axes: Axes, sessions: list[date], values: list[float], *, color: str, linewidth: float) -> None:
    kept = look.thinned(values, LINE_BUCKETS)
    days = [sessions[index].toordinal() for index in kept]
    axes.plot(days, [values[index] for index in kept], color=color, linewidth=linewidth, clip_on=False)


def _mark_trades(axes: Axes, run: Section, equity: dict[str, float]) -> None:
    """Mark entries and exits on the equity line; so many that they would hide it are left to the table."""
    entries = [trade["entry_session"] for trade in run["trades"]]
    exits = [trade["exit_session"] for trade in run["trades"]]
    if run["open_position"]:
        entries.append(run["open_position"]["entry_session"])
    if not 0 < len(entries) <= MOST_MARKED_TRADES:
        return
    for days, marker, color in ((entries, "^", look.GAIN), (exits, "v", look.WARM)):
        points = [(date.fromisoformat(day).toordinal(), equity[day]) for day in days if day in equity]
        axes.plot(
            *zip(*points, strict=True),
            linestyle="none",
            marker=marker,
            markersize=4.2,
            markerfacecolor=color,
            markeredgecolor="white",
            markeredgewidth=0.4,
            clip_on=False,
        )
    for text, color, shift in (("▲ entry", look.GAIN, -34.0), ("▼ exit", look.WARM, 0.0)):
        axes.annotate(
            text,
            xy=(1.0, 1.0),
            xycoords="axes fraction",
            xytext=(shift, 6.0),
            textcoords="offset points",
            fontsize=look.TEXT_PT,
            color=color,
            ha="right",
        )


def _set_session_axis(axes: Axes, forecast: Section) -> None:
    """Scale x to sessions from the origin at 0, and name every fifteenth day, counted from there."""
    before, targets = forecast["recent"]["sessions"], [row["session"] for row in forecast["rows"]]
    days = dict(zip(range(1 - len(before), len(targets) + 1), before + targets, strict=True))
    positions = [position for position in days if position % 15 == 0]
    labels = [_day(days[position], with_year=position == 0) for position in positions]
    axes.set_xlim(1 - len(before), len(targets))
    set_ticks(axes.xaxis, positions, labels)


def _day(session: str, *, with_year: bool) -> str:
    day = date.fromisoformat(session)
    return f"{day.day} {day:%b %Y}" if with_year else f"{day.day} {day:%b}"


def _fan_labels(last: Section, actual: float | None) -> list[EndLabel]:
    labels = [
        EndLabel(last["high95"], f"95 %  {price(last['high95'])}", look.MUTED),
        EndLabel(last["high80"], f"80 %  {price(last['high80'])}", look.MUTED),
        EndLabel(last["point"], f"Forecast  {price(last['point'])}", look.STRATEGY),
        EndLabel(last["random_walk"], f"Random walk  {price(last['random_walk'])}", look.WARM),
        EndLabel(last["low80"], f"80 %  {price(last['low80'])}", look.MUTED),
        EndLabel(last["low95"], f"95 %  {price(last['low95'])}", look.MUTED),
    ]
    return labels if actual is None else [*labels, EndLabel(actual, f"Actual  {price(actual)}", look.INK)]


def _compact(value: float) -> str:
    for unit, name in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:,g}".replace("-", MINUS)


def _price_tick(value: float) -> str:
    return f"{value:,g}".replace("-", MINUS)


def _percent_tick(ratio: float) -> str:
    return f"{round(ratio * 100, 4):g} %".replace("-", MINUS)
