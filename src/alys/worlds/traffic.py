"""Gentle traffic for an environment that is kept alive: now and then a deposit and a peg-out, each looked at until it arrived.

It is written as steps, so that whoever keeps the world decides when the next one is taken and can stop between any two:
``async for _ in traffic.steps()``. A step looks once and waits for nothing. What does not come about in time raises
``NeverHappened``, a wrong amount ``CheckFailed``; the ledger, which the world reads beside it, sees the rest.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from alys.worlds.network_world import NetworkWorld
from alys.worlds.scorecard import NeverHappened

DEPOSIT_SATS = 3_000_000
PEGOUT_SATS = 1_000_000
WEI_PER_SAT = 10_000_000_000  # written out: a check must not share the conversion that it checks
FEE_SATS_MAX = 10_000
"""More than any payout of one input costs at the rate of the settings' default."""

PATIENCE_SECONDS = 180.0
"""Node time that each stage may take: a mint needs two slots, a payout a dozen."""


class Traffic:
    """Counts what arrived. ``doing`` says in words what it waits for."""

    def __init__(
        self,
        world: NetworkWorld,
        *,
        interval_s: float,
        patience_s: float = PATIENCE_SECONDS,
        name: str = "traffic ",
    ) -> None:
        """``interval_s`` is the node time between two rounds, ``patience_s`` what one stage of a round may take; users bear the name."""
        self._name = name
        self.deposits = 0
        self.payouts = 0
        self.doing = "nothing yet"
        self._world = world
        self._interval_s = interval_s
        self._patience_s = patience_s
        self._depositor = world.depositor()

    async def steps(self) -> AsyncGenerator[None, None]:
        """Rounds without end. Each user takes part in one round, so that balances are exact."""
        number = 0
        while True:
            number += 1
            async for _ in self._round(number):
                yield
            self.doing = "pausing"
            end = self._world.now() + self._interval_s
            while self._world.now() < end:
                yield

    async def _round(self, number: int) -> AsyncGenerator[None, None]:
        world = self._world
        user = world.ethereum_user(f"{self._name}{number}")
        payee = world.bitcoin_user(f"{self._name}{number}")

        txid = await self._depositor.deposit(world.federation_address, user.address, DEPOSIT_SATS)
        await world.confirm(world.network.spec.required_confirmations)
        async for _ in self._until(user.balance, f"deposit {txid[:12]}.. to be minted"):
            yield
        balance, expected = await user.balance(), DEPOSIT_SATS * WEI_PER_SAT
        world.check(balance == expected, "exactly sats x 10^10 wei", wei=balance, expected=expected)
        self.deposits += 1

        request = await user.request_peg_out(payee.address, PEGOUT_SATS * WEI_PER_SAT)
        what = f"peg-out {request[:12]}.."
        async for _ in self._until(lambda: self._broadcast(request), f"{what} to be broadcast"):
            yield
        await world.confirm()
        async for _ in self._until(payee.received, f"{what} to be paid"):
            yield
        received = await payee.received()
        fee = PEGOUT_SATS - received
        world.check(0 < fee <= FEE_SATS_MAX, "the payee has the value minus the fee", fee=fee)
        self.payouts += 1

    async def _broadcast(self, request: str) -> bool:
        """The payout of this request waits for a Bitcoin block, or has found one already."""
        listed: Any = await self._world.node.call("alys_operations")
        mine = [one for one in listed if one["id"].startswith(f"pegout:{request}:")]
        return any(one["state"] in ("broadcast", "settled") for one in mine)

    async def _until(
        self, probe: Callable[[], Awaitable[object]], what: str
    ) -> AsyncGenerator[None, None]:
        """A step per look, until there is something to see."""
        self.doing = what
        self._world.sample()
        end = self._world.now() + self._patience_s
        while not (found := await probe()):
            if self._world.now() >= end:
                raise NeverHappened(what, timeout_s=self._patience_s, last=found)
            yield
