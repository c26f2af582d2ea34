"""Figures as samples of the catalogue. A sample knows its family, so nothing undeclared can be exported."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alys.base.errors import AlysBug
from alys.monitoring import catalogue, health
from alys.monitoring.catalogue import Family, Kind


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One value, or one histogram."""

    family: Family
    labels: tuple[str, ...] = ()
    """Values, in the order of the family's label names."""
    value: float = 0.0
    """Of a histogram: the sum of what was observed."""
    counts: tuple[int, ...] = ()
    """Of a histogram: observations up to each bucket's bound, the last for all."""

    def __post_init__(self) -> None:
        buckets = len(self.family.buckets) + 1 if self.family.kind is Kind.HISTOGRAM else 0
        if len(self.labels) != len(self.family.labels) or len(self.counts) != buckets:
            raise AlysBug(f"{self.family.name} has the labels {self.family.labels}")


class ActorLine(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one path in the tree."""

    path: str
    active: int = 0
    processed: int = 0
    failed: int = 0
    seconds: float = 0.0
    mailbox: int = 0
    restarts: int = 0
    dropped: int = 0
    dead_letters: int = 0
    memory_bytes: int = 0


class Histogram:
    """Counts observations into the buckets of a family."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._counts = [0] * (len(family.buckets) + 1)
        self._sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """The same value, so many times."""
        place = sum(value > bound for bound in self._family.buckets)
        self._counts[place] += times
        self._sum += value * times

    def sample(self) -> Sample:
        """All observations so far, cumulative as the format wants them."""
        running, counts = 0, []
        for count in self._counts:
            running += count
            counts.append(running)
        return Sample(family=self._family, value=self._sum, counts=tuple(counts))


_PER_ACTOR: tuple[tuple[Family, str], ...] = (
    (catalogue.ACTOR_RESTARTS, "restarts"),
    (catalogue.MEMORY_USAGE, "memory_bytes"),
    (catalogue.ACTOR_PROCESSED, "processed"),
    (catalogue.ACTOR_FAILED, "failed"),
    (catalogue.ACTOR_MAILBOX, "mailbox"),
    (catalogue.ACTOR_SECONDS, "seconds"),
    (catalogue.ACTOR_DROPPED, "dropped"),
    (catalogue.ACTOR_DEAD_LETTERS, "dead_letters"),
)


def actor_type(path: str) -> str:
    """What kind of actor stands at a path: its name there; for nameless ones (``$``) their parent's name."""
    steps = [step for step in path.split("/") if step and step != "$"]
    return steps[-1] if steps else "unknown"


def of_actors(lines: Sequence[ActorLine], uptime_seconds: float) -> list[Sample]:
    """The families of the actor runtime, but for the histogram."""
    judged = [
        health.Judged(active=line.active, processed=line.processed, failed=line.failed)
        for line in lines
    ]
    system = {
        catalogue.ACTIVE_ACTORS: float(sum(line.active for line in lines)),
        catalogue.MESSAGES_PROCESSED: float(sum(line.processed for line in lines)),
        catalogue.HEALTH_SCORE: health.score(judged),
        catalogue.HEALTHY_ACTORS: float(health.healthy_actors(judged)),
        catalogue.MESSAGES_FAILED: float(sum(line.failed for line in lines)),
        catalogue.UPTIME: uptime_seconds,
    }
    found = [Sample(family=family, value=value) for family, value in system.items()]
    for line in lines:
        who = (actor_type(line.path), line.path)
        for family, field in _PER_ACTOR:
            found.append(Sample(family=family, labels=who, value=float(getattr(line, field))))
    return found


def of_chain(*, height: int, finalised_height: int, active: bool, minted: int) -> list[Sample]:
    """What the chain actor says of itself."""
    return [
        Sample(family=catalogue.BLOCK_HEIGHT, value=height),
        Sample(family=catalogue.FINALISED_HEIGHT, value=finalised_height),
        Sample(family=catalogue.CHAIN_ACTIVE, value=float(active)),
        Sample(family=catalogue.MINTED, value=minted),
    ]


def of_governance(
    endpoint: str, *, registered: bool, queued: int, dropped: int, failures: int
) -> list[Sample]:
    """What the stream actor says of one governance node."""
    values = {
        catalogue.CONNECTION: float(registered),
        catalogue.BUFFER: queued,
        catalogue.GOVERNANCE_DROPPED: dropped,
        catalogue.RECONNECTS: failures,
    }
    return [
        Sample(family=family, labels=(endpoint,), value=value) for family, value in values.items()
    ]


def of_operations(counts: Mapping[tuple[str, str], int]) -> list[Sample]:
    """Peg operations by kind and state; states without any are given as 0."""
    return [
        Sample(family=catalogue.OPERATIONS, labels=who, value=count)
        for who, count in counts.items()
    ]


def of_incidents(counts: Mapping[str, int]) -> list[Sample]:
    """Peg operations with an open incident, by its kind; kinds without any are given as 0."""
    return [
        Sample(family=catalogue.INCIDENTS, labels=(kind,), value=count)
        for kind, count in counts.items()
    ]


def of_limits(*, memory_bytes: float, cpu_cores: float) -> list[Sample]:
    """What the process may use."""
    return [
        Sample(family=catalogue.MEMORY_LIMIT, value=memory_bytes),
        Sample(family=catalogue.CPU_LIMIT, value=cpu_cores),
    ]


def of_run(suite: str, *, finished: float, exit_code: int) -> list[Sample]:
    """The last run of a suite; ``finished`` in seconds since the Unix epoch."""
    return [
        Sample(family=catalogue.RUN_FINISHED, labels=(suite,), value=finished),
        Sample(family=catalogue.RUN_EXIT_CODE, labels=(suite,), value=exit_code),
    ]


def of_faults(service: str, touched: Mapping[str, int]) -> list[Sample]:
    """What the faults of a service touched, by their kind."""
    return [
        Sample(family=catalogue.FAULT_TOUCHED, labels=(service, kind), value=count)
        for kind, count in sorted(touched.items())
    ]


def by_family(samples: Iterable[Sample]) -> dict[Family, list[Sample]]:
    """Samples of one family together, in the order of the catalogue, as the text format demands."""
    found: dict[Family, list[Sample]] = {}
    order = {family.name: place for place, family in enumerate(catalogue.FAMILIES)}
    for sample in sorted(samples, key=lambda sample: order[sample.family.name]):
        found.setdefault(sample.family, []).append(sample)
    return found
