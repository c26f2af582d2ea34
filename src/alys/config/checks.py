"""What a single value's type cannot say: values that contradict each other.

Two values may differ because somebody overruled one of them: a variable that shortens the whole run is no mistake in the
file. So a check may look at who said what (``Known.rank``): what was merely left at its default, or was overruled by a
later layer, contradicts nobody.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

from alys.config import errors, forms, loglevels, schema

Values = Mapping[schema.Path, tuple[Any, str]]

_SUITES = ("stream_actor", "supervision", "integration", "performance")
_FLOWS = {
    "block_production_flow": ("ChainActor", "EngineActor", "StreamActor"),
    "bridge_operation_flow": ("BridgeActor", "StreamActor"),
    "multi_actor_coordination": ("StreamActor", "ChainActor", "BridgeActor", "EngineActor"),
}
_REAL = "mock_services.real"
_REPLACEABLE = (
    "mock_services.bitcoin_rpc_url",
    "mock_services.ethereum_rpc_url",
    "mock_services.engine_api_url",
)
"""What the local world is given by URL instead of starting its own."""

_GOVERNANCE_NODES = 3  # of the local world, on ports in a row


def rank(place: str) -> int:
    """0 for a default, 1 for the file, 2 for the environment, 3 for a flag."""
    if place.startswith("environment variable "):
        return 2
    if place.startswith("flag -"):
        return 3
    return 0 if place == "default" else 1


class Known:
    """All values, by dotted key, with where each was said."""

    def __init__(self, values: Values, *, judged: bool = False) -> None:
        self._values = values
        self._judged = judged

    def __getitem__(self, key: str) -> Any:
        return self._values[tuple(key.split("."))][0]

    def where(self, key: str) -> str:
        """The place that the value comes from."""
        return self._values[tuple(key.split("."))][1]

    def rank(self, key: str) -> int:
        """How late a word decides it: see ``rank`` of the module."""
        return rank(self.where(key))

    def said_against(self, key: str, other: str) -> bool:
        """Whether ``key`` was said, and not overruled by a later word on ``other``."""
        return not self._judged and self.rank(key) > 0 and self.rank(key) >= self.rank(other)

    def wrong(
        self, key: str, problem: str, allowed: str, nearest: str | None = None
    ) -> errors.ConfigError:
        """The complaint about the value of ``key``."""
        return errors.ConfigError(
            f"{key} = {schema.shown(self._plain(key))} {problem}",
            key=key,
            where=self.where(key),
            allowed=allowed,
            nearest=nearest,
        )

    def _plain(self, key: str) -> object:
        value = self[key]
        return list(value) if isinstance(value, tuple) else value


def contradictions(values: Values, *, judged: bool = False) -> Iterator[errors.ConfigError]:
    """Every contradiction between the values; ``values`` holds all settings.

    ``judged``: the file repeats what a run was told, where somebody may have overruled somebody.
    """
    known = Known(values, judged=judged)
    for check in CHECKS:
        yield from check(known)


def log_level(known: Known) -> Iterator[errors.ConfigError]:
    """The directives are read here, because only they know what is wrong with them."""
    key = "test_environment.log_level"
    try:
        loglevels.parse(known[key], known.where(key))
    except errors.ConfigError as error:
        yield error


def services(known: Known) -> Iterator[errors.ConfigError]:
    """The remote world needs all services by URL, the local one may have Bitcoin and the execution client so, sim none."""
    keys = [".".join(path) for path in schema.leaves() if path[0] == "mock_services"]
    kind = known["world.kind"]
    if kind == "remote":
        for key in keys:
            if not known[key] and "admin" not in key and key != _REAL:
                yield errors.ConfigError(
                    f"{key} is empty, but world remote starts no services of its own",
                    key=key,
                    where=known.where("world.kind"),
                    allowed=schema.allowed(tuple(key.split("."))),
                )
        return
    for key in keys:
        if known[key] and not (kind == "local" and key in _REPLACEABLE):
            # Silently starting our own services instead would test something else than was asked for.
            yield errors.ConfigError(
                f"{key} names a service by URL, but world {kind} starts its own",
                key=key,
                where=known.where(key),
                allowed="empty, or world.kind remote",
            )
    if kind == "local":
        yield from _one_client(known)


def _one_client(known: Known) -> Iterator[errors.ConfigError]:
    """The execution client has two doors; a run needs both of them or neither."""
    public, engine = "mock_services.ethereum_rpc_url", "mock_services.engine_api_url"
    for given, missing in ((public, engine), (engine, public)):
        if known[given] and not known[missing]:
            yield errors.ConfigError(
                f"{missing} is empty, but {given} names an execution client",
                key=missing,
                where=known.where(given),
                allowed="the same client's URL, or neither of the two",
            )


def profile(known: Known) -> Iterator[errors.ConfigError]:
    """Fakes of execution and signatures are for simulation: whatever speaks to others has to be the real thing."""
    key, kind = "world.profile", known["world.kind"]
    if known[key] == "light" and kind != "sim":
        yield known.wrong(
            key,
            f"is for simulation alone, and this is world {kind}",
            "full, or world.kind sim",
        )


def suite_timeouts(known: Known) -> Iterator[errors.ConfigError]:
    """No scenario may be given longer than the run it is part of."""
    whole = "test_environment.timeout_seconds"
    for suite in _SUITES:
        key = f"test_scenarios.{suite}.timeout"
        if known[key] > known[whole] and known.said_against(key, whole):
            yield known.wrong(
                key, f"is longer than the whole run may take ({known[whole]} s)",
                f"at most {whole} ({known.where(whole)})",
            )  # fmt: skip


def performance_durations(known: Known) -> Iterator[errors.ConfigError]:
    """Warming up and measuring must fit into the suite's time."""
    section = "test_scenarios.performance"
    warmup, measured = known[f"{section}.warmup_duration"], known[f"{section}.test_duration"]
    limit = known[f"{section}.timeout"]
    if warmup + measured > limit:
        parts = [f"{section}.{name}" for name in ("test_duration", "warmup_duration", "timeout")]
        blamed = max(parts, key=known.rank)  # the last word said broke it
        yield known.wrong(
            blamed,
            f"does not fit: {warmup} s of warm-up and {measured} s of measuring take longer than {limit} s",
            f"warmup_duration + test_duration at most {section}.timeout",
        )


