"""The PDF of a report: the document's numbers in type and its charts as vectors."""

import io
from collections.abc import Callable
from typing import Any

from reportlab.graphics.shapes import Drawing
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    PageBreak,
    PageTemplate,
    Spacer,
)
from svglib.svglib import svg2rlg

from services.reports.documents.axes import Area
from services.reports.documents.charts import MOST_MARKED_TRADES, draw_equity, draw_forecast, to_svg
from services.reports.documents.layout import (
    BODY,
    BOTTOM,
    CAPTION,
    CELL,
    CONTENT_WIDTH,
    LEAD,
    MARGIN,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    REGULAR,
    SUBHEADING,
    SUBTITLE,
    TITLE,
    TOP,
    Heading,
    NumberedCanvas,
    facts_table,
    figures_table,
    paragraph,
    register_fonts,
    strip_table,
    warning_table,
)
from services.reports.documents.wording import counted

Section = dict[str, Any]
Story = list[Flowable]

MOST_LISTED_TRADES = 200
FORECAST_HEAD = ("Session", "Point", "80 % low", "80 % high", "95 % low", "95 % high", "Random walk")
TRADES_HEAD = ("Bought", "Sold", "Shares", "Entry price", "Exit price", "Result", "Return", "Dividends")
TRADES_WIDTHS = (58, 58, 58, 60, 60, 82, 60, CONTENT_WIDTH - 436)


