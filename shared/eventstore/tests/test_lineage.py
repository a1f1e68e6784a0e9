from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.contracts.envelope import Envelope, event_id
from shared.eventstore.lineage import Origin, origin_of
from shared.eventstore.tests.tally import NOW

FETCH, RUN, REPORT = (str(UUID(int=number)) for number in (1, 2, 3))


class Record:
    """A few events, found as the walk finds them."""

    def __init__(self) -> None:
        self.events: list[Envelope] = []

    def add(self, name: str, source: str, stream: str, *, cause: UUID | None = None, **data: Any) -> UUID:
        version = 1 + sum(each.stream == stream for each in self.events)
        found = Envelope(
            event_id=event_id(source, stream, version),
            source=source,
            stream=stream,
            version=version,
            type=name,
            schema_version=1,
            data=data,
            correlation_id=UUID(int=9),
            causation_id=cause,
            occurred_at=NOW + timedelta(seconds=len(self.events)),
        )
        self.events.append(found)
        return found.event_id

    def why(self, event_id: UUID) -> Origin:
        (start,) = (each for each in self.events if each.event_id == event_id)
        return origin_of(
            start,
            event_of=lambda wanted: next((each for each in self.events if each.event_id == wanted), None),
            events_of_key=lambda key: [each for each in self.events if each.stream.endswith(f"-{key}")],
        )


def told(origin: Origin) -> Any:
    """Return the types of an origin's events, each with what it goes back to."""
    name = f"{origin.event.type} again" if origin.is_repeated else origin.event.type
    return {name: [told(each) for each in origin.because]} if origin.because else name


def fetched(record: Record, *, cause: UUID | None = None) -> UUID:
    asked = record.add("FetchRequested", "ingest", f"fetch-{FETCH}", cause=cause, fetch_id=FETCH)
    prices = record.add(
        "PricesUpdated", "ingest", "instrument-AAPL", cause=asked, fetch_id=FETCH, symbol="AAPL"
    )
    record.add("FetchCompleted", "ingest", f"fetch-{FETCH}", cause=asked, fetch_id=FETCH)
    return prices


def test_a_result_goes_back_over_its_causes_to_the_fetch() -> None:
    record = Record()
    asked = record.add("BacktestRequested", "analytics", f"backtest-{RUN}", cause=fetched(record), run_id=RUN)
    done = record.add("BacktestCompleted", "analytics", f"backtest-{RUN}", cause=asked, run_id=RUN)

    assert told(record.why(done)) == {
        "BacktestCompleted": [{"BacktestRequested": [{"PricesUpdated": ["FetchRequested"]}]}]
    }


def test_what_an_event_names_by_id_is_told_beside_its_cause_and_the_same_thing_once() -> None:
    record = Record()
    prices = fetched(record)
    done = record.add("BacktestCompleted", "analytics", f"backtest-{RUN}", cause=prices, run_id=RUN)
    issued = record.add("ForecastIssued", "analytics", "forecast-f", cause=prices, forecast_id="f")
    report = record.add(
        *("ReportRequested", "reports", f"report-{REPORT}"),
        cause=issued,
        report_id=REPORT,
        run_id=RUN,
        forecast_id="f",
    )

    found = record.why(report)

    assert told(found) == {
        "ReportRequested": [
            {"ForecastIssued": [{"PricesUpdated": ["FetchRequested"]}]},
            {"BacktestCompleted": ["PricesUpdated again"]},
        ]
    }
    assert [step.event.type for step in found.walk()] == [
        *("ReportRequested", "ForecastIssued", "PricesUpdated", "FetchRequested", "BacktestCompleted")
    ]
    assert done in {step.event.event_id for step in found.walk()}


def test_an_event_of_a_kind_nobody_knew_of_is_walked_like_any_other() -> None:
    record = Record()
    signal = record.add("SignalRaised", "analytics", "signal-s", cause=fetched(record), signal_id="s")
    order = record.add("OrderFilled", "analytics", "order-o", order_id="o", signal_id="s")

    assert told(record.why(order)) == {
        "OrderFilled": [{"SignalRaised": [{"PricesUpdated": ["FetchRequested"]}]}]
    }
    assert signal


def test_of_what_is_named_the_last_event_before_counts() -> None:
    record = Record()
    record.add("BacktestRefused", "analytics", f"backtest-{RUN}")
    record.add("BacktestCompleted", "analytics", f"backtest-{RUN}")
    report = record.add("ReportRequested", "reports", f"report-{REPORT}", run_id=RUN)
    record.add("BacktestRedone", "analytics", f"backtest-{RUN}")

    assert told(record.why(report)) == {"ReportRequested": ["BacktestCompleted"]}


def test_what_a_person_asked_for_rests_on_the_prices_it_was_made_from() -> None:
    record = Record()
    fetched(record)
    mine = record.add(
        "BacktestRequested", "analytics", f"backtest-{RUN}", run_id=RUN, symbol="AAPL", data_version=1
    )
    other = record.add("BacktestRequested", "analytics", "backtest-x", symbol="AAPL", data_version=7)

    assert told(record.why(mine)) == {"BacktestRequested": [{"PricesUpdated": ["FetchRequested"]}]}
    assert told(record.why(other)) == "BacktestRequested"


def test_a_cause_that_is_not_on_record_is_named() -> None:
    record = Record()
    lost = record.add("BacktestCompleted", "analytics", f"backtest-{RUN}", cause=UUID(int=77))

    assert record.why(lost).missing == (UUID(int=77),)
    assert record.why(fetched(record)).missing == ()


def test_a_circle_ends() -> None:
    record = Record()
    place = event_id("analytics", "signal-b", 1)
    first = record.add("SignalRaised", "analytics", "signal-a", cause=place)
    record.add("SignalRaised", "analytics", "signal-b", cause=first)

    assert told(record.why(first)) == {"SignalRaised": [{"SignalRaised": ["SignalRaised again"]}]}
