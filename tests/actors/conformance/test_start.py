"""Checks 26 to 28: how a list of children starts, and what becomes of it when one does not."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import (
    StartFailed,
)
from alys.actors.state import Status
from alys.actors.supervision import ChildSpec, Restart, Strategy
from alys.actors.supervisor import (
    DynamicSupervisor,
    RestartChild,
    StartChild,
    Supervisor,
)
from tests.actors.conformance.ways import (
    OFTEN,
    Run,
    Sluggish,
    broken,
    children_of,
    clock,
    counts_of,
    every_way,
    in_time,
    status_of,
    supervise,
    until,
    unwanted,
)
from tests.actors.stage import Boom, Puppet, Stage

ODD_NAMES = ("second", "first", " ", "10", "9")


@in_time
def test_26_start_order_stop_order(run: Run) -> None:
    """Children start in the order of the list, each when the one before it runs, and stop in reverse, each awaited."""

    async def scenario(stage: Stage) -> None:
        slow: dict[str, Any] = {"start": 1.0, "stop": 1.0}
        boss = supervise(
            stage, *[stage.spec(name, lambda: Sluggish(stage, **slow)) for name in ODD_NAMES]
        )
        assert list(await children_of(stage, boss)) == list(ODD_NAMES)
        assert (clock(stage), [who for who, _ in stage.journal]) == (5.0, list(ODD_NAMES))
        stage.journal.clear()
        await stage.system.stop(boss)
        assert clock(stage) == 10.0
        assert stage.journal == [(name, "post_stop") for name in reversed(ODD_NAMES)]

    run(scenario)


@every_way
@pytest.mark.parametrize("where", ["list", "hook", "asked for"])
def test_27_start_failure_rolls_back(run: Run, where: str) -> None:
    """When the third of five does not start, the first two are stopped again in reverse and the last two never start.

    Whoever asked for it is told why; nothing is left of any of them.
    """

    class Broken(Puppet):
        @override
        async def on_start(self, ctx: Context) -> None:
            await self.stage.system.sleep(0.1)
            raise Boom("never")

    async def scenario(stage: Stage) -> None:
        factories = {"c": broken if where != "hook" else lambda: Broken(stage, "c")}
        specs = [stage.spec(name, factories.get(name), register=name) for name in "abcde"]
        inner = ChildSpec(
            name="inner", factory=lambda: Supervisor(specs), restart=Restart.TEMPORARY
        )
        if where == "asked for":
            boss = supervise(stage)
            with pytest.raises(StartFailed, match="inner did not start: StartFailed: c") as raised:
                await stage.system.ask(boss, StartChild(spec=inner))
            assert isinstance(raised.value.__cause__, StartFailed)
            assert isinstance(raised.value.__cause__.__cause__, Boom)
            assert await children_of(stage, boss) == {}
            await stage.system.stop(boss)
        else:
            await stage.system.spawn(inner).cell.when_stopped()
            assert [(who, type(error)) for who, error in stage.log.failures] == [
                ("c", Boom),
                ("inner", StartFailed),
            ]
        assert [entry for entry in stage.journal if entry[0] != "c"] == [
            ("a", "start"), ("b", "start"), ("b", "post_stop"), ("a", "post_stop"),
        ]  # fmt: skip
        assert [path for path, _, _ in stage.system.tree()] == ["/alys"]
        assert [stage.system.whereis(name).cell for name in "abcde"] == [None] * 5

    run(scenario)


@every_way
def test_27_start_failure_rolls_back_when_a_name_is_taken(run: Run) -> None:
    """A registered name that somebody else has is a start that fails, like any other."""

    async def scenario(stage: Stage) -> None:
        stage.spawn("other", register="taken")
        boss = supervise(stage, stage.spec("a"), stage.spec("b", register="taken"))
        assert await boss.cell.when_stopped() == "failed: StartFailed"
        assert stage.notes("a") == ["start", "post_stop"]
        assert stage.system.whereis("taken").name == "other"

    run(scenario)


@every_way
def test_27_start_failure_rolls_back_only_what_failed(run: Run) -> None:
    """A child that ends by itself while later ones start is no start that failed: it is looked after when all run."""

    async def scenario(stage: Stage) -> None:
        brief = [True]

        class Brief(Puppet):
            @override
            def on_start(self, ctx: Context) -> None:
                super().on_start(ctx)
                if brief and brief.pop():
                    ctx.stop()

        boss = supervise(
            stage, stage.spec("a", lambda: Brief(stage)),
            stage.spec("b", lambda: Sluggish(stage, start=1.0)), stage.spec("c"),
            strategy=Strategy.ONE_FOR_ALL, intensity=OFTEN,
        )  # fmt: skip
        await until(stage, lambda: stage.notes("c").count("start") == 2)
        assert await status_of(stage, boss) == dict.fromkeys("abc", "running")
        assert [who for who, what in stage.journal if what == "start"] == [*"abc", *"abc"]

    run(scenario)


# 28


@every_way
@pytest.mark.parametrize("restart", Restart)
def test_28_ignore_child(run: Run, restart: Restart) -> None:
    """A child that is not wanted now is no failure: its spec stays without an actor; that of a temporary one goes."""

    async def scenario(stage: Stage) -> None:
        never = unwanted(stage, lambda call: True)
        kept = restart is not Restart.TEMPORARY
        boss = supervise(
            stage, stage.spec("a"), stage.spec("b", never, restart=restart), stage.spec("c")
        )
        stopped = {"b": "stopped"} if kept else {}
        assert await status_of(stage, boss) == {"a": "running", **stopped, "c": "running"}
        assert await counts_of(stage, boss) == (2 + kept, 2, 0, 2 + kept)
        ref = await stage.system.ask(boss, StartChild(spec=stage.spec("d", never, restart=restart)))
        assert ref.cell.status is Status.STOPPED
        assert await counts_of(stage, boss) == (2 + 2 * kept, 2, 0, 2 + 2 * kept)
        assert stage.log.failures == []

    run(scenario)


@every_way
@pytest.mark.parametrize("strategy", Strategy)
def test_28_ignore_child_that_is_not_wanted_any_more(run: Run, strategy: Strategy) -> None:
    """A child that declines when it is restarted is kept as stopped; who restarts it by hand later gets it."""

    async def scenario(stage: Stage) -> None:
        factory = unwanted(stage, lambda call: call in (2, 3))
        boss = supervise(
            stage, stage.spec("a", factory), stage.spec("b"), strategy=strategy, intensity=OFTEN
        )
        a = (await children_of(stage, boss))["a"].ref
        assert a is not None
        stage.crash(a)
        await until(stage, lambda: stage.log.stops)
        others = 1 if strategy is Strategy.ONE_FOR_ONE else 2
        await until(stage, lambda: stage.notes("b").count("start") == others)
        assert await status_of(stage, boss) == {"a": "stopped", "b": "running"}
        assert (await stage.system.ask(boss, RestartChild(name="a"))).cell.status is Status.STOPPED
        ref = await stage.system.ask(boss, RestartChild(name="a"))
        assert await stage.do(ref, lambda p, ctx: "here") == "here"
        assert await status_of(stage, boss) == {"a": "running", "b": "running"}
        assert [type(error) for _, error in stage.log.failures] == [Boom]

    run(scenario)


@every_way
def test_28_ignore_child_of_a_dynamic_supervisor(run: Run) -> None:
    """A dynamic supervisor keeps nothing of a child that is not wanted."""

    async def scenario(stage: Stage) -> None:
        template = ChildSpec(factory=unwanted(stage, lambda call: call == 1))
        boss = stage.spawn("boss", lambda: DynamicSupervisor(template))
        await stage.system.ask(boss, StartChild())
        assert await counts_of(stage, boss) == (0, 0, 0, 0)
        await stage.system.ask(boss, StartChild())
        assert await counts_of(stage, boss) == (1, 1, 0, 1)

    run(scenario)
