"""The metrics of a process, in the Prometheus text format."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import prometheus_client as prometheus
from django.contrib.auth.signals import user_logged_in, user_login_failed
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

import trustyard

from .answers import Answer
from .figures import FigureCollector, FigureReader
from .logs import LEVELS, LineCounter

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
VERBS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # comes without types; a second series for each counter, which nobody reads


class Metrics:
    """A registry of its own, so that two servers in one process (as in tests) do not share counters."""

    def __init__(self, agents: Callable[[], int] = lambda: 0, figures: FigureReader | None = None) -> None:
        self._registry = registry = prometheus.CollectorRegistry()
        self._figures = figures or FigureReader()
        self._threads = ThreadPoolExecutor(1, "metrics")
        prometheus.ProcessCollector(registry=registry)
        prometheus.PlatformCollector(registry=registry)
        prometheus.GCCollector(registry=registry)
        registry.register(FigureCollector(self._figures))
        self._requests = prometheus.Counter(
            "trustyard_http_requests", "Requests answered.", ["part", "method", "status"], registry=registry
        )
        self._seconds = prometheus.Histogram(
            "trustyard_http_request_seconds",
            "From the request to the end of its answer.",
            ["part"],
            buckets=BUCKETS,
            registry=registry,
        )
        # Looking labels up costs more than counting.
        self._counted: dict[tuple[str, str, int], tuple[prometheus.Counter, prometheus.Histogram]] = {}
        self._deliveries = prometheus.Counter(
            "trustyard_deliveries", "Deliveries to gateways.", ["kind", "state"], registry=registry
        )
        self._sign_ins = prometheus.Counter(
            "trustyard_sign_ins", "Sign-ins to the console.", ["result"], registry=registry
        )
        registry.register(_Lines())
        self._gauge("trustyard_agents_connected", "Agents that are there.", agents)
        about = prometheus.Info("trustyard", "This program.", registry=registry)
        about.info({"version": trustyard.__version__})
        for result in ("failed", "succeeded"):  # an increase is seen only where the series was there before
            self._sign_ins.labels(result)
        # Django keeps these by weak reference, so they end with this object.
        user_logged_in.connect(self._signed_in)
        user_login_failed.connect(self._sign_in_failed)

    def streams(self, count: Callable[[], int]) -> None:
        """How many streams of Envoy are open, asked at each scrape; once there is an xDS server."""
        self._gauge("trustyard_xds_streams", "Streams of Envoy that are open.", count)

    def answered(self, part: str, method: str, status: int, seconds: float) -> None:
        """One request; `part` is one of the router's few, so that no name of a user becomes a label."""
        counted = self._counted.get((part, method, status))
        if counted is None:
            verb = method if method in VERBS else "other"
            counted = self._requests.labels(part, verb, str(status)), self._seconds.labels(part)
            if method in VERBS:  # any other word could be anything
                self._counted[part, method, status] = counted
        counted[0].inc()
        counted[1].observe(seconds)

    def delivered(self, kind: str, state: str) -> None:
        """One delivery, in any thread."""
        self._deliveries.labels(kind, state).inc()

    async def answer(self) -> Answer:
        """The whole page; made in a thread, since it is long with many environments."""
        await self._figures.refresh()
        text = await asyncio.get_running_loop().run_in_executor(self._threads, self._text)
        return Answer(200, text, {"Content-Type": prometheus.CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})

    def close(self) -> None:
        """Waits for a running scrape to end."""
        self._figures.close()
        self._threads.shutdown(wait=True)

    def _text(self) -> bytes:
        return prometheus.generate_latest(self._registry)

    def _gauge(self, name: str, says: str, count: Callable[[], int]) -> None:
        prometheus.Gauge(name, says, registry=self._registry).set_function(count)

    def _signed_in(self, **_: Any) -> None:
        self._sign_ins.labels("succeeded").inc()

    def _sign_in_failed(self, **_: Any) -> None:
        self._sign_ins.labels("failed").inc()


class _Lines(Collector):
    """Lines logged by level, so that a fault is worth an alert before anybody reads the log."""

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        family = CounterMetricFamily("trustyard_log_lines", "Lines logged.", labels=["level"])
        for level in LEVELS:
            family.add_metric([level], LineCounter.counts[level])
        yield family
