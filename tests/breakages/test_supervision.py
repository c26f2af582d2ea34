"""Broken on purpose, the supervision suite is red and says why: each promise of the runtime is taken away once.

One function is replaced, the real command runs a real scenario in simulation, and the verdict must be 1 with the cause
named. A scenario whose own fault bit nothing proves nothing: that is 4.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.actors import family, groups, memory, supervision
from alys.actors.envelope import message_of
from alys.actors.exits import Exit
from alys.actors.family import Family
from alys.actors.lifecycle import Lifecycle
from alys.actors.mailbox import Mailbox
from alys.actors.supervision import Decision, Intensity
from alys.actors.system import System
from alys.cli import front as cli
from alys.node import policies
from alys.node.stream import Stream
from alys.worlds.actors import Actors
from alys.worlds.recorder import Recorder
from alys.worlds.specimens import Say

SCENARIOS = (
    "single_actor_failure",
    "cascading_failures",
    "supervisor_failure",
    "resource_exhaustion",
)
SINGLE, CASCADE, SUPERVISOR, RESOURCES = SCENARIOS

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as a user types it, with the one object that it prints."""

    def command(scenario: str, world: str = "sim") -> dict[str, Any]:
        words = ["test", "supervision", "--world", world, "--seed", "7", "-k", scenario]
        code = cli.main([*words, "-o", "json", "--results-dir", str(tmp_path)])
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert told["exit_code"] == code
        return told

    return command


def red(told: dict[str, Any]) -> str:
    """The cause of a run that must have failed."""
    assert told["exit_code"] == 1, told
    assert told["verdict"] == "fail"
    return str(told["cause"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_unbroken_it_is_green(run: Run, scenario: str) -> None:
    told = run(scenario)
    assert (told["exit_code"], told["verdict"], told["counts"]["passed"]) == (0, "pass", 1)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_unbroken_it_is_green_on_real_sockets_too(run: Run, scenario: str) -> None:
    told = run(scenario, "local")
    assert (told["exit_code"], told["verdict"], told["counts"]["passed"]) == (0, "pass", 1)


# single_actor_failure


def test_a_restart_that_keeps_the_instance_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runtime counts an incarnation, and the old object goes on: only what stands behind the ref can tell."""
    torn_down, launch = Lifecycle._torn_down, Lifecycle._launch
    kept: dict[int, Any] = {}

    def remember(self: Any, then: Any) -> None:
        kept[self.uid] = self.instance
        torn_down(self, then)

    def reuse(self: Any, error: BaseException | None, awaited: bool) -> None:
        old = kept.get(self.uid)
        if old is not None:
            self.spec = msgspec.structs.replace(self.spec, factory=lambda: old)
        launch(self, error, awaited)

    monkeypatch.setattr(Lifecycle, "_torn_down", remember)
    monkeypatch.setattr(Lifecycle, "_launch", reuse)
    assert "a restart puts a new instance in the place" in red(run(SINGLE))


def test_a_failed_actor_that_is_only_resumed_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family, "decide", lambda spec, rule, log, *_: (Decision.RESUME, log))
    assert "siblings are untouched (changed=[]" in red(run(SINGLE))


def test_a_sibling_that_is_restarted_too_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for all where one for one was asked for."""

    def everybody(self: Family, child: Any, error: BaseException, message: Any) -> None:
        self.run(groups.restart_group(self, child, error, message))

    monkeypatch.setattr(Family, "_restart", everybody)
    cause = red(run(SINGLE))
    assert "siblings are untouched" in cause
    assert "/alys/single/c" in cause


def test_a_mailbox_that_is_lost_with_the_instance_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild = Lifecycle._rebuild

    def forget(self: Any, error: BaseException, awaited: bool) -> None:
        self.mailbox.drain(None)
        rebuild(self, error, awaited)

    monkeypatch.setattr(Lifecycle, "_rebuild", forget)
    assert "the mailbox is kept" in red(run(SINGLE))


def test_a_failing_message_that_comes_again_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail = Lifecycle.fail

    def put_back(self: Any, error: BaseException, entry: Any, end: Exit | None = None) -> None:
        fail(self, error, entry, end)
        if entry is not None and isinstance(message_of(entry), Say):
            self.mailbox.put_back([entry], self.origin)

    monkeypatch.setattr(Lifecycle, "fail", put_back)
    assert "the failing message does not come again" in red(run(SINGLE))


def test_a_restart_that_takes_its_time_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three seconds of virtual time; no clock of this machine is read."""
    monkeypatch.setattr(supervision.Backoff, "delay", lambda self, attempt, chance: 3.0)
    assert "restarted within a second" in red(run(SINGLE))


def test_a_stream_that_does_not_connect_again_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is restarted by the book, and of no use any more."""
    monkeypatch.setattr(Stream, "post_restart", lambda self, error, ctx: None, raising=False)
    assert "hears of block" in red(run(SINGLE))


# cascading_failures


def test_a_sibling_that_is_spared_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for all that forgets the last one."""
    honest = groups.affected
    monkeypatch.setattr(groups, "affected", lambda f, child: honest(f, child)[:3])
    cause = red(run(CASCADE))
    assert "one_for_all, b fails: exactly these are restarted" in cause


def test_one_for_all_where_the_rest_was_asked_for_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "affected", lambda f, child: list(f.cells))
    assert "rest_for_one, b fails: exactly these are restarted" in red(run(CASCADE))


def test_a_group_restarted_in_the_wrong_order_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = groups.affected
    monkeypatch.setattr(groups, "affected", lambda f, child: honest(f, child)[::-1])
    assert "started in the order of the list" in red(run(CASCADE))


def test_a_strategy_that_is_not_obeyed_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alone(self: Family, child: Any, error: BaseException, message: Any) -> None:
        child.begin_restart(error, message)

    monkeypatch.setattr(Family, "_restart", alone)
    assert "one_for_all, b fails: exactly these are restarted" in red(run(CASCADE))


def test_a_failure_that_spreads_further_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Supervisors that give up at the first failure: the whole node is begun anew."""
    monkeypatch.setattr(policies, "_intensity", lambda _: Intensity(restarts=0))
    cause = red(run(CASCADE))
    assert "who was asked, and at most who asked: nobody else" in cause


# supervisor_failure


def test_an_orphan_that_answers_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed supervisor forgets its children instead of taking them along."""
    monkeypatch.setattr(Family, "abandon", lambda self: [])
    assert "nobody lives outside the tree" in red(run(SUPERVISOR))


def test_an_orphan_that_answers_is_noticed_even_when_nobody_counts(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books say that all are gone; asking them is the proof."""

    async def nobody(self: Actors) -> tuple[str, ...]:
        return ()

    monkeypatch.setattr(Family, "abandon", lambda self: [])
    monkeypatch.setattr(Actors, "orphans", nobody)
    assert "an orphan does not answer" in red(run(SUPERVISOR))


def test_a_supervisor_that_nobody_brings_back_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Family, "_ended_by_itself", lambda self, child, end: None)
    assert "the parent brings /alys/house/mid back" in red(run(SUPERVISOR))


def test_a_supervisor_that_comes_back_with_its_old_children_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They live through its restart as if nothing had been."""

    def keep(self: Any, then: Any, _: Any) -> None:
        self._torn_down(then)

    monkeypatch.setattr(Lifecycle, "_children_down", keep)
    assert "the old ones end in reverse order (order=[])" in red(run(SUPERVISOR))


def test_names_that_the_dead_keep_are_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new node's actors cannot register, so there is no new node."""
    monkeypatch.setattr(
        System, "actor_gone", lambda self, cell, end: self.observer.stopped(cell, str(end))
    )
    assert "the name 'node/storage' is registered already" in red(run(SUPERVISOR))


# resource_exhaustion


def test_a_sender_that_is_not_held_back_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mailbox takes whatever comes, bound or no bound."""
    monkeypatch.setattr(Mailbox, "is_full", lambda self, priority: False)
    assert "the sender is held back with one message" in red(run(RESOURCES))


def test_a_message_lost_by_a_sender_that_waits_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who stands in line is let go and the message forgotten."""
    honest = Mailbox.stand_in_line

    def forget(self: Mailbox, entry: Any, priority: Any, turn: Any) -> None:
        honest(self, entry, priority, turn)
        turn.complete(None)

    monkeypatch.setattr(Mailbox, "stand_in_line", forget)
    assert "the sender is held back with one message" in red(run(RESOURCES))


def test_drops_that_nobody_counts_are_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "dropped", lambda self, *_: None)
    assert "drop_new: what has no room is dropped as the policy says" in red(run(RESOURCES))


