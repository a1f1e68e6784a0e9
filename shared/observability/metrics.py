"""What Bellwether tells Prometheus: every metric's definition, and those that the processes count themselves.

Labels are bounded: services, registered event types, kinds of job, names of routes, and never what a caller sent.
"""

from dataclasses import dataclass

from prometheus_client import Counter, Histogram, disable_created_metrics

# Note [Processes that share a folder]
# Where the library finds PROMETHEUS_MULTIPROC_DIR when it is imported, each process keeps its counts in a file there
# and whoever is asked adds all of them up, those of processes that have ended too. The launcher sets it for the
# processes of `up` and empties the folder when it starts. Elsewhere a process answers for itself.

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more sample for each, which nobody asks for

_HANDLER_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_JOB_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One metric; `kind` is Prometheus' word for it, and a counter's `name` ends in `_total`."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


DEFINITIONS: list[Definition] = []


def _define(name: str, kind: str, text: str, labels: tuple[str, ...]) -> Definition:
    DEFINITIONS.append(Definition(name=f"bellwether_{name}", kind=kind, labels=labels, help=text))
    return DEFINITIONS[-1]


def _gauge(name: str, text: str, *labels: str) -> Definition:
    return _define(name, "gauge", text, labels)


def _counter(name: str, text: str, *labels: str) -> Counter:
    made = _define(name, "counter", text, labels)
    return Counter(made.name, text, labels)


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    made = _define(name, "histogram", text, labels)
    return Histogram(made.name, text, labels, buckets=buckets)


# Read from the databases and the broker when somebody asks.
UP = _gauge("up", "1 when the service's database answered in time", "service")
OUTBOX_EVENTS = _gauge("outbox_events", "Events recorded and not yet sent", "service")
OUTBOX_AGE = _gauge("outbox_oldest_age_seconds", "Age of the oldest event not yet sent, 0: none", "service")
INBOX_WAITING = _gauge("inbox_waiting_events", "Events that came before an earlier one", "service")
PARKED = _gauge("parked_messages", "Messages set aside and not resolved", "service")
JOBS_OPEN = _gauge("jobs_open", "Jobs that are `queued`, `running` or `waiting_quota`", "service", "state")
JOBS_AGE = _gauge("jobs_oldest_due_age_seconds", "How long the oldest due job waits, 0: none", "service")
BUS_QUEUE = _gauge("bus_queue_events", "Events on the bus, not yet received by the service", "service")
DEAD_LETTERS = _gauge("bus_dead_letters", "Messages that RabbitMQ gave up on; absent without a broker")
BROKER_UP = _gauge("broker_up", "1 when RabbitMQ answered in time; absent without a broker")

# Counted where it happens.
EVENTS_RELAYED = _counter("events_relayed_total", "Events that the bus confirmed", "service")
EVENTS_RECEIVED = _counter(
    "events_received_total",
    "Messages received; `outcome`: `handled`, `ignored`, `waiting`, `repeated` or `parked`",
    *("service", "outcome"),
)
HANDLER_SECONDS = _histogram(
    "event_handler_seconds",
    "Time of an event's projectors and reactors",
    *("service", "type"),
    buckets=_HANDLER_BUCKETS,
)
BATCHES_FAILED = _counter(
    "event_batches_failed_total", "Batches whose events were then applied one by one", "service"
)
EVENT_RETRIES = _counter("event_retries_total", "Tries to handle an event after one that failed", "service")
LOOP_ERRORS = _counter(
    "loop_errors_total", "Failed rounds of a loop, each followed by a pause", "service", "loop"
)
JOBS = _counter(
    "jobs_total",
    "Ends of jobs by final state, or `retried`, `waiting_quota` and `lost`, after which they go on",
    *("service", "kind", "outcome"),
)
JOB_SECONDS = _histogram("job_seconds", "Time in a worker's hands", "service", "kind", buckets=_JOB_BUCKETS)
JOB_DELAY = _histogram(
    "job_start_delay_seconds", "Wait of a due job for a worker", "service", "kind", buckets=_JOB_BUCKETS
)
HTTP_REQUESTS = _counter(
    "http_requests_total",
    "Requests by the route's name (`unrouted`: none), method and status",
    *("route", "method", "status"),
)
HTTP_SECONDS = _histogram(
    "http_request_seconds",
    "Time to the answer, waiting for work included",
    *("route", "method"),
    buckets=_HTTP_BUCKETS,
)
