"""Checks 29 to 33: what administrators are answered, in every state of a child."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import (
    ActorStopped,
    AdminError,
    BadSpec,
    Cancelled,
    ChildPresent,
    ChildRestarting,
    ChildRunning,
    NoSuchChild,
    StartFailed,
)
from alys.actors.exits import NORMAL
from alys.actors.ref import Ref
from alys.actors.state import Status
from alys.actors.supervision import Backoff, ChildSpec, Directive, Intensity, Restart, Strategy
from alys.actors.supervisor import (
    DeleteChild,
    DynamicSupervisor,
    RestartChild,
    StartChild,
    Supervisor,
    TerminateChild,
    WhichChildren,
)
from tests.actors.conformance.ways import (
    OFTEN,
    Run,
    Sluggish,
    broken,
    children_of,
    counts_of,
    every_way,
    status_of,
    supervise,
    until,
    unwanted,
)
from tests.actors.stage import Boom, Do, Puppet, Stage, fail

# 29 and 30


async def refusal(stage: Stage, boss: Ref, request: Any) -> type[Exception] | None:
    """What the supervisor answers: an error's class, or None when it does what it is asked."""
    try:
        await stage.system.ask(boss, request)
    except (AdminError, BadSpec, StartFailed) as error:
        return type(error)
    return None


@every_way
def test_29_duplicate_id(run: Run) -> None:
    """A second child of a name is refused, differently when the first one runs and when it is kept as stopped."""

    async def scenario(stage: Stage) -> None:
        boss = supervise(stage, stage.spec("a"))
        before = await children_of(stage, boss)
        again = StartChild(spec=stage.spec("a"))
        assert await refusal(stage, boss, again) is ChildRunning
        assert await children_of(stage, boss) == before
        await stage.system.ask(boss, TerminateChild(name="a"))
        assert await refusal(stage, boss, again) is ChildPresent
        assert await status_of(stage, boss) == {"a": "stopped"}
        await stage.system.ask(boss, DeleteChild(name="a"))
        assert await refusal(stage, boss, again) is None
        assert await status_of(stage, boss) == {"a": "running"}

    run(scenario)


RUNNING, RESTARTING, STOPPED, UNKNOWN = "running", "restarting", "stopped", "unknown"
ANSWERS: dict[str, tuple[type[Exception] | None, ...]] = {
    UNKNOWN: (NoSuchChild, NoSuchChild, NoSuchChild),
    RUNNING: (None, ChildRunning, ChildRunning),
    RESTARTING: (None, ChildRestarting, ChildRestarting),
    STOPPED: (None, None, None),
}
"""By state: what terminate, restart and delete answer."""


async def child_in(stage: Stage, state: str) -> Ref:
    """A supervisor whose child b is in this state, with a and c beside it."""
    backoff = Backoff(min_seconds=1e6, max_seconds=1e6)
    names = "ac" if state == UNKNOWN else "abc"
    boss = supervise(stage, *[stage.spec(name, backoff=backoff) for name in names])
    found = await children_of(stage, boss)
    if state == RESTARTING:
        stage.crash(found["b"].ref)  # type: ignore[arg-type]
        await until(stage, lambda: "pre_restart" in stage.notes("b"))
    if state == STOPPED:
        await stage.system.ask(boss, TerminateChild(name="b"))
    if state != UNKNOWN:
        assert (await status_of(stage, boss))["b"] == state
    return boss


@every_way
@pytest.mark.parametrize("state", ANSWERS)
def test_30_admin_ops(run: Run, state: str) -> None:
    """In each state of a child, terminate, restart and delete either do what they say or name what stands in the way."""

    async def scenario(stage: Stage) -> None:
        after = [
            {"a": "running", **b, "c": "running"} for b in ({"b": "stopped"}, {"b": "running"}, {})
        ]
        requests = (TerminateChild(name="b"), RestartChild(name="b"), DeleteChild(name="b"))
        for request, answer, then in zip(requests, ANSWERS[state], after, strict=True):
            boss = await child_in(stage, state)
            before = await status_of(stage, boss)
            stage.journal.clear()
            assert await refusal(stage, boss, request) is answer
            assert await status_of(stage, boss) == (then if answer is None else before)
            await stage.system.stop(boss)

    run(scenario)


