"""What gives way when room runs out: senders wait or messages are dropped and counted, a supervisor whose restarts are used
up hands the matter to its parent, and an actor that holds too much memory is found.
"""

from alys.base.errors import Inconclusive
from alys.suites.supervision import _looking as looking
from alys.suites.supervision._looking import NODE
from alys.worlds.network_world import NetworkWorld
from alys.worlds.supervised import Branch, Leaf

CAPACITY = 8
MESSAGES = 20
HELD_SECONDS = 5.0
"""How long a sender is watched that is held back."""
RESTARTS = 2
NODE_RESTARTS = 15
NODE_PERIOD_SECONDS = 900.0
"""What the policy of the bridge's supervisor allows, and in which time."""
MEMORY_LIMIT_BYTES = 4 * 1024 * 1024
HOARD_BYTES = 8 * 1024 * 1024

DOMAIN = f"{NODE}/bridge"
BRIDGE = f"{DOMAIN}/bridge"


async def test_resource_exhaustion(world: NetworkWorld) -> None:
    """Mailboxes to capacity under four policies, two budgets of restarts and the node's own, one memory limit."""
    await _senders_are_held_back(world)
    await _mailboxes_give_way(world)
    await _a_budget_is_spent(world)
    await _memory(world)
    world.keep_mining()
    await looking.produces(world, 1)
    await _the_nodes_budget_is_spent(world)
    await looking.produces(world, 2)


def _notes() -> tuple[str, ...]:
    return tuple(f"note {number}" for number in range(MESSAGES))


# Mailboxes


async def _senders_are_held_back(world: NetworkWorld) -> None:
    """The mailbox fills up, the sender waits with the next message, its own mailbox keeps the rest; nothing is lost."""
    tree = await world.actors.spawn(
        Branch(
            name="pressure",
            children=(
                Leaf(name="reader", mailbox=CAPACITY, overflow="suspend"),
                Leaf(name="sender"),
            ),
        )
    )
    reader, sender = f"{tree}/reader", f"{tree}/sender"
    await world.actors.suspend(reader)
    await world.actors.relay(sender, reader, *_notes())

    async def full() -> bool:
        view = await world.actors.find(reader)
        return view is not None and view.waiting >= CAPACITY

    await world.eventually(full, "the mailbox is full")
    await looking.passes(world, HELD_SECONDS)
    held = await looking.snapshot(world, tree)
    world.check(
        (held[reader].waiting, held[sender].handled, held[sender].waiting)
        == (CAPACITY, CAPACITY, MESSAGES - CAPACITY - 1),
        "the sender is held back with one message, and the rest waits for it",
        reader_holds=held[reader].waiting,
        sent=held[sender].handled,
        sender_holds=held[sender].waiting,
    )
    await world.actors.resume(reader)

    async def sent() -> bool:
        view = await world.actors.find(sender)
        return view is not None and view.handled == MESSAGES

    await world.eventually(sent, "once there is room the sender goes on")
    await _read(world, reader)
    told = await world.actors.recall(reader)
    world.check(
        told is not None and told.notes == _notes(),
        "nothing is lost and nothing changes places",
        notes=told and told.notes,
    )
    counters = await world.actors.counters(reader)
    world.check(
        counters.dropped == 0 and counters.dead_letters == 0,
        "who waits for room loses nothing",
        dropped=counters.dropped,
        dead_letters=counters.dead_letters,
    )


async def _mailboxes_give_way(world: NetworkWorld) -> None:
    """Who cannot wait: the newest or the oldest is dropped, or the sender hears of it; all of it is counted."""
    policies = ("drop_new", "drop_old", "fail")
    tree = await world.actors.spawn(
        Branch(
            name="overflow",
            children=tuple(Leaf(name=p, mailbox=CAPACITY, overflow=p) for p in policies),
        )
    )
    over = MESSAGES - CAPACITY
    expected = {
        "drop_new": (MESSAGES, _notes()[:CAPACITY], over, 0),
        "drop_old": (MESSAGES, _notes()[over:], over, 0),
        "fail": (CAPACITY, _notes()[:CAPACITY], 0, over),
    }
    for policy in policies:
        path = f"{tree}/{policy}"
        await world.actors.suspend(path)
        taken = await world.actors.say(path, *_notes())
        view = await world.actors.find(path)
        world.check(
            view is not None and view.waiting == CAPACITY,
            f"{policy}: a mailbox holds no more than its bound",
            waiting=view and view.waiting,
        )
        await world.actors.resume(path)
        await _read(world, path)
        told, counters = await world.actors.recall(path), await world.actors.counters(path)
        found = (taken, told and told.notes, counters.dropped, counters.dead_letters)
        world.check(
            found == expected[policy],
            f"{policy}: what has no room is dropped as the policy says, and counted",
            taken=taken,
            notes=told and told.notes,
            dropped=counters.dropped,
            dead_letters=counters.dead_letters,
        )


async def _read(world: NetworkWorld, path: str) -> None:
    """Its mailbox is empty: a question has room again."""

    async def empty() -> bool:
        view = await world.actors.find(path)
        return view is not None and view.waiting == 0

    await world.eventually(empty, f"{path} reads all that waits for it")


# Restarts


