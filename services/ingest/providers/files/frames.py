"""Turn the texts of any form of file into plain ones, with pandas, a column at a time.

Nothing is guessed and nothing computed: what is no number or date of its form stays as it is, so that the check
of the row refuses it in its own words. pandas is imported on use: it is heavy, and only imports need it.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from services.ingest.providers.answers import ratio_text, whole_text, without_float_noise
from services.ingest.providers.checking import Row
from services.ingest.providers.files.forms import Form
from services.ingest.providers.files.table import FileTable, refused

if TYPE_CHECKING:
    import pandas as pd

_MIDNIGHT = r"\A([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]00:00:00(?:\.0+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?\Z"
_SLASHED = r"\A([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})\Z"
_AS_NASDAQ_WRITES = r"[0-9]{2}/[0-9]{2}/[0-9]{4}"
_THOUSANDS = r"\$?[0-9]{1,3}(?:,[0-9]{3})*(?:\.[0-9]+)?"
_FIRST_YEAR_OF_THE_1900S = "70"


def plain_rows(table: FileTable, form: Form) -> list[Row]:
    """Return the rows of `table` under our names, dates as ISO and numbers without ornament.

    Raises:
        ImportRejected: dates have the day first, or nothing shows what comes first.
    """
    import pandas as pd

    names = {column: form.names[column] for column in table.columns if column in form.names}
    # Objects: the text type of pandas holds neither every text nor an empty one for certain.
    frame = pd.DataFrame([row.fields for row in table.rows], columns=list(names), dtype=object)
    frame = frame.rename(columns=names).apply(lambda column: column.str.strip())
    frame["date"] = _iso_dates(frame["date"], table)
    for name in frame.columns.drop("date"):
        frame[name] = _without_ornament(frame[name])
    frame["volume"] = frame["volume"].map(whole_text)
    if "split_ratio" in frame:
        frame["split_ratio"] = _ratios(frame["split_ratio"], form)
    rows = zip(table.rows, frame.to_dict("records"), strict=True)
    return [replace(row, fields={str(name): text for name, text in fields.items()}) for row, fields in rows]


def _without_ornament(numbers: "pd.Series[str]") -> "pd.Series[str]":
    """Take off the dollar sign, commas where they belong, and what computing in floats left behind."""
    bare = numbers.str.replace(r"[$,]", "", regex=True)
    return bare.where(numbers.str.fullmatch(_THOUSANDS), numbers).map(without_float_noise)


def _ratios(ratios: "pd.Series[str]", form: Form) -> "pd.Series[str]":
    ratios = ratios.map(ratio_text)
    return ratios.str.replace(r"\A0(?:\.0*)?\Z", "", regex=True) if form.zero_means_no_split else ratios


def _iso_dates(dates: "pd.Series[str]", table: FileTable) -> "pd.Series[str]":
    dates = dates.str.replace(_MIDNIGHT, r"\1", regex=True)
    parts = dates.str.extract(_SLASHED)
    month, day, year = (parts[position] for position in range(3))
    _require_month_first(dates, month.dropna().astype(int), day.dropna().astype(int), table)
    century = year.where(year >= _FIRST_YEAR_OF_THE_1900S, "20").where(year < _FIRST_YEAR_OF_THE_1900S, "19")
    year = year.where(year.str.len() != 2, century + year)
    iso = year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
    return iso.where(month.notna(), dates)


def _require_month_first(
    dates: "pd.Series[str]", month: "pd.Series[int]", day: "pd.Series[int]", table: FileTable
) -> None:
    """Refuse dates of a spreadsheet that may be, or are, day first: some would pass as another day."""
    if month.empty:
        return
    wrong = month[month > 12]
    if not wrong.empty:
        row = table.rows[int(wrong.index[0])]
        raise refused(row.line, "the dates are not month first; write them as YYYY-MM-DD", row.text)
    if day.max() <= 12 and not dates[month.index].str.fullmatch(_AS_NASDAQ_WRITES).all():
        row = table.rows[int(month.index[0])]
        raise refused(
            row.line,
            "nothing shows whether the month or the day is first; write dates as YYYY-MM-DD",
            row.text,
        )
