"""Samples: every figure under its family, and no family without a place in the catalogue."""

import pytest

from alys.base.errors import AlysBug
from alys.monitoring import catalogue, samples
from alys.monitoring.samples import ActorLine, Histogram, Sample

LINES = [
    ActorLine(path="/alys", active=1),
    ActorLine(path="/alys/node/chain", active=1, processed=8, failed=2, restarts=1, mailbox=3),
    ActorLine(path="/alys/node/chain/$", active=4, processed=10, seconds=0.5, memory_bytes=7),
]


def value(found: list[Sample], family: catalogue.Family, *labels: str) -> float:
    (one,) = [s for s in found if s.family == family and s.labels == labels]
    return one.value


def test_the_figures_of_the_system_are_the_sums_of_its_lines() -> None:
    found = samples.of_actors(LINES, 12.5)
    assert value(found, catalogue.ACTIVE_ACTORS) == 6
    assert value(found, catalogue.MESSAGES_PROCESSED) == 18
    assert value(found, catalogue.MESSAGES_FAILED) == 2
    assert value(found, catalogue.HEALTHY_ACTORS) == 5
    assert value(found, catalogue.HEALTH_SCORE) == pytest.approx((18 / 20 + 5 / 6) / 2)
    assert value(found, catalogue.UPTIME) == 12.5


def test_each_line_has_all_families_of_an_actor() -> None:
    found = samples.of_actors(LINES, 0)
    chain = ("chain", "/alys/node/chain")
    assert value(found, catalogue.ACTOR_RESTARTS, *chain) == 1
    assert value(found, catalogue.ACTOR_MAILBOX, *chain) == 3
    assert value(found, catalogue.ACTOR_SECONDS, "chain", "/alys/node/chain/$") == 0.5
    assert value(found, catalogue.MEMORY_USAGE, "chain", "/alys/node/chain/$") == 7
    per_actor = [family for family in catalogue.FAMILIES if family.labels == catalogue.ACTOR]
    assert len(found) == 6 + len(per_actor) * len(LINES)


def test_without_actors_the_system_is_dead_and_not_silent() -> None:
    found = samples.of_actors([], 3)
    assert value(found, catalogue.ACTIVE_ACTORS) == value(found, catalogue.HEALTH_SCORE) == 0


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/alys", "alys"),
        ("/alys/node/chain", "chain"),
        ("/alys/pool/$", "pool"),
        ("/alys/$", "alys"),
        ("", "unknown"),
    ],
)
def test_an_actors_type_is_its_name_or_its_parents(path: str, kind: str) -> None:
    assert samples.actor_type(path) == kind


def test_a_histogram_is_cumulative_and_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram(catalogue.PROCESSING_DURATION)
    histogram.observe(0.001, times=3)
    histogram.observe(0.0011)
    histogram.observe(11.0)
    sample = histogram.sample()
    assert sample.counts == (3, 4, 4, 4, 4, 4, 4, 4, 4, 5)
    assert sample.value == pytest.approx(11.0041)


def test_samples_come_out_family_by_family_in_the_order_of_the_catalogue() -> None:
    mixed = [
        *samples.of_run("all", finished=5, exit_code=0),
        *samples.of_governance("0", registered=True, queued=1, dropped=2, failures=3),
        *samples.of_governance("1", registered=False, queued=0, dropped=0, failures=0),
        *samples.of_chain(height=9, finalised_height=4, active=True, minted=1),
        *samples.of_operations({("pegin", "seen"): 2}),
        *samples.of_incidents({"overdue": 1}),
        *samples.of_limits(memory_bytes=10, cpu_cores=2),
    ]
    grouped = samples.by_family(mixed)
    order = [family.name for family in catalogue.FAMILIES]
    names = [family.name for family in grouped]
    assert names == sorted(names, key=order.index)
    assert [one.value for one in grouped[catalogue.CONNECTION]] == [1, 0]
    assert sum(len(found) for found in grouped.values()) == len(mixed)


@pytest.mark.parametrize(
    ("family", "labels", "counts"),
    [
        pytest.param(catalogue.ACTIVE_ACTORS, ("x",), (), id="a label too many"),
        pytest.param(catalogue.MEMORY_USAGE, ("x",), (), id="a label too few"),
        pytest.param(catalogue.PROCESSING_DURATION, (), (1, 2), id="buckets missing"),
        pytest.param(catalogue.ACTIVE_ACTORS, (), (1,), id="buckets of a gauge"),
    ],
)
def test_a_sample_that_does_not_fit_its_family_is_our_bug(
    family: catalogue.Family, labels: tuple[str, ...], counts: tuple[int, ...]
) -> None:
    with pytest.raises(AlysBug, match=family.name):
        Sample(family=family, labels=labels, counts=counts)
