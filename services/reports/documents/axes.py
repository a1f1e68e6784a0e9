"""The look that all charts share: palette, panes, ticks, and labels beside their lines."""

import math
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

# Chosen to stay apart in every common colour blindness and in grey print.
INK = "#1B2430"
MUTED = "#5F6B7A"
GRID = "#E1E6EC"
STRATEGY = "#0B5CAD"
BENCHMARK = "#8A93A0"
WARM = "#C2551E"
GAIN = "#00805E"
BAND80 = "#A9CBEC"
BAND95 = "#DAE8F6"

LABEL_LIMIT = 64
TEXT_PT = 7.0
LABEL_GAP_PT = 9.0

# Once and for good rather than in a context: two threads that enter and leave one would see each other's
# values, and a chart drawn without the salt has other bytes.
mpl.rcParams.update(
    {
        "font.family": ["DejaVu Sans"],
        "svg.fonttype": "none",
        "svg.hashsalt": "bellwether",
        "text.parse_math": False,
    }
)


type Area = Figure | SubFigure


class EndLabel(NamedTuple):
    """A label beside the right end of a line: the line's last y, the text and its colour."""

    y: float
    text: str
    color: str


def chart_text(text: str, *, limit: int = LABEL_LIMIT) -> str:
    """Return `text` clipped, with a replacement for each character that the font lacks.

    A long label costs seconds to lay out, and a missing glyph is a warning in each draw.
    """
    return "".join(char if ord(char) in _glyphs() else "\ufffd" for char in text[:limit])


def size_pt(area: Area) -> tuple[float, float]:
    """Return the width and height of a figure or sub-figure in points."""
    scale = 72 / area.dpi
    return area.bbox.width * scale, area.bbox.height * scale


def pane(area: Area, *, left: float, right: float, bottom: float, top: float, title: str) -> Axes:
    """Add axes to a figure or sub-figure, each margin in points from its edge, with a title and a y grid."""
    width, height = size_pt(area)
    axes = area.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    )
    axes.set_facecolor("none")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set(color=MUTED, linewidth=0.5)
    axes.tick_params(length=0, pad=4, labelsize=TEXT_PT, labelcolor=MUTED)
    axes.grid(axis="y", color=GRID, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_title(title, loc="left", fontsize=TEXT_PT, color=INK, pad=6)
    return axes


def set_ticks(axis: Axis, positions: Sequence[float], labels: Sequence[str]) -> None:
    """Give an axis exactly these ticks: the automatic ones cost more than the drawing."""
    axis.set_major_locator(FixedLocator(list(positions)))
    axis.set_major_formatter(FixedFormatter([chart_text(label) for label in labels]))
    axis.set_minor_locator(NullLocator())


def is_logarithmic(low: float, high: float) -> bool:
    """Tell whether an axis from `low` to `high` spans enough to be drawn by logarithm."""
    return low > 0 and high / low >= 10


def set_value_axis(
    axes: Axes, low: float, high: float, write: Callable[[float], str], *, count: int = 5
) -> None:
    """Scale y to [low, high]; with 1-2-5 ticks where it is logarithmic."""
    if is_logarithmic(low, high):
        axes.set_yscale("log")
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        candidates = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    else:
        candidates = list(MaxNLocator(count).tick_values(low, high))
    axes.set_ylim(low, high)
    ticks = [tick for tick in candidates if low <= tick <= high]
    set_ticks(axes.yaxis, ticks, [write(tick) for tick in ticks])


def set_date_axis(axes: Axes, sessions: Sequence[date]) -> None:
    """Scale x to the ordinals of `sessions` and label the first day of every so many months or years."""
    first, last = sessions[0], sessions[-1]
    months = (last.year - first.year) * 12 + last.month - first.month
    step = next((step for step in (1, 3, 6, 12, 24, 60, 120, 240) if months / step <= 9), 600)
    starts = [
        date(index // 12, index % 12 + 1, 1)
        for index in range(first.year * 12, (last.year + 1) * 12, step)
        if first <= date(index // 12, index % 12 + 1, 1) <= last
    ]
    axes.set_xlim(first.toordinal(), max(last.toordinal(), first.toordinal() + 1))
    write = "%Y" if step >= 12 else "%b %Y"
    set_ticks(axes.xaxis, [day.toordinal() for day in starts], [day.strftime(write) for day in starts])


def label_ends(axes: Axes, labels: Sequence[EndLabel]) -> None:
    """Write labels right of the axes, each at its line's end, moved apart where they would touch."""
    ordered = sorted(labels, key=lambda label: label.y)
    scale = 72 / axes.figure.dpi
    wanted = [float(axes.transData.transform((0.0, label.y))[1]) * scale for label in ordered]
    for label, place, height in zip(ordered, spread(wanted, LABEL_GAP_PT), wanted, strict=True):
        axes.annotate(
            chart_text(label.text),
            xy=(1.0, label.y),
            xycoords=("axes fraction", "data"),
            xytext=(6.0, place - height),
            textcoords="offset points",
            fontsize=TEXT_PT,
            color=label.color,
            va="center",
            annotation_clip=False,
        )


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move ascending places as little as needed to stand at least `gap` apart.

    Touching places form a block that is centred on the mean of what its members wanted.
    """
    blocks: list[tuple[float, int]] = []  # (mean of the wanted places, members)
    for place in places:
        mean, count = place, 1
        while blocks and mean - blocks[-1][0] < gap * (count + blocks[-1][1]) / 2:
            other_mean, other_count = blocks.pop()
            mean = (mean * count + other_mean * other_count) / (count + other_count)
            count += other_count
        blocks.append((mean, count))
    return [mean + gap * (index - (count - 1) / 2) for mean, count in blocks for index in range(count)]


def thinned(values: Sequence[float], buckets: int) -> list[int]:
    """Return ascending indices that draw the same line at `buckets` columns.

    The lowest and highest value of every bucket stay, and so do the first and the last value.
    """
    if len(values) <= 2 * buckets:
        return list(range(len(values)))
    kept = {0, len(values) - 1}
    for bucket in range(buckets):
        span = range(bucket * len(values) // buckets, (bucket + 1) * len(values) // buckets)
        kept |= {min(span, key=values.__getitem__), max(span, key=values.__getitem__)}
    return sorted(kept)


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap())