def test_a_budget_without_an_end_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def generous(rule: Any, history: Any, now: float) -> Any:
        return Decision.RESTART, (*history, now)

    monkeypatch.setattr(supervision, "count_restart", generous)
    assert "permanent: one restart too many is escalated" in red(run(RESOURCES))


def test_a_budget_that_is_one_too_small_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = supervision.count_restart

    def stingy(rule: supervision.Intensity, history: Any, now: float) -> Any:
        less = msgspec.structs.replace(rule, restarts=max(0, (rule.restarts or 0) - 1))
        return honest(less, history, now)

    monkeypatch.setattr(supervision, "count_restart", stingy)
    assert "permanent: 2 restarts are within the budget (escalations=1)" in red(run(RESOURCES))


def test_a_parent_that_restarts_what_should_stay_down_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = supervision.decide

    def always(spec: Any, *rest: Any) -> Any:
        permanent = msgspec.structs.replace(spec, restart=supervision.Restart.PERMANENT)
        return honest(permanent, *rest)

    monkeypatch.setattr(family, "decide", always)
    assert "temporary: the parent's policy is applied" in red(run(RESOURCES))


def test_memory_that_is_not_seen_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "size_of", lambda roots, most, system=None: (0, most))
    assert "exactly the one that hoards is above the limit" in red(run(RESOURCES))


# Faults that bite nobody


def test_a_fault_that_was_ordered_and_forgotten_is_asked_for_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "own.py"
    scenario.write_text(
        "async def test_own(world):\n"
        "    world.check(True, 'all is well')\n"
        "    await world.actors.crash('/alys/nobody')\n"
    )
    results = ["-o", "json", "--results-dir", str(tmp_path / "results")]
    code = cli.main(["test", str(scenario), "--world", "sim", "--seed", "7", *results])
    told = json.loads(capsys.readouterr().out)
    assert (code, told["verdict"]) == (4, "inconclusive")
    assert "the fault crash of /alys/nobody touched nothing" in told["cause"]


@pytest.mark.parametrize("scenario", [SINGLE, CASCADE, RESOURCES])
def test_a_fault_that_touches_nothing_is_no_pass(
    run: Run, monkeypatch: pytest.MonkeyPatch, scenario: str
) -> None:
    monkeypatch.setattr(Recorder, "arm", lambda self, path, drags=(): self.order(path, "crash"))
    told = run(scenario)
    assert (told["exit_code"], told["verdict"]) == (4, "inconclusive")
    assert "touched nothing" in told["cause"]
