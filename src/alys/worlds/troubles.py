"""Faults of every kind, struck in a running simulated world: services, nodes, disks, connections, actors.

``strike`` takes effect in the same step. Faults with a duration end by themselves; each counts what it touched, so one that bit
nothing can say so. ``heal`` ends what lasts and brings everybody up. What actors fail with because of all this is provoked
(``excuses``) and no crash of the nodes; whatever else they fail with is one.
"""

import math
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from alys.actors.reply import Reply
from alys.actors.supervision import Intensity
from alys.base import faults, trouble
from alys.base.errors import AlysBug
from alys.base.faults import BadFault, Fault
from alys.base.trouble import AnyTrouble
from alys.worlds import network
from alys.worlds.actor_troubles import ActorTroubles
from alys.worlds.disk import Disk
from alys.worlds.excuses import Excuses
from alys.worlds.misbehaving import Door
from alys.worlds.nodes import TreesHere, placed
from alys.worlds.sim import SimWorld
from alys.worlds.supervised import Fault as Note
from alys.worlds.wire_troubles import Way

T = TypeVar("T")

BATCH_SECONDS = 3.0
"""Node time that a kill in the middle of a batch waits for one; then it is a kill like any other."""
CALM_SECONDS = 10.0
"""Node time after the last fault until nobody waits for anything any more, nearly surely."""
LATE_SECONDS = 120
"""How much later than its slot a block may be dated from then on: whoever is held up builds late, and nothing forbids that."""
PUNCTUAL = (trouble.Cut, trouble.Partition, trouble.Late, trouble.Lose, trouble.Duplicate)
"""Faults that hold up nobody who builds a block."""
LOOK_SECONDS = 0.25
"""Node time between two looks at a node that is being started on a torn store."""
WHOLE_LOOKS = 8
"""At a node that lacks a domain, which may be about to come back."""
TORN_SECONDS = 5.0
"""Node time in which such a node sees that it cannot go on, or does go on."""
PATIENCE = Intensity(restarts=1_000, period_seconds=60.0)
"""A node whose tree gave up is a process that has ended: whoever runs it starts it again, as often as it takes."""


class Struck:
    """A fault that was struck: what it touched, and its end."""

    def __init__(self, target: str, fault: Fault, note: Note) -> None:
        self.target = target
        self.fault = fault
        self.note = note
        #: Whether it is over.
        self.over = False
        self.count: Callable[[], int] = _nothing
        self.ends: list[Callable[[], None]] = []

    @property
    def touched(self) -> int:
        """How often it bit so far."""
        return self.count()

    def lift(self) -> None:
        """End it; harmless when it is over."""
        if self.over:
            return
        self.over = True
        for end in self.ends:
            end()
        touched = self.touched
        self.count = _always(touched)
        if touched:
            self.note.touched.append(f"{self.fault.kind} {touched}")


