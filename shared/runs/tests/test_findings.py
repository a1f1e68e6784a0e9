from typing import Any

import pytest

from shared.runs.findings import Finding, findings_of, outdated, verdict_on
from shared.runs.tests.sample import sample_truth


def texts(truth: Any, **more: Any) -> dict[str, Finding]:
    return {found.label: found for found in findings_of(truth, **more)}


@pytest.mark.parametrize(
    ("truth", "begin"),
    [
        (sample_truth(), "Not distinguishable from luck: without any edge, returns as good come in 30.3 %"),
        (
            sample_truth(p_value=0.01),
            "Not distinguishable from luck: the best of 45 trials without an edge may look as good (deflated"
            " Sharpe ratio 61.2 %",
        ),
        (
            sample_truth(p_value=0.01, passed=True, deflated_sharpe=0.981, trials=1),
            "More than luck: without an edge, returns as good come in 1.0 % of cases, and the Sharpe ratio stands"
            " after 1 trial (deflated 98.1 %).",
        ),
        (
            sample_truth() | {"luck": None, "no_luck_reason": "no dispersion"},
            "Whether this is luck cannot be",
        ),
        (None, "Not tested for luck."),
    ],
)
def test_one_sentence_says_whether_the_result_is_luck(truth: Any, begin: str) -> None:
    found = verdict_on(truth)

    assert found.text.startswith(begin)
    assert found.text.endswith(".")
    assert found.is_warning is not begin.startswith("More")


def test_a_rule_that_looks_ahead_is_not_believed_however_good_it_is() -> None:
    truth = sample_truth(passed=True, p_value=0.001, deflated_sharpe=0.999)
    truth["look_ahead"] |= {"passed": False, "first_difference": "2013-05-03"}

    assert verdict_on(truth).text.startswith("Do not believe this result")
    assert texts(truth)["Look-ahead"] == Finding(
        label="Look-ahead",
        text="The decision of 2013-05-03 changes when the prices after it are taken away.",
        is_warning=True,
    )


def test_every_test_is_told_with_its_figures_and_whether_it_is_a_weakness() -> None:
    found = texts(sample_truth(), initial_capital=10_000.0)

    assert {label: finding.is_warning for label, finding in found.items()} == {
        "Look-ahead": False,
        "Warm-up": False,
        "Chance of such returns": True,
        "Deflated Sharpe ratio": True,
        "Length of the record": True,
        "Drawdown, resampled": False,
        "End equity, resampled": False,
        "Choice of the symbol": True,
        "Gaps in the prices": False,
    }
    assert found["Chance of such returns"].text.startswith("p-value 0.303, from 1,000 resampled paths")
    assert "61.2 % after 45 trials on these prices, 12 of them" in found["Deflated Sharpe ratio"].text
    assert found["Drawdown, resampled"].text == "−78.8 % · −52.8 % · −32.1 % (5 · 50 · 95 % of paths)"
    assert found["End equity, resampled"].text == "3,141 · 9,984 · 32,811 (5 · 50 · 95 % of paths)"
    assert texts(sample_truth())["End equity, resampled"].text.startswith("0.31 x · 1.00 x · 3.28 x")


@pytest.mark.parametrize(
    ("needed", "is_weak", "part"),
    [
        (6455, True, "after 6,455 sessions only"),
        (None, True, "No record, however long"),
        (90, False, "Enough"),
    ],
)
def test_the_length_of_the_record_is_told(needed: int | None, is_weak: bool, part: str) -> None:
    truth = sample_truth(track_record={"sessions": 3581, "needed_sessions": needed, "text": ""})

    found = texts(truth)["Length of the record"]

    assert (part in found.text, found.is_warning) == (True, is_weak)


def test_a_warm_up_that_is_too_short_or_could_not_be_tested_is_a_weakness() -> None:
    short, untested = sample_truth(), sample_truth()
    short["warm_up"] |= {"passed": False, "signals_changed": 12, "memory_sessions": 310}
    untested["warm_up"] |= {"signals_compared": 0}

    assert "changes 12 of 9,947 decisions; the rule remembers 310 sessions" in texts(short)["Warm-up"].text
    assert all(texts(truth)["Warm-up"].is_warning for truth in (short, untested))


def test_a_known_probability_of_overfitting_is_told() -> None:
    found = texts(sample_truth() | {"overfitting": {"probability": 0.62}})["Overfitting"]

    assert ("In 62.0 % of splits" in found.text, found.is_warning) == (True, True)


def test_a_run_without_tests_has_no_findings_and_one_without_luck_has_the_others() -> None:
    assert findings_of(None) == []
    assert "Deflated Sharpe ratio" not in texts(sample_truth() | {"luck": None})


def test_a_run_on_corrected_prices_is_outdated() -> None:
    found = outdated(3)

    assert outdated(None) is None
    assert found is not None
    assert "by version 3" in found.text
