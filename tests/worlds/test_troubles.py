"""Faults of every kind in a running federation: each bites what it says, says how often, heals, and is no crash of the nodes."""

from typing import Any

import msgspec
import pytest

from alys.base import faults, trouble
from alys.base.faults import BadFault
from alys.base.trouble import (
    AnyTrouble,
    Crash,
    Cut,
    DiskRefuses,
    Duplicate,
    Full,
    Kill,
    Late,
    Lose,
    Partition,
    Pause,
    Skew,
    Slow,
    Stop,
)
from alys.config.policies import SupervisorPolicy
from alys.config.settings import Settings
from alys.worlds.sim import SimWorld
from alys.worlds.troubles import CALM_SECONDS, Struck, Troubles
from tests.worlds.troubled import federation

CHAIN = "actor:/alys/node/consensus/chain"

EVERY: list[tuple[str, AnyTrouble]] = [
    ("node-1", Kill()),
    ("node-1", Kill(disk="lost")),
    ("node-1", Kill(disk="torn")),
    ("node-2", Stop()),
    ("node-0", Skew(seconds=5, duration_s=6)),
    ("disk-0", DiskRefuses(duration_s=6)),
    ("disk-0", DiskRefuses(error="EIO", duration_s=6)),
    ("wire-0-1", Cut(duration_s=4)),
    ("wire-1-0", Cut(duration_s=8, one_way=True)),
    ("wires", Partition(groups=((0, 1),), duration_s=8)),
    ("wires", Late(ms=500, duration_s=6)),
    ("wire-0-2", Lose(duration_s=6)),
    ("wires", Duplicate(duration_s=6)),
    (CHAIN, Crash()),
    (CHAIN, Crash(moment="in")),
    (CHAIN, Crash(moment="after")),
    (CHAIN, Pause(duration_s=6)),
    (CHAIN, Slow(ms=200, duration_s=6)),
    (CHAIN, Full(duration_s=4)),
    ("bitcoin", faults.Refuse(duration_s=6)),
    ("bitcoin", faults.Reorg(depth=1)),
    ("ethereum-1", faults.Hang(duration_s=6)),
    ("ethereum-0", faults.Reorg(depth=1)),
    ("actor:/alys/node-2/network/network", Full(duration_s=3)),
    ("governance-2", faults.IgnoreHeartbeats(duration_s=40)),
]


@pytest.mark.parametrize(
    ("target", "fault"), EVERY, ids=lambda value: getattr(value, "kind", value)
)
def test_each_kind_bites_ends_by_itself_and_leaves_a_federation_that_agrees(
    target: str, fault: AnyTrouble
) -> None:
    found: list[Struck] = []

    async def scenario(world: SimWorld) -> None:
        troubles = Troubles(world)
        found.append(troubles.strike(target, fault))
        await world.sleep(max(25.0, getattr(fault, "duration_s", 0.0) or 0.0))
        await troubles.heal()
        await world.converge("one head", timeout_s=120)

    world = federation(scenario)
    (struck,) = found
    assert struck.over
    assert struck.touched > 0
    assert world.recorder.crashes == []
    assert world.recorder.faults[0].touched == [f"{fault.kind} {struck.touched}"]


def test_every_kind_of_trouble_is_in_that_list() -> None:
    said = {fault.kind for _, fault in EVERY}
    assert set(trouble.KINDS) - set(faults.KINDS) <= said


def test_what_is_struck_is_in_force_at_once_and_heal_ends_it_before_its_time() -> None:
    async def scenario(world: SimWorld) -> None:
        troubles = Troubles(world)
        kill = troubles.strike("node-1", Kill(down_s=500))
        troubles.strike("wires", Partition(groups=((0,),), duration_s=500))
        troubles.strike("disk-2", DiskRefuses(duration_s=500))
        assert world.disks["node-2"].refusal != ""
        await world.sleep(0.5)
        assert not world.nodes.alive(1)
        again = troubles.strike("node-1", Kill())
        await troubles.heal()
        assert (kill.touched, again.touched) == (1, 0)
        assert all(world.nodes.alive(index) for index in range(3))
        assert world.disks["node-2"].refusal == ""
        assert not world.wires_in_memory.broken("node", "node-2")
        await world.converge("one head", timeout_s=120)

    federation(scenario)


