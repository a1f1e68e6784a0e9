"""Gathers what Prometheus is told: what waits now, and what the processes have counted."""

import os
from collections.abc import Iterable, Iterator, Sequence

import structlog
from django.db import Error
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from shared.messaging.backlog import Backlog, backlog_of, backlog_of_broker
from shared.messaging.bus import BusUnavailable
from shared.messaging.topology import Names
from shared.observability import metrics

log = structlog.get_logger(__name__)

type Sample = tuple[metrics.Definition, tuple[str, ...], float]


class BacklogCollector:
    """Reads databases and broker at each scrape; what is away is told to be, and its figures are absent."""

    def __init__(self, services: Sequence[str], *, broker_url: str | None, names: Names) -> None:
        self._services, self._broker_url, self._names = services, broker_url, names

    def describe(self) -> Iterable[Metric]:
        """Return nothing: else registering would read it all."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give every gauge."""
        families: dict[str, GaugeMetricFamily] = {}
        for found, labels, value in self._samples():
            family = families.setdefault(
                found.name, GaugeMetricFamily(found.name, found.help, labels=found.labels)
            )
            family.add_metric(labels, value)
        yield from families.values()

    def _samples(self) -> Iterator[Sample]:
        for service in self._services:
            try:
                found = backlog_of(service, broker_url=self._broker_url)
            except Error as error:
                log.warning("backlog_not_read", service=service, error=type(error).__name__)
                yield metrics.UP, (service,), 0
                continue
            yield from _samples_of(service, found)
        if self._broker_url is not None:
            yield from self._broker_samples(self._broker_url)

    def _broker_samples(self, broker_url: str) -> Iterator[Sample]:
        try:
            found = backlog_of_broker(broker_url, self._names, self._services)
        except BusUnavailable:
            yield metrics.BROKER_UP, (), 0
            return
        yield metrics.BROKER_UP, (), 1
        yield metrics.DEAD_LETTERS, (), found.dead_letters
        for service, count in found.queued.items():
            yield metrics.BUS_QUEUE, (service,), count


def _samples_of(service: str, found: Backlog) -> Iterator[Sample]:
    yield metrics.UP, (service,), 1
    yield metrics.OUTBOX_EVENTS, (service,), found.unsent
    yield metrics.OUTBOX_AGE, (service,), found.unsent_seconds
    yield metrics.INBOX_WAITING, (service,), found.waiting
    yield metrics.PARKED, (service,), found.parked
    yield metrics.JOBS_AGE, (service,), found.due_seconds
    for state, count in found.jobs.items():
        yield metrics.JOBS_OPEN, (service, state), count
    if found.queued is not None:
        yield metrics.BUS_QUEUE, (service,), found.queued


def registry(services: Sequence[str], *, broker_url: str | None, names: Names) -> CollectorRegistry:
    """Return all there is to tell; see Note [Processes that share a folder] in shared/observability/metrics.py."""
    found = CollectorRegistry()
    found.register(BacklogCollector(services, broker_url=broker_url, names=names))
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(found)  # type: ignore[no-untyped-call]
    else:
        found.register(REGISTRY)
    return found
