"""What is called for an entry, by its class."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.envelope import Envelope
from alys.actors.errors import ActorDefinitionError
from alys.actors.message import PoisonPill
from alys.actors.supervision import Restart
from alys.actors.tables import table_of
from tests.actors.stage import Mutter, Puppet, Run, Say, Shout, Stage, everywhere


class Careful(Puppet):
    """Does not die of a pill."""

    def on_pill(self, message: PoisonPill, ctx: Any) -> None:
        """Note it."""
        self.note("no, thank you")


def test_a_table_is_made_once_per_class_and_leads_to_the_actors_own_handlers() -> None:
    table = table_of(Puppet)
    assert table is table_of(Puppet)
    assert table is not table_of(Careful)
    assert table[Say] is table[Shout] is table[Mutter] is Puppet.on_say
    assert {tuple, Envelope, PoisonPill} <= set(table)


def test_a_factory_that_makes_no_actor_is_told_so() -> None:
    no_actor: Any = dict
    with pytest.raises(ActorDefinitionError, match="a factory makes an Actor, not <class 'dict'>"):
        table_of(no_actor)


@everywhere
def test_what_a_wrong_factory_made_does_not_start(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        nothing: Any = dict
        a = stage.spawn(factory=nothing, restart=Restart.TEMPORARY)
        stopped = a.cell.when_stopped()
        assert await stopped == "failed: ActorDefinitionError"

    run(scenario)


@everywhere
def test_a_pill_ends_an_actor_behind_what_was_queued_before_it(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(restart=Restart.TRANSIENT)
        stage.say(a, "before")
        stage.tell(a, PoisonPill())
        stage.say(a, "after")
        assert await a.cell.when_stopped() == "normal"
        assert stage.notes("a") == ["start", "before", "post_stop"]
        assert stage.log.dead == [("a", "after", "stopped")]

    run(scenario)


@everywhere
def test_an_actor_may_handle_a_pill_itself(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Careful(stage))
        stage.tell(a, PoisonPill())
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a") == ["start", "no, thank you"]

    run(scenario)


@everywhere
def test_sender_and_operation_are_those_of_each_message_in_whatever_form_it_comes(
    run: Run,
) -> None:
    class Attentive(Puppet):
        @override
        def on_say(self, message: Say | Shout | Mutter, ctx: Any) -> None:
            self.note(f"{message.text} {ctx.sender.name} {ctx.correlation}")

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Attentive(stage)), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.after(0.0, Say(text="tick"), about="time"))
        while len(stage.notes("a")) < 2:
            await stage.system.sleep(1.0)
        stage.say(a, "1", "2")
        stage.system.tell(a, Say(text="3"), "pegin:1")
        stage.system.tell(a, Say(text="4"), "pegin:1")
        stage.say(a, "5", "6")
        await stage.do(b, lambda p, ctx: ctx.tell(a, Say(text="7")), about="pegin:2")
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a")[1:] == [
            "tick a time", "1 alys None", "2 alys None", "3 alys pegin:1", "4 alys pegin:1",
            "5 alys None", "6 alys None", "7 b pegin:2",
        ]  # fmt: skip

    run(scenario)


def test_a_class_is_no_actor_only_because_it_looks_like_one() -> None:
    class Looks:
        def on_say(self, message: Say, ctx: Any) -> None: ...

    looks: Any = Looks
    with pytest.raises(ActorDefinitionError):
        table_of(looks)
    assert issubclass(Puppet, Actor)
