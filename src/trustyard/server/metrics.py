"""What is counted, in the Prometheus text form."""

from __future__ import annotations

from collections.abc import Callable

import prometheus_client as prometheus

import trustyard

from .answers import Answer

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
VERBS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # comes without types; a second series for each counter, which nobody reads


class Metrics:
    """A registry of its own, so that two servers in one process (as in tests) do not meet."""

    def __init__(self, behind: Callable[[], int] = lambda: 0, agents: Callable[[], int] = lambda: 0) -> None:
        self._registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=self._registry)
        prometheus.PlatformCollector(registry=self._registry)
        prometheus.GCCollector(registry=self._registry)
        labels = ["part", "method", "status"]
        self._requests = prometheus.Counter(
            "trustyard_http_requests", "Requests answered.", labels, registry=self._registry
        )
        self._seconds = prometheus.Histogram(
            "trustyard_http_request_seconds",
            "From the request to the end of its answer.",
            ["part"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._deliveries = prometheus.Counter(
            "trustyard_deliveries",
            "Deliveries to gateways.",
            ["kind", "state"],
            registry=self._registry,
        )
        waiting = prometheus.Gauge(
            "trustyard_gateways_behind", "Pushed gateways that lack their newest release.", registry=self._registry
        )
        waiting.set_function(behind)
        connected = prometheus.Gauge("trustyard_agents_connected", "Agents that are there.", registry=self._registry)
        connected.set_function(agents)
        about = prometheus.Info("trustyard", "This program.", registry=self._registry)
        about.info({"version": trustyard.__version__})

    def answered(self, part: str, method: str, status: int, seconds: float) -> None:
        """One request; `part` is one of the router's few, so that no name of a user becomes a label."""
        verb = method if method in VERBS else "other"
        self._requests.labels(part, verb, str(status)).inc()
        self._seconds.labels(part).observe(seconds)

    def delivered(self, kind: str, state: str) -> None:
        """One delivery, in any thread."""
        self._deliveries.labels(kind, state).inc()

    def answer(self) -> Answer:
        """All of it."""
        headers = {"Content-Type": prometheus.CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        return Answer(200, prometheus.generate_latest(self._registry), headers)
