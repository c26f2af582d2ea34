"""Checks 9 to 17: who is restarted when a child ends, and with whom."""

from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import SiblingFailed
from alys.actors.exits import Exit
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.supervision import Intensity, Restart, Strategy
from alys.actors.supervisor import CountChildren
from tests.actors.conformance.ways import (
    ABNORMAL_ENDS,
    ENDS,
    NORMAL_ENDS,
    OFTEN,
    Run,
    Sluggish,
    children_of,
    clock,
    every_way,
    in_time,
    supervise,
    until,
)
from tests.actors.stage import Boom, Do, Puppet, Stage, fail

GROUPS = [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE]


def end_by_itself(stage: Stage, ref: Ref, how: str) -> None:
    """Let a child end in one of the ways of ``ENDS``."""
    end: Exit | None = ENDS[how]
    act = fail if end is None else lambda p, ctx: ctx.stop(end=end)
    stage.tell(ref, Do(act=act))


async def end_of_only_child(stage: Stage, how: str, restart: Restart) -> tuple[Ref, Ref]:
    """Start a supervisor with one child, let that end; gives both once the dust has settled."""
    boss = supervise(stage, stage.spec("a", restart=restart), intensity=OFTEN)
    child = (await children_of(stage, boss))["a"].ref
    assert child is not None
    end_by_itself(stage, child, how)
    await until(stage, lambda: child.cell.incarnation or stage.log.stops)
    return boss, child


@every_way
@pytest.mark.parametrize("how", ENDS)
def test_09_permanent_is_restarted_after_every_end(run: Run, how: str) -> None:
    """A permanent child always comes back: behind the same ref after an exception, as a new actor after an end of its own."""

    async def scenario(stage: Stage) -> None:
        boss, child = await end_of_only_child(stage, how, Restart.PERMANENT)
        await until(stage, lambda: stage.notes("a").count("start") == 2)
        after = (await children_of(stage, boss))["a"]
        assert after.ref is not None
        assert await stage.do(after.ref, lambda p, ctx: p.heard) == []
        assert (after.ref == child) == (how == "exception")
        assert (await stage.system.ask(boss, CountChildren())).active == 1

    run(scenario)


@every_way
@pytest.mark.parametrize("how", NORMAL_ENDS)
def test_10_transient_stays_away_after_a_normal_end(run: Run, how: str) -> None:
    """A transient child that ends normally, or is shut down, is not restarted; its spec is kept, as stopped."""

    async def scenario(stage: Stage) -> None:
        boss, _ = await end_of_only_child(stage, how, Restart.TRANSIENT)
        await stage.system.sleep(10.0)
        after = (await children_of(stage, boss))["a"]
        assert (after.ref, after.status) == (None, "stopped")
        counts = await stage.system.ask(boss, CountChildren())
        assert (counts.specs, counts.active) == (1, 0)
        assert stage.notes("a").count("start") == 1
        assert stage.log.stops == [("a", str(ENDS[how]))]

    run(scenario)


@every_way
@pytest.mark.parametrize("how", ABNORMAL_ENDS)
def test_11_transient_abnormal_is_restarted(run: Run, how: str) -> None:
    """A transient child that fails, or is killed, is restarted."""

    async def scenario(stage: Stage) -> None:
        boss, child = await end_of_only_child(stage, how, Restart.TRANSIENT)
        await until(stage, lambda: stage.notes("a").count("start") == 2)
        after = (await children_of(stage, boss))["a"]
        assert (after.status, after.ref == child) == ("running", how == "exception")

    run(scenario)


@every_way
@pytest.mark.parametrize("how", ENDS)
def test_12_temporary_is_never_restarted(run: Run, how: str) -> None:
    """A temporary child stays away whatever its end, and its spec goes with it."""

    async def scenario(stage: Stage) -> None:
        boss, _ = await end_of_only_child(stage, how, Restart.TEMPORARY)
        await stage.system.sleep(10.0)
        assert await children_of(stage, boss) == {}
        assert (await stage.system.ask(boss, CountChildren())).specs == 0
        assert stage.notes("a").count("start") == 1

    run(scenario)


@every_way
@pytest.mark.parametrize("how", ENDS)
def test_13_ofo_isolated(run: Run, how: str) -> None:
    """With one for one the sibling of a child that ends keeps its identity, its incarnation and its state."""

    async def scenario(stage: Stage) -> None:
        boss = supervise(stage, stage.spec("a"), stage.spec("b"), intensity=OFTEN)
        before = await children_of(stage, boss)
        a, b = before["a"].ref, before["b"].ref
        assert a is not None
        assert b is not None
        stage.say(b, "remember")
        end_by_itself(stage, a, how)
        await until(stage, lambda: stage.notes("a").count("start") == 2)
        after = await children_of(stage, boss)
        assert (list(after), after["b"].ref, b.cell.incarnation) == (["a", "b"], b, 0)
        assert await stage.do(b, lambda p, ctx: p.heard) == ["remember"]
        assert stage.notes("b") == ["start", "remember"]

    run(scenario)


