"""What is left when an incarnation or an actor ends: each letter with its sender, each asker with an answer, no timer."""

from typing import Any

import pytest

from alys.actors.context import Context
from alys.actors.errors import ActorStopped
from alys.actors.events import DeadLetter
from alys.actors.ref import Ref
from alys.actors.supervision import Intensity, Strategy
from alys.actors.supervisor import Supervisor
from tests.actors.conformance.paths import PATIENT, Gate, anywhere, tell_all, until
from tests.actors.stage import Do, Puppet, Run, Say, Stage


class Mourner(Puppet):
    """Notes who had sent what is dead."""

    def on_dead_letter(self, message: DeadLetter, ctx: Context) -> None:
        """Note it."""
        text = message.message.text if isinstance(message.message, Say) else "Do"
        self.note(f"{text} from {message.sender.name}: {message.reason}")


def hear_of_dead_letters(stage: Stage) -> Ref:
    mourner = stage.spawn("mourner", lambda: Mourner(stage))
    stage.system.events.subscribe(mourner, DeadLetter)
    return mourner


def work(gate: Gate) -> Any:
    async def act(puppet: Puppet, ctx: Context) -> None:
        await gate.wait()

    return act


@anywhere
def test_what_is_queued_keeps_its_sender_when_the_actor_stops_after_a_long_handler(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        hear_of_dead_letters(stage)
        a, b, gate = stage.spawn(shutdown_seconds=PATIENT), stage.spawn("b"), Gate(stage)
        letters = [Say(text="1"), Do(act=work(gate)), Say(text="2"), Say(text="3")]
        await stage.do(b, tell_all(a, *letters))
        await until(stage, lambda: gate.waiting == 1)
        stopped = stage.system.stop(a)
        await until(stage, lambda: a.cell.is_stopped)
        gate.open = True
        await stopped
        await until(stage, lambda: len(stage.notes("mourner")) == 3)
        assert stage.notes("mourner")[1:] == ["2 from b: stopped", "3 from b: stopped"]
        assert stage.notes("a") == ["start", "1", "post_stop"]

    run(scenario)


@anywhere
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_what_a_sibling_handles_when_its_group_restarts_is_dead_with_its_sender(
    run: Run, strategy: Strategy
) -> None:
    async def scenario(stage: Stage) -> None:
        hear_of_dead_letters(stage)
        b, gate = stage.spawn("b"), Gate(stage)
        specs = [stage.spec(name, register=name) for name in ("first", "second")]
        many = Intensity(restarts=100)
        boss = stage.spawn("boss", lambda: Supervisor(specs, many, strategy))
        await until(stage, lambda: ("second", "start") in stage.journal)
        first, second = stage.system.whereis("first"), stage.system.whereis("second")
        await stage.do(b, tell_all(second, Say(text="1"), Do(act=work(gate)), Say(text="2")))
        await until(stage, lambda: gate.waiting == 1)
        stage.crash(first)
        await until(stage, lambda: "2" in stage.notes("second"))
        assert stage.notes("second") == ["start", "1", "pre_restart", "start", "2"]
        await until(stage, lambda: len(stage.notes("mourner")) == 3)
        assert set(stage.notes("mourner")[1:]) == {"Do from alys: failed", "Do from b: aborted"}
        await stage.system.stop(boss)

    run(scenario)


@anywhere
def test_what_waits_in_the_stash_while_its_handler_is_cut_off_stays_there(run: Run) -> None:
    class Careful(Puppet):
        async def on_careful(self, message: Say, ctx: Context) -> None:
            ctx.stash(message)
            await self.stage.system.sleep(1e6)

    setattr(Careful, "on_say", Careful.on_careful)  # noqa: B010  # in its place
    del Careful.on_careful

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Careful(stage), shutdown_seconds=1.0)
        stage.say(a, "1")
        await until(stage, lambda: a.cell.activity is not None)
        a.cell.begin_restart(RuntimeError("as the test says"), None)
        await until(stage, lambda: a.cell.incarnation == 1 and a.cell.activity is not None)
        assert stage.log.dead == []
        await stage.system.stop(a)
        assert stage.log.dead == [("a", "1", "stopped")]

    run(scenario)


@anywhere
def test_promises_of_an_incarnation_are_broken_when_it_ends(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        promises: list[Any] = []
        asked = stage.do(a, lambda p, ctx: promises.append(ctx.defer()), timeout=1e6)
        stage.crash(a)
        with pytest.raises(ActorStopped):
            await asked
        promises[0].complete("too late")
        assert stage.log.dead == [("a", "Do", "failed")]

    run(scenario)
