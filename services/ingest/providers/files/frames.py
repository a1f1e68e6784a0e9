"""Turn the texts of any form of file into plain ones, with pandas, a column at a time.

Nothing is guessed and nothing computed: what is no number or date of its form stays as it is, so that the check
of the row refuses it in its own words. pandas is imported on use: it is heavy, and only imports need it.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.ingest.providers.answers import ratio_text, whole_text, without_float_noise
from services.ingest.providers.checking import Row
from services.ingest.providers.domain import RejectedRow
from services.ingest.providers.files.forms import Form
from services.ingest.providers.files.table import FileTable

if TYPE_CHECKING:
    import pandas as pd

_MIDNIGHT = r"\A([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]00:00:00(?:\.0+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?\Z"
_SLASHED = r"\A([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})\Z"
_THOUSANDS = r"\$?[0-9]{1,3}(?:,[0-9]{3})*(?:\.[0-9]+)?"
_FIRST_YEAR_OF_THE_1900S = "70"
MONTHS, DAYS = 12, 31
DAY_FIRST = "the date has the day first; write dates as YYYY-MM-DD"
UNCLEAR = "nothing shows whether the month or the day is first; write dates as YYYY-MM-DD"


def plain_rows(table: FileTable, form: Form) -> tuple[list[Row], list[RejectedRow]]:
    """Return the rows of `table` under our names, dates as ISO and numbers without ornament.

    Apart from them come those whose dates have the day first, or may have it.
    """
    import pandas as pd

    names = {column: form.names[column] for column in table.columns if column in form.names}
    # Objects: the text type of pandas holds neither every text nor an empty one for certain.
    frame = pd.DataFrame([row.fields for row in table.rows], columns=list(names), dtype=object)
    frame = frame.rename(columns=names).apply(lambda column: column.str.strip())
    frame["date"], refused = _iso_dates(frame["date"], form)
    for name in frame.columns.drop("date"):
        frame[name] = _without_ornament(frame[name])
    frame["volume"] = frame["volume"].map(whole_text)
    if "split_ratio" in frame:
        frame["split_ratio"] = _ratios(frame["split_ratio"], form)
    rows = enumerate(zip(table.rows, frame.to_dict("records"), strict=True))
    return [
        replace(row, fields={str(name): text for name, text in fields.items()})
        for position, (row, fields) in rows
        if position not in refused
    ], [table.rows[position].rejected(reason) for position, reason in refused.items()]


def _without_ornament(numbers: "pd.Series[str]") -> "pd.Series[str]":
    """Take off the dollar sign, commas where they belong, and what computing in floats left behind."""
    bare = numbers.str.replace(r"[$,]", "", regex=True)
    return bare.where(numbers.str.fullmatch(_THOUSANDS), numbers).map(without_float_noise)


def _ratios(ratios: "pd.Series[str]", form: Form) -> "pd.Series[str]":
    ratios = ratios.map(ratio_text)
    return ratios.str.replace(r"\A0(?:\.0*)?\Z", "", regex=True) if form.zero_means_no_split else ratios


def _iso_dates(dates: "pd.Series[str]", form: Form) -> tuple["pd.Series[str]", dict[Any, str]]:
    """Return dates as ISO, and why those of a spreadsheet are refused that may be, or are, day first, by position.

    They would pass as another day. What is no date at all stays as it is.
    """
    dates = dates.str.replace(_MIDNIGHT, r"\1", regex=True)
    parts = dates.str.extract(_SLASHED)
    month, day, year = (parts[position] for position in range(3))
    first, second = (number.fillna("0").astype(int) for number in (month, day))
    is_either = first.between(1, MONTHS) & second.between(1, MONTHS)
    shows_month = first.between(1, MONTHS) & second.between(MONTHS + 1, DAYS)
    shows_day = first.between(MONTHS + 1, DAYS) & second.between(1, MONTHS)
    has_month, has_day = bool(shows_month.any()), bool(shows_day.any())
    # One odd date in a form that is always month first does not make the others doubtful.
    is_month_first = (has_month or not has_day) if form.is_month_first else (has_month and not has_day)
    unclear = is_either & (not is_month_first)
    century = year.where(year >= _FIRST_YEAR_OF_THE_1900S, "20").where(year < _FIRST_YEAR_OF_THE_1900S, "19")
    year = year.where(year.str.len() != 2, century + year)
    iso = year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
    refused = dict.fromkeys(dates.index[shows_day], DAY_FIRST) | dict.fromkeys(dates.index[unclear], UNCLEAR)
    return iso.where(shows_month | is_either, dates), refused
