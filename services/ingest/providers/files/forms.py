"""The forms of price files that are known: what each calls its columns and what its prices mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.ingest.providers.checking import OPTIONAL, REQUIRED
from services.ingest.providers.domain import UnclearForm, UnknownForm
from services.ingest.providers.files.table import FileTable, refused
from services.ingest.providers.precision import NASDAQ, YAHOO, Precision
from shared.symbols import printable

SYMBOL_COLUMNS = ("symbol", "ticker")
DOLLARS = "$"  # stands among a file's columns when its prices begin with one

_SAME = {name: name for name in REQUIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form of file: our names of its columns and what else it has that nobody needs, by how it begins.

    One of `marks` must be there. `adjusted` is how exactly prices are printed that were divided by later splits,
    None when they are as traded. `zero_means_no_split` where a split ratio of 0 stands beside every session,
    and `is_month_first` where dates such as 09/08/2020 need no other one to show it.
    """

    name: str
    names: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    marks: frozenset[str] = frozenset({"date", "timestamp"})
    adjusted: Precision | None = None
    zero_means_no_split: bool = False
    is_month_first: bool = False

    def foreign(self, columns: Iterable[str]) -> list[str]:
        """Return the columns that such a file does not have."""
        known = {*self.names, *SYMBOL_COLUMNS}
        return [name for name in columns if name not in known and not name.startswith(self.ignored)]

    def missing(self, columns: Iterable[str]) -> list[str]:
        """Return our names of the columns that such a file has and `columns` lack."""
        given = {self.names.get(name) for name in columns}
        return [name for name in REQUIRED if name not in given]

    def fits(self, columns: frozenset[str]) -> bool:
        """Tell whether a file with such columns can be of this form."""
        return not (self.marks.isdisjoint(columns) or self.foreign(columns) or self.missing(columns))


PLAIN = Form(name="plain", names={**_SAME, **{name: name for name in OPTIONAL}}, ignored=("adj_",))
ALPHAVANTAGE = Form(
    name="alphavantage",
    names={**_SAME, "timestamp": "date", "dividend_amount": "dividend", "split_coefficient": "split_ratio"},
    ignored=("adjusted_close",),
    marks=frozenset({"timestamp"}),
)
NASDAQ_SITE = Form(
    name="nasdaq",
    names={**_SAME, "close/last": "close"},
    ignored=(DOLLARS,),
    marks=frozenset({"close/last", DOLLARS}),
    adjusted=NASDAQ,
    is_month_first=True,
)
YAHOO_SITE = Form(
    name="yahoo",
    names={**_SAME, "dividends": "dividend", "stock splits": "split_ratio"},
    ignored=("adj close", "adj_close", "capital gains"),
    marks=frozenset({"adj close", "adj_close"}),
    adjusted=YAHOO,
    zero_means_no_split=True,
)
WIKI = Form(
    name="wiki",
    names={**_SAME, "ex-dividend": "dividend", "split_ratio": "split_ratio", "split ratio": "split_ratio"},
    ignored=("adj_", "adj. "),
    marks=frozenset({"ex-dividend"}),
)
FORMS = (PLAIN, ALPHAVANTAGE, NASDAQ_SITE, YAHOO_SITE, WIKI)


def form_named(name: str) -> Form:
    """Return the form called `name`. Raises UnknownForm."""
    for form in FORMS:
        if form.name == name:
            return form
    raise UnknownForm(name, known=[form.name for form in FORMS])


def form_of(table: FileTable, *, named: str | None) -> Form:
    """Return the form of a file: the one that is `named`, else the only one that its columns fit.

    Raises:
        UnknownForm: none is called so.
        ImportRejected: the file is not of the form that is named.
        UnclearForm: the columns fit none, or several.
    """
    columns = _columns(table)
    if named is not None:
        form = form_named(named)
        _require(form, columns)
        return form
    fitting = [form for form in FORMS if form.fits(frozenset(columns))]
    if len(fitting) == 1:
        return fitting[0]
    shown = printable(", ".join(table.columns))
    names = [form.name for form in fitting or FORMS]
    if fitting:
        detail = (
            f"The columns {shown} may be of the forms {' and '.join(names)},"
            " whose prices mean different things; say which with the form's name."
        )
    else:
        detail = f"The columns {shown} are of no known form; known are {', '.join(names)}."
    raise UnclearForm(detail, forms=names, columns=[printable(name) for name in table.columns])


def _columns(table: FileTable) -> tuple[str, ...]:
    has_dollars = table.rows and any(text.startswith(DOLLARS) for text in table.rows[0].fields.values())
    return (*table.columns, DOLLARS) if has_dollars else table.columns


def _require(form: Form, columns: tuple[str, ...]) -> None:
    header = ",".join(columns)
    if missing := form.missing(columns):
        raise refused(1, f"a file of the form {form.name} has {', '.join(missing)} too", header)
    if foreign := form.foreign(columns):
        raise refused(1, f"a file of the form {form.name} has no column '{printable(foreign[0])}'", header)
    names = [form.names[name] for name in columns if name in form.names]
    if len(set(names)) < len(names):
        raise refused(1, "the header names a column twice", header)
