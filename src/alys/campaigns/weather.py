"""The weather of a run: carries out the orders of its plan, each when its moment comes.

What may happen was chosen when the plan was drawn; here nothing is left to chance. An order ``At`` a time strikes then, one ``On`` a
message when that actor takes it up for the nth time since the weather began: a crash ``before`` or ``in`` a message is then about this
very one. An order whose moment never comes does not strike, and that is no failure.
"""

from collections import Counter
from typing import TYPE_CHECKING

from alys.actors.ref import Ref
from alys.base import faults
from alys.campaigns.plan import At, On, Order
from alys.worlds.sim import SimWorld
from alys.worlds.troubles import Struck, Troubles

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope


class Weather:
    """See the module's docstring; made when the world is open. ``begin`` begins it, ``heal`` ends it."""

    def __init__(self, world: SimWorld, orders: tuple[Order, ...]) -> None:
        self._world = world
        self._orders = orders
        self.troubles = Troubles(world)
        #: Counts messages; joins the world's observers by itself while somebody waits for one.
        self.observer = Takings(self)
        #: What was struck, by the order's number.
        self.struck: dict[int, Struck] = {}
        self._begun = False
        self._healed = False

    @property
    def bitten(self) -> dict[int, int]:
        """How often each order bit, by its number; one that is not here never came to its moment."""
        return {number: struck.touched for number, struck in sorted(self.struck.items())}

    def begin(self) -> None:
        """From this moment on times and messages count."""
        self._begun = True
        for order in self._orders:
            match order.when:
                case At(seconds=seconds):
                    self._world.dispatcher.call_after(seconds, self.strike, order)
                case On():
                    self.observer.wait_for(order)
        if self.observer.waiting:
            self.troubles.actors.listen(self.observer)

    async def heal(self) -> None:
        """Nothing strikes any more, what lasts ends, everybody is brought up and answers. Raises what the faults' own jobs ran into."""
        self._healed = True
        self.troubles.actors.listen(None)
        await self.troubles.heal()

    def strike(self, order: Order) -> None:
        """One order's moment has come. What the target cannot do now is no failure either."""
        if self._healed or order.number in self.struck:
            return
        record = {"order": order.number, "target": order.target, "fault": faults.plain(order.fault)}
        self._world.recorder.record("strike", record)
        try:
            self.struck[order.number] = self.troubles.strike(order.target, order.fault)
        except faults.BadFault:
            if order.fault.kind != "reorg":
                raise  # a reorganisation may be too deep for the chain as it is


class Takings:
    """Counts what actors take up, for those orders that wait for it."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._counts: Counter[tuple[str, str]] = Counter()
        self._wanted: dict[tuple[str, str], list[Order]] = {}

    @property
    def waiting(self) -> bool:
        """Whether an order waits for a message."""
        return bool(self._wanted)

    def wait_for(self, order: Order) -> None:
        """Strike it when its message is taken up."""
        assert isinstance(order.when, On), "the others wait for a time"
        self._wanted.setdefault((order.when.actor, order.when.message), []).append(order)

    def handling(self, envelope: "Envelope", target: Ref) -> None:
        """An actor takes up a message."""
        key = (target.path, type(envelope.message).__name__)
        waiting = self._wanted.get(key)
        if waiting is None:
            return
        self._counts[key] += 1
        due = [o for o in waiting if isinstance(o.when, On) and o.when.nth == self._counts[key]]
        for order in due:
            waiting.remove(order)
            self._weather.strike(order)
        if not waiting:
            del self._wanted[key]