@every_way
def test_30_admin_ops_on_a_temporary_child(run: Run) -> None:
    """A temporary child that is terminated is forgotten at once."""

    async def scenario(stage: Stage) -> None:
        boss = supervise(stage, stage.spec("a", restart=Restart.TEMPORARY))
        assert await refusal(stage, boss, TerminateChild(name="a")) is None
        assert await refusal(stage, boss, RestartChild(name="a")) is NoSuchChild
        assert await children_of(stage, boss) == {}

    run(scenario)


@every_way
def test_30_admin_ops_that_fail_to_start(run: Run) -> None:
    """A start that fails is answered with its cause; a new child leaves nothing behind, an old one stays stopped."""

    async def scenario(stage: Stage) -> None:
        calls: list[int] = []

        def once() -> Actor:
            calls.append(1)
            if len(calls) > 1:
                raise Boom
            return Puppet(stage)

        boss = supervise(stage, stage.spec("a", once))
        await stage.system.ask(boss, TerminateChild(name="a"))
        assert await refusal(stage, boss, RestartChild(name="a")) is StartFailed
        with pytest.raises(StartFailed) as raised:
            await stage.system.ask(boss, StartChild(spec=stage.spec("b", broken)))
        assert isinstance(raised.value.__cause__, Boom)
        await until(stage, lambda: len(stage.log.stops) == 3)
        assert await status_of(stage, boss) == {"a": "stopped"}
        assert (stage.log.escalations, boss.cell.incarnation) == ([], 0)

    run(scenario)


@every_way
@pytest.mark.parametrize("how", [TerminateChild, DeleteChild, RestartChild])
def test_30_admin_ops_on_a_child_that_waits_to_be_started_anew(run: Run, how: Any) -> None:
    """What an administrator does about a child that ended by itself and waits for its back-off is not undone afterwards."""

    async def scenario(stage: Stage) -> None:
        backoff = Backoff(min_seconds=5.0, max_seconds=5.0)
        boss = supervise(stage, stage.spec("a", backoff=backoff), intensity=OFTEN)
        a = (await children_of(stage, boss))["a"].ref
        assert a is not None
        stage.tell(a, Do(act=lambda p, ctx: ctx.stop()))
        await until(stage, lambda: stage.log.stops)
        assert await refusal(stage, boss, how(name="a")) is None
        await stage.system.sleep(20.0)
        left = {TerminateChild: {"a": "stopped"}, DeleteChild: {}, RestartChild: {"a": "running"}}
        assert await status_of(stage, boss) == left[how]
        assert stage.notes("a").count("start") == 1 + (how is RestartChild)
        assert stage.log.failures == []

    run(scenario)


@every_way
def test_30_admin_ops_of_a_supervisor_that_gives_up(run: Run) -> None:
    """Whoever wants a child of a supervisor that is about to end is refused; it ends as it would have."""

    async def scenario(stage: Stage) -> None:
        never = Intensity(restarts=0, period_seconds=1.0)
        boss = supervise(
            stage, stage.spec("a"), stage.spec("b", lambda: Sluggish(stage, stop=2.0)),
            intensity=never, restart=Restart.TRANSIENT,
        )  # fmt: skip
        stage.crash((await children_of(stage, boss))["a"].ref)  # type: ignore[arg-type]
        await until(stage, lambda: boss.cell.family.is_stopping)
        with pytest.raises(ActorStopped):
            await stage.system.ask(boss, StartChild(spec=stage.spec("c")))
        assert await boss.cell.when_stopped() == "shutdown: intensity"

    run(scenario)


