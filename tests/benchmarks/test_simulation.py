"""The simulation's figures: each beside its goal, on the page whoever writes it; and the loads do what they say. No times."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks import busy, living, simulation
from benchmarks import simulation_figures as figures
from benchmarks.run import write as write_runtime
from benchmarks.simulation_figures import GOALS, Figure, SimulationFigures
from tests.benchmarks.made_up import MACHINE, row
from tests.benchmarks.made_up import results as runtime_results


def found(**changes: tuple[float, ...]) -> SimulationFigures:
    """A run in which every goal is just met, but for the changes."""
    values = {goal.name: (goal.bound,) * 3 for goal in GOALS} | changes
    made = tuple(Figure(name=name, values=one) for name, one in values.items())
    return SimulationFigures(machine=MACHINE, rounds=3, quick=False, figures=made)


def test_the_median_is_held_against_the_goal_from_the_side_that_is_meant() -> None:
    assert found().missed() == []
    assert found(bare=(1.0, 2e6, 3e6), hour=(99.0, 9.0, 8.0)).missed() == []
    assert found(bare=(1.0, 999_999.0, 3e6)).missed() == [
        "the scheduler alone: 999,999 steps/s, goal 1,000,000"
    ]
    assert found(hour=(9.0, 10.1, 11.0)).missed() == ["an hour of three nodes: 10.1 s, goal 10.0"]


def test_the_page_has_every_figure_its_goal_and_how_it_is_taken() -> None:
    text = figures.section(found(cycle=(0.5, 2.0, 3.0)))
    for goal in GOALS:
        assert f"- {goal.title}: {goal.how}." in text
    assert "| an hour of three nodes | at most 10.0 s | 10.0 | 10.0 |  | yes |" in text
    assert "Missed: a deposit, its mint, a burn and its payout, on EELS: 2.00 s, goal 1.00." in text
    assert MACHINE.cpu in text
    assert "All are met." in figures.section(found())


def test_whoever_writes_the_page_keeps_the_part_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulation.write(found(), tmp_path)
    assert (tmp_path / "RESULTS.md").read_text().startswith("\n## The simulation")
    write_runtime(runtime_results(row()), tmp_path)
    page = (tmp_path / "RESULTS.md").read_text()
    assert page.startswith("# Benchmarks")
    assert page.count("## The simulation") == 1
    simulation.write(found(bare=(1.0,)), tmp_path)
    page = (tmp_path / "RESULTS.md").read_text()
    assert page.startswith("# Benchmarks")
    assert "Missed: the scheduler alone" in page
    kept = msgspec.json.decode((tmp_path / figures.FILE).read_bytes(), type=SimulationFigures)
    assert kept == found(bare=(1.0,))
    assert "the page is" in capsys.readouterr().out


@pytest.mark.parametrize(("bare", "status"), [(2e6, 0), (1.0, 5)])
def test_a_missed_goal_is_an_exit_code(
    bare: float, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(name: str, rounds: int, quick: bool) -> Figure:
        bound = figures.BY_NAME[name].bound
        return Figure(name=name, values=(bare if name == "bare" else bound,))

    monkeypatch.setattr(simulation, "measured", measured)
    assert simulation.main(["--quick", "--out", str(tmp_path)]) == status
    assert (tmp_path / figures.FILE).exists()


def test_bare_calls_are_counted() -> None:
    assert busy.bare(1000) == 1000


def test_the_busy_actors_are_one_run_a_seed_with_faults_that_bite() -> None:
    def run(**more: Any) -> busy.Done:
        return busy.actors(4000, **{"seed": 3, "trace": True, "oracles": True, **more})

    first, again = run(), run()
    assert first.messages >= 4000
    assert first.failures >= 3
    assert (first.steps, first.trace_hash) == (again.steps, again.trace_hash)
    assert run(oracles=False).trace_hash == first.trace_hash, "who looks changes nothing"
    assert run(seed=4).trace_hash != first.trace_hash
    assert run(ask_each=4).steps > first.steps


def test_the_cycle_comes_to_its_end() -> None:
    lived = living.cycle(1)
    assert lived.simulated_s > 0


def test_an_hours_plan_is_that_of_many_seeds_one_after_the_other() -> None:
    plan = living.long_plan(1, 4 * living.SPELL_S)
    assert [order.number for order in plan.orders] == list(range(1, len(plan.orders) + 1))
    assert [one.number for one in plan.work] == list(range(1, len(plan.work) + 1))
    spells = {int(one.at // living.SPELL_S) for one in plan.work}
    assert spells == {0, 1, 2, 3}
    assert all(one.at <= plan.weather_s for one in plan.work)
