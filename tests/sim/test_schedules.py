"""Schedules: each chooses as it says, keeps what may not change places, and gives the same run from the same seed."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.base.prng import Random, SeededRandom
from alys.sim import schedules
from alys.sim.dispatch import SimDispatcher
from alys.sim.schedules import Pct, Recording, Replay, RoundRobin, Schedule, ScheduleMaker, Uniform
from tests.sim import little_world
from tests.sim.little_world import World, play

ROOT = Path(__file__).resolve().parents[2]


def named(kind: str, **more: Any) -> ScheduleMaker:
    return lambda random: schedules.make(kind, random, **more)


def drained(schedule: Schedule, names: str = "abcde") -> str:
    ready: list[Any] = [(None, name) for name in names]
    return "".join(schedule.take(ready)[1] for _ in names)


def test_uniform_gives_every_order_about_equally_often() -> None:
    counted = Counter(drained(Uniform(SeededRandom(seed)), "abc") for seed in range(600))
    assert {*counted} == {"".join(order) for order in permutations("abc")}
    assert min(counted.values()) > 60


def test_uniform_takes_its_numbers_as_they_come_whatever_generator_it_is_given() -> None:
    class Plain:
        """A generator of somebody else's."""

        def __init__(self) -> None:
            self.inner = SeededRandom(5)

        def bits(self) -> int:
            return self.inner.bits()

    plain: Any = Plain()
    names = "".join(chr(65 + n) for n in range(500))
    assert drained(Uniform(plain), names) == drained(Uniform(SeededRandom(5)), names)


def test_round_robin_takes_the_oldest_and_needs_no_chance() -> None:
    assert drained(RoundRobin()) == "abcde"
    hashes = {play(seed, named("round_robin")).recorder.trace_hash for seed in range(3)}
    assert len(hashes) == 3, "actors have chance of their own"


def test_replay_takes_what_was_recorded_and_then_the_oldest() -> None:
    assert drained(Replay([2, 0, 1])) == "cadbe"
    assert drained(Replay([])) == "abcde"


def test_replay_counts_the_picks_that_name_nobody() -> None:
    replay = Replay([9, 1])
    assert drained(replay) == "ebacd"
    assert (replay.strayed, replay.choices) == (1, 4)


@pytest.mark.parametrize("kind", ["uniform", "pct", "round_robin"])
def test_a_recorded_run_can_be_run_again_from_its_picks(kind: str) -> None:
    recorded = play(4, lambda random: Recording(schedules.make(kind, random, steps=30)))
    assert isinstance(recorded.schedule, Recording)
    plain = play(4, named(kind, steps=30))
    assert plain.recorder.trace_hash == recorded.recorder.trace_hash, "it only listens"
    picks = recorded.schedule.picks
    assert 20 < len(picks) < recorded.dispatcher.steps, "only steps with a choice count"
    again = play(4, named("replay", picks=picks))
    assert again.recorder.trace_hash == recorded.recorder.trace_hash
    assert isinstance(again.schedule, Replay)
    assert (again.schedule.choices, again.schedule.strayed) == (len(picks), 0)
    other = play(4, named("replay", picks=[]))
    same = other.recorder.trace_hash == recorded.recorder.trace_hash
    assert same == (kind == "round_robin"), "the picks matter, unless all are the oldest"
    assert any(picks) == (kind != "round_robin")


class Go(Message, frozen=True, kw_only=True):
    """Take one step of several."""

    left: int


class Walker(Actor):
    """Walks by telling itself; notes each of its steps in a list that all walkers have."""

    def __init__(self, steps: list[str]) -> None:
        self.steps = steps

    def on_go(self, message: Go, ctx: Context) -> None:
        """One step."""
        self.steps.append(ctx.self.name)
        if message.left:
            ctx.tell(ctx.self, Go(left=message.left - 1))


def walk(make: ScheduleMaker, seed: int, walkers: str = "ab", length: int = 20) -> str:
    world, steps = World(seed, schedule=make), list[str]()
    refs = [world.spawn(name, lambda: Walker(steps)) for name in walkers]
    world.dispatcher.run_until_idle()
    for ref in refs:
        world.system.tell(ref, Go(left=length - 1))
    world.dispatcher.run_until_idle()
    return "".join(steps)


def test_pct_of_depth_one_lets_the_actor_of_highest_priority_run_to_its_end() -> None:
    walks = {walk(named("pct", depth=1), seed) for seed in range(20)}
    assert walks == {"a" * 20 + "b" * 20, "b" * 20 + "a" * 20}


def changes(steps: str) -> int:
    return sum(one != next_ for one, next_ in pairwise(steps))


def test_pct_changes_priorities_as_often_as_its_depth_says() -> None:
    walks = [walk(named("pct", depth=3, steps=40), seed) for seed in range(60)]
    assert {changes(one) for one in walks} >= {1, 2, 3}
    assert max(changes(one) for one in walks) <= 3, "two change points and one end"
    assert len({*walks}) > 30, "the points lie anywhere"


def test_pct_finds_an_order_that_uniform_choice_all_but_never_takes() -> None:
    """One actor does all its 20 steps while the other stands after its first: depth 2."""

    def found(make: ScheduleMaker) -> int:
        wanted = {"a" + "b" * 20 + "a" * 19, "b" + "a" * 20 + "b" * 19}
        return sum(walk(make, seed) in wanted for seed in range(400))

    assert found(named("pct", depth=2, steps=21)) >= 400 // (2 * 21), "1 / (n * k^(d-1))"
    assert found(Uniform) == 0


