"""The world's observer: what was ordered happens once and says so, what was not ordered is a crash."""

import json

import pytest

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import AskFailed
from alys.actors.message import Request
from alys.actors.supervision import ChildSpec, Restart
from alys.base.errors import Inconclusive
from alys.node.errors import PortDown
from alys.worlds import specimens
from alys.worlds.actor_troubles import InjectedFault
from alys.worlds.supervised import Branch, Leaf, Recollection
from tests.worlds.grounds import Ground, play

PLAN = Branch(name="t", restarts=2, children=(Leaf(name="a"), Leaf(name="b")))


def test_an_ordered_crash_bites_the_next_message_once_and_is_no_crash_of_the_nodes() -> None:
    async def scenario(ground: Ground) -> None:
        await ground.actors.spawn(PLAN)
        fault = ground.recorder.arm("/alys/t/a")
        await ground.actors.say("/alys/t/a", "bites", "does not")
        await ground.settle()
        assert len(fault.touched) == 1
        assert fault.touched[0].startswith("Say ")
        told = await ground.actors.recall("/alys/t/a")
        assert told is not None
        assert told.notes == ("does not",)
        assert ground.recorder.crashes == []
        ground.recorder.require_faults()
        kinds = [json.loads(line).get("kind") for line in ground.lines]
        assert kinds.index("fault") < kinds.index("failed")

    play(scenario)


def test_a_fault_that_bit_nothing_is_asked_for_at_the_end() -> None:
    async def scenario(ground: Ground) -> None:
        await ground.actors.spawn(PLAN)
        before = ground.recorder.disturbed
        ground.recorder.arm("/alys/t/a")
        assert (before, ground.recorder.disturbed) == (False, True)
        with pytest.raises(Inconclusive, match="crash of /alys/t/a touched nothing"):
            ground.recorder.require_faults()

    play(scenario)


def test_a_crash_that_nobody_ordered_stays_one_even_beside_an_ordered_one() -> None:
    async def scenario(ground: Ground) -> None:
        await ground.actors.spawn(PLAN)
        ground.recorder.arm("/alys/t/a")
        await ground.actors.say("/alys/t/a", "bites")
        await ground.actors.hoard("/alys/t/b", -1)
        await ground.settle()
        (crash,) = ground.recorder.crashes
        assert crash.startswith("/alys/t/b crashed on Hoard: ValueError")

    play(scenario)


def test_a_supervisor_that_gives_up_over_ordered_failures_is_no_crash_and_is_counted() -> None:
    async def scenario(ground: Ground) -> None:
        await ground.actors.spawn(PLAN)
        for _ in range(3):
            ground.recorder.arm("/alys/t/a")
            await ground.actors.say("/alys/t/a", "bites")
            await ground.settle()
        assert ground.recorder.crashes == []
        assert ground.recorder.counters("/alys/t").escalations == 1
        child = ground.recorder.counters("/alys/t/a")
        assert (child.failures, child.restarts, child.failed_messages) == (3, 2, 3)
        assert (child.dead_letters, child.dropped, child.stops) == (0, 0, 1)

    play(scenario)


class AskOn(Request[Recollection], frozen=True, kw_only=True):
    """Ask the one behind."""


class Asker(specimens.Specimen):
    """Fails with whom it asks."""

    async def on_ask_on(self, message: AskOn, ctx: Context) -> Recollection:
        return await ctx.ask(ctx.whereis("behind"), specimens.Recall())


@pytest.mark.parametrize("drags", [("/alys/front",), ()])
def test_who_fails_with_whom_it_asked_is_provoked_only_if_that_was_announced(
    drags: tuple[str, ...],
) -> None:
    async def scenario(ground: Ground) -> list[str]:
        note = ground.recorder.note
        for name, kind in (("behind", specimens.Specimen), ("front", Asker)):
            make = lambda kind=kind: kind(1, note)  # noqa: E731
            spec = ChildSpec(name=name, factory=make, register=name, restart=Restart.TEMPORARY)
            ground.system.spawn(spec)
        await ground.settle()
        ground.recorder.arm("/alys/behind", drags)
        with pytest.raises(AskFailed):
            await ground.system.ask(ground.system.whereis("front"), AskOn())
        return ground.recorder.crashes

    crashes = play(scenario)
    if drags:
        assert crashes == []
    else:
        assert crashes[0].startswith("/alys/front crashed on AskOn: AskFailed")


def test_what_befalls_an_actor_is_kept_in_order_with_its_time() -> None:
    async def scenario(ground: Ground) -> None:
        await ground.actors.spawn(PLAN)
        ground.recorder.arm("/alys/t/a")
        await ground.actors.say("/alys/t/a", "bites")
        await ground.settle()
        seen = await ground.actors.happenings("/alys/t/a")
        assert [one.kind for one in seen] == [
            *("spawned", "started", "failed", "ended", "restarted", "started"),
        ]
        assert [one.time for one in seen] == sorted(one.time for one in seen)
        assert InjectedFault.__name__ in seen[2].detail

    play(scenario)


def test_an_actor_at_rest_gets_no_message_unobserved() -> None:
    """Told one at a time it has nothing but its state in between: the shortest way there is."""

    class Plain(Actor):
        def on_say(self, message: specimens.Say, ctx: Context) -> None:
            """Nothing to do."""

    async def scenario(ground: Ground) -> int:
        ref = ground.system.spawn(ChildSpec(name="plain", factory=Plain))
        for number in range(5):
            ground.system.tell(ref, specimens.Say(note=str(number)))
            await ground.settle()
        ground.recorder.flush()
        return sum('"kind":"handling"' in line for line in ground.lines)

    assert play(scenario) == 5


@pytest.mark.parametrize("disturbed", [True, False])
def test_who_fails_because_a_service_failed_it_is_provoked_once_one_was_told_to(
    disturbed: bool,
) -> None:
    class Caller(Actor):
        def on_say(self, message: specimens.Say, ctx: Context) -> None:
            if message.note == "port":
                raise PortDown("bitcoin", "refused")
            raise ValueError(message.note)

    async def scenario(ground: Ground) -> list[str]:
        if disturbed:
            ground.recorder.disturb("bitcoin", "refuse")
        for note in ("port", "bug"):
            spec = ChildSpec(name=note, factory=Caller, restart=Restart.TEMPORARY)
            ground.system.tell(ground.system.spawn(spec), specimens.Say(note=note))
        await ground.settle()
        return ground.recorder.crashes

    crashes = play(scenario)
    assert len(crashes) == (1 if disturbed else 2)
    assert "ValueError: bug" in crashes[-1]