# Groups


class Member(Sluggish):
    """Notes why it is restarted; its hooks take a second each."""

    def __init__(self, stage: Stage, name: str = "") -> None:
        super().__init__(stage, name, start=1.0, stop=1.0)

    @override
    async def pre_restart(
        self, error: BaseException, message: Message | None, ctx: Context
    ) -> None:
        await self.stage.system.sleep(1.0)
        why = f"because of {error.sibling[-1]}" if isinstance(error, SiblingFailed) else repr(error)
        self.note(f"down {why} at {clock(self.stage):g}")

    @override
    async def on_start(self, ctx: Context) -> None:
        await super().on_start(ctx)
        self.stage.journal[-1] = (self.name, f"start at {clock(self.stage):g}")


async def group(stage: Stage, names: str, strategy: Strategy) -> tuple[Ref, dict[str, Ref]]:
    """A supervisor of members, all of them running."""
    specs = [stage.spec(name, lambda: Member(stage)) for name in names]
    boss = supervise(stage, *specs, strategy=strategy, intensity=OFTEN)
    found = await children_of(stage, boss)
    return boss, {name: info.ref for name, info in found.items() if info.ref is not None}


@in_time
def test_14_ofa_all(run: Run) -> None:
    """With one for all everybody is torn down in reverse order, each awaited, then started anew in order, each awaited."""

    async def scenario(stage: Stage) -> None:
        boss, refs = await group(stage, "abc", Strategy.ONE_FOR_ALL)
        assert clock(stage) == 3.0
        for ref in refs.values():
            stage.say(ref, "forget")
            await stage.do(ref, lambda p, ctx: None)
        stage.crash(refs["b"])
        await until(stage, lambda: refs["c"].cell.incarnation and clock(stage) >= 9.0)
        await stage.do(refs["c"], lambda p, ctx: None)
        assert [entry for entry in stage.journal if "forget" not in entry] == [
            ("a", "start at 1"), ("b", "start at 2"), ("c", "start at 3"),
            ("c", "down because of b at 4"), ("b", "down Boom('as the test says') at 5"),
            ("a", "down because of b at 6"),
            ("a", "start at 7"), ("b", "start at 8"), ("c", "start at 9"),
        ]  # fmt: skip
        for ref in refs.values():
            assert ref.cell.incarnation == 1
            assert await stage.do(ref, lambda p, ctx: p.heard) == []
        assert {name: info.ref for name, info in (await children_of(stage, boss)).items()} == refs

    run(scenario)


@every_way
def test_14_ofa_all_when_one_ends_by_itself(run: Run) -> None:
    """A permanent member that ends by itself takes all others along too, and a new actor takes its place in the list."""

    async def scenario(stage: Stage) -> None:
        specs = [stage.spec(name) for name in "abc"]
        boss = supervise(stage, *specs, strategy=Strategy.ONE_FOR_ALL, intensity=OFTEN)
        before = await children_of(stage, boss)
        end_by_itself(stage, before["b"].ref, "normal")  # type: ignore[arg-type]
        await until(stage, lambda: stage.notes("c").count("start") == 2)
        after = await children_of(stage, boss)
        assert list(after) == ["a", "b", "c"]
        assert [after[name].ref == before[name].ref for name in "abc"] == [True, False, True]
        assert [who for who, what in stage.journal if what == "start"] == [*"abc", *"abc"]

    run(scenario)


@in_time
def test_15_rfo_rest(run: Run) -> None:
    """With rest for one, who started before the failed one is not touched; the others go down in reverse and come up in order."""

    async def scenario(stage: Stage) -> None:
        _, refs = await group(stage, "abc", Strategy.REST_FOR_ONE)
        stage.say(refs["a"], "remember")
        stage.crash(refs["b"])
        await until(stage, lambda: refs["c"].cell.incarnation and clock(stage) >= 7.0)
        await stage.do(refs["c"], lambda p, ctx: None)
        assert stage.journal == [
            ("a", "start at 1"), ("b", "start at 2"), ("c", "start at 3"), ("a", "remember"),
            ("c", "down because of b at 4"), ("b", "down Boom('as the test says') at 5"),
            ("b", "start at 6"), ("c", "start at 7"),
        ]  # fmt: skip
        assert await stage.do(refs["a"], lambda p, ctx: p.heard) == ["remember"]
        assert [refs[name].cell.incarnation for name in "abc"] == [0, 1, 1]

    run(scenario)


