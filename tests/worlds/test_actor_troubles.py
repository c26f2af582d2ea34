"""Faults of actors, on actors alone: the moment is the one that was ordered, and nothing is left behind."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import AskFailed, MailboxFull
from alys.actors.message import Message, Request
from alys.actors.observe import Observer
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec
from alys.base.trouble import AnyTrouble, Crash, Full, Pause, Slow
from alys.worlds.actor_troubles import ActorTroubles, InjectedFault
from tests.worlds.grounds import Ground, play

PATH = "/alys/w"


class Do(Request[str], frozen=True, kw_only=True):
    """Write down that it was begun, use the context, write down that it was done."""

    word: str = "x"
    waits: bool = False


class Echo(Message, frozen=True, kw_only=True):
    """To oneself."""


class Worker(Actor):
    """Says all that befell it to a list that outlives it."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    @override
    def on_start(self, ctx: Context) -> None:
        self._told.append("on_start")

    @override
    def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> None:
        self._told.append("pre_restart")

    @override
    def post_restart(self, error: BaseException, ctx: Context) -> None:
        self._told.append("post_restart")

    @override
    def post_stop(self, ctx: Context) -> None:
        self._told.append("post_stop")

    async def on_do(self, message: Do, ctx: Context) -> str:
        """See Do."""
        self._told.append(f"begun {message.word}")
        if message.waits:
            await ctx.ask(ctx.whereis("other"), Do(word="other"))
        ctx.tell(ctx.self, Echo())
        self._told.append(f"done {message.word} at {ctx.now() - 1_767_225_600:.2f}")
        return message.word

    def on_echo(self, message: Echo, ctx: Context) -> None:
        """Nothing."""


def case(fault: AnyTrouble | None, *messages: Do, stop: bool = False) -> tuple[list[str], int]:
    """What a worker was told with a fault on, and how often the fault bit."""
    told: list[str] = []

    async def scenario(ground: Ground) -> int:
        troubles = ActorTroubles(ground.system)
        plain = ground.system.observer
        number = 0 if fault is None else troubles.strike(PATH, fault)  # type: ignore[arg-type]
        ref = ground.system.spawn(ChildSpec(name="w", factory=lambda: Worker(told), register="w"))
        ground.system.spawn(ChildSpec(name="o", factory=lambda: Worker([]), register="other"))
        await ground.settle()
        for message in messages:
            reply: Reply[str] = ground.system.ask(ref, message)
            try:
                told.append(f"answer {await reply}")
            except AskFailed as error:
                told.append(type(error.__cause__).__name__)
            await ground.settle()
        if stop:
            await ground.system.stop(ref)
        troubles.lift(number)
        assert ground.system.observer is plain, "nobody listens for nothing"
        cell = ref.cell
        assert stop or cell.context.__class__ is Context
        assert ground.recorder.crashes == []
        return troubles.touched[number]

    return told, play(scenario)


def steps(told: list[str]) -> list[str]:
    """Without times."""
    return [one.split(" at ")[0] for one in told]


DONE = ["begun x", "done x", "answer x"]


def test_without_a_fault_all_goes_its_way() -> None:
    told, bitten = case(None, Do(), stop=True)
    assert (steps(told), bitten) == (["on_start", *DONE, "post_stop"], 0)


def test_a_crash_comes_before_in_or_after_the_message_that_it_is_about_and_once() -> None:
    again = ["InjectedFault", "pre_restart", "post_restart", "begun y", "done y", "answer y"]
    for moment, seen in (("before", []), ("in", ["begun x"]), ("after", ["begun x", "done x"])):
        for waits in (False, True):
            crash = Crash(moment=moment, message="Do")
            told, bitten = case(crash, Do(waits=waits), Do(word="y"))
            expected = ["on_start", *seen, *again]
            moved = steps(told)
            assert sorted(moved) == sorted(expected), (moment, waits)
            assert moved[: len(seen) + 1] == expected[: len(seen) + 1], (moment, waits)
            assert bitten == 1


def test_a_crash_in_a_hook_lets_that_hook_not_run() -> None:
    told, bitten = case(Crash(moment="on_start"), Do())
    assert bitten == 1
    assert steps(told)[0] == "InjectedFault" or "on_start" not in steps(told)[:1]
    told, bitten = case(Crash(moment="post_stop"), Do(), stop=True)
    assert (steps(told), bitten) == (["on_start", *DONE], 1)


def test_a_crash_about_another_message_waits_for_it() -> None:
    told, bitten = case(Crash(moment="before", message="Other"), Do())
    assert (steps(told), bitten) == (["on_start", *DONE], 0)


