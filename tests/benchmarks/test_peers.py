"""The peers' processes: what stands in the place of a number, and that a peer cannot spoil the run."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.peers import client, worker
from benchmarks.peers.client import Client, Kind, version_of
from benchmarks.peers.kit import Kit, Values, Work, expect, reply_to


def echo(size: int) -> Values:
    return {"tell": float(size)}


def fail(size: int) -> Values:
    raise RuntimeError("lost one")


KIT = Kit(
    works={"tell": Work(echo, 100), "ring": Work(fail, 1)}, absent={"fan_in": "no bounded mailbox"}
)


def test_a_quick_pass_does_a_fifth_of_the_work() -> None:
    assert reply_to(KIT, "tell", quick=False) == {"tell": 100.0}
    assert reply_to(KIT, "tell", quick=True) == {"tell": 20.0}


def test_what_a_peer_lacks_is_said_in_words() -> None:
    assert reply_to(KIT, "fan_in", quick=False) == "no bounded mailbox"
    assert reply_to(KIT, "unheard-of", quick=False) == "not comparable"


def test_a_workload_that_fails_costs_only_its_own_cell() -> None:
    assert worker.answer(KIT, {"workload": "ring", "quick": True}) == {
        "absent": "failed: RuntimeError: lost one"
    }
    assert worker.answer(KIT, {"workload": "tell", "quick": True}) == {"values": {"tell": 20.0}}


def test_a_peer_that_loses_messages_has_no_rate() -> None:
    expect(5, 5)
    with pytest.raises(RuntimeError, match="4 handled of 5 sent"):
        expect(4, 5)


def test_a_peer_whose_package_is_missing_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pykka", None)
    monkeypatch.delitem(sys.modules, "benchmarks.peers.pykka_peer", raising=False)
    assert worker.load("pykka") == "not installed"


def test_another_missing_module_is_an_error_and_not_an_absent_peer() -> None:
    with pytest.raises(ModuleNotFoundError):
        worker.load("unheard_of")


def test_the_baseline_answers_from_a_process_of_its_own() -> None:
    with Client("asyncio") as baseline:
        found = baseline.measure("tell", quick=True)
        assert isinstance(found, dict)
        assert set(found) == {"tell"}
        assert baseline.measure("million_mb", quick=True) == "not tried"


def test_a_process_that_ends_is_said_to_have_and_asked_nothing_more() -> None:
    with Client("unheard_of") as gone:
        assert gone.absent == "failed: its process ended"
        assert gone.measure("tell", quick=True) == "failed: its process ended"


def test_a_process_that_falls_silent_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = tmp_path / "silent.py"
    silent.write_text("import sys\nsys.stdin.read()\n")
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(client, "COMMAND", (sys.executable, str(silent)))
    with Client("silent") as mute:
        assert mute.absent == "failed: its process fell silent"


def test_what_a_peer_prints_is_no_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    noisy = tmp_path / "noisy.py"
    code = "from benchmarks.peers.worker import answers_alone, say\n"
    code += "with answers_alone() as channel:\n    print('noise', flush=True)\n"
    code += f"    say(channel, {json.dumps({'absent': 'heard'})})\n"
    noisy.write_text(f"import sys\nsys.path.insert(0, {str(client.ROOT)!r})\n{code}")
    monkeypatch.setattr(client, "COMMAND", (sys.executable, str(noisy)))
    with Client("noisy") as peer:
        assert peer.absent == "heard"


def test_the_version_of_what_is_not_there_is_empty() -> None:
    assert version_of(Kind("x", "no-such-distribution-of-alys", "")) == ""
    assert version_of(Kind("asyncio", "", "")).startswith("3.")
    assert version_of(Kind("pytest", "pytest", "")) == pytest.__version__
