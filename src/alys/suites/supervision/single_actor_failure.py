"""One actor fails on one message: one new instance, same ref, same mailbox, nobody else touched, and the node goes on."""

from alys.suites.supervision import _looking as looking
from alys.suites.supervision._looking import NODE
from alys.worlds.network_world import NetworkWorld
from alys.worlds.supervised import ActorView, Branch, Leaf

STREAM = f"{NODE}/bridge/stream"
CHAIN = f"{NODE}/consensus/chain"
WAITING = 2
"""Messages that wait behind the one on which Stream fails."""


async def test_single_actor_failure(world: NetworkWorld) -> None:
    """An exception in a handler: of a test actor, of Stream with messages waiting, of Chain in the middle of things."""
    await _a_test_actor(world)
    world.keep_mining()
    await looking.produces(world, 1)
    await _stream_with_messages_waiting(world)
    await looking.produces(world, 2)
    await _chain(world)
    await looking.produces(world, 2)


async def _a_test_actor(world: NetworkWorld) -> None:
    """What an instance was told is its state: the new one has none of it, and all that waited."""
    tree = await world.actors.spawn(
        Branch(name="single", children=(Leaf(name="a"), Leaf(name="b"), Leaf(name="c")))
    )
    victim = f"{tree}/b"
    for name in ("a", "b", "c"):
        await world.actors.say(f"{tree}/{name}", "before")
    old = await world.actors.recall(victim)
    before = await looking.snapshot(world)
    await world.actors.suspend(victim)
    fault = await world.actors.crash(victim)
    await world.actors.say(victim, "fails", "first kept", "second kept")
    await world.actors.resume(victim)
    await world.actors.bitten(fault)
    after = await looking.settled(world, looking.EVERYTHING, before)
    looking.check_changed(world, before, after, [victim], "siblings are untouched")
    looking.check_restarted_once(world, before[victim], after[victim])
    await looking.check_in_time(world, victim)
    new = await world.actors.recall(victim)
    assert old is not None, "it answered before it failed"
    world.check(
        new is not None and new.instance != old.instance,
        "another instance answers than before",
        old=old.instance,
        new=new and new.instance,
    )
    world.check(
        new is not None and new.notes == ("first kept", "second kept"),
        "state is made anew, the mailbox is kept, the failing message does not come again",
        notes=new and new.notes,
    )
    counters = await world.actors.counters(victim)
    world.check(
        (counters.failures, counters.restarts, counters.failed_messages) == (1, 1, 1),
        "one failure, one restart, one message lost to it",
        failures=counters.failures,
        restarts=counters.restarts,
        failed_messages=counters.failed_messages,
    )
    for name in ("a", "c"):
        sibling = await world.actors.recall(f"{tree}/{name}")
        world.check(
            sibling is not None and sibling.notes == ("before",),
            "siblings know what they knew",
            sibling=name,
        )


async def _stream_with_messages_waiting(world: NetworkWorld) -> None:
    """The node's messages come when they come, so Stream is held until enough of them wait."""
    await world.actors.suspend(STREAM)

    async def enough() -> int:
        view = await world.actors.find(STREAM)
        return view.waiting if view is not None and view.waiting > WAITING else 0

    await world.eventually(enough, f"more than {WAITING} messages wait for Stream", timeout_s=120)
    before = await looking.snapshot(world)
    counted = await world.actors.counters(STREAM)
    fault = await world.actors.crash(STREAM)
    await world.actors.resume(STREAM)
    await world.actors.bitten(fault)
    after = await _restarted(world, STREAM, before)
    now = await world.actors.counters(STREAM)
    world.check(
        looking.more(counted, now, "failed_messages") == 1
        and looking.more(counted, now, "dead_letters") == 0,
        "only the message is lost on which it failed",
        failed=looking.more(counted, now, "failed_messages"),
        dead_letters=looking.more(counted, now, "dead_letters"),
    )
    kept = before[STREAM].waiting - 1 - looking.more(counted, now, "called_off")

    async def handled() -> bool:
        view = await world.actors.find(STREAM)
        return view is not None and view.handled - before[STREAM].handled >= kept

    await world.eventually(handled, f"the new Stream handles the {kept} messages that waited")
    world.note(stream={"failed on": fault.touched, "waited behind it": kept, "uid": after.uid})


async def _chain(world: NetworkWorld) -> None:
    """The actor that everything runs through fails on whatever comes next."""
    before = await looking.snapshot(world)
    fault = await world.actors.crash(CHAIN)
    await world.actors.bitten(fault)
    await _restarted(world, CHAIN, before)
    world.note(chain={"failed on": fault.touched})


async def _restarted(world: NetworkWorld, path: str, before: looking.Snapshot) -> ActorView:
    """One restart, in time, and of nobody else in this world, co-signers and ports included."""
    failures = (await world.actors.counters(path)).failures
    after = await looking.settled(world, looking.EVERYTHING, before)
    looking.check_changed(world, before, after, [path], "siblings are untouched")
    looking.check_restarted_once(world, before[path], after[path])
    await looking.check_in_time(world, path)
    again = (await world.actors.counters(path)).failures
    world.check(again == failures, "it does not fail again", actor=path, failures=again)
    return after[path]
