"""One actor fails and takes others along: exactly those that the strategy names, in its order, and nobody else.

In the node nobody is restarted with somebody else by order. But who asks fails with whom he asked: when Engine fails on
Chain's question Chain fails too, and the failure ends there.
"""

from alys.suites.supervision import _looking as looking
from alys.suites.supervision._looking import NODE
from alys.worlds.network_world import NetworkWorld
from alys.worlds.supervised import Branch, Leaf

NAMES = ("a", "b", "c", "d")
CASES = (
    ("one_for_all", "b", "abcd"),
    ("one_for_all", "d", "abcd"),
    ("rest_for_one", "b", "bcd"),
    ("rest_for_one", "a", "abcd"),
    ("rest_for_one", "d", "d"),
    ("one_for_one", "b", "b"),
)
"""Strategy, who fails, who is restarted."""

ENGINE = f"{NODE}/engine"
CHAIN = f"{NODE}/chain"


async def test_cascading_failures(world: NetworkWorld) -> None:
    """OneForAll and RestForOne with OneForOne beside them; then two of the node's actors, one because of the other."""
    tree = await world.actors.spawn(
        Branch(
            name="cascade",
            children=tuple(
                Branch(name=strategy, strategy=strategy, children=tuple(map(_leaf, NAMES)))
                for strategy in ("one_for_all", "rest_for_one", "one_for_one")
            ),
        )
    )
    for strategy, victim, restarted in CASES:
        await _group(world, f"{tree}/{strategy}", victim, restarted)
    world.keep_mining()
    await looking.produces(world, 1)
    await _who_asks_fails_too(world)
    await looking.produces(world, 2)


def _leaf(name: str) -> Leaf:
    return Leaf(name=name)


async def _group(world: NetworkWorld, parent: str, victim: str, restarted: str) -> None:
    what = f"{parent.rpartition('/')[2]}, {victim} fails"
    for name in NAMES:
        await world.actors.say(f"{parent}/{name}", f"before {victim} failed")
        await world.actors.recall(
            f"{parent}/{name}"
        )  # so that the note is there, and not on its way
    before, began = await looking.snapshot(world), world.now()
    await looking.crash(world, f"{parent}/{victim}", "fails", "kept")
    after = await looking.settled(world, looking.EVERYTHING, before)
    paths = [f"{parent}/{name}" for name in restarted]
    looking.check_changed(world, before, after, paths, f"{what}: exactly these are restarted")
    for path in paths:
        looking.check_restarted_once(world, before[path], after[path])
    started = await looking.order_of(world, parent, "started", began)
    ended = await looking.order_of(world, parent, "ended", began)
    world.check(
        started == list(restarted), f"{what}: started in the order of the list", order=started
    )
    world.check(ended == list(reversed(restarted)), f"{what}: ended in reverse order", order=ended)
    await _memories(world, parent, victim, restarted)


async def _memories(world: NetworkWorld, parent: str, victim: str, restarted: str) -> None:
    """Restarted ones know nothing any more, the others everything; what waited for the one that failed was kept."""
    for name in NAMES:
        told = await world.actors.recall(f"{parent}/{name}")
        notes = told.notes if told is not None else ()
        if name == victim:
            world.check(notes == ("kept",), "the mailbox outlives the restart", notes=notes)
        elif name in restarted:
            world.check(not notes, "a restarted sibling begins anew", actor=name, notes=notes)
        else:
            remembers = f"before {victim} failed" in notes
            world.check(remembers, "a spared sibling keeps its state", actor=name, notes=notes)


async def _who_asks_fails_too(world: NetworkWorld) -> None:
    """Announced: Chain is dragged along when Engine fails on its question. Storage, Stream, Bridge and all others are not."""
    before = await looking.snapshot(world)
    fault = await world.actors.crash(ENGINE, drags=(CHAIN,))
    await world.actors.bitten(fault)

    async def dragged() -> bool:
        counters = await world.actors.counters(CHAIN)
        return counters.restarts > 0

    await world.eventually(dragged, "Chain fails on Engine's failure, and is restarted")
    after = await looking.settled(world, looking.EVERYTHING, before)
    looking.check_changed(
        world, before, after, [ENGINE, CHAIN], "who was asked and who asked, nobody else"
    )
    for path in (ENGINE, CHAIN):
        looking.check_restarted_once(world, before[path], after[path])
        await looking.check_in_time(world, path)
    escalations = (await world.actors.counters(NODE)).escalations
    world.check(escalations == 0, "the node's supervisor deals with it", escalations=escalations)
    world.note(cascade={"engine failed on": fault.touched})