@every_way
@pytest.mark.parametrize("strategy", GROUPS)
def test_16_temporary_bystander(run: Run, strategy: Strategy) -> None:
    """A temporary child in a group that is restarted is stopped and forgotten; the supervisor and the others live on.

    With rest for one that is only so for those that started after the one that failed.
    """

    async def scenario(stage: Stage) -> None:
        passing: dict[str, Any] = {"restart": Restart.TEMPORARY}
        boss = supervise(
            stage, stage.spec("t1", **passing), stage.spec("p"), stage.spec("t2", **passing),
            strategy=strategy, intensity=OFTEN,
        )  # fmt: skip
        before = await children_of(stage, boss)
        stage.crash(before["p"].ref)  # type: ignore[arg-type]
        await until(stage, lambda: stage.notes("p").count("start") == 2)
        after = await children_of(stage, boss)
        stays = ["t1"] if strategy is Strategy.REST_FOR_ONE else []
        assert list(after) == [*stays, "p"]
        gone = [name for name in ("t2", "t1") if name not in after]
        assert stage.log.stops == [(name, "shutdown: parent") for name in gone]
        assert after["p"].ref == before["p"].ref
        assert stage.log.restarts == [("p", 1)]

    run(scenario)


# A group whose start fails


def failing(stage: Stage, tries: list[int], fails: Callable[[int], bool]) -> Callable[[], Actor]:
    """A factory that counts its calls, and fails at the calls for which that holds."""

    def make() -> Actor:
        tries.append(len(tries) + 1)
        if fails(len(tries)):
            raise Boom(f"start {len(tries)}")
        return Puppet(stage)

    return make


@every_way
@pytest.mark.parametrize("strategy", GROUPS)
@pytest.mark.parametrize("culprit", ["b", "c"])
def test_17_group_start_fails(run: Run, strategy: Strategy, culprit: str) -> None:
    """When one does not start during a group's restart, those before it are torn down again and all is tried again.

    Every try counts as a restart, and no more than that.
    """

    async def scenario(stage: Stage) -> None:
        tries: list[int] = []
        factories = {culprit: failing(stage, tries, lambda count: count in (2, 3))}
        boss = supervise(
            stage, *[stage.spec(name, factories.get(name)) for name in "abc"],
            strategy=strategy, intensity=Intensity(restarts=3, period_seconds=1e9),
        )  # fmt: skip
        refs = {name: info.ref for name, info in (await children_of(stage, boss)).items()}
        first = "a" if strategy is Strategy.ONE_FOR_ALL else "b"
        stage.journal.clear()
        stage.crash(refs[first])  # type: ignore[arg-type]
        await until(stage, lambda: len(tries) == 4 and stage.notes("c")[-1:] == ["start"])
        everybody = "abc"["abc".index(first) :]
        before = everybody[: everybody.index(culprit)]
        down = [(name, "pre_restart") for name in reversed(before)]
        attempt = [*((name, "start") for name in before), *down]
        assert stage.journal == [
            *((name, "pre_restart") for name in reversed(everybody)),
            *attempt, *attempt,
            *((name, "start") for name in everybody),
        ]  # fmt: skip
        assert stage.log.escalations == []
        stage.crash(refs[first])  # type: ignore[arg-type]
        await until(stage, lambda: stage.log.escalations == ["boss"])

    run(scenario)


@every_way
@pytest.mark.parametrize("strategy", GROUPS)
def test_17_group_start_fails_too_often(run: Run, strategy: Strategy) -> None:
    """The try that is one too many ends the supervisor with shutdown, and nobody of the group is left."""

    async def scenario(stage: Stage) -> None:
        tries: list[int] = []
        boss = supervise(
            stage, stage.spec("a"), stage.spec("b", failing(stage, tries, lambda count: count > 1)),
            strategy=strategy, intensity=Intensity(restarts=3, period_seconds=1e9),
        )  # fmt: skip
        refs = {name: info.ref for name, info in (await children_of(stage, boss)).items()}
        stage.say(refs["b"], "unheard")  # type: ignore[arg-type]
        stage.crash(refs["b" if strategy is Strategy.REST_FOR_ONE else "a"])  # type: ignore[arg-type]
        end = await boss.cell.when_stopped()
        assert (end, len(tries)) == ("shutdown: intensity", 4)
        assert [path for path, _, _ in stage.system.tree()] == ["/alys"]

    run(scenario)