def test_the_i_th_change_point_gives_priority_i_so_a_later_one_may_stand_above_an_earlier() -> None:
    lowest_first = Pct(SeededRandom(1), depth=4, steps=100)
    numbers = [number for _, number in lowest_first._changes]
    assert sorted(numbers) == [1, 2, 3]
    orders = {
        tuple(number for _, number in Pct(SeededRandom(seed), 3, 100)._changes)
        for seed in range(20)
    }
    assert orders == {(1, 2), (2, 1)}


def test_pct_lets_nobody_spin_for_ever_not_even_two_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the third would wait until the run counts as a livelock."""
    make = named("pct", depth=1)
    alone = {walk(make, seed, "abc", 200) for seed in range(20)}
    assert all(changes(steps) == 2 for steps in alone), "a run this short is nobody's spinning"
    monkeypatch.setattr(schedules, "PASSED_OVER_MAX", 20)
    for seed in range(20):
        steps = walk(make, seed, "abc", 200)
        assert max(steps.index(name) for name in "abc") <= 3 * 20


@pytest.mark.parametrize(("depth", "steps"), [(0, 10), (1, 0)])
def test_pct_refuses_depths_and_steps_that_mean_nothing(depth: int, steps: int) -> None:
    with pytest.raises(ValueError, match="a depth and steps of at least 1"):
        Pct(SeededRandom(0), depth, steps)


def test_a_schedule_that_nobody_knows_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no schedule is called 'fair'; there are uniform, pct"):
        schedules.make("fair", SeededRandom(0))


class Slowly(Request[str], frozen=True, kw_only=True):
    """Ask somebody who asks somebody."""


class Middle(Actor):
    """Asks before it answers."""

    def __init__(self, end: Ref) -> None:
        self.end = end

    async def on_slowly(self, message: Slowly, ctx: Context) -> str:
        """Suspends, so that its rest is a call of the runtime and no turn."""
        return await ctx.ask(self.end, Slowly()) + " of the middle"


class End(Actor):
    """Answers."""

    def on_slowly(self, message: Slowly, ctx: Context) -> str:
        """At once."""
        return "word"


def test_every_step_of_an_actor_belongs_to_the_same_task() -> None:
    """Turns, the rest of a handler that waited, its timers; a scenario is one too; deadlines of asks are one together."""
    seen: list[set[object]] = []

    class Spy(RoundRobin):
        @override
        def take(self, ready: list[Any]) -> Any:
            seen.append({schedules._task_of(entry) for entry in ready})
            return super().take(ready)

    world = World(1, schedule=lambda _: Spy())
    end = world.spawn("end", End)
    middle = world.spawn("middle", lambda: Middle(end))

    async def scenario() -> str:
        waiting = world.system.ask(middle, Slowly(), timeout=0.5)
        waiting.subscribe(lambda: None)
        await world.system.sleep(1.0)
        return await waiting

    work = scenario()
    assert world.run(work) == "word of the middle"
    tasks = set().union(*seen)
    assert tasks == {end, middle, work, "Reply.complete"}


def test_calls_without_an_owner_are_known_by_their_function() -> None:
    def call() -> None:
        pass

    dispatcher, entries = SimDispatcher(SeededRandom(0), 0.0), list[object]()

    class Spy(RoundRobin):
        @override
        def take(self, ready: list[Any]) -> Any:
            entries.append(schedules._task_of(ready[0]))
            return super().take(ready)

    dispatcher = SimDispatcher(SeededRandom(0), 0.0, schedule=Spy())
    dispatcher.call_soon(call)
    dispatcher.call_soon([].append, 1)
    dispatcher.call_after(0.0, call).cancel()
    dispatcher.call_after(0.0, call)
    dispatcher.run_until_idle()
    assert entries == [call.__qualname__, "list.append", call.__qualname__]


@pytest.mark.parametrize("kind", ["uniform", "pct", "round_robin", "replay"])
def test_two_processes_with_two_hash_seeds_do_the_same_and_another_seed_does_not(
    kind: str,
) -> None:
    def elsewhere(seed: int, hash_seed: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, little_world.__file__, str(seed), kind],
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},  # noqa: TID251  # for a child
                "PYTHONHASHSEED": hash_seed,
                "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return [line for line in done.stdout.splitlines() if not line.startswith('{"note"')]

    first = elsewhere(7, "1")
    assert elsewhere(7, "4242") == first
    assert len(first) > 300
    assert elsewhere(8, "1")[0] != first[0]


def test_the_default_of_a_dispatcher_is_uniform() -> None:
    def order(make: Callable[[Random], SimDispatcher]) -> str:
        dispatcher, done = make(SeededRandom(3)), list[str]()
        for name in "abcdefgh":
            dispatcher.call_soon(done.append, name)
        dispatcher.run_until_idle()
        return "".join(done)

    uniform = order(lambda random: SimDispatcher(random, 0.0, schedule=Uniform(random)))
    assert order(lambda random: SimDispatcher(random, 0.0)) == uniform != "abcdefgh"
