"""A scenario's way to the faults of services: order one, see that it bit, take it back. The same wherever the services run.

What the scenario itself and the auditor ask of a service is spared its faults: they watch. What is counted was done to the node.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from alys.base.errors import UsageError
from alys.base.faults import BITCOIN, ETHEREUM, GOVERNANCE, AnyFault
from alys.base.misbehaviour import Misbehaviour, Noted
from alys.models.bitcoin.node import BitcoinNode
from alys.models.ethereum.node import EthereumNode
from alys.models.governance.node import GovernanceNode
from alys.shells.service_admin import ServiceAdmin
from alys.worlds.recorder import Recorder
from alys.worlds.supervised import Fault as Order

LOOK_SECONDS = 0.1
"""Node time between two looks at whether a fault has bitten."""


class Injected(msgspec.Struct, kw_only=True, eq=False):
    """A fault that a scenario ordered of a service."""

    service: str
    """``bitcoin``, ``ethereum`` or ``governance``."""
    index: int
    """Which of them."""
    id: int
    fault: AnyFault
    order: Order
    """What the run remembers of it: one that touched nothing makes the run inconclusive."""
    lifted: bool = False


class Door(Protocol):
    """One service's orders."""

    async def inject(self, fault: AnyFault) -> int:
        """Order a fault; its id."""
        ...

    async def noted(self, number: int) -> Noted:
        """How it stands."""
        ...

    async def lift(self, number: int) -> Noted:
        """End it; how it stands then."""
        ...


Doors = Mapping[tuple[str, int], Door]


class Ground(Protocol):
    """What it needs of the world."""

    recorder: Recorder

    def now(self) -> float:
        """Node time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let node time pass."""
        ...


class Faults:
    """See the module's docstring. ``doors`` are the world's, by service and number; an execution client's is the authority's."""

    def __init__(self, world: Ground) -> None:
        self.doors: Doors = {}
        self._world = world
        self._injected: list[Injected] = []

    async def inject(self, service: str, fault: AnyFault, index: int = 0) -> Injected:
        """Order a fault of a service. Raises BadFault or AdminRefused for what it cannot commit, UsageError where there is none."""
        number = await self._door(service, index).inject(fault)
        name = f"{service}-{index}" if index or service == GOVERNANCE else service
        order = self._world.recorder.disturb(name, fault.kind)
        found = Injected(service=service, index=index, id=number, fault=fault, order=order)
        self._injected.append(found)
        return found

    async def touched(self, injected: Injected) -> int:
        """How often it bit so far."""
        return self._note(injected, await self._of(injected).noted(injected.id))

    async def until_bitten(self, injected: Injected, timeout_s: float = 30.0) -> int:
        """Wait until it has bitten; how often. Raises Inconclusive when it does not in so many node seconds."""
        end = self._world.now() + timeout_s
        while not (count := await self.touched(injected)) and self._world.now() < end:
            await self._world.sleep(LOOK_SECONDS)
        injected.order.require()
        return count

    async def lift(self, injected: Injected) -> int:
        """End it; how often it bit."""
        injected.lifted = True
        return self._note(injected, await self._of(injected).lift(injected.id))

    async def settle(self) -> None:
        """End all, and note what each touched."""
        for injected in self._injected:
            if not injected.lifted:
                await self.lift(injected)

    def _of(self, injected: Injected) -> Door:
        return self._door(injected.service, injected.index)

    def _door(self, service: str, index: int) -> Door:
        found = self.doors.get((service, index))
        if found is None:
            known = ", ".join(f"{name} {number}" for name, number in self.doors) or "none"
            raise UsageError(
                f"world.faults: this world has no {service} {index} that can be told to misbehave ({known})"
            )
        return found

    def _note(self, injected: Injected, noted: Noted) -> int:
        if noted.touched:
            injected.order.touched = [f"{injected.fault.kind} {noted.touched}"]
        return noted.touched


class InProcess:
    """The door to a model in this process."""

    def __init__(self, misbehaviour: Misbehaviour) -> None:
        self._misbehaviour = misbehaviour

    async def inject(self, fault: AnyFault) -> int:
        """See Door."""
        return self._misbehaviour.add(fault)[0]

    async def noted(self, number: int) -> Noted:
        """See Door."""
        return self._misbehaviour.noted(number)

    async def lift(self, number: int) -> Noted:
        """See Door."""
        return self._misbehaviour.remove(number)


class ByAdmin:
    """The door to a service elsewhere, over its admin port."""

    def __init__(self, admin: ServiceAdmin) -> None:
        self._admin = admin

    async def inject(self, fault: AnyFault) -> int:
        """See Door."""
        return (await self._admin.inject(fault))[0]

    async def noted(self, number: int) -> Noted:
        """See Door."""
        return next(one for one in await self._admin.injected() if one.id == number)

    async def lift(self, number: int) -> Noted:
        """See Door."""
        return await self._admin.lift(number)


def in_process(
    bitcoin: BitcoinNode | None,
    clients: Mapping[int, EthereumNode],
    governance: Sequence[GovernanceNode],
) -> Doors:
    """The doors of models in this process; what is elsewhere has none. Clients are by authority."""
    doors: dict[tuple[str, int], Door] = {}
    if bitcoin is not None:
        doors[BITCOIN, 0] = InProcess(bitcoin.misbehaviour)
    doors |= {(ETHEREUM, i): InProcess(one.misbehaviour) for i, one in clients.items()}
    doors |= {(GOVERNANCE, i): InProcess(one.misbehaviour) for i, one in enumerate(governance)}
    return doors


def by_admin(
    bitcoin: ServiceAdmin | None, ethereum: ServiceAdmin | None, *governance: ServiceAdmin
) -> Doors:
    """The doors of services by their admin ports; a real node has none."""
    doors = {(GOVERNANCE, index): ByAdmin(one) for index, one in enumerate(governance)}
    for name, admin in ((BITCOIN, bitcoin), (ETHEREUM, ethereum)):
        if admin is not None:
            doors[name, 0] = ByAdmin(admin)
    return doors
