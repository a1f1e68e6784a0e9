"""The typography of the PDF: fonts, styles, tables and the frame of every page."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, override
from xml.sax.saxutils import escape

import matplotlib as mpl
from reportlab import rl_config
from reportlab.graphics.shapes import STATE_DEFAULTS
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, Table
from svglib.svglib import register_font

REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
INK, MUTED, ACCENT = HexColor("#1B2430"), HexColor("#5F6B7A"), HexColor("#0B5CAD")
RULE, SHADE = HexColor("#D5DBE2"), HexColor("#F3F6F9")
WARNING, WARNING_SHADE = HexColor("#B45309"), HexColor("#FDF5E6")

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN = 48.0
TOP, BOTTOM = 62.0, 54.0
CONTENT_WIDTH = PAGE_WIDTH - 2 * MARGIN
SHORT_HASH = 12
FIRST_CELL_SHARE = 1.3  # the total return may have many digits

type Cell = str | Flowable

# Named in every table, even where paragraphs fill it: a table's own default is an unembedded Helvetica.
CELL_FONT = ("FONT", (0, 0), (-1, -1), REGULAR, 7.2, 9.6)

# Streams as bytes: the text encoding, made for transports of seven bits, costs a quarter of the file.
rl_config.useA85 = 0


def _style(name: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(
        name, fontName=REGULAR, fontSize=size, leading=leading, textColor=INK, alignment=TA_LEFT, **more
    )


TITLE = _style("title", 30, 38)
SUBTITLE = _style("subtitle", 8.5, 13)
LEAD = _style("lead", 10.5, 16, spaceAfter=4)
SUBHEADING = _style("subheading", 8.5, 12, spaceBefore=10, spaceAfter=4, keepWithNext=1)
BODY = _style("body", 8, 12.5)
CELL = _style("cell", 7.2, 9.6)
CAPTION = _style("caption", 7, 10.5, spaceBefore=2)
FIGURE = _style("figure", 14, 18)
STRIP_NOTE = _style("strip note", 6.3, 9)
for _heavy in (TITLE, SUBHEADING, FIGURE):
    _heavy.fontName = BOLD
for _quiet in (SUBTITLE, CAPTION, STRIP_NOTE):
    _quiet.textColor = MUTED


@cache
def register_fonts() -> None:
    """Make the two faces known to reportlab, and to svglib by the name and weights that matplotlib writes."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for face in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(face, folder / f"{face}.ttf"))
    STATE_DEFAULTS["fontName"] = REGULAR  # a drawing starts with this font, used or not
    register_font("DejaVu Sans", rlgFontName=REGULAR)
    register_font("DejaVu Sans", weight="700", rlgFontName=BOLD)


def paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    """Return text as a paragraph: the only way to reportlab's markup, which would read local files."""
    return Paragraph(escape(text).replace(" %", "\N{NO-BREAK SPACE}%"), style)


