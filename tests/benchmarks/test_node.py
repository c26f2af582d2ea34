"""The node's figures: each beside its target, missed when its p95 is, and on the page whoever writes it."""

from pathlib import Path

import msgspec
import pytest

from benchmarks import results as runtime
from benchmarks.node import figures, run, worlds
from benchmarks.node.figures import TARGETS, NodeFigures
from benchmarks.run import write as write_runtime
from tests.benchmarks.made_up import MACHINE, results, row


def found(**changes: list[float]) -> NodeFigures:
    """A run in which every target is just met, but for the changes."""
    samples = {target.name: [target.at_most] * 20 for target in TARGETS}
    samples.update(changes)
    return NodeFigures(
        machine=MACHINE,
        rounds=3,
        quick=False,
        time_scale=10.0,
        figures=tuple(figures.figure(name, values) for name, values in samples.items()),
    )


def test_a_figure_is_the_median_the_nearest_rank_and_the_worst_of_all_samples() -> None:
    one = figures.figure("import", [float(n) for n in range(1, 41)])
    assert (one.samples, one.median, one.p95, one.worst) == (40, 20.5, 38.0, 40.0)
    assert one.met


def test_no_samples_are_no_figure() -> None:
    with pytest.raises(ValueError, match="no values"):
        figures.figure("import", [])


def test_the_95th_percentile_is_held_against_the_target() -> None:
    assert found().missed() == []
    assert found(validation=[1.0] * 19 + [51.0]).missed() == []
    assert found(validation=[1.0] * 18 + [51.0] * 2).missed() == [
        "block validation: p95 51.0 ms, target 50.0"
    ]


def test_the_page_has_every_figure_its_target_and_how_it_is_taken() -> None:
    text = figures.section(found(memory=[600.0] * 20))
    for target in TARGETS:
        assert f"| {target.title} | at most {figures.shown(target.at_most)} {target.unit} |" in text
        assert f"- {target.title}: {target.how}." in text
    assert "Missed: resident memory of the node's process: p95 600 MB, target 512." in text
    assert (
        "| resident memory of the node's process | at most 512 MB | 600 | 600 | 600 | 20 | no |"
        in text
    )
    assert MACHINE.cpu in text
    assert "All are met." in figures.section(found())


def test_whoever_writes_the_page_keeps_what_the_other_measured(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    run.write(found(), tmp_path)
    assert page.read_text().startswith("\n## The node")
    write_runtime(results(row()), tmp_path)
    first = page.read_text()
    assert "## The peers" in first
    assert first.endswith(figures.section(found()))
    (tmp_path / figures.FILE).unlink()
    run.write(found(), tmp_path)
    assert page.read_text() == first
    kept = msgspec.json.decode((tmp_path / figures.FILE).read_bytes(), type=NodeFigures)
    assert kept == found()


def test_the_page_of_the_repository_is_what_the_figures_say() -> None:
    kept = run.HERE / "RESULTS.md"
    text = kept.read_text(encoding="utf-8")
    assert figures.kept_section(run.HERE) in text
    assert runtime.parse((run.HERE / "results.json").read_text(encoding="utf-8")).rows


@pytest.mark.slow
def test_a_world_that_is_measured_gives_every_figure_of_its_kind() -> None:
    taken = worlds.played(worlds.blocks(quick=True), "split", worlds.TIME_SCALE, 1)
    assert set(taken) == {"production", "validation", "import", "mint", "memory", "actor_memory"}
    assert all(value > 0 for values in taken.values() for value in values)
    assert len(taken["production"]) >= worlds.QUICK_BLOCKS
