"""The command: its options, where it writes and how it ends."""

from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.catalogue import chosen
from benchmarks.measure import Findings
from benchmarks.results import parse
from benchmarks.samples import Samples
from tests.benchmarks.made_up import ask, results, row


def findings() -> Findings:
    samples = Samples()
    for _ in range(5):
        samples.add({"tell": 320.0}, 100.0)
    samples.add_peer("pykka", "not installed")
    return Findings({"tell": samples}, [(110.0, 100.0)] * 5, ["looked at"])


def test_the_summary_judges_every_figure_and_names_every_peer() -> None:
    made = run.summary(findings(), chosen("tell"), 5, quick=False)
    (only,) = made.rows
    assert (only.name, only.ratio_to_queue, only.met) == ("tell", 3.2, True)
    assert set(only.peers) == {"asyncio", "pykka", "thespian", "xoscar"}
    assert only.peers["pykka"] == "not installed"
    assert made.yardstick.queue_per_second == 100.0
    assert made.yardstick.same_task_ratio == 1.1
    assert made.notes == ["looked at"]


def test_all_goals_met_is_0_one_missed_is_5_and_a_failure_is_1() -> None:
    assert run.exit_code(results(row())) == 0
    assert run.exit_code(results(row(), ask())) == 5
    assert run.exit_code(results(ask(ours=None, failure="Broken: no"), ask())) == 1


@pytest.mark.parametrize("rounds", ["4", "0", "-1", "many"])
def test_fewer_than_five_rounds_are_a_usage_error(rounds: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(["--rounds", rounds])
    assert ended.value.code == 2


def test_a_workload_that_does_not_exist_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run.main(["--only", "unheard-of"]) == 2
    assert "there are tell, " in capsys.readouterr().out


def test_a_quick_run_has_no_million() -> None:
    assert run.main(["--only", "million_mb", "--quick"]) == 2


@pytest.mark.parametrize(
    ("arguments", "rounds", "folder"),
    [
        ([], 7, run.HERE),
        (["--rounds", "9"], 9, run.HERE),
        (["--quick"], 5, run.ELSEWHERE),
        (["--only", "tell"], 7, run.ELSEWHERE),
        (["--quick", "--out", "somewhere"], 5, Path("somewhere")),
    ],
)
def test_only_a_whole_run_replaces_the_published_results(
    arguments: list[str], rounds: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def measured(chosen: object, number: int, **_: object) -> Findings:
        seen.append(number)
        return findings()

    monkeypatch.setattr(run, "measure", measured)
    monkeypatch.setattr(run, "summary", lambda *_, **__: results(row()))
    monkeypatch.setattr(run, "write", lambda _, where: seen.append(where))
    assert run.main(arguments) == 0
    assert seen == [rounds, folder]


def test_a_run_leaves_the_data_and_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.write(results(row(), ask()), tmp_path / "out")
    assert parse((tmp_path / "out" / "results.json").read_text()).rows == [row(), ask()]
    assert "goals are met" in (tmp_path / "out" / "RESULTS.md").read_text()
    assert "at least 3 Q (floor 2.5): yes" in capsys.readouterr().out
