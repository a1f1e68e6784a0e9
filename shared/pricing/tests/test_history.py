"""A price history refuses what the kernel could not compute with."""

from datetime import date

import numpy as np
import pytest

from shared.pricing.history import Dividend, Hole, PriceHistory, Split, after_last_hole, last_hole


def history(**changed: object) -> PriceHistory:
    prices = np.array([10.0, 11.0])
    values: dict[str, object] = {
        "symbol": "XYZ",
        "version": 1,
        "sessions": np.array(["2020-01-02", "2020-01-03"], dtype="datetime64[D]"),
        **dict.fromkeys(("open", "high", "low", "close"), prices),
        "volume": np.array([5, 0], dtype=np.int64),
    }
    return PriceHistory(**(values | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"sessions": np.array(["2020-01-03", "2020-01-02"], dtype="datetime64[D]")}, "ascend"),
        ({"sessions": np.array(["2020-01-02", "2020-01-02"], dtype="datetime64[D]")}, "ascend"),
        ({"sessions": np.array(["2020-01-02", "2020-01-03"], dtype="datetime64[ns]")}, "sessions"),
        ({"close": np.array([10.0, np.nan])}, "close"),
        ({"low": np.array([10.0, 0.0])}, "low"),
        ({"high": np.array([10.0, np.inf])}, "high"),
        ({"open": np.array([10.0])}, "open"),
        ({"open": np.array([10, 11])}, "open"),
        ({"volume": np.array([5, -1])}, "volume"),
        ({"volume": np.array([5.0, 1.0])}, "volume"),
    ],
)
def test_history_names_the_array_that_breaks_a_rule(changed: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        history(**changed)


def test_history_may_be_empty() -> None:
    nothing = np.array([])
    empty = history(
        sessions=np.array([], dtype="datetime64[D]"),
        **dict.fromkeys(("open", "high", "low", "close"), nothing),
        volume=np.array([], dtype=np.int64),
    )

    assert len(empty.sessions) == 0


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_actions_refuse_what_is_not_above_zero(value: float) -> None:
    with pytest.raises(ValueError, match="2020-01-02"):
        Split(ex_date=date(2020, 1, 2), ratio=value)
    with pytest.raises(ValueError, match="2020-01-02"):
        Dividend(ex_date=date(2020, 1, 2), amount=value)


@pytest.mark.parametrize(
    ("days", "kept", "hole"),
    [
        (["2020-01-02", "2020-02-02", "2020-02-03"], 3, None),  # 31 days
        (["2020-01-02", "2020-02-03", "2020-02-04"], 2, ("2020-01-02", "2020-02-03", 1)),  # 32 days
        (["2018-01-02", "2020-01-02", "2026-01-02"], 1, ("2020-01-02", "2026-01-02", 2)),
        (["2020-01-02"], 1, None),
        ([], 0, None),
    ],
)
def test_only_what_follows_the_last_hole_is_one_series(
    days: list[str], kept: int, hole: tuple[str, str, int] | None
) -> None:
    prices = np.arange(1.0, len(days) + 1)
    whole = history(
        sessions=np.array(days, dtype="datetime64[D]"),
        volume=np.arange(len(days), dtype=np.int64),
        splits=(Split(ex_date=date(2019, 1, 2), ratio=2.0),),
        **dict.fromkeys(("open", "high", "low", "close"), prices),
    )

    rest = after_last_hole(whole)

    assert rest.sessions.tolist() == whole.sessions.tolist()[len(days) - kept :]
    assert rest.close.tolist() == prices.tolist()[len(days) - kept :]
    assert last_hole(whole) == (
        hole
        and Hole(
            last_before=date.fromisoformat(hole[0]),
            first_after=date.fromisoformat(hole[1]),
            count_before=hole[2],
        )
    )
    assert (rest.symbol, rest.version, rest.splits) == (whole.symbol, whole.version, whole.splits)
