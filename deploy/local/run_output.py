"""What people read of backtests and of strategies on the terminal."""

from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from deploy.local.output import answers, print_account, print_files, print_forecast
from deploy.local.tables import table_of
from shared.runs.findings import findings_of, outdated, verdict_on
from shared.runs.options import chosen_options, costs_text


def print_demo(done: dict[str, Any]) -> None:
    """Show what the main job brought."""
    print_run(done["run"])
    print_forecast(done["forecast"])
    print_files(done["report"])
    if "account" in done:
        print_account(done["account"])


def print_run(run: dict[str, Any]) -> None:
    """Show what a run is worth, its metrics beside those of buy and hold and of its index, and how it was made."""
    answers.print(
        f"{run['symbol']} · {run['strategy']} · {run['first_session']} to {run['last_session']},"
        f" {run['session_count']:,} bars",
        markup=False,
    )
    for finding in (verdict_on(run["truth"]), outdated(run["outdated_by_version"])):
        if finding is not None:
            answers.print(_text(finding.text, style="bold yellow" if finding.is_warning else "bold"))
    answers.print(_metrics(run))
    answers.print(_facts(_setup(run)))
    findings = findings_of(run["truth"], initial_capital=float(run["initial_capital"]))
    if findings:
        answers.print("What the result is worth; ! marks a weakness", markup=False)
        answers.print(_facts([(f"{'!' if f.is_warning else ' '} {f.label}", f.text) for f in findings]))
    answers.print()


def print_strategies(found: dict[str, Any]) -> None:
    """List the strategies with their parameters, the default of each and its range."""
    for rule in found["results"]:
        answers.print(Text.assemble((rule["name"], "bold"), f"\n  {rule['summary']}"))
        table = Table.grid("", "", "", "", padding=(0, 2))
        for item in rule["parameters"]:
            span = f"{_number(item['minimum'])} to {_number(item['maximum'])}"
            table.add_row(f"  {item['name']}", _number(item["default"]), span, escape(item["help"]))
        answers.print(table if rule["parameters"] else "  no parameters")
    answers.print("\nEach line: parameter, default, permitted range. Give one as --parameter NAME=NUMBER.")


def _metrics(run: dict[str, Any]) -> Table:
    index = run["options"]["benchmark"]
    columns = [run["metrics"], run["benchmark_metrics"], *([run["index_metrics"]] if index else [])]
    names = ("Strategy", "Buy and hold", *([index] if index else []))
    table = table_of("Metric", *names, folds="Metric", numbers=names)
    by_name = [{metric["name"]: metric for metric in column} for column in columns]
    for metric in run["metrics"]:
        table.add_row(metric["label"], *(metric_text(column[metric["name"]]) for column in by_name))
    return table


def _setup(run: dict[str, Any]) -> list[tuple[str, str]]:
    costs = costs_text(
        commission_bps=run["commission_bps"], slippage_bps=run["slippage_bps"], options=run["options"]
    )
    facts = [
        ("Parameters", ", ".join(f"{name} {value}" for name, value in run["parameters"].items()) or "none"),
        ("Capital", f"{float(run['initial_capital']):,.2f}"),
        ("Costs", costs),
        ("Prices", f"basis {run['basis']}, definitions {run['metrics_version']}"),
        *chosen_options(run["options"]),
    ]
    return [(f"  {label}", text) for label, text in facts]


def _facts(rows: list[tuple[str, str]]) -> Table:
    """Return labels with a text each; a long text stays beside its label."""
    table = Table.grid("", "", padding=(0, 2))
    for label, text in rows:
        table.add_row(Text(label, no_wrap=True), _text(text))
    return table


def _text(text: str, *, style: str = "") -> Text:
    """Return a sentence in which no line ends before a percent sign, which in tables stands beside its number too."""
    return Text(text.replace(" %", "%"), style=style)


def _number(value: float) -> str:
    return f"{value:,g}" if abs(value) < 1e6 else f"{value:g}"


def metric_text(metric: dict[str, Any]) -> str:
    """Return a figure in its unit, a dash where it is undefined."""
    value = metric["value"]
    if value is None:
        return "–"
    match metric["unit"]:
        case "ratio":
            return f"{value:,.2%}"
        case "percent":
            return f"{value:,.2f}%"
        case "money":
            return f"{value:,.2f}"
        case "count" | "days" | "sessions":
            return f"{value:,.0f}"
        case _:
            return f"{value:,.3f}"
