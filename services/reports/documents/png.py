"""The picture of a report: its headline and its three charts on one PNG."""

import io
import textwrap
from collections.abc import Callable
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from services.reports.documents import axes as look
from services.reports.documents.axes import Area, chart_text, size_pt
from services.reports.documents.charts import draw_equity, draw_forecast

Section = dict[str, Any]

DPI = 144
WIDTH_PT, PAD_PT = 560, 24
HEAD_PT, BARE_HEAD_PT, CAPTION_PT, FOOT_PT = 124, 76, 24, 26
LINE_PT, FEWEST_LINES = 11, 2
CELL_PT = 116
LINE_LETTERS = 118
SHORT_HASH = 12
PARTS: tuple[tuple[str, str, Callable[[Area, Section], None], int], ...] = (
    ("run", "Backtest against buy and hold", draw_equity, 240),
    ("forecast", "Forecast of the next sessions", draw_forecast, 180),
    ("backfilled", "Predicted against actual", draw_forecast, 180),
)


def render_png(document: Section, document_hash: str) -> bytes:
    """Return the PNG of a document; equal documents have equal bytes on one CPU family."""
    # A refused part has no chart: its caption says why, and the picture is that much shorter.
    parts = [
        (title, document[part], draw, 1 if document[part]["state"] == "refused" else height)
        for part, title, draw, height in PARTS
    ]
    warnings = _warnings(document)
    heights = [
        HEAD_PT if _headline(document) else BARE_HEAD_PT,
        LINE_PT * (len(warnings) + 1) if warnings else 1,
        *(points for part in parts for points in (_caption_height(part[1]), part[3])),
        FOOT_PT,
    ]
    figure = Figure(figsize=(WIDTH_PT / 72, sum(heights) / 72), dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    areas = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights, hspace=0)
    head, warned, *rows, foot = areas[:, 0]
    _draw_head(head, document)
    for row, line in enumerate(reversed(warnings)):
        _write(warned, PAD_PT, LINE_PT * (row + 0.6), line, color=look.WARM, size=7.2)
    for (title, section, draw, _), caption, chart in zip(parts, rows[::2], rows[1::2], strict=True):
        _draw_caption(caption, title, section)
        if section["state"] != "refused":
            draw(chart, section)
    name = f"Bellwether   document {document_hash[:SHORT_HASH]}"
    _write(foot, PAD_PT, 10, name, color=look.MUTED, size=6.5)
    buffer = io.BytesIO()
    metadata = {"Software": None, "Description": f"document {document_hash}"}
    canvas.print_png(buffer, metadata=metadata)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _headline(document: Section) -> list[dict[str, str]]:
    """Return the run's headline figures, none of a run that was refused."""
    found: list[dict[str, str]] = document["run"].get("headline", [])
    return found


def _draw_head(area: Area, document: Section) -> None:
    coverage = document["coverage"]
    period = f"{coverage['period']}. {coverage['sample_note'] or ''}"
    _, top = size_pt(area)
    _write(area, PAD_PT, top - 44, document["symbol"], size=26, weight="bold")
    _write(area, PAD_PT, top - 62, period, color=look.MUTED, size=7)
    for index, cell in enumerate(_headline(document)):
        left = PAD_PT + index * CELL_PT
        _write(area, left, top - 84, cell["label"], color=look.MUTED, size=6.5)
        _write(area, left, top - 101, cell["text"], size=13, weight="bold")
        passive = f"buy and hold {cell['benchmark_text']}"
        _write(area, left, top - 113, passive, color=look.MUTED, size=6.5)


def _warnings(document: Section) -> list[str]:
    """Return the lines of what a reader must know before the numbers."""
    texts = (f"{item['label']}: {item['text']}" for item in document["attention"])
    return [line for text in texts for line in textwrap.wrap(text, LINE_LETTERS)]


def _draw_caption(area: Area, title: str, section: Section) -> None:
    height = _caption_height(section)
    _write(area, PAD_PT, height - 16, title, size=9.5, weight="bold")
    for row, line in enumerate(_caption_lines(section)):
        _write(area, PAD_PT, height - 29 - LINE_PT * row, line, size=7.2)


def _caption_height(section: Section) -> int:
    return CAPTION_PT + LINE_PT * max(len(_caption_lines(section)), FEWEST_LINES)


def _caption_lines(section: Section) -> list[str]:
    """Return the verdict in at most two lines, then what else must be known at once."""
    lines = textwrap.wrap(section["verdict"], LINE_LETTERS)
    if section["state"] == "refused":
        lines.append(" or ".join(section["remedy"].values()) or section["detail"])
    luck = section.get("luck")
    return lines[:2] + (textwrap.wrap(luck["text"], LINE_LETTERS)[:2] if luck else [])


def _write(area: Area, left: float, bottom: float, text: str, *, color: str = look.INK, **font: Any) -> None:
    """Write text with its baseline at a point of the area, in points from its lower left corner."""
    width, height = size_pt(area)
    area.text(
        left / width,
        bottom / height,
        chart_text(text, limit=LINE_LETTERS),
        color=color,
        va="baseline",
        **font,
    )
