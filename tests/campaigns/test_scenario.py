"""A kept plan is played: it fails for the reason that the campaign found, and passes where that is mended."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.base.errors import Inconclusive
from alys.base.trouble import Kill
from alys.campaigns import run, scenario, shrinking
from alys.campaigns.plan import At, Deposit, Order, Plan
from alys.chain import peg
from alys.cli import front as cli
from alys.config.settings import Settings
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimWorld

EARLY = "ledger/mint_before_confirmations"

PLAN = Plan(
    seed=5,
    nodes=1,
    weather_s=8.0,
    work=(
        Deposit(number=1, at=3.0, sats=3_000_000, user=1),
        Deposit(number=2, at=5.0, sats=14_332_650, user=2),
    ),
)


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Deposits are minted three confirmations too soon, by everybody."""
    monkeypatch.setattr(peg, "deep_enough", lambda found, required: found >= required - 3)
    return monkeypatch


def told_of(file: Path, results: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The report of `alys test` with this file."""
    cli.main(["test", str(file), "-o", "json", "--results-dir", str(results), *words])
    return json.loads(capsys.readouterr().out)


def test_what_was_found_is_kept_and_comes_again_until_it_is_mended(
    tmp_path: Path, early: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the failing plan to the scenario file and through the real command, with the bug and without it."""
    kept = shrinking.keep(PLAN)
    assert kept.outcome.oracle == EARLY
    assert len(kept.plan.work) == 1
    file = tmp_path / "found_early.py"
    shrinking.write(kept, "c0ffee", file)
    told = told_of(file, tmp_path / "results", capsys, "--world", "sim", "--seed", "1")
    (case,) = told["cases"]
    assert (told["exit_code"], told["verdict"], case["name"]) == (
        1,
        "fail",
        "ledger_mint_before_confirmations",
    )
    assert case["facts"]["oracle"] == EARLY
    assert kept.outcome.sentence in case["cause"]
    early.undo()
    told = told_of(file, tmp_path / "results", capsys, "--world", "sim", "--seed", "1")
    assert (told["exit_code"], told["verdict"]) == (0, "pass")
    assert told["cases"][0]["facts"]["trace"] == run.run(kept.plan).trace_hash
    assert told["counts"]["samples"] > 100


def test_outside_simulation_it_is_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found_here.py"
    file.write_text(
        "import pytest\nfrom alys.campaigns import plan, scenario\nPLAN = plan.Plan(seed=1)\n"
        "@pytest.mark.needs(plan=PLAN)\nasync def test_it(world): await scenario.play(world, PLAN)\n"
    )
    told = told_of(file, tmp_path / "results", capsys)
    assert told["cases"][0]["outcome"] == "skipped"
    assert "--world sim" in told["cases"][0]["cause"]


@pytest.mark.parametrize("mark", ["plan=7", "plan=PLAN, nodes=2"])
def test_a_mark_that_says_no_plan_is_refused(
    mark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found_wrong.py"
    file.write_text(
        "import pytest\nfrom alys.campaigns import plan\nPLAN = plan.Plan(seed=1)\n"
        f"@pytest.mark.needs({mark})\nasync def test_it(world): pass\n"
    )
    told = told_of(file, tmp_path / "results", capsys, "--world", "sim")
    assert told["exit_code"] == 2
    assert "takes plan= with a plan of alys.campaigns.plan and nothing beside it" in told["cause"]


def test_a_plan_is_played_in_its_own_world_only(tmp_path: Path) -> None:
    info = ScenarioInfo(name="x", seed=1, scratch=tmp_path)
    other = scenario.world_of(msgspec.structs.replace(PLAN, seed=6), info)
    for world in (SimWorld(Settings(), info), other):
        with pytest.raises(scenario.OtherWorld, match=r"needs\(plan=PLAN\)"):
            scenario.play(world, PLAN).send(None)


def test_an_order_that_bites_nobody_leaves_nothing_shown() -> None:
    orders = tuple(
        Order(number=number, target=f"node-{number}", fault=Kill(), when=At(seconds=1.0))
        for number in range(3)
    )
    scenario.require_bites(orders, {0: 1, 1: 1, 2: 4})
    with pytest.raises(Inconclusive, match=r"did not happen: kill node-1 .*; kill node-2 .*anew"):
        scenario.require_bites(orders, {0: 1, 1: 0})
