"""A supervisor dies, by a blow from outside or by an error of its own: its parent brings back it and all below it.

Nobody of the old subtree may live on beside the new one: an orphan that still answers works on state that nobody watches.
"""

from collections.abc import Iterable

from alys.suites.supervision import _looking as looking
from alys.suites.supervision._looking import NODE
from alys.worlds.network_world import NetworkWorld
from alys.worlds.supervised import ActorView, Branch, Leaf
from alys.worlds.users import EthereumUser

DEPOSIT_SATS = 120_000_000
WEI_PER_SAT = 10_000_000_000  # written out: a check must not share the conversion that it checks
ROOT_PERIOD_SECONDS = 6.0
"""The root allows one restart in 5 s; the node is broken twice."""

PLAN = Branch(
    name="house",
    children=(
        Leaf(name="before"),
        Branch(
            name="mid",
            children=(
                Leaf(name="a"),
                Branch(name="low", children=(Leaf(name="c"),)),
                Leaf(name="b"),
            ),
        ),
        Leaf(name="after"),
    ),
)
BELOW_MID = ("/a", "/low", "/low/c", "/b")


async def test_supervisor_failure(world: NetworkWorld) -> None:
    """A test supervisor in the middle of a tree, then the node's own; a deposit under way survives both."""
    tree = await world.actors.spawn(PLAN)
    await _killed(world, tree)
    await _failed(world, tree)
    world.keep_mining()
    await looking.produces(world, 1)
    alice = world.ethereum_user("alice")
    await _deposit_almost_confirmed(world, alice)
    await _node_killed(world)
    await looking.produces(world, 1)
    await looking.passes(world, ROOT_PERIOD_SECONDS)
    await _node_failed(world)
    await world.confirm(1)
    await world.eventually(alice.balance, "the deposit is minted afterwards", timeout_s=120)
    await looking.produces(world, 2)
    wei = await alice.balance()
    world.check(wei == DEPOSIT_SATS * WEI_PER_SAT, "minted once, and exactly", wei=wei)


async def _killed(world: NetworkWorld, tree: str) -> None:
    """Another supervisor takes the place, with other children."""
    mid = f"{tree}/mid"
    before = await looking.snapshot(world)
    await world.actors.kill(mid)
    after = await _back(world, mid, before, BELOW_MID)
    below = [f"{mid}{rest}" for rest in BELOW_MID]
    looking.check_changed(
        world, before, after, [mid, *below], "killed: the supervisor and its subtree, nobody else"
    )
    for path in (mid, *below):
        world.check(
            after[path].uid != before[path].uid,
            "a killed actor's place has a new owner",
            actor=path,
        )
    await _no_orphans(world, [before[path] for path in below])


async def _failed(world: NetworkWorld, tree: str) -> None:
    """The same supervisor in a new instance, with other children."""
    mid = f"{tree}/mid"
    before, began = await looking.snapshot(world), world.now()
    fault = await world.actors.crash(mid)
    answer = await world.actors.children(mid)
    world.check(answer is None, "a supervisor that fails on a question does not answer it")
    await world.actors.bitten(fault)
    after = await _back(world, mid, before, BELOW_MID)
    below = [f"{mid}{rest}" for rest in BELOW_MID]
    looking.check_changed(
        world, before, after, [mid, *below], "failed: the supervisor and its subtree, nobody else"
    )
    looking.check_restarted_once(world, before[mid], after[mid])
    await looking.check_in_time(world, mid)
    ended = await looking.order_of(world, mid, "ended", began)
    world.check(ended == ["b", "c", "a"], "the old ones end in reverse order", order=ended)
    started = await looking.order_of(world, mid, "started", began)
    world.check(started == ["a", "c", "b"], "the new ones start in order", order=started)
    await _no_orphans(world, [before[path] for path in below])


async def _back(
    world: NetworkWorld, path: str, before: looking.Snapshot, below: Iterable[str]
) -> looking.Snapshot:
    """Wait until another supervisor, or instance of it, runs with all its children."""

    async def another() -> bool:
        found = await world.actors.find(path)
        return found is not None and found.instance not in (0, before[path].instance)

    await world.eventually(another, f"the parent brings {path} back")
    return await looking.settled(
        world, looking.EVERYTHING, {*before, *(f"{path}{rest}" for rest in below)}
    )


async def _no_orphans(world: NetworkWorld, old: list[ActorView]) -> None:
    """The old ones are gone: nobody hangs outside the tree, and who asks them hears nothing but that they are gone."""
    found = await world.actors.orphans()
    world.check(not found, "nobody lives outside the tree", orphans=found)
    for view in old:
        said = await world.actors.recall(view.path, uid=view.uid)
        world.check(said is None, "an orphan does not answer", actor=f"{view.path}#{view.uid}")
        new = await world.actors.find(view.path)
        if view.path.endswith(("/a", "/b", "/c")) and new is not None:
            fresh = await world.actors.recall(view.path)
            world.check(
                fresh is not None and fresh.notes == (),
                "its successor answers, and begins anew",
                actor=view.path,
            )


async def _deposit_almost_confirmed(world: NetworkWorld, alice: EthereumUser) -> None:
    await world.depositor().deposit(world.federation_address, alice.address, DEPOSIT_SATS)
    await world.confirm(world.network.spec.required_confirmations - 1)


async def _node_killed(world: NetworkWorld) -> None:
    """The root starts a new node in the old one's place, under the same names."""
    before = await looking.snapshot(world)
    node = [path for path in before if path == NODE or path.startswith(f"{NODE}/")]
    fault = await world.actors.kill(NODE)
    world.check(len(fault.touched) == len(node), "the whole node is hit", touched=fault.touched)
    after = await _back(world, NODE, before, ())
    looking.check_changed(world, before, after, node, "the node, and neither co-signers nor ports")
    found = await world.actors.orphans()
    world.check(not found, "no actor of the old node lives on", orphans=found)


async def _node_failed(world: NetworkWorld) -> None:
    """The node's supervisor fails itself: same actor, new instance, new children."""
    before = await looking.snapshot(world)
    node = [path for path in before if path == NODE or path.startswith(f"{NODE}/")]
    fault = await world.actors.crash(NODE)
    await world.actors.children(NODE)
    await world.actors.bitten(fault)
    after = await _back(world, NODE, before, ())
    looking.check_changed(world, before, after, node, "the node, and neither co-signers nor ports")
    looking.check_restarted_once(world, before[NODE], after[NODE])
    found = await world.actors.orphans()
    world.check(not found, "no actor of the old node lives on", orphans=found)
    names = [path.removeprefix(f"{NODE}/") for path in node if path.rpartition("/")[0] == NODE]
    answer = await world.actors.children(NODE)
    world.check(
        answer == tuple(f"{name} running" for name in names),
        "the new supervisor has all its children, in their order",
        children=answer,
    )