@every_way
def test_30_admin_ops_beside_the_restart_of_a_group(run: Run) -> None:
    """Who waits for a new child gets it although the group is restarted with it before it runs."""

    async def scenario(stage: Stage) -> None:
        boss = supervise(
            stage, stage.spec("a"), stage.spec("b"), strategy=Strategy.ONE_FOR_ALL, intensity=OFTEN
        )
        a = (await children_of(stage, boss))["a"].ref
        assert a is not None
        slow = stage.spec("c", lambda: Sluggish(stage, start=3.0))
        starting = stage.system.ask(boss, StartChild(spec=slow))
        await until(stage, lambda: "c" in boss.cell.family.cells)
        stage.crash(a)
        ref = await starting
        assert await stage.do(ref, lambda p, ctx: "here") == "here"
        assert await status_of(stage, boss) == dict.fromkeys("abc", "running")

    run(scenario)


# 31


@every_way
def test_31_count_children(run: Run) -> None:
    """Specs are all on the list, active those that live and are not being restarted; supervisors and workers add up."""

    async def scenario(stage: Stage) -> None:
        backoff = Backoff(min_seconds=1e6, max_seconds=1e6)
        boss = supervise(
            stage, stage.spec("worker"), stage.spec("sub", lambda: Supervisor(()), supervisor=True),
            stage.spec("waits", backoff=backoff), stage.spec("stopped"),
            stage.spec("unwanted", unwanted(stage, lambda call: True)),
            stage.spec("sub2", lambda: Supervisor(()), supervisor=True),
        )  # fmt: skip
        assert await counts_of(stage, boss) == (6, 5, 2, 4)
        stage.crash((await children_of(stage, boss))["waits"].ref)  # type: ignore[arg-type]
        await until(stage, lambda: stage.notes("waits") == ["start", "pre_restart"])
        await until(stage, lambda: stage.log.failures)
        assert await counts_of(stage, boss) == (6, 4, 2, 4)
        for name in ("stopped", "sub2"):
            await stage.system.ask(boss, TerminateChild(name=name))
        assert await counts_of(stage, boss) == (6, 2, 2, 4)
        await stage.system.ask(boss, DeleteChild(name="sub2"))
        assert await counts_of(stage, boss) == (5, 2, 1, 4)
        temporary = stage.spec("t", restart=Restart.TEMPORARY)
        ref = await stage.system.ask(boss, StartChild(spec=temporary))
        assert await counts_of(stage, boss) == (6, 3, 1, 5)
        stage.crash(ref)
        await until(stage, lambda: ref.cell.status is Status.STOPPED)
        assert await counts_of(stage, boss) == (5, 2, 1, 4)

    run(scenario)


@every_way
def test_31_count_children_of_a_dynamic_supervisor(run: Run) -> None:
    """There every child counts as a spec, and one that is gone counts no more."""

    async def scenario(stage: Stage) -> None:
        template = ChildSpec(factory=lambda: Puppet(stage), restart=Restart.TEMPORARY)
        boss = stage.spawn("boss", lambda: DynamicSupervisor(template))
        refs = [await stage.system.ask(boss, StartChild()) for _ in range(5)]
        assert await counts_of(stage, boss) == (5, 5, 0, 5)
        await stage.system.ask(boss, TerminateChild(name=refs[2].uid))
        stage.crash(refs[0])
        await until(stage, lambda: len(stage.log.stops) == 2)
        assert await counts_of(stage, boss) == (3, 3, 0, 3)
        found = await stage.system.ask(boss, WhichChildren())
        assert [info.ref for info in found] == [refs[1], refs[3], refs[4]]

    run(scenario)


# 32