def test_a_world_is_calm_again_a_while_after_the_last_fault() -> None:
    async def scenario(world: SimWorld) -> None:
        troubles = Troubles(world)
        troubles.strike(CHAIN, Crash(message="Never"))
        await world.sleep(CALM_SECONDS)
        assert world.calm(), "a crash that has not come holds nobody up"
        troubles.strike("node-1", Skew(seconds=2, duration_s=3))
        assert world.skews == {"node-1": 2}
        assert not world.calm()
        await world.sleep(4)
        assert world.skews == {"node-1": 0}
        assert not world.calm()
        await world.sleep(CALM_SECONDS)
        assert world.calm()

    federation(scenario)


def test_a_torn_store_is_seen_at_the_start_and_restored_by_hand() -> None:
    async def scenario(world: SimWorld) -> None:
        troubles = Troubles(world)
        struck = troubles.strike("node-1", Kill(disk="torn", down_s=1))
        await world.sleep(15)
        assert struck.touched == 1
        assert world.disks["node-1"].before_cut is None
        words = [one.detail for one in world.recorder.happenings if "CorruptRecord" in one.detail]
        assert any("torn" in detail or "tree" in detail for detail in words), words
        await troubles.heal()
        await world.converge("one head", timeout_s=120)

    federation(scenario)


def test_a_node_that_goes_on_without_a_domain_is_started_anew() -> None:
    """A supervisor that gave up its network for good: whoever runs the node sees it and starts it again."""

    async def scenario(world: SimWorld) -> None:
        troubles = Troubles(world)
        for _ in range(21):
            troubles.strike("actor:/alys/node-1/network/sync", Crash())
            await world.sleep(0.5)
            await world.sleep(60 if await gone(world) else 5)
            if await gone(world):
                break
        assert await gone(world)
        await troubles.heal()
        assert not await gone(world)
        await world.converge("one head", timeout_s=200)

    async def gone(world: SimWorld) -> bool:
        return await world.actors.find("/alys/node-1/network") is None

    settings = Settings()
    rows = msgspec.structs.replace(
        settings.node.supervisors,
        network=SupervisorPolicy(restarts=2, escalation="continue_without"),
    )
    node = msgspec.structs.replace(settings.node, supervisors=rows)
    federation(scenario, settings=msgspec.structs.replace(settings, node=node))


@pytest.mark.parametrize(
    ("target", "fault", "said"),
    [
        ("node", Kill(), "wants a number"),
        ("node-3", Kill(), "there is no 'node-3'"),
        ("wire-0-0", Cut(duration_s=1), "no connection 'wire-0-0'"),
        ("governance-9", faults.Refuse(), "there is no 'governance-9'"),
        ("disk-0", Kill(), "a fault of node"),
        ("moon", Kill(), "no target 'moon'"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_nothing_has_happened(
    target: str, fault: AnyTrouble, said: str
) -> None:
    async def scenario(world: SimWorld) -> None:
        troubles = Troubles(world)
        with pytest.raises(BadFault, match=said):
            troubles.strike(target, fault)
        assert troubles.struck == []
        assert world.recorder.faults == []

    federation(scenario)


def test_a_crash_that_no_fault_excuses_is_one_even_under_faults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from alys.node.chain import Chain
    from alys.worlds.network_world import ActorCrashed

    def broken(*_: Any) -> None:
        raise KeyError("a bug")

    async def scenario(world: SimWorld) -> None:
        troubles = Troubles(world)
        troubles.strike(CHAIN, Slow(ms=10, duration_s=30))
        monkeypatch.setattr(Chain, "_arm_slot", broken)
        await world.sleep(10)
        await troubles.heal()

    with pytest.raises(ActorCrashed, match="KeyError"):
        federation(scenario)


def test_equal_orders_give_an_equal_trace() -> None:
    async def scenario(world: SimWorld) -> None:
        troubles = Troubles(world)
        for target, fault in EVERY:
            troubles.strike(target, fault)
            await world.sleep(1)
        await troubles.heal()

    hashes = {federation(scenario).recorder.trace_hash for _ in range(2)}
    assert len(hashes) == 1
