"""A scenario's way to the world's actors: see ``supervised.ActorsSide``. The same in every world that runs the actors itself."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from alys.actors.actor import Actor
from alys.actors.errors import ActorError, MailboxFull
from alys.actors.exits import Exit, Kind
from alys.actors.memory import memory_of
from alys.actors.message import Request
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervisor import WhichChildren
from alys.actors.system import System
from alys.base.errors import AlysBug, Inconclusive
from alys.sim.bodies import name_of
from alys.worlds import specimens
from alys.worlds.recorder import Recorder
from alys.worlds.supervised import (
    ActorView,
    Branch,
    Counters,
    Fault,
    Happening,
    Recollection,
)

T = TypeVar("T")

KILLED = Exit(kind=Kind.KILLED, detail="scenario")
START_SECONDS = 30.0
"""Node time for a tree of test actors to come up."""
LOOK_SECONDS = 0.05
"""Node time between two looks at a fault or at a tree that starts."""


class Ground(Protocol):
    """What it needs of the world."""

    system: System
    recorder: Recorder

    def now(self) -> float:
        """Node time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let node time pass."""
        ...

    async def await_reply(self, reply: Reply[T]) -> T:
        """Wait for an actor's answer."""
        ...


class Actors:
    """See the module's docstring."""

    def __init__(self, world: Ground) -> None:
        self._world = world
        #: Every instance that was seen behind a ref, with its number; kept, so that no other object gets its identity.
        self._instances: dict[int, tuple[Any, int]] = {}
        self._made = 0
        #: Everybody that was shown, by uid.
        self._shown: dict[int, Ref] = {}

    # Looking

    async def tree(self, under: str = "") -> tuple[ActorView, ...]:
        """See ``supervised.ActorsSide``."""
        cells = self._world.system.cells()
        return tuple(self._view(cell) for cell in cells if _below(cell.path, under))

    async def find(self, path: str) -> ActorView | None:
        """See ``supervised.ActorsSide``."""
        found = [view for view in await self.tree(path) if view.path == path]
        return found[0] if found else None

    async def orphans(self) -> tuple[str, ...]:
        """See ``supervised.ActorsSide``."""
        hanging = {cell.uid for cell in self._world.system.cells()}
        living = self._world.recorder.living
        return tuple(name_of(ref) for uid, ref in living.items() if uid not in hanging)

    async def happenings(self, under: str = "") -> tuple[Happening, ...]:
        """See ``supervised.ActorsSide``."""
        return tuple(one for one in self._world.recorder.happenings if _below(one.path, under))

    async def counters(self, path: str) -> Counters:
        """See ``supervised.ActorsSide``."""
        return self._world.recorder.counters(path)

    async def memory(self, path: str) -> int:
        """See ``supervised.ActorsSide``."""
        found = [cell for cell in self._world.system.cells() if cell.path == path]
        return memory_of(found[0]).total_bytes if found else 0

    async def children(self, path: str) -> tuple[str, ...] | None:
        """See ``supervised.ActorsSide``."""
        answered = await self._ask(self._ref(path), WhichChildren())
        return None if answered is None else tuple(f"{c.name} {c.status}" for c in answered)

    def _view(self, cell: Any) -> ActorView:
        self._shown[cell.uid] = cell
        return ActorView(
            path=cell.path,
            status=cell.status.value,
            uid=cell.uid,
            incarnation=cell.incarnation,
            instance=self._number(cell.instance),
            waiting=cell.mailbox.count,
            handled=cell.handled,
        )

    def _number(self, instance: Any) -> int:
        if instance is None:
            return 0
        known = self._instances.setdefault(id(instance), (instance, len(self._instances) + 1))
        return known[1]

    # Breaking

    async def crash(self, path: str, drags: tuple[str, ...] = ()) -> Fault:
        """See ``supervised.ActorsSide``."""
        return self._world.recorder.arm(path, drags)

    async def bitten(self, fault: Fault, timeout_s: float = 30.0) -> None:
        """See ``supervised.ActorsSide``."""
        await self._until(lambda: bool(fault.touched), timeout_s)
        fault.require()

    async def kill(self, path: str) -> Fault:
        """See ``supervised.ActorsSide``."""
        fault = self._world.recorder.order(path, "kill")
        cells = [cell for cell in self._world.system.cells() if _below(cell.path, path)]
        fault.touched.extend(name_of(cell) for cell in cells)
        fault.require()
        cells[0].begin_stop(KILLED, seconds=0)
        return fault

    async def suspend(self, path: str) -> None:
        """See ``supervised.ActorsSide``."""
        self._world.system.suspend(self._ref(path))

    async def resume(self, path: str) -> None:
        """See ``supervised.ActorsSide``."""
        self._world.system.resume(self._ref(path))

    # Test actors

    async def spawn(self, plan: Branch) -> str:
        """See ``supervised.ActorsSide``."""
        root = self._world.system.spawn(specimens.spec_of(plan, self._make))
        wanted = {f"{root.path}{rest}" for rest in _paths(plan)}

        def up() -> bool:
            running = {c.path for c in self._world.system.cells() if c.status.value == "running"}
            return wanted <= running

        if not await self._until(up, START_SECONDS):
            raise AlysBug(f"the test actors under {root.path} did not come up")
        return root.path

    async def say(self, path: str, *notes: str) -> int:
        """See ``supervised.ActorsSide``."""
        ref, taken = self._ref(path), 0
        for note in notes:
            try:
                self._world.system.tell(ref, specimens.Say(note=note))
            except MailboxFull:
                continue
            taken += 1
        return taken

    async def relay(self, sender: str, to: str, *notes: str) -> None:
        """See ``supervised.ActorsSide``."""
        by, target = self._ref(sender), self._ref(to)
        for note in notes:
            self._world.system.tell(by, specimens.Relay(to=target, note=note))

    async def hoard(self, path: str, size: int) -> None:
        """See ``supervised.ActorsSide``."""
        self._world.system.tell(self._ref(path), specimens.Hoard(size=size))

    async def recall(self, path: str, uid: int | None = None) -> Recollection | None:
        """See ``supervised.ActorsSide``."""
        ref = self._ref(path) if uid is None else self._shown[uid]
        return await self._ask(ref, specimens.Recall())

    def _make(self) -> Actor:
        self._made += 1
        return specimens.Specimen(self._made, self._world.recorder.note)

    # Ways

    def _ref(self, path: str) -> Ref:
        for cell in self._world.system.cells():
            if cell.path == path:
                return cell
        raise Inconclusive(f"there is no actor at {path}")

    async def _ask(self, ref: Ref, request: Request[T]) -> T | None:
        try:
            return await self._world.await_reply(self._world.system.ask(ref, request))
        except ActorError:
            return None

    async def _until(self, probe: Callable[[], bool], seconds: float) -> bool:
        """Whether it came about in so much node time."""
        end = self._world.now() + seconds
        while not probe():
            if self._world.now() >= end:
                return False
            await self._world.sleep(LOOK_SECONDS)
        return True


def _below(path: str, under: str) -> bool:
    return not under or path == under or path.startswith(f"{under}/")


def _paths(plan: Any) -> list[str]:
    """The paths of a plan's actors below its root's, which is the empty one."""
    below = [
        f"/{child.name}{rest}" for child in getattr(plan, "children", ()) for rest in _paths(child)
    ]
    return ["", *below]
