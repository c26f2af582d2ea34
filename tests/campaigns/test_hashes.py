"""The program behind the comparison of two processes."""

from pathlib import Path

import msgspec
import pytest

from alys.campaigns import hashes, life
from alys.campaigns.hashes import Seen
from tests.campaigns import lives


@pytest.fixture(autouse=True)
def quick_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "plan_of", lives.plan_of)
    monkeypatch.setattr(life, "run", lives.passed)
    monkeypatch.setattr(life, "traced", lambda plan: (lives.passed(plan), ["one", "two"]))
    monkeypatch.setattr(life, "warm", lambda: None)


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_line_for_each_seed_in_their_order(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert hashes.main(["4", "9", "--jobs", jobs]) == 0
    told = [msgspec.json.decode(line, type=Seen) for line in capsys.readouterr().out.splitlines()]
    assert told == [Seen(seed=seed, trace_hash=f"{seed:064x}") for seed in range(4, 9)]


def test_of_one_seed_the_records_are_written(tmp_path: Path) -> None:
    file = tmp_path / "records"
    assert hashes.main(["4", "5", "--trace", str(file)]) == 0
    assert file.read_text() == "one\ntwo\n"


def test_a_mixed_profile_is_light_or_full_for_each_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(plan: object) -> object:
        outcome = lives.passed(plan)  # type: ignore[arg-type]  # a stand-in
        return msgspec.structs.replace(outcome, trace_hash=outcome.plan.profile)

    monkeypatch.setattr(life, "run", run)
    hashes.main(["8", "10"])
    told = [msgspec.json.decode(line, type=Seen) for line in capsys.readouterr().out.splitlines()]
    assert [one.trace_hash for one in told] == ["light", "full"]
