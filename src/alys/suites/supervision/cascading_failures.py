"""One actor fails and takes others along: exactly those that the strategy names, in its order, and nobody else.

In the node nobody is restarted with somebody else by order. But who asks may fail with whom it asked: when Engine fails on
Chain's question Chain may fail too, and the failure must end there.
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

DOMAIN = f"{NODE}/consensus"
ENGINE = f"{DOMAIN}/engine"
CHAIN = f"{DOMAIN}/chain"
SPREAD_SECONDS = 3.0
"""How long a failure is watched for whom it takes along; more than a slot."""


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
    await _who_asks_may_fail_too(world)
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


async def _who_asks_may_fail_too(world: NetworkWorld) -> None:
    """Announced: Chain may be dragged along when Engine fails on its question. Nobody else may, and there it ends."""
    before = await looking.snapshot(world)
    counted = {path: await world.actors.counters(path) for path in before}
    fault = await world.actors.crash(ENGINE, drags=(CHAIN,))
    await world.actors.bitten(fault)
    await looking.passes(world, SPREAD_SECONDS)
    after = await looking.settled(world, looking.EVERYTHING, before)
    found = looking.changed(before, after)
    world.check(
        ENGINE in found and set(found) <= {ENGINE, CHAIN},
        "who was asked, and at most who asked: nobody else",
        changed=found,
    )
    for path in found:
        looking.check_restarted_once(world, before[path], after[path])
        await looking.check_in_time(world, path)
    for path, counters in counted.items():
        failures = looking.more(counters, await world.actors.counters(path), "failures")
        world.check(failures == (path in found), "it ends there", actor=path, failures=failures)
    escalations = (await world.actors.counters(DOMAIN)).escalations
    world.check(escalations == 0, "their supervisor deals with it", escalations=escalations)
    world.note(cascade={"engine failed on": fault.touched, "restarted": found})
