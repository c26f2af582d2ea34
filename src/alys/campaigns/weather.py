"""The weather of a run: carries out the orders of its plan, each when its moment comes."""

from alys.campaigns.plan import Order
from alys.worlds.sim import SimWorld


class Weather:
    """Made when the world is open; ``begin`` begins it, ``heal`` ends it."""

    def __init__(self, world: SimWorld, orders: tuple[Order, ...]) -> None:
        self._world = world
        self._orders = orders
        #: How often each order bit, by its number; one that is not here never came to its moment.
        self.bitten: dict[int, int] = {}

    def begin(self) -> None:
        """From this moment on times and messages count."""

    async def heal(self) -> None:
        """Nothing strikes any more, what lasts ends, everybody is brought up and answers."""
