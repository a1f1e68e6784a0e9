"""Takes hostile JSON apart: whatever is wrong is collected, so that a caller learns of all of it at once."""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

import numpy as np

from services.analytics.kernel.arrays import DateArray, FloatArray
from shared.contracts.codec import MalformedEvent, OversizeEvent, loads
from shared.errors import BellwetherError, InsufficientHistory, ValidationFailed

MAXIMUM_BYTES: Final = 16 * 1024 * 1024
MAXIMUM_LENGTH: Final = 200_000
MAXIMUM_AMOUNT: Final = 1e15
EARLIEST, LATEST = date(1700, 1, 1), date(2999, 12, 31)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHOWN = 80
_NAMED = 20


class Errors:
    """What is wrong with a request, one row for each field."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, attr: str, detail: str, *, code: str = "invalid") -> None:
        """Note that the field is wrong."""
        self.rows.append({"attr": attr, "code": code, "detail": detail})

    @contextmanager
    def at(self, attr: str) -> Iterator[None]:
        """Note what is refused inside, at the field that it names below `attr`, else at `attr` itself."""
        try:
            yield
        except InsufficientHistory:
            raise
        except BellwetherError as error:
            field = error.extra.get("field")
            self.add(f"{attr}.{field}" if field else attr, error.detail, code=error.slug)

    def refuse(self) -> None:
        """Raise ValidationFailed with all that was noted, if anything was."""
        if self.rows:
            named = "; ".join(f"{row['attr']}: {row['detail']}" for row in self.rows[:5])
            raise ValidationFailed(named, errors=self.rows)


class Members:
    """The members of one JSON object, each taken with its type and its range.

    What is wrong is noted, and None stands for it until `Errors.refuse` is called. A member that is null is not
    given. `place` is where the object stands, empty for the whole body.
    """

    def __init__(self, value: Any, errors: Errors, *, place: str, known: Collection[str]) -> None:
        self._errors, self._place = errors, place
        self._values: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            errors.add(place or "body", "Give an object.", code="wrong_type")
        for name in [name for name in self._values if name not in known][:_NAMED]:
            detail = f"Unknown; known are: {', '.join(known)}."
            errors.add(self.path(name[:_SHOWN]), detail, code="unknown_field")

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def path(self, name: str) -> str:
        """Return how the member is named to people."""
        return f"{self._place}.{name}" if self._place else name

    def get(self, name: str) -> Any:
        """Return the value as it was given, None if it was not."""
        return self._values.get(name)

    def require(self, *names: str) -> None:
        """Note each of these that is not given."""
        for name in names:
            if name not in self:
                self._errors.add(self.path(name), "This is required.", code="required")

    def number(self, name: str, *, minimum: float, maximum: float, default: float | None = None) -> Any:
        """Return a number of that range, as a float."""
        value = self._values.get(name)
        if value is None:
            return default
        if not _is_number(value):
            return self._wrong(name, "a number", value)
        if not minimum <= value <= maximum:
            return self._out_of_range(name, value, minimum, maximum)
        return float(value)

    def whole(self, name: str, *, minimum: int, maximum: int, default: int | None = None) -> Any:
        """Return a whole number of that range."""
        value = self._values.get(name)
        if value is None:
            return default
        if not _is_number(value) or value != math.floor(value):
            return self._wrong(name, "a whole number", value)
        if not minimum <= value <= maximum:
            return self._out_of_range(name, value, minimum, maximum)
        return int(value)

    def flag(self, name: str, *, default: bool) -> Any:
        """Return true or false."""
        value = self._values.get(name)
        if value is None:
            return default
        return value if isinstance(value, bool) else self._wrong(name, "true or false", value)

    def choice(self, name: str, permitted: Sequence[str], *, default: str | None = None) -> Any:
        """Return one of these texts."""
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, str) or value not in permitted:
            return self._wrong(name, f"one of {', '.join(permitted)}", value)
        return value

    def amounts(self, name: str, *, least: int, smallest: float = 0.0) -> FloatArray | None:
        """Return an array of amounts, each 0 or at least `smallest` in size and none above MAXIMUM_AMOUNT."""
        values = self._array(name, least=least)
        if values is None:
            return None
        wrong = next((row for row, value in enumerate(values) if not _is_amount(value, smallest)), None)
        if wrong is not None:
            permitted = f"0 or a number from {smallest:g} to {MAXIMUM_AMOUNT:g} in size"
            self._wrong(f"{name}[{wrong}]", permitted, values[wrong])
            return None
        return np.array(values, dtype=np.float64)

    def dates(self, name: str, *, least: int) -> DateArray | None:
        """Return an array of ascending plain dates."""
        values = self._array(name, least=least)
        if values is None:
            return None
        days = [_day(value) for value in values]
        if None in days:
            wrong = days.index(None)
            self._wrong(
                f"{name}[{wrong}]", f"a date as YYYY-MM-DD from {EARLIEST} to {LATEST}", values[wrong]
            )
            return None
        found = np.array(days, dtype="datetime64[D]")
        unordered = np.flatnonzero(found[1:] <= found[:-1])
        if len(unordered):
            row = int(unordered[0]) + 1
            self._wrong(f"{name}[{row}]", f"a date after {found[row - 1]}", values[row])
            return None
        return found

    def _array(self, name: str, *, least: int) -> list[Any] | None:
        values = self._values.get(name)
        if values is None:
            return None
        if not isinstance(values, list):
            self._wrong(name, "an array", values)
        elif not least <= len(values) <= MAXIMUM_LENGTH:
            detail = f"This has {len(values)} elements; {least} to {MAXIMUM_LENGTH:,} are taken."
            self._errors.add(self.path(name), detail, code="wrong_length")
        else:
            return values
        return None

    def _wrong(self, name: str, wanted: str, value: Any) -> None:
        shown = "an array" if isinstance(value, list) else "an object" if isinstance(value, dict) else None
        shown = shown or repr(value)[:_SHOWN]
        self._errors.add(self.path(name), f"This is {shown}; give {wanted}.", code="wrong_value")

    def _out_of_range(self, name: str, value: float, minimum: float, maximum: float) -> None:
        detail = f"This is {str(value)[:_SHOWN]} and must be between {minimum:,.10g} and {maximum:,.10g}."
        self._errors.add(self.path(name), detail, code="out_of_range")


def read_body(body: bytes) -> Any:
    """Return the value of strict JSON. Raises ValidationFailed."""
    if len(body) > MAXIMUM_BYTES:
        raise ValidationFailed(f"The input is larger than {MAXIMUM_BYTES:,} bytes.", field="body")
    try:
        return loads(body, limit_bytes=MAXIMUM_BYTES)
    except (MalformedEvent, OversizeEvent) as error:
        raise ValidationFailed(f"The input is not strict JSON. {error.detail}", field="body") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_amount(value: Any, smallest: float) -> bool:
    return _is_number(value) and (value == 0 or smallest <= abs(value) <= MAXIMUM_AMOUNT)


def _day(value: Any) -> date | None:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return None
    return found if EARLIEST <= found <= LATEST else None
