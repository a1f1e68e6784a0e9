"""What the truth tests of a run found, in words.

The tests are those of services/analytics; `truth` is what `BacktestCompleted` says of them, null for a run that was
made before there were any.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SIGNIFICANT = 0.05
_UNTESTED = "This run was made before runs were tested for luck; make it again to have it tested."
_STAMPS = {"selection_bias": "Choice of the symbol", "data_gap": "Gaps in the prices"}

type Truth = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One test and what it found; a warning is a weakness of the result."""

    label: str
    text: str
    is_warning: bool = False


def verdict_on(truth: Truth | None) -> Finding:
    """Return the one sentence that a reader must know before the figures: skill, luck, or not to be told."""
    if truth is None:
        return _verdict("Not tested for luck. " + _UNTESTED)
    if not truth["look_ahead"]["passed"]:
        return _verdict("Do not believe this result: the rule decided by prices that were still to come.")
    luck = truth["luck"]
    if luck is None:
        return _verdict(f"Whether this is luck cannot be said: {truth['no_luck_reason']}.")
    chance, kept = _percent(luck["bootstrap"]["p_value"]), _percent(luck["deflated_sharpe"])
    trials = _counted(luck["trials"], "trial")
    if luck["passed"]:
        text = (
            f"More than luck: without an edge, returns as good come in {chance} of cases, and the Sharpe ratio"
            f" stands after {trials} (deflated {kept})."
        )
        return Finding(label="Luck or skill", text=text)
    reason = (
        f"without any edge, returns as good come in {chance} of cases."
        if luck["bootstrap"]["p_value"] > SIGNIFICANT
        else f"the best of {trials} without an edge may look as good (deflated Sharpe ratio {kept}, skill needs 95 %)."
    )
    return _verdict(f"Not distinguishable from luck: {reason}")


def outdated(by_version: int | None) -> Finding | None:
    """Return what is to be said of a run whose prices a later version corrected, None where none did."""
    if by_version is None:
        return None
    text = f"Outdated: its prices were corrected since, by version {by_version}. Make it again on the newest ones."
    return Finding(label="Outdated", text=text, is_warning=True)


def findings_of(truth: Truth | None, *, initial_capital: float | None = None) -> list[Finding]:
    """Return what each test found, in the order in which people ask; nothing for a run without tests.

    `initial_capital` in money turns the end of the resampled paths into money.
    """
    if truth is None:
        return []
    found = [_look_ahead(truth["look_ahead"]), _warm_up(truth["warm_up"])]
    if truth["luck"] is not None:
        found += _luck(truth["luck"], initial_capital)
    if overfitting := truth.get("overfitting"):
        found.append(_overfitting(overfitting["probability"]))
    for stamp in truth["stamps"]:
        label = _STAMPS.get(stamp["name"], stamp["name"].replace("_", " ").capitalize())
        found.append(Finding(label=label, text=stamp["text"], is_warning=stamp["is_warning"]))
    return found


def _verdict(text: str) -> Finding:
    return Finding(label="Luck or skill", text=text, is_warning=True)


def _look_ahead(told: Truth) -> Finding:
    if not told["passed"]:
        text = f"The decision of {told['first_difference']} changes when the prices after it are taken away."
        return Finding(label="Look-ahead", text=text, is_warning=True)
    if not told["signals_checked"]:
        return Finding(label="Look-ahead", text="Nothing to check: the rule never decided anything.")
    checked = _counted(told["signals_checked"], "decision")
    shorter = "histories" if told["prefixes"] != 1 else "history"
    text = f"None: {checked} made again on {told['prefixes']:,} shortened {shorter} came out the same."
    return Finding(label="Look-ahead", text=text)


def _warm_up(told: Truth) -> Finding:
    compared, changed = told["signals_compared"], told["signals_changed"]
    if not compared:
        text = "Not tested: there are too few sessions to start later."
        return Finding(label="Warm-up", text=text, is_warning=True)
    if told["passed"]:
        text = f"Enough: where the prices begin changes none of {_counted(compared, 'decision')}."
        return Finding(label="Warm-up", text=text)
    text = (
        f"Where the prices begin changes {changed:,} of {_counted(compared, 'decision')}; the rule remembers"
        f" {_counted(told['memory_sessions'], 'session')}."
    )
    return Finding(label="Warm-up", text=text, is_warning=True)


def _luck(luck: Truth, initial_capital: float | None) -> Iterator[Finding]:
    drawn = luck["bootstrap"]
    p_value, deflated = drawn["p_value"], luck["deflated_sharpe"]
    yield Finding(
        label="Chance of such returns",
        text=f"p-value {p_value:.3f}, from {drawn['paths']:,} resampled paths; skill needs 0.05 or less.",
        is_warning=p_value > SIGNIFICANT,
    )
    yield Finding(
        label="Deflated Sharpe ratio",
        text=f"{_percent(deflated)} after {_trials(luck)}; skill needs 95 %.",
        is_warning=deflated < 1.0 - SIGNIFICANT,
    )
    yield _record(luck["track_record"])
    yield Finding(label="Drawdown, resampled", text=_spread(drawn["max_drawdown"], _percent))
    if initial_capital is None:
        yield Finding(label="End equity, resampled", text=_spread(drawn["end_equity"], _times))
    else:
        money = {name: value * initial_capital for name, value in drawn["end_equity"].items()}
        yield Finding(label="End equity, resampled", text=_spread(money, "{:,.0f}".format))


def _record(told: Truth) -> Finding:
    present, needed = told["sessions"], told["needed_sessions"]
    if needed is None:
        text = "No record, however long, would show skill: the Sharpe ratio is not above what luck gives."
    elif present >= needed:
        text = f"Enough: such a Sharpe ratio shows after {_counted(needed, 'session')}, and there are {present:,}."
    else:
        text = (
            f"Too short: such a Sharpe ratio shows after {needed:,} sessions only, and there are {present:,}."
        )
    is_short = needed is None or present < needed
    return Finding(label="Length of the record", text=text, is_warning=is_short)


def _trials(luck: Truth) -> str:
    trials, effective = luck["trials"], luck["effective_trials"]
    if trials == effective:
        return f"{_counted(trials, 'trial')} on these prices"
    return f"{_counted(trials, 'trial')} on these prices, {effective:,} of them as good as independent"


def _overfitting(probability: float) -> Finding:
    return Finding(
        label="Overfitting",
        text=f"In {_percent(probability)} of splits the trial that was best in one half is among the worse in the other.",
        is_warning=probability > SIGNIFICANT,
    )


def _spread(told: Mapping[str, float], write: Any) -> str:
    low, middle, high = (write(told[name]) for name in ("p5", "p50", "p95"))
    return f"{low} · {middle} · {high} (5 · 50 · 95 % of paths)"


def _times(ratio: float) -> str:
    return f"{ratio:,.2f} x"


def _percent(ratio: float) -> str:
    text = f"{abs(ratio):,.1%}".replace("%", " %")
    return f"\N{MINUS SIGN}{text}" if ratio < 0 and text != "0.0 %" else text


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