def test_a_slow_actor_takes_its_next_message_later() -> None:
    async def scenario(ground: Ground) -> list[str]:
        told: list[str] = []
        troubles = ActorTroubles(ground.system)
        ref = ground.system.spawn(ChildSpec(name="w", factory=lambda: Worker(told)))
        await ground.settle()
        number = troubles.strike(PATH, Slow(ms=500, duration_s=10))
        for word in ("a", "b"):
            ground.system.tell(ref, Do(word=word))
        await ground.system.sleep(5)
        assert troubles.touched[number] == 4
        troubles.lift(number)
        return told

    told = play(scenario)
    times = {one.split()[1]: float(one.split()[3]) for one in told if one.startswith("done")}
    assert abs(times["b"] - times["a"] - 0.5) < 0.01


def test_a_paused_actor_handles_nothing_and_all_of_it_later() -> None:
    async def scenario(ground: Ground) -> None:
        told: list[str] = []
        troubles = ActorTroubles(ground.system)
        ref = ground.system.spawn(ChildSpec(name="w", factory=lambda: Worker(told)))
        await ground.settle()
        first = troubles.strike(PATH, Pause(duration_s=1))
        second = troubles.strike(PATH, Pause(duration_s=1))
        ground.system.tell(ref, Do())
        await ground.settle()
        troubles.lift(first)
        await ground.settle()
        assert told == ["on_start"]
        troubles.lift(second)
        await ground.settle()
        assert steps(told) == ["on_start", *DONE[:2]]
        assert (troubles.touched[first], troubles.touched[second]) == (1, 1)

    play(scenario)


def test_a_full_mailbox_refuses_and_has_its_room_back_afterwards() -> None:
    async def scenario(ground: Ground) -> None:
        await ground.settle()
        troubles = ActorTroubles(ground.system)
        ref = ground.system.spawn(ChildSpec(name="w", factory=lambda: Worker([])))
        await ground.settle()
        number = troubles.strike(PATH, Full(duration_s=1))
        with pytest.raises(MailboxFull):
            ground.system.tell(ref, Do())
        assert troubles.touched[number] == 1
        troubles.lift(number)
        ground.system.tell(ref, Do())
        assert ref.mailbox.capacity == 1000

    play(scenario)


def test_a_wrong_clock_is_wrong_below_its_tree_only_and_over_restarts() -> None:
    async def scenario(ground: Ground) -> None:
        told: list[str] = []
        other: list[str] = []
        troubles = ActorTroubles(ground.system)
        ref = ground.system.spawn(ChildSpec(name="w", factory=lambda: Worker(told)))
        away = ground.system.spawn(ChildSpec(name="w2", factory=lambda: Worker(other)))
        await ground.settle()
        skew = troubles.skew(PATH, 100.0)
        troubles.strike(PATH, Crash(message="Do"))
        for word in ("lost", "b"):
            ground.system.tell(ref, Do(word=word))
            ground.system.tell(away, Do(word=word))
        await ground.system.sleep(5)
        looks = troubles.seen(PATH)
        troubles.set_right(PATH, skew)
        ground.system.tell(ref, Do(word="c"))
        await ground.settle()
        times = {one.split()[1]: float(one.split()[3]) for one in told if one.startswith("done")}
        assert 100 < times["b"] < 101
        assert times["c"] < 10
        assert looks == 1
        assert all(float(one.split()[3]) < 10 for one in other if one.startswith("done"))

    play(scenario)


def test_others_hear_of_what_was_done_only_if_it_was() -> None:
    """A crash ``after`` a message: it is a failed message for all who listen, not a handled one as well."""
    heard: list[str] = []

    class Ear(Observer):
        @override
        def handled(self, envelope: Any, target: Any) -> None:
            heard.append("handled")

        @override
        def dead_letter(self, envelope: Any, target: Any, reason: str) -> None:
            heard.append(reason)

    async def scenario(ground: Ground) -> None:
        from alys.actors.observe import together

        ground.system.observer = together(ground.system.observer, Ear())
        troubles = ActorTroubles(ground.system)
        ref = ground.system.spawn(ChildSpec(name="w", factory=lambda: Worker([])))
        await ground.settle()
        troubles.strike(PATH, Crash(moment="after", message="Do"))
        heard.clear()
        ground.system.tell(ref, Do())
        await ground.settle()
        assert heard == ["failed", "handled"], "the echo that it had sent was handled"

    play(scenario)


def test_an_injected_fault_is_an_error_with_the_path_in_it() -> None:
    assert issubclass(InjectedFault, Exception)