def monitoring(known: Known) -> Iterator[errors.ConfigError]:
    """Grafana shows what Prometheus keeps, and Prometheus must keep more than one sample."""
    if known["monitoring.grafana_enabled"] and not known["monitoring.prometheus_enabled"]:
        key = "monitoring.grafana_enabled"
        if not known.rank(key):
            key = "monitoring.prometheus_enabled"
        yield known.wrong(
            key,
            "leaves Grafana without the Prometheus that it asks",
            "grafana_enabled = true only with prometheus_enabled = true",
        )
    every, kept = known["prometheus.scrape_interval"], known["monitoring.metrics_retention"]
    if forms.seconds(every) >= forms.seconds(kept):
        key = max("prometheus.scrape_interval", "monitoring.metrics_retention", key=known.rank)
        yield known.wrong(
            key,
            f"cannot stand: a sample every {every} is gone after {kept}",
            "prometheus.scrape_interval below monitoring.metrics_retention",
        )


def admin_urls(known: Known) -> Iterator[errors.ConfigError]:
    """Either every governance node's admin port is named, or none is."""
    key, nodes = "mock_services.governance_admin_urls", "mock_services.governance_nodes"
    if known[key] and len(known[key]) != len(known[nodes]):
        yield known.wrong(
            key,
            f"names {len(known[key])} admin ports for {len(known[nodes])} governance nodes",
            f"one URL for each of {nodes}, in the same order, or none at all",
        )


def connections(known: Known) -> Iterator[errors.ConfigError]:
    """As many streams as asked for need as many nodes."""
    key, nodes = (
        "test_scenarios.stream_actor.governance_connections",
        "mock_services.governance_nodes",
    )
    count = len(known[nodes])
    if count and known[key] > count and known.said_against(key, nodes):
        yield known.wrong(
            key,
            f"is more than the nodes that {nodes} names ({count})",
            f"a whole number from 1 to {count}",
        )


def fee_rates(known: Known) -> Iterator[errors.ConfigError]:
    """The least fee rate of payouts is not above the most."""
    least, most = "node.fee_rate_sat_vb", "node.fee_rate_max_sat_vb"
    if known[least] > known[most]:
        yield known.wrong(
            least,
            f"is more than {most} ({known[most]})",
            f"a whole number from 1 to {known[most]}",
        )


def flows(known: Known) -> Iterator[errors.ConfigError]:
    """A flow cannot do without its actors."""
    section = "test_scenarios.integration"
    present = known[f"{section}.actor_types"]
    for flow in known[f"{section}.test_flows"]:
        missing = [actor for actor in _FLOWS[flow] if actor not in present]
        if missing:
            yield known.wrong(
                f"{section}.actor_types",
                f"leaves out {', '.join(missing)}, which {flow} needs",
                f"all of {', '.join(_FLOWS[flow])}, or {section}.test_flows without {flow}",
            )
            return


def ports(known: Known) -> Iterator[errors.ConfigError]:
    """No two services of the local world on one port; 0 is a free one and never in the way."""
    taken: dict[str, range] = {}
    for name in ("bitcoin_rpc_port", "ethereum_rpc_port", "engine_api_port"):
        port = known[f"world.{name}"]
        taken[f"world.{name}"] = range(port, port + 1)
    first = known["world.governance_base_port"]
    taken["world.governance_base_port"] = range(first, first + _GOVERNANCE_NODES)
    if first and first + _GOVERNANCE_NODES - 1 > 65_535:
        yield known.wrong(
            "world.governance_base_port",
            "leaves no room for the other governance nodes above it",
            f"0, or a whole number to {65_535 - _GOVERNANCE_NODES + 1}",
        )
    for one, other in combinations([key for key in taken if known[key]], 2):
        if set(taken[one]) & set(taken[other]):
            yield known.wrong(
                other, f"is in the way of {one} ({known[one]})", "ports that differ, or 0"
            )


CHECKS: tuple[Callable[[Known], Iterator[errors.ConfigError]], ...] = (
    log_level,
    services,
    profile,
    admin_urls,
    suite_timeouts,
    performance_durations,
    monitoring,
    connections,
    fee_rates,
    flows,
    ports,
)
