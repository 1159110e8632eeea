"""What the server says of itself to Prometheus.  Pages are named by their route, never by what was asked."""

import threading
from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from openleo.api.limits import Limits
from openleo.control import ledger
from openleo.control.plane import Plane
from openleo.control.schema import entries

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The counts of one app, in a registry of their own."""

    def __init__(self, plane: Plane | None, limits: Limits) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "openleo_http_requests", "requests answered", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.latency_s = Histogram(
            "openleo_http_request_seconds", "how long answers took", ["method", "route"],
            buckets=_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        self.commits_s = Histogram(
            "openleo_commit_seconds", "from a change being queued to it being durable",
            buckets=_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        if plane is not None:
            self.registry.register(_OfThePlane(plane, limits))

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self.registry)


class _OfThePlane(Collector):
    """What the store and its queue hold, counted when it is asked for; entries are counted once each."""

    def __init__(self, plane: Plane, limits: Limits) -> None:
        self._plane, self._limits = plane, limits
        self._kinds: Tally[str] = Tally()
        self._counted = 0
        self._lock = threading.Lock()

    def describe(self) -> list[Metric]:
        """Say nothing ahead: the store need not be read to register this."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the numbers."""
        with self._lock:
            size = self._count()
            kinds = dict(self._kinds)
        yield GaugeMetricFamily("openleo_log_entries", "entries in the decision log", size)
        decisions = CounterMetricFamily("openleo_decisions", "decisions by kind", labels=["kind"])
        for kind, number in sorted(kinds.items()):
            decisions.add_metric([kind], number)
        yield decisions
        yield GaugeMetricFamily(
            "openleo_writer_queue", "changes that wait for the writer", self._plane.queued
        )
        limited = CounterMetricFamily("openleo_rate_limited", "by limits", labels=["what"])
        limited.add_metric(["refused"], self._limits.refused)
        limited.add_metric(["let through uncounted"], self._limits.let_through)
        yield limited

    def _count(self) -> int:
        with self._plane.store.reading() as conn:
            size = ledger.size_of(conn)
            fresh = conn.execute(
                select(entries.c.kind, func.count())
                .where(entries.c.index >= self._counted, entries.c.index < size)
                .group_by(entries.c.kind)
            ).all()
        for kind, number in fresh:
            self._kinds[kind] += number
        self._counted = size
        return size
