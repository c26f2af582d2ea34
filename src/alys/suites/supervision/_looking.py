"""How the scenarios of this suite look at actors: snapshots, who changed between two of them, whether the node works."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from alys.wire.jsonrpc import RpcError
from alys.worlds.network_world import NetworkWorld
from alys.worlds.supervised import ActorView, Counters, Fault

NODE = "/alys/node"
EVERYTHING = "/alys"
RESTART_SECONDS = 1.0
"""How long a restart may take."""

Snapshot = Mapping[str, ActorView]


async def snapshot(world: NetworkWorld, under: str = EVERYTHING) -> Snapshot:
    """The actors at and below a path, by path."""
    return {view.path: view for view in await world.actors.tree(under)}


async def settled(world: NetworkWorld, under: str, wanted: Iterable[str]) -> Snapshot:
    """Wait until all of these run and everybody else below the path does; the snapshot then."""
    paths = set(wanted)

    async def all_run() -> list[str]:
        seen = await snapshot(world, under)
        running = all(view.status == "running" for view in seen.values())
        return sorted(seen) if running and paths <= set(seen) else []

    await world.eventually(all_run, f"all actors under {under} run", timeout_s=60)
    return await snapshot(world, under)


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """The paths whose actor or whose instance is another one, by the runtime's word or by what stands behind the ref."""
    return [path for path, view in before.items() if _identity(after.get(path)) != _identity(view)]


def _identity(view: ActorView | None) -> tuple[int, int, int] | None:
    return None if view is None else (view.uid, view.incarnation, view.instance)


def check_changed(
    world: NetworkWorld, before: Snapshot, after: Snapshot, expected: Iterable[str], what: str
) -> None:
    """Exactly these are others now."""
    found = changed(before, after)
    world.check(sorted(found) == sorted(expected), what, changed=found, expected=sorted(expected))


def check_restarted_once(world: NetworkWorld, before: ActorView, after: ActorView) -> None:
    """The same actor, one incarnation on, and really another instance."""
    where = {"actor": before.path}
    world.check(after.uid == before.uid, "a restart keeps the actor's ref", **where)
    world.check(
        after.incarnation == before.incarnation + 1,
        "exactly one restart",
        incarnations=after.incarnation - before.incarnation,
        **where,
    )
    world.check(
        after.instance != before.instance, "a restart puts a new instance in the place", **where
    )


async def check_in_time(world: NetworkWorld, path: str) -> None:
    """Between the last failure of the actor and the restart after it lies less than a second.

    Where node time is the wall's, only faster, a second is a second of the wall: this machine may be busy.
    """
    limit = RESTART_SECONDS
    if world.timestamp_slack_s:
        limit *= world.settings.world.time_scale
    own = [one for one in await world.actors.happenings(path) if one.path == path]
    failed = max(one.time for one in own if one.kind == "failed")
    after = [one.time for one in own if one.kind == "restarted" and one.time >= failed]
    world.check(bool(after), "a failed actor is restarted", actor=path)
    seconds = after[0] - failed
    world.check(seconds < limit, "restarted within a second", actor=path, seconds=seconds)
    world.note(**{f"restart of {path}": f"{seconds:.3f} s of node time"})


async def crash(world: NetworkWorld, path: str, *notes: str) -> Fault:
    """Let a test actor fail on the first of these notes, and wait until it has."""
    fault = await world.actors.crash(path)
    await world.actors.say(path, *notes)
    await world.actors.bitten(fault)
    return fault


async def order_of(world: NetworkWorld, under: str, kind: str, since: float) -> list[str]:
    """To whom something happened below a path from then on, in order, by the last step of the path."""
    return [
        one.path.rpartition("/")[2]
        for one in await world.actors.happenings(under)
        if one.kind == kind and one.time >= since and one.path != under
    ]


def more(before: Counters, after: Counters, what: str) -> int:
    """How much a counter has grown."""
    grown: int = getattr(after, what) - getattr(before, what)
    return grown


async def passes(world: NetworkWorld, seconds: float) -> None:
    """So much node time goes by: for what must not happen in it."""
    end = world.now() + seconds
    await world.eventually(
        now(lambda: world.now() >= end), f"{seconds:g} s pass", timeout_s=seconds + 60
    )


def now(look: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    """A look that waits for nothing, as a probe."""

    async def probe() -> Any:
        return look()

    return probe


async def status(world: NetworkWorld) -> Any:
    """What the node says of itself; None while it does not answer."""
    try:
        return await world.node.call("alys_status")
    except RpcError:
        return None


async def produces(world: NetworkWorld, count: int) -> None:
    """So many blocks are made from now on, and every governance node hears of the last."""
    said: Any = await world.eventually(lambda: status(world), "the node answers")
    wanted = said["height"] + count

    async def there() -> bool:
        current = await status(world)
        return current is not None and current["height"] >= wanted

    await world.eventually(there, f"the node makes {count} more blocks", timeout_s=120)
    for index in range(world.network.governance_nodes):

        async def told(index: int = index) -> bool:
            state: Any = await world.governance.state(index)
            last = state["last_status"]
            return last is not None and last["block_height"] >= wanted

        await world.eventually(told, f"governance {index + 1} hears of block {wanted}")
