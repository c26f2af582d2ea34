"""The metrics port: the text format to the letter, and probes that say why not."""

import asyncio
import shutil
import subprocess
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from alys.base.errors import EnvironmentFailure
from alys.monitoring import catalogue, samples
from alys.monitoring.catalogue import Kind
from alys.monitoring.samples import Sample
from alys.shells.metrics_server import serve_metrics, text_of

EVERYTHING = [
    Sample(
        family=family,
        labels=tuple(f'a "{name}" \\ value' for name in family.labels),
        value=2.5,
        counts=tuple(range(1, len(family.buckets) + 2)) if family.buckets else (),
    )
    for family in catalogue.FAMILIES
    if not family.name.startswith("process_")
]


async def everything() -> list[Sample]:
    return EVERYTHING


def got(path: str, **probes: Any) -> tuple[int, str, str]:
    """Status, content type and body of one GET."""

    async def life() -> tuple[int, str, str]:
        server = await serve_metrics(everything, **probes)
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{server.url}{path}") as answer,
            ):
                return answer.status, answer.headers["Content-Type"], await answer.text()
        finally:
            await server.close()

    return asyncio.run(life())


def test_every_family_of_the_catalogue_is_exported_with_its_type_help_and_labels() -> None:
    status, kind, text = got("/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = {
        metric.name + ("_total" if metric.type == "counter" else ""): metric
        for metric in text_string_to_metric_families(text)
    }
    assert set(found) == {family.name for family in catalogue.FAMILIES}
    for family in catalogue.FAMILIES:
        metric = found[family.name]
        assert (metric.type, metric.documentation) == (family.kind.value, family.help)
        labels = {frozenset(sample.labels) for sample in metric.samples}
        assert labels == {family.labels_of(name) for name in family.series}


def test_a_histogram_ends_in_its_count() -> None:
    lines = text_of(EVERYTHING).decode().splitlines()
    name = catalogue.PROCESSING_DURATION.name
    told = [line.removeprefix(name) for line in lines if line.startswith(name)]
    assert told[0] == '_bucket{le="0.001"} 1.0'
    assert told[-3:] == ['_bucket{le="+Inf"} 10.0', "_count 10.0", "_sum 2.5"]


def test_the_samples_of_one_family_stand_together_whatever_their_order() -> None:
    mixed = [
        *samples.of_run("a", finished=1, exit_code=0),
        *samples.of_run("b", finished=1, exit_code=0),
    ]
    told = [
        line.partition("{")[0]
        for line in text_of(reversed(mixed)).decode().splitlines()
        if line.startswith("alys_")
    ]
    assert told == sorted(told, reverse=True)  # finished before exit code, each twice
    assert text_of(mixed).count(b"# TYPE alys_run_exit_code") == 1


def test_the_process_own_figures_come_from_the_operating_system() -> None:
    found: dict[str, Any] = {
        metric.name: metric for metric in text_string_to_metric_families(text_of([]).decode())
    }
    assert all(name.startswith("process_") for name in found)
    assert found["process_resident_memory_bytes"].samples[0].value > 1_000_000


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (prometheus) is not installed"
)
def test_promtool_has_nothing_to_say_against_the_text() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=text_of(EVERYTHING),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_a_probe_that_nobody_answers_otherwise_is_well(path: str) -> None:
    assert got(path)[0] == 200


@pytest.mark.parametrize("name", ["health", "ready"])
def test_a_probe_follows_the_truth_and_says_why_not(name: str) -> None:
    status, _, text = got(f"/{name}", **{name: lambda: "the tree gave up"})
    assert (status, text) == (503, "the tree gave up\n")


def test_nothing_else_is_served() -> None:
    assert got("/")[0] == 404


def test_a_taken_port_is_named() -> None:
    async def life() -> None:
        first = await serve_metrics(everything)
        try:
            await serve_metrics(everything, port=first.port)
        finally:
            await first.close()

    with pytest.raises(EnvironmentFailure, match="for metrics"):
        asyncio.run(life())


def test_counters_and_only_they_end_in_total() -> None:
    text = text_of(EVERYTHING).decode()
    for family in catalogue.FAMILIES:
        if family.kind is Kind.COUNTER:
            assert f"# TYPE {family.name} counter" in text