def render_pdf(document: Section, document_hash: str) -> bytes:
    """Return the PDF of a document; its only date is none at all, so equal documents have equal bytes."""
    register_fonts()
    symbol = document["symbol"]
    buffer = io.BytesIO()
    template = BaseDocTemplate(
        buffer,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        invariant=1,
        initialFontName=REGULAR,  # else an unembedded Helvetica is named in the file
        lang="en",
        title=f"{symbol}: backtest and forecast",
        author="Bellwether",
        creator="Bellwether",
        subject=f"document {document_hash}",
    )
    frame = Frame(
        MARGIN,
        BOTTOM,
        CONTENT_WIDTH,
        PAGE_HEIGHT - TOP - BOTTOM,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
    template.addPageTemplates(PageTemplate(frames=[frame]))

    def canvas(*args: Any, **kwargs: Any) -> NumberedCanvas:
        return NumberedCanvas(*args, symbol=symbol, document_hash=document_hash, **kwargs)

    template.build(_story(document, document_hash), canvasmaker=canvas)
    return buffer.getvalue()


def _story(document: Section, document_hash: str) -> Story:
    return [
        *_opening(document),
        *_summary(document),
        *_backtest(document["run"], document["provenance"]["metrics_version"]),
        *_forecast(document["forecast"], on_new_page=document["run"]["state"] != "refused"),
        *_record(document["backfilled"]),
        *_sources(document, document_hash),
    ]


def _opening(document: Section) -> Story:
    coverage = document["coverage"]
    note = f". {coverage['sample_note']}" if coverage["sample_note"] else ""
    return [
        paragraph(document["symbol"], TITLE),
        paragraph(f"Prices from {coverage['period']}{note}", SUBTITLE),
    ]


def _summary(document: Section) -> Story:
    warnings = [(item["label"], item["text"]) for item in document["attention"]]
    run = document["run"]
    verdicts = [
        ("Backtest", run["verdict"]),
        *([(run["luck"]["label"], run["luck"]["text"])] if "luck" in run else ()),
        ("Forecast", document["forecast"]["verdict"]),
        ("Earlier forecast", document["backfilled"]["verdict"]),
    ]
    return [
        Spacer(0, 8),
        *((warning_table(warnings), Spacer(0, 6)) if warnings else ()),
        facts_table(verdicts, label_width=96, style=BODY),
    ]


def _backtest(run: Section, metrics_version: str) -> Story:
    story: Story = [Heading("Backtest against buy and hold")]
    if run["state"] == "refused":
        return story + _refusal(run)
    story += [strip_table(_headline(run)), Spacer(0, 12), _chart(300, draw_equity, run)]
    if run["trade_count"] > MOST_MARKED_TRADES:
        story.append(paragraph("More trades than the chart can mark: the table lists them.", CAPTION))
    return [
        *story,
        *_findings(run["findings"]),
        CondPageBreak(120),
        paragraph("How it was tested", SUBHEADING),
        facts_table([("Tested", run["tested"]), *_setup(run["setup"])]),
        *_metrics(run, metrics_version),
        *_trades(run),
    ]


def _headline(run: Section) -> list[tuple[str, str, str]]:
    cells = [
        (item["label"], item["text"], f"buy and hold {item['benchmark_text']}") for item in run["headline"]
    ]
    still_open = "one still open" if run["open_position"] else "none still open"
    return [*cells, ("Closed trades", f"{run['trade_count']:,}", still_open)]


def _setup(setup: Section) -> list[tuple[str, str]]:
    parameters = ", ".join(f"{name} {value}" for name, value in setup["parameters"].items()) or "none"
    return [
        ("Strategy", f"{setup['strategy']}, version {setup['strategy_version']}"),
        ("Parameters", parameters),
        ("Capital", setup["initial_capital_text"]),
        ("Costs", setup["costs_text"]),
        ("Prices", f"basis {setup['basis']}; decided at a close, filled at the next session's open"),
        *((item["label"], item["text"]) for item in setup["options_text"]),
    ]


def _findings(findings: list[Section]) -> Story:
    if not findings:
        return []
    rows = [(f"{'! ' if item['is_warning'] else ''}{item['label']}", item["text"]) for item in findings]
    return [
        CondPageBreak(14 * len(rows) + 34),
        paragraph("What the result is worth; ! marks a weakness", SUBHEADING),
        facts_table(rows),
    ]


def _metrics(run: Section, metrics_version: str) -> Story:
    rows = [
        [
            paragraph(item["label"], CELL),
            item["text"],
            item["benchmark_text"],
            paragraph(item["why_undefined"], CELL),
        ]
        for item in run["metrics"]
    ]
    table = figures_table(
        ("Metric", "Strategy", "Buy and hold", "Why undefined"), rows, (168, 74, 74, CONTENT_WIDTH - 316)
    )
    table.setStyle([("ALIGN", (3, 0), (3, -1), "LEFT"), ("LEFTPADDING", (3, 0), (3, -1), 10)])
    return [
        CondPageBreak(13 * len(rows) + 60),
        paragraph("Metrics", SUBHEADING),
        table,
        paragraph(
            f"Definitions: {metrics_version}. A dash is never a zero: the value is undefined.", CAPTION
        ),
    ]


def _trades(run: Section) -> Story:
    story: Story = [paragraph(f"Trades: {counted(run['trade_count'], 'closed trade')}", SUBHEADING)]
    if run["trades"]:
        rows = [trade["text"] for trade in run["trades"][:MOST_LISTED_TRADES]]
        story.append(figures_table(TRADES_HEAD, rows, TRADES_WIDTHS, text_columns=2))
    if run["trade_count"] > MOST_LISTED_TRADES:
        story.append(paragraph(f"The first {MOST_LISTED_TRADES} are listed; the JSON holds all.", CAPTION))
    for part in (run["open_position"], run["pending_order"]):
        if part:
            story.append(paragraph(part["text"], CAPTION))
    return story


def _forecast(forecast: Section, *, on_new_page: bool) -> Story:
    story: Story = [Heading("Forecast of the next sessions")]
    if forecast["state"] == "refused":
        return story + _refusal(forecast)
    story.insert(0, PageBreak() if on_new_page else CondPageBreak(320))
    share = CONTENT_WIDTH / len(FORECAST_HEAD)
    rows = [row["text"] for row in forecast["rows"]]
    return [
        *story,
        paragraph(forecast["verdict"], LEAD),
        Spacer(0, 4),
        _chart(180, draw_forecast, forecast),
        paragraph(forecast["model_line"], CAPTION),
        Spacer(0, 6),
        figures_table(FORECAST_HEAD, rows, [share] * len(FORECAST_HEAD)),
    ]


def _record(record: Section) -> Story:
    story: Story = [Heading("Predicted against actual")]
    if record["state"] == "refused":
        return story + _refusal(record)
    story.insert(0, CondPageBreak(380))
    scores = [(score["label"], score["text"]) for score in record["scores"]]
    return [
        *story,
        paragraph(record["verdict"], LEAD),
        Spacer(0, 4),
        _chart(180, draw_forecast, record),
        paragraph(record["model_line"], CAPTION),
        paragraph("Score of this forecast", SUBHEADING),
        facts_table(scores, label_width=280),
        *_model_scores(record["model_scores"]),
    ]


def _model_scores(scores: list[list[str]]) -> Story:
    if not scores:
        return []
    facts = [(label, text) for label, text in scores]
    return [
        paragraph("The model's own record, out of sample", SUBHEADING),
        facts_table(facts, label_width=280),
    ]


def _sources(document: Section, document_hash: str) -> Story:
    coverage, origin = document["coverage"], document["provenance"]
    cut = ", ".join(f"{symbol} version {version}" for symbol, version in origin["data_cut"].items())
    facts = [
        ("Prices", coverage["period"] + (f". {coverage['sample_note']}" if coverage["sample_note"] else "")),
        ("Missing sessions", coverage["missing_text"]),
        ("Provider", ", ".join(source["text"] for source in coverage["sources"])),
        *((f"Terms of {source['provider']}", source["attribution"]) for source in coverage["sources"]),
        ("Known faults", "; ".join(coverage["notes"]) or "none"),
        ("Data cut", cut),
        ("Calendar", f"{origin['calendar']}, {origin['calendar_version']}"),
        (
            "Engine and definitions",
            ", ".join(dict.fromkeys((origin["engine_version"], origin["metrics_version"]))),
        ),
        ("Model sha256", origin["model_sha256"] or "no model was used"),
        ("Document sha256", document_hash),
    ]
    return [
        CondPageBreak(225),
        Heading("Where the numbers come from"),
        facts_table(facts),
        Spacer(0, 8),
        paragraph(document["notice"], BODY),
    ]


def _refusal(section: Section) -> Story:
    remedy = [(label.capitalize(), command) for label, command in section["remedy"].items()]
    is_told = section["missing_sessions"] is not None  # by the verdict, which knows which sessions count
    return [
        paragraph(section["verdict"], LEAD),
        *(() if is_told else (paragraph(section["detail"], BODY),)),
        Spacer(0, 6),
        facts_table([("Reason", section["slug"]), *remedy]),
    ]


def _chart(height: float, draw: Callable[[Area, Section], None], section: Section) -> Drawing:
    return svg2rlg(io.BytesIO(to_svg(CONTENT_WIDTH, height, draw, section)))
