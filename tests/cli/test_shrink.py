"""``alys shrink``: a failing life becomes a scenario file; the lives behind it take no time here."""

from pathlib import Path

import msgspec
import pytest

from alys.campaigns import kept, life, shrinking
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan
from alys.campaigns.run import Hearing
from alys.cli import front as cli
from alys.runner import provenance
from tests.campaigns import lives

Capture = pytest.CaptureFixture[str]


def killed(plan: Plan, hearing: Hearing | None = None) -> Outcome:
    """It fails as long as anybody is killed."""
    del hearing
    guilty = any(order.fault.kind == "kill" for order in plan.orders)
    outcome = lives.failed(plan) if guilty and plan.seed == 17 else lives.passed(plan)
    return msgspec.structs.replace(outcome, bitten={1: 1, 2: 1})


@pytest.fixture(autouse=True)
def quick_lives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(life, "plan_of", lives.plan_of)
    defaults = shrinking.keep.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "run_plan", killed)


def shrink(*words: str) -> int:
    return cli.main(["shrink", *words], environment={})


def test_a_failing_seed_becomes_a_small_scenario(capsys: Capture) -> None:
    assert shrink("17", "-o", "found/short.py") == 0
    shown = capsys.readouterr()
    assert shown.err == "alys: shrink seed 17, 2 faults, 0 pieces of work\n"
    assert "faults: 2 -> 1" in shown.out
    assert shown.out.endswith("alys test found/short.py --world sim\n")
    text = Path("found/short.py").read_text()
    assert "async def test_ledger_short(world" in text
    assert "Cut(" not in text


def test_what_a_campaign_left_is_shrunk_at_its_own_commit_only(capsys: Capture) -> None:
    here = provenance.versions("")
    found = kept.of(lives.failed(lives.plan_of(17)), here.commit, here.lock_hash)
    Path("plan.json").write_text(kept.encode(found))
    assert shrink("plan.json", "-o", "a.py") == 0
    Path("plan.json").write_text(kept.encode(msgspec.structs.replace(found, commit="abc1")))
    assert shrink("plan.json", "-o", "b.py") == 3
    assert "the plan was run at commit abc1" in capsys.readouterr().err
    assert shrink("plan.json", "-o", "b.py", "--force") == 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["17"], "the following arguments are required: -o"),
        (["17", "-o", "json"], "-o 'json' cannot stand; allowed: a scenario file, *.py"),
        (["17", "-o", "a.py", "--runs", "0"], "--runs '0' cannot stand"),
        (["17", "-o", "a.py", "--minutes", "-1"], "--minutes"),
        (["16", "-o", "a.py"], "the plan of seed 16 does not fail here, it is pass"),
        (["gone", "-o", "a.py"], "cannot read the plan gone"),
    ],
)
def test_what_cannot_be_shrunk_is_told_with_the_fix(
    words: list[str], line: str, capsys: Capture
) -> None:
    assert shrink(*words) == 2
    assert line in capsys.readouterr().err
    assert not Path("a.py").exists()


def test_a_file_that_cannot_be_written_is_the_wrong_environment(capsys: Capture) -> None:
    Path("found").write_text("in the way")
    assert shrink("17", "-o", "found/it.py") == 3
    assert "cannot write the scenario found/it.py" in capsys.readouterr().err
