"""``alys replay``: a seed, a file or a folder; the life behind it takes no time here."""

import json
from pathlib import Path

import msgspec
import pytest

from alys.campaigns import kept, life
from alys.campaigns.kept import Kept
from alys.cli import front as cli
from alys.runner import provenance
from tests.campaigns import lives

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def quick_lives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(life, "plan_of", lives.plan_of)
    monkeypatch.setattr(life, "traced", lambda plan: (lives.failing_at(17)(plan), ["one", "two"]))


def keep(**changes: str) -> Path:
    here = provenance.versions("")
    found = kept.of(lives.failed(lives.plan_of(17)), here.commit, here.lock_hash)
    file = Path("plan.json")
    file.write_text(kept.encode(msgspec.structs.replace(found, **changes)))
    return file


def replay(*words: str) -> int:
    return cli.main(["replay", *words], environment={})


def test_a_seed_is_run_again(capsys: Capture) -> None:
    assert replay("17") == 1
    shown = capsys.readouterr()
    assert shown.err == "alys: replay of seed 17, 2 orders, profile light\n"
    assert "cause:  ledger/short: 3 sat are missing at height 12, at 12.50 s" in shown.out
    assert shown.out.splitlines()[-1] == "FAIL  replay of seed 17"
    assert replay("16") == 0


def test_a_seed_is_drawn_as_the_line_says(capsys: Capture) -> None:
    assert replay("19", "-o", "json", "--trace-hash", f"{19:064x}") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["same"], found["outcome"]["plan"]["profile"]) == (True, "full")
    assert replay("19", "-o", "json", "--profile", "light") == 0
    assert json.loads(capsys.readouterr().out)["outcome"]["plan"]["profile"] == "light"


def test_what_was_kept_is_run_again_and_compared(capsys: Capture) -> None:
    assert replay(str(keep())) == replay(".") == 1
    assert capsys.readouterr().out.count(", the same as before") == 2
    assert replay(str(keep(trace_hash="ff"))) == 1
    assert "determinism: one plan, two traces" in capsys.readouterr().out


def test_another_commit_is_refused_but_with_force(capsys: Capture) -> None:
    file = keep(commit="abc1", trace_hash="ff")
    assert replay(str(file)) == 3
    assert "the plan was run at commit abc1, this is " in capsys.readouterr().err
    assert replay(str(file), "--force") == 1
    shown = capsys.readouterr().out
    assert "another than before: ff" in shown
    assert "determinism" not in shown


def test_the_records_go_where_they_are_wanted(capsys: Capture) -> None:
    assert replay("3", "--trace", "here") == 0
    assert Path("here").read_text() == "one\ntwo\n"
    assert replay("3", "--trace", "no/where") == 3
    assert "cannot write --trace no/where" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["gone.json"], "cannot read the plan gone.json"),
        (["17", "--faults", "al"], "did you mean 'all'?"),
        (["plan.json", "--faults", "all"], "--faults is for a SEED"),
        (["plan.json", "--trace-hash", "ff"], "--trace-hash is for a SEED"),
        ([str(2**64)], "out of range"),
        ([], "the following arguments are required: FILE|SEED"),
    ],
)
def test_what_is_typed_wrong_is_told_with_the_fix(
    words: list[str], line: str, capsys: Capture
) -> None:
    keep()
    assert replay(*words) == 2
    assert line in capsys.readouterr().err


def test_a_plan_alone_has_nothing_to_be_compared_with(capsys: Capture) -> None:
    Path("alone.json").write_bytes(msgspec.json.encode(Kept(plan=lives.plan_of(3)).plan))
    assert replay("alone.json") == 0
    assert "before" not in capsys.readouterr().out