GOOD = ChildSpec(name="a", factory=Actor)
BAD_SPECS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "needs a name"),
    ({"name": "a/b"}, "no slash"),
    ({"factory": None}, "factory must be callable"),
    ({"restart": "sometimes"}, "restart must be a Restart"),
    (
        {"directives": ((KeyboardInterrupt, Directive.STOP),)},
        "directives are for types of Exception",
    ),
    ({"directives": ((Boom, "ignore"),)}, "'ignore' is no Directive"),
    ({"backoff": Backoff(min_seconds=2.0, max_seconds=1.0)}, "backoff needs"),
    ({"backoff": Backoff(min_seconds=1.0, max_seconds=1.0, jitter=-0.1)}, "backoff needs"),
    ({"shutdown_seconds": -1.0}, "shutdown_seconds"),
    ({"mailbox_messages_max": 0}, "mailbox_messages_max"),
    ({"mailbox_reserve": -1}, "mailbox_reserve"),
    ({"overflow": "spill"}, "overflow must be an Overflow"),
    ({"stash_messages_max": -1}, "stash_messages_max"),
    ({"restart_messages_max": -1}, "restart_messages_max"),
    ({"significant": True, "restart": Restart.PERMANENT}, "cannot be significant"),
    ({"significant": True, "restart": Restart.TRANSIENT}, "needs auto_shutdown"),
]
BAD_SUPERVISORS: list[tuple[dict[str, Any], str]] = [
    ({"children": (GOOD, GOOD)}, "two children are named 'a'"),
    ({"children": ("a",)}, "holds ChildSpecs"),
    ({"intensity": Intensity(restarts=-1)}, "intensity.restarts"),
    ({"intensity": Intensity(period_seconds=0.0)}, "intensity.period_seconds"),
    ({"strategy": "all_for_one"}, "strategy must be a Strategy"),
]


@pytest.mark.parametrize(("wrong", "named"), BAD_SPECS, ids=[named for _, named in BAD_SPECS])
@every_way
def test_32_bad_specs_of_children(run: Run, wrong: dict[str, Any], named: str) -> None:
    """A spec that cannot be obeyed is refused with the field that is wrong; not even those before it on the list start."""

    async def scenario(stage: Stage) -> None:
        bad = stage.spec(**{"name": "b", "factory": Actor, **wrong})
        if "factory" in wrong:
            bad = ChildSpec(name="b", factory=wrong["factory"])
        with pytest.raises(BadSpec, match=named):
            Supervisor([GOOD, bad])
        boss = supervise(stage, stage.spec("a"), bad)
        assert (await boss.cell.when_stopped()).startswith("failed: BadSpec")
        assert stage.journal == []
        boss = supervise(stage, stage.spec("a"))
        if bad.name or not wrong.get("significant"):
            with pytest.raises(BadSpec):
                await stage.system.ask(boss, StartChild(spec=bad))
        assert await status_of(stage, boss) == {"a": "running"}

    run(scenario)


@pytest.mark.parametrize(("wrong", "named"), BAD_SUPERVISORS)
def test_32_bad_specs_of_supervisors(wrong: dict[str, Any], named: str) -> None:
    """The same for what a supervisor is told about itself."""
    with pytest.raises(BadSpec, match=named):
        Supervisor(**{"children": (GOOD,), **wrong})


def test_32_bad_specs_without_a_factory() -> None:
    """A spec that says nothing of what to start does not even come to be."""
    with pytest.raises(TypeError, match="factory"):
        ChildSpec(name="a")  # type: ignore[call-arg]


# 33


@every_way
def test_33_naughty_child(run: Run) -> None:
    """A child that is gone when it is told to stop, or that goes on in spite of it, does not hold its supervisor up."""

    class Naughty(Puppet):
        @override
        async def on_do(self, message: Do, ctx: Context) -> None:
            while True:
                try:
                    await self.stage.system.sleep(1e9)
                except Cancelled:
                    self.note("not I")

    async def scenario(stage: Stage) -> None:
        boss = supervise(
            stage, stage.spec("a"), stage.spec("b"),
            stage.spec("c", lambda: Naughty(stage), shutdown_seconds=1.0), intensity=OFTEN,
        )  # fmt: skip
        refs = {name: info.ref for name, info in (await children_of(stage, boss)).items()}
        stage.tell(refs["c"], Do(act=fail))  # type: ignore[arg-type]
        await until(stage, lambda: refs["c"].cell.activity is not None)  # type: ignore[union-attr]
        stage.tell(refs["a"], Do(act=lambda p, ctx: ctx.stop()))  # type: ignore[arg-type]
        refs["b"].cell.begin_stop(NORMAL)  # type: ignore[union-attr]
        assert await stage.system.stop(boss) == "shutdown: system"
        assert ("c", "killed: parent") in stage.log.stops
        assert "not I" in stage.notes("c")
        assert [path for path, _, _ in stage.system.tree()] == ["/alys"]

    run(scenario)
