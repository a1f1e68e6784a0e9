"""Render a report: one document, its hash, and the three files that carry both."""

from dataclasses import dataclass
from typing import Any

from services.reports.documents.canonical import canonical_json, content_hash
from services.reports.documents.domain import build_document
from services.reports.documents.material import ReportMaterial


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedReport:
    """A document, its hash, and the bytes of its files; each file names the hash."""

    document: dict[str, Any]
    hash: str
    json_bytes: bytes
    pdf_bytes: bytes
    png_bytes: bytes


def render(material: ReportMaterial) -> RenderedReport:
    """Return the report of this material: equal material has equal bytes.

    Raises `ValueError` for NaN, an infinity or series of unequal length, and `KeyError` for a unit or a
    band's quantile that is missing.
    """
    # Here and not above: drawing takes matplotlib, a second of import that a process which only hands out
    # finished files never needs.
    from services.reports.documents.pdf import render_pdf
    from services.reports.documents.png import render_png

    document = build_document(material)
    document_hash = content_hash(document)
    return RenderedReport(
        document=document,
        hash=document_hash,
        json_bytes=canonical_json({"document": document, "hash": document_hash}) + b"\n",
        pdf_bytes=render_pdf(document, document_hash),
        png_bytes=render_png(document, document_hash),
    )
