"""What a strategy is: name, version, typed parameters that describe themselves, decisions from bars."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from functools import cache
from typing import Any, ClassVar

import numpy as np

from services.analytics.kernel.arrays import SignalArray
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.series import Series


def parameter(*, default: float, minimum: float, maximum: float, explanation: str) -> Any:
    """Declare one field of a `Parameters` dataclass, with its inclusive range and one sentence for people."""
    return field(default=default, metadata={"minimum": minimum, "maximum": maximum, "help": explanation})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Base of every parameter set; checks type and range of each declared field.

    Raises InvalidParameter naming the field and what is permitted.
    """

    def __post_init__(self) -> None:
        parameters_type: Any = type(self)
        for declared, kind, (minimum, maximum) in _declared(parameters_type):
            value: Any = getattr(self, declared.name)
            is_of_kind = type(value) is kind
            if is_of_kind and minimum <= value <= maximum:
                continue  # by far the most: the cells of a sweep
            _check_type(declared, value)
            _check_range(declared, value)
            if kind is float:
                # JSON tells 3 from 3.0 no more than people do: both are one parameter set.
                object.__setattr__(self, declared.name, float(value))


class Strategy[P: Parameters](ABC):
    """A rule that decides at the close of each session; one stateless instance per strategy.

    `version` changes whenever the same bars and parameters could give other decisions. `has_levels` says that
    its decisions may hold more than signals: limits, stops, targets.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    summary: ClassVar[str]
    has_levels: ClassVar[bool] = False
    parameters_type: type[P]

    @abstractmethod
    def warm_up_sessions(self, parameters: P) -> int:
        """Return how many sessions the first decision needs, its own included."""

    @abstractmethod
    def decide(self, series: Series, parameters: P) -> Decisions:
        """Return what it decides at each close of n bars; no signal during warm-up.

        Element t may depend on the elements 0 .. t of the series only.
        """

    def signals_of(self, series: Series, parameter_sets: Sequence[P]) -> SignalArray:
        """Return (k, n) int8: the signals of `decide` for each of k parameter sets, one row each.

        A strategy may replace this by something faster that gives the same signals.
        """
        signals = np.empty((len(parameter_sets), len(series)), dtype=np.int8)
        for row, parameters in zip(signals, parameter_sets, strict=True):
            row[:] = self.decide(series, parameters).signal
        return signals

    def parse(self, values: Mapping[str, Any]) -> P:
        """Return the parameters of this strategy, defaults for those not given.

        Raises InvalidParameter for an unknown name, a wrong type or a value out of range.
        """
        permitted = {declared.name for declared in fields(self.parameters_type)}
        for name in values:
            if name not in permitted:
                raise self._unknown(name)
        return self.parameters_type(**values)

    def check_value(self, name: str, value: Any) -> Any:
        """Return one parameter's value as the strategy takes it, whatever the others are.

        Raises InvalidParameter for an unknown name, a wrong type or a value out of range.
        """
        declared = {found.name: found for found in fields(self.parameters_type)}
        if name not in declared:
            raise self._unknown(name)
        _check_type(declared[name], value)
        _check_range(declared[name], value)
        return float(value) if declared[name].type is float else value

    def described_parameters(self) -> list[dict[str, Any]]:
        """Return name, type, default, minimum, maximum and help of each parameter, JSON-safe."""
        return [
            {"name": f.name, "type": _type_of(f).__name__, "default": f.default, **f.metadata}
            for f in fields(self.parameters_type)
        ]

    def described(self) -> dict[str, Any]:
        """Return all that a form or a program needs to ask for a run, JSON-safe; a whole number stays one.

        `warm_up_sessions` is how many bars the first decision needs with the default parameters.
        """
        return {
            "name": self.name,
            "version": self.version,
            "summary": self.summary,
            "has_levels": self.has_levels,
            "warm_up_sessions": self.warm_up_sessions(self.parse({})),
            "parameters": self.described_parameters(),
        }

    def _unknown(self, name: str) -> InvalidParameter:
        permitted = [declared.name for declared in fields(self.parameters_type)]
        return InvalidParameter(
            f"{self.name} has no parameter {name!r}; permitted are {', '.join(permitted)}.",
            field=name,
            permitted=permitted,
        )


@cache
def _declared(kind: type[Any]) -> tuple[tuple[Field[Any], type, tuple[float, float]], ...]:
    """Return each field of a parameter set with its type and its range."""
    return tuple((f, _type_of(f), (f.metadata["minimum"], f.metadata["maximum"])) for f in fields(kind))


def _type_of(declared: Field[Any]) -> type:
    assert isinstance(declared.type, type), f"{declared.name} must be annotated with a plain class"
    return declared.type


def _check_type(declared: Field[Any], value: Any) -> None:
    # bool is an int to Python, but true is no window.
    permitted = (int, float) if declared.type is float else _type_of(declared)
    if isinstance(value, bool) or not isinstance(value, permitted):
        raise InvalidParameter(
            f"{declared.name} is {value!r} and must be of type {_type_of(declared).__name__}.",
            field=declared.name,
        )


def _check_range(declared: Field[Any], value: Any) -> None:
    minimum, maximum = declared.metadata["minimum"], declared.metadata["maximum"]
    if not minimum <= value <= maximum:
        raise InvalidParameter(
            f"{declared.name} is {value} and must be between {minimum} and {maximum}.",
            field=declared.name,
            minimum=minimum,
            maximum=maximum,
        )