class Heading(Flowable):  # type: ignore[misc]
    """A section's title under a rule, listed in the PDF's outline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.keepWithNext = 1
        self.text = text
        self.spaceBefore, self.spaceAfter = 16, 5

    def wrap(self, available_width: float, _: float) -> tuple[float, float]:
        """Take the whole width."""
        self.width, self.height = available_width, 26.0
        return self.width, self.height

    def draw(self) -> None:
        """Draw the rule and the title, and note the place."""
        canvas = self.canv
        canvas.bookmarkPage(self.text)
        canvas.addOutlineEntry(self.text, self.text, 0)
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(0.8)
        canvas.line(0, self.height, self.width, self.height)
        canvas.setFillColor(INK)
        canvas.setFont(BOLD, 13)
        canvas.drawString(0, 6, self.text)


def figures_table(
    head: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[float], *, text_columns: int = 1
) -> Table:
    """Return a table of figures, right-aligned after `text_columns` columns, its head repeated on each page.

    A string cell is drawn as it stands, without markup; the figures of the font are all of one width.
    """
    table = Table([list(head), *(list(row) for row in rows)], colWidths=list(widths), repeatRows=1)
    style: list[tuple[Any, ...]] = [
        CELL_FONT,
        ("FONT", (0, 0), (-1, 0), BOLD, 6.8, 9.6),
        ("TEXTCOLOR", (0, 0), (-1, -1), INK),
        ("TEXTCOLOR", (0, 0), (-1, 0), MUTED),
        ("ALIGN", (text_columns, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1.3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.0),
        ("LEFTPADDING", (0, 0), (0, -1), 3),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 3),
        ("LINEBELOW", (0, 0), (-1, 0), 0.6, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.25, RULE),
    ]
    table.setStyle(style)
    return table


def facts_table(
    facts: Sequence[tuple[str, str]], *, label_width: float = 138.0, style: ParagraphStyle = CELL
) -> Table:
    """Return a table of labels with a text each."""
    rows = [[paragraph(label, style), paragraph(text, style)] for label, text in facts]
    table = Table(rows, colWidths=[label_width, CONTENT_WIDTH - label_width])
    table.setStyle(
        [
            CELL_FONT,
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 1.7),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.3),
            ("LEFTPADDING", (0, 0), (0, -1), 3),
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, RULE),
        ]
    )
    return table


def warning_table(warnings: Sequence[tuple[str, str]]) -> Table:
    """Return a table of labels with a text each that cannot be overlooked."""
    table = facts_table(warnings, label_width=96, style=BODY)
    table.setStyle(
        [
            ("BACKGROUND", (0, 0), (-1, -1), WARNING_SHADE),
            ("LINEBEFORE", (0, 0), (0, -1), 2.5, WARNING),
            ("LEFTPADDING", (0, 0), (0, -1), 9),
            ("TOPPADDING", (0, 0), (-1, -1), 3.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4.5),
        ]
    )
    return table


def strip_table(cells: Sequence[tuple[str, str, str]]) -> Table:
    """Return the headline strip: per cell a label, a figure in large type, and the line below it."""
    rows = [
        [paragraph(cell[row], style) for cell in cells]
        for row, style in enumerate((CAPTION, FIGURE, STRIP_NOTE))
    ]
    narrow = CONTENT_WIDTH / (len(cells) + FIRST_CELL_SHARE - 1)
    widths = [narrow * FIRST_CELL_SHARE, *[narrow] * (len(cells) - 1)]
    table = Table(rows, colWidths=widths)
    table.setStyle(
        [
            CELL_FONT,
            ("BACKGROUND", (0, 0), (-1, -1), SHADE),
            ("LEFTPADDING", (0, 0), (-1, -1), 9),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
            ("TOPPADDING", (0, 0), (-1, 0), 7),
            ("BOTTOMPADDING", (0, -1), (-1, -1), 8),
            ("LINEAFTER", (0, 0), (-2, -1), 4, HexColor("#FFFFFF")),
        ]
    )
    return table


class NumberedCanvas(Canvas):  # type: ignore[misc]
    """A canvas that writes header and footer last, when the number of pages is known."""

    def __init__(self, *args: Any, symbol: str, document_hash: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._symbol, self._hash = symbol, document_hash
        self._pages: list[dict[str, Any]] = []

    @override
    def showPage(self) -> None:
        """Keep the page for `save`."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write every page with its frame."""
        for page in self._pages:
            self.__dict__.update(page)
            self._frame(len(self._pages))
            super().showPage()
        super().save()

    def _frame(self, page_count: int) -> None:
        self.setStrokeColor(RULE)
        self.setLineWidth(0.5)
        self.line(MARGIN, 40, PAGE_WIDTH - MARGIN, 40)
        self._words(PAGE_HEIGHT - 38, BOLD, f"Bellwether   {self._symbol}", "left")
        self._words(PAGE_HEIGHT - 38, REGULAR, f"document {self._hash[:SHORT_HASH]}", "right")
        self._words(28, REGULAR, "A simulation from past prices. Not investment advice.", "left")
        self._words(28, REGULAR, f"page {self._pageNumber} of {page_count}", "right")

    def _words(self, height: float, face: str, text: str, side: Literal["left", "right"]) -> None:
        self.setFont(face, 7)
        self.setFillColor(MUTED)
        if side == "left":
            self.drawString(MARGIN, height, text)
        else:
            self.drawRightString(PAGE_WIDTH - MARGIN, height, text)