class Troubles:
    """See the module's docstring; the world is open, and was opened with it as ``SimWorld.troubles``."""

    def __init__(self, world: SimWorld) -> None:
        self._world = world
        self.actors = ActorTroubles(world.system)
        self.excuses = Excuses(world.now)
        #: All that were struck, in order.
        self.struck: list[Struck] = []
        self._jobs: list[Reply[None]] = []
        self._refusals: dict[str, list[str]] = {}
        #: Who is down because of a fault, and whose word brings it up.
        self._down: dict[int, Struck] = {}
        world.recorder.excuse = self.excuses.hold
        world.calm = self.calm
        self._stirred_at = -math.inf
        world.system.root.family.intensity = PATIENCE

    def calm(self) -> bool:
        """Whether nothing lasts that could hold somebody up, and nothing did for ``CALM_SECONDS``. Crashes that may come do not count."""
        lasting = any(not s.over and not isinstance(s.fault, trouble.Crash) for s in self.struck)
        stirred = max(self._stirred_at, self.actors.crashed_at)
        return not lasting and self._world.now() - stirred >= CALM_SECONDS

    def _stir(self) -> None:
        self._stirred_at = self._world.now()

    @property
    def _nodes(self) -> TreesHere:
        nodes = self._world.nodes
        assert isinstance(nodes, TreesHere), "a simulated world has its trees here"
        return nodes

    def strike(self, target: str, fault: AnyTrouble) -> Struck:
        """At once. Raises BadFault for no target, or for one that cannot have this fault; nothing has happened then."""
        trouble.fit(target, fault)
        service = trouble.service_of(target)
        number = self._number(target)
        note = self._world.recorder.order(target, fault.kind)
        note.optional = True
        struck = Struck(target, fault, note)
        self.struck.append(struck)
        excuse = self.excuses.give(self._trees(target, fault), fault)
        struck.ends.append(lambda: self.excuses.end(excuse))
        struck.ends.append(self._stir)
        self._stir()
        if isinstance(fault, trouble.Skew):
            slot_s = self._world.network.spec.slot_duration_ms // 1000
            self._world.timestamp_early_s = (
                slot_s  # its clock may be set back in the middle of building
            )
        if not isinstance(fault, PUNCTUAL):
            self._world.timestamp_slack_s = LATE_SECONDS
        match service:
            case faults.BITCOIN | faults.ETHEREUM | faults.GOVERNANCE:
                self._of_service(struck, service, number)
            case trouble.NODE:
                self._of_node(struck, number)
            case trouble.DISK:
                self._of_disk(struck, number)
            case trouble.WIRE | trouble.WIRES:
                self._of_wires(struck)
            case _:
                self._of_actor(struck)
        if (seconds := getattr(fault, "duration_s", None)) is not None:
            self._world.dispatcher.call_after(seconds, struck.lift)
        return struck

    async def heal(self) -> None:
        """End all that lasts, bring up everybody, and wait until all answer. Raises what an own job ran into."""
        for struck in self.struck:
            struck.lift()
        await self._world.nodes.heal()
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            await job
        for index in range(network.AUTHORITIES):
            if not self._nodes.alive(index):
                self._nodes.begin(index)
        for index in range(network.AUTHORITIES):
            await self._world.until_up(index)
        for index in range(network.AUTHORITIES):
            await self._until_whole(index)

    async def _until_whole(self, index: int) -> None:
        """A node that goes on without a domain is started anew, as whoever runs it would do: its health says so."""
        for _ in range(WHOLE_LOOKS):
            if self._is_whole(index):
                return
            await self._world.sleep(LOOK_SECONDS)
        await self._nodes.end(index, 0.0)
        self._nodes.begin(index)
        await self._world.until_up(index)

    def _is_whole(self, index: int) -> bool:
        tree = self._tree_path(index)
        whole = index < self._world.network.nodes
        domains = ("storage", "network", "consensus", *(("bridge",) if whole else ()))
        living = {cell.path for cell in self._world.system.cells()}
        return {f"{tree}/{domain}" for domain in domains} <= living

    # Targets

    def _number(self, target: str) -> int:
        """Of a target that has one; 0 for others. Raises BadFault when there is no such thing."""
        word, dash, number = target.partition("-")
        if word in (trouble.WIRE, trouble.WIRES) or target.startswith(f"{trouble.ACTOR}:"):
            self._ways(target)
            return 0
        limit = {faults.BITCOIN: 1, faults.GOVERNANCE: self._world.network.governance_nodes}
        if not dash and word != faults.BITCOIN:
            raise BadFault(f"the target {target!r} wants a number: {word}-0")
        if (dash and not number.isdecimal()) or int(number or 0) >= limit.get(
            word, network.AUTHORITIES
        ):
            raise BadFault(f"there is no {target!r} in this world")
        return int(number or 0)

    def _ways(self, target: str) -> frozenset[Way]:
        """Of a wire, the first one's own way first; of all of them; none for what is no wire."""
        tree = self._world.network.tree
        every = range(network.AUTHORITIES)
        if target == trouble.WIRES:
            return frozenset((tree(a), tree(b)) for a in every for b in every if a != b)
        if not target.startswith(f"{trouble.WIRE}-"):
            return frozenset()
        one, other = self._ends(target)
        return frozenset(((tree(one), tree(other)), (tree(other), tree(one))))

    def _ends(self, target: str) -> tuple[int, int]:
        numbers = [int(part) for part in target.split("-")[1:] if part.isdecimal()]
        if len(numbers) != 2 or numbers[0] == numbers[1] or max(numbers) >= network.AUTHORITIES:
            raise BadFault(f"there is no connection {target!r}: it is wire-0-1 and so on")
        return numbers[0], numbers[1]

    def _trees(self, target: str, fault: Fault) -> Iterable[str]:
        """Whom it may make fail."""
        root = self._world.system.outside.path
        word, _, rest = target.partition("-")
        if target.startswith(f"{trouble.ACTOR}:"):
            path = target.partition(":")[2]
            return (path[: path.find("/", len(root) + 1)],)
        if word in (trouble.NODE, trouble.DISK, faults.ETHEREUM):
            return (f"{root}/{self._world.network.tree(int(rest))}",)
        if word in (faults.BITCOIN, faults.GOVERNANCE):
            return [
                f"{root}/{self._world.network.tree(index)}" for index in range(network.AUTHORITIES)
            ]
        return ()

    # Services

    def _of_service(self, struck: Struck, service: str, index: int) -> None:
        door = self._world.faults.doors.get((service, index))
        if door is None:
            raise BadFault(f"there is no {struck.target!r} in this world")
        fault = struck.fault
        assert not isinstance(fault, trouble.Kill), "fit has looked"
        if isinstance(fault, faults.Reorg) and service == faults.ETHEREUM:
            self._world.auditor.patient = True
        number = _now(door.inject(fault))  # type: ignore[arg-type]  # fit has looked
        struck.count = lambda: _now(door.noted(number)).touched
        struck.ends.append(lambda: _discard(door, number))

    # Nodes

    def _of_node(self, struck: Struck, index: int) -> None:
        fault = struck.fault
        if isinstance(fault, trouble.Skew):
            tree = self._tree_path(index)
            number = self.actors.skew(tree, fault.seconds)
            self._note_skew(index, fault.seconds)
            before = self.actors.seen(tree)
            struck.count = lambda: self.actors.seen(tree) - before
            struck.ends.insert(0, lambda: self._set_right(struck, tree, number))
            struck.ends.append(lambda: self._note_skew(index, -fault.seconds))
        elif self._nodes.alive(index) and index not in self._down:
            self._down[index] = struck
            struck.count = _always(1)
            self._begin(self._down_and_up(struck, index))
        else:
            struck.over = True

    def _note_skew(self, index: int, seconds: float) -> None:
        """For those who look on: what an authority takes for the present."""
        name, skews = self._world.network.tree(index), self._world.skews
        skews[name] = skews.get(name, 0.0) + seconds

    def _set_right(self, struck: Struck, tree: str, number: int) -> None:
        struck.count = _always(struck.touched)
        self.actors.set_right(tree, number)

    async def _down_and_up(self, struck: Struck, index: int) -> None:
        fault = struck.fault
        assert isinstance(fault, trouble.Kill | trouble.Stop), "the others do not end it"
        disk = self._disk(index)
        seconds = None if isinstance(fault, trouble.Stop) else 0.0
        if isinstance(fault, trouble.Kill) and fault.disk != "kept":
            struck.count = _nothing
            await self._cut_power(struck, disk, torn=fault.disk == "torn")
        await self._nodes.end(index, seconds)
        end = self._world.now() + fault.down_s
        while self._world.now() < end and not struck.over:
            await self._world.sleep(min(LOOK_SECONDS, end - self._world.now()))
        disk.power = True
        self._nodes.begin(index)
        if disk.before_cut is not None:
            await self._restore(index, disk)
        del self._down[index]
        struck.lift()

    async def _cut_power(self, struck: Struck, disk: Disk, *, torn: bool) -> None:
        """Wait for a batch, not for ever."""

        def then() -> None:
            struck.count = _always(1)

        disk.cut_power(torn=torn, then=then)
        end = self._world.now() + BATCH_SECONDS
        while disk.power and self._world.now() < end and not struck.over:
            await self._world.sleep(0.001)
        disk.call_off()
        disk.power = False

    async def _restore(self, index: int, disk: Disk) -> None:
        """The node sees that its store is torn and does not go on: bring back what was before. One that goes on is sound."""
        recorder, tree = self._world.recorder, self._tree_path(index)
        end = self._world.now() + TORN_SECONDS
        while self._world.now() < end:
            if any(path.startswith(tree) for path in recorder.corrupt):
                recorder.corrupt.clear()
                await self._nodes.end(index, 0.0)
                disk.restore()
                self._nodes.begin(index)
                return
            await self._world.sleep(LOOK_SECONDS)
        disk.before_cut = None

    # Disks

    def _of_disk(self, struck: Struck, index: int) -> None:
        disk, fault = self._disk(index), struck.fault
        assert isinstance(fault, trouble.DiskRefuses), "a disk has no other"
        reasons = self._refusals.setdefault(struck.target, [])
        reason = {"ENOSPC": "No space left on device", "EIO": "Input/output error"}[fault.error]
        reasons.append(reason)
        disk.refusal = reason
        before = disk.refused
        struck.count = lambda: disk.refused - before

        def lift() -> None:
            reasons.remove(reason)
            struck.count = _always(disk.refused - before)
            disk.refusal = reasons[-1] if reasons else ""

        struck.ends.append(lift)

    # Wires

    def _of_wires(self, struck: Struck) -> None:
        fault, troubles = struck.fault, self._world.wires_in_memory.troubles
        if isinstance(fault, trouble.Partition):
            number = troubles.cut(self._parted(fault))
        elif isinstance(fault, trouble.Cut):
            tree = self._world.network.tree
            one, other = self._ends(struck.target)
            way = (tree(one), tree(other))
            number = troubles.cut({way} if fault.one_way else {way, (way[1], way[0])})
        else:
            assert isinstance(fault, trouble.Late | trouble.Lose | trouble.Duplicate), (
                "fit has looked"
            )
            number = troubles.spoil(fault, self._ways(struck.target))
        struck.count = lambda: troubles.touched[number]
        struck.ends.append(lambda: troubles.lift(number))

    def _parted(self, fault: trouble.Partition) -> set[Way]:
        group, tree = placed(fault.groups), self._world.network.tree
        return {(tree(a), tree(b)) for a in group for b in group if group[a] != group[b]}

    # Actors

    def _of_actor(self, struck: Struck) -> None:
        fault, path = struck.fault, struck.target.partition(":")[2]
        assert isinstance(fault, trouble.Crash | trouble.Pause | trouble.Slow | trouble.Full), (
            "fit has looked"
        )
        number = self.actors.strike(path, fault)
        struck.count = lambda: self.actors.touched[number]
        struck.ends.append(lambda: self.actors.lift(number))

    # Ways

    def _tree_path(self, index: int) -> str:
        return f"{self._world.system.outside.path}/{self._world.network.tree(index)}"

    def _disk(self, index: int) -> Disk:
        return self._world.disks.setdefault(self._world.network.tree(index), Disk())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._jobs.append(self._world.system.drive(work))


def _discard(door: Door, number: int) -> None:
    _now(door.lift(number))


def _now(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that does not wait."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AlysBug("the doors of a simulated world answer at once")


def _nothing() -> int:
    return 0


def _always(count: int) -> Callable[[], int]:
    return lambda: count
