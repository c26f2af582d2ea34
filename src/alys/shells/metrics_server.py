"""``/metrics``, ``/health`` and ``/ready`` on an HTTP port of their own, for Prometheus and for probes.

What is exported is given as samples of the catalogue; prometheus_client writes the text and reads the process's own figures from
the operating system. Whether the process is healthy and ready is asked of whoever knows: an answer other than "" is the reason
why not, and gives 503.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from alys.monitoring import samples
from alys.monitoring.catalogue import Family, Kind
from alys.monitoring.samples import Sample
from alys.shells.jsonrpc_server import RunningServer, serve_app

Scrape = Callable[[], Awaitable[Sequence[Sample]]]
"""All samples of this moment."""
Probe = Callable[[], str | Awaitable[str]]
""""" when all is well, else the reason why not."""


def well() -> str:
    """A probe of a process that is well as long as it answers."""
    return ""


async def serve_metrics(
    scrape: Scrape,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    health: Probe = well,
    ready: Probe = well,
) -> RunningServer:
    """Serve until ``close``; port 0 takes a free one. Raises EnvironmentFailure when it cannot be bound."""

    async def metrics(_: web.Request) -> web.Response:
        body = text_of(await scrape())
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/health", _probe(health, "healthy"))
    app.router.add_get("/ready", _probe(ready, "ready"))
    return await serve_app(app, host, port, "metrics")


def text_of(given: Iterable[Sample]) -> bytes:
    """The samples and the process's own figures in the Prometheus text format."""
    registry = CollectorRegistry()
    registry.register(_Given(given))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def _probe(ask: Probe, word: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        said = ask()
        reason = said if isinstance(said, str) else await said
        return web.Response(status=503 if reason else 200, text=(reason or word) + "\n")

    return answer


class _Given(Collector):
    """A collector of what was measured before it was registered."""

    def __init__(self, given: Iterable[Sample]) -> None:
        self._found = samples.by_family(given)

    @override
    def collect(self) -> Iterator[Metric]:
        for family, found in self._found.items():
            yield _metric(family, found)


def _metric(family: Family, found: list[Sample]) -> Metric:
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        bounds = [*(str(bound) for bound in family.buckets), "+Inf"]
        for one in found:
            counts = [
                (bound, float(count)) for bound, count in zip(bounds, one.counts, strict=True)
            ]
            histogram.add_metric(one.labels, counts, one.value)
        return histogram
    plain = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = plain(family.name, family.help, labels=family.labels)
    for one in found:
        metric.add_metric(one.labels, one.value)
    return metric