async def _a_budget_is_spent(world: NetworkWorld) -> None:
    """The parent restarts the one that must always run, and lets the other one go."""
    tree = await world.actors.spawn(
        Branch(
            name="budget",
            children=tuple(
                Branch(
                    name=kind,
                    restart=kind,
                    restarts=RESTARTS,
                    children=(Leaf(name="x"), Leaf(name="y")),
                )
                for kind in ("permanent", "temporary")
            ),
        )
    )
    for kind in ("permanent", "temporary"):
        before = await looking.snapshot(world)
        for number in range(RESTARTS):
            await looking.crash(world, f"{tree}/{kind}/x", f"fails {number}")
            await looking.settled(world, looking.EVERYTHING, before)
        within = await world.actors.counters(f"{tree}/{kind}")
        world.check(
            within.escalations == 0,
            f"{kind}: {RESTARTS} restarts are within the budget",
            escalations=within.escalations,
        )
        await looking.crash(world, f"{tree}/{kind}/x", "one too many")
        await _parents_policy(world, tree, kind, before)


async def _parents_policy(
    world: NetworkWorld, tree: str, kind: str, before: looking.Snapshot
) -> None:
    branch = f"{tree}/{kind}"
    subtree = [branch, f"{branch}/x", f"{branch}/y"]

    async def escalated() -> int:
        return (await world.actors.counters(branch)).escalations

    await world.eventually(escalated, f"{kind}: one restart too many is escalated")
    wanted = set(before) if kind == "permanent" else set(before) - set(subtree)

    async def there() -> bool:
        seen = await looking.snapshot(world)
        spent = seen.get(f"{branch}/y")
        gone = spent is None or spent.uid != before[f"{branch}/y"].uid
        return gone and (kind == "permanent" or branch not in seen)

    await world.eventually(there, f"{kind}: the parent's policy is applied")
    after = await looking.settled(world, looking.EVERYTHING, wanted)
    looking.check_changed(
        world, before, after, subtree, f"{kind}: the spent supervisor and its subtree, nobody else"
    )
    counters = await world.actors.counters(f"{branch}/x")
    world.check(
        counters.restarts == RESTARTS,
        f"{kind}: no restart beyond the budget",
        restarts=counters.restarts,
    )
    if kind == "permanent":
        looking.check_restarted_once(world, before[branch], after[branch])
        return
    ends = [
        o.detail
        for o in await world.actors.happenings(branch)
        if o.kind == "stopped" and o.path == branch
    ]
    world.check(
        ends == ["shutdown: intensity"],
        "a temporary supervisor stays down, and it is said why",
        ends=ends,
    )


async def _the_nodes_budget_is_spent(world: NetworkWorld) -> None:
    """Bridge fails again and again, each time restarted a second later; one time too often, its domain is begun anew, and only that."""
    before = await looking.snapshot(world)
    domain = [path for path in before if path == DOMAIN or path.startswith(f"{DOMAIN}/")]
    for number in range(NODE_RESTARTS):
        fault = await world.actors.crash(BRIDGE)
        await world.actors.bitten(fault)
        after = await looking.settled(world, looking.EVERYTHING, before)
        looking.check_changed(world, before, after, [BRIDGE], f"failure {number + 1}: Bridge alone")
    fault = await world.actors.crash(BRIDGE)
    await world.actors.bitten(fault)
    await _in_one_period(world)

    async def escalated() -> int:
        return (await world.actors.counters(DOMAIN)).escalations

    await world.eventually(
        escalated, f"the bridge's supervisor gives up after {NODE_RESTARTS} restarts"
    )

    async def anew() -> bool:
        view = await world.actors.find(BRIDGE)
        return view is not None and view.uid != before[BRIDGE].uid

    await world.eventually(anew, "the node's supervisor begins the domain anew")
    after = await looking.settled(world, looking.EVERYTHING, before)
    looking.check_changed(world, before, after, domain, "the domain, and no other")
    looking.check_restarted_once(world, before[DOMAIN], after[DOMAIN])


async def _in_one_period(world: NetworkWorld) -> None:
    """Failures that are spread over more than the period are within the budget; then nothing was proven."""
    failed = [o.time for o in await world.actors.happenings(BRIDGE) if o.kind == "failed"]
    seconds = failed[-1] - failed[0]
    world.note(**{"failures within": f"{seconds:.1f} s of node time"})
    if seconds > NODE_PERIOD_SECONDS:
        raise Inconclusive(
            f"{len(failed)} failures of Bridge took {seconds:.0f} s of node time, more than the "
            f"{NODE_PERIOD_SECONDS:g} s in which they count: this machine is too busy"
        )


# Memory


async def _memory(world: NetworkWorld) -> None:
    """The one above the limit is found, and nobody else; a restart gives back what it held."""
    tree = await world.actors.spawn(
        Branch(name="memory", children=(Leaf(name="hog"), Leaf(name="modest")))
    )
    hog = f"{tree}/hog"
    found = await _above_limit(world)
    world.check(found == [], "at first nobody is above the limit", above=found)
    await world.actors.hoard(hog, HOARD_BYTES)
    await world.actors.recall(hog)
    found = await _above_limit(world)
    held = await world.actors.memory(hog)
    world.check(found == [hog], "exactly the one that hoards is above the limit", above=found)
    world.check(held >= HOARD_BYTES, "all that it hoards is seen", bytes=held)
    await looking.crash(world, hog, "fails")
    await looking.settled(world, tree, [hog])
    found = await _above_limit(world)
    world.check(found == [], "a restart gives the memory back", above=found)
    world.note(memory={"hoarded": HOARD_BYTES, "seen": held, "limit": MEMORY_LIMIT_BYTES})


async def _above_limit(world: NetworkWorld) -> list[str]:
    sizes = {view.path: await world.actors.memory(view.path) for view in await world.actors.tree()}
    return [path for path, size in sizes.items() if size > MEMORY_LIMIT_BYTES]
