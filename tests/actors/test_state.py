"""What is kept of one actor: little, until it is needed."""

from typing import Any

from alys.actors.actor import Actor
from alys.actors.mailbox import NOWHERE
from alys.actors.state import NO_TABLE, Status
from tests.actors.stage import Do, Run, Say, Stage, everywhere, in_simulation, simulate, spawn


def test_an_actor_that_never_got_a_message_has_no_mailbox_and_no_belongings() -> None:
    class Idle(Actor):
        """Has no hooks."""

    async def scenario(stage: Stage) -> None:
        cell = stage.spawn(factory=Idle).cell
        await stage.settle()
        assert cell.status is Status.RUNNING
        assert cell.mailbox is NOWHERE
        assert (cell.belongings, cell.context) == (None, None)

    simulate(scenario)


@everywhere
def test_path_and_key_are_by_the_name_or_by_the_number(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        nameless = await stage.do(a, spawn(stage.spec("")))
        assert (a.path, a.cell.key) == ("/alys/a", "a")
        assert nameless.path == f"/alys/a/${nameless.uid}"
        assert (nameless.name, nameless.cell.key) == (f"${nameless.uid}", nameless.uid)

    run(scenario)


@in_simulation
def test_what_is_gone_keeps_nothing_of_its_instance(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        cell = stage.spawn().cell
        stage.say(cell, "hello")
        await stage.system.stop(cell)
        assert (cell.status, cell.instance, cell.context) == (Status.STOPPED, None, None)
        assert cell.table is NO_TABLE
        assert (cell.idle, cell.able, cell.is_stopped) == (False, False, True)

    run(scenario)


@everywhere
def test_the_first_message_that_an_actor_gets_may_be_an_ask_in_which_it_tells_itself_something(
    run: Run,
) -> None:
    """The mailbox is made in the middle of the ask; what lies in it is handled, and before what comes later."""

    async def scenario(stage: Stage) -> None:
        def tell_self(puppet: Any, ctx: Any) -> None:
            ctx.tell(ctx.self, Say(text="first"))

        async def ask_new(puppet: Any, ctx: Any) -> Any:
            new = ctx.spawn(stage.spec("new"))
            while not new.idle and new.cell.status is Status.STARTING:
                await stage.system.sleep(1.0)
            await ctx.ask(new, Do(act=tell_self))
            heard = await ctx.ask(new, Do(act=lambda p, c: list(p.heard)))
            ctx.tell(new, Do(act=lambda p, c: p.heard.append(str(c.sender and c.sender.name))))
            return heard, await ctx.ask(new, Do(act=lambda p, c: p.heard))

        assert await stage.do(stage.spawn(), ask_new) == (["first"], ["first", "a"])

    run(scenario)


@everywhere
def test_its_count_of_what_it_handled_agrees_with_what_was_handled(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        stage.say(a, *"abc")
        await stage.do(a, lambda p, ctx: None)
        await stage.do(a, lambda p, ctx: None)
        assert await stage.do(a, lambda p, ctx: len(p.heard)) == 3
        assert a.cell.handled == 6

    run(scenario)
