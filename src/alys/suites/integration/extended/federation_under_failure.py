"""Three whole nodes: one crashes again and again, one is cut off, and then all is well again.

Whatever fails, what any node ever called final stays final for all of them, two thirds go on without the third, fewer stop and
say why, and every peg that was begun in whichever moment comes out exact to the wei. All the while ``world.watch`` asks every
node that is up, and the ledger is read at the one that is furthest.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from alys.node.errors import PortDown
from alys.oracles.statement import DepositStatus, RequestStatus
from alys.wire import ethereum
from alys.wire.jsonrpc import RpcError
from alys.worlds.network_world import NetworkWorld
from alys.worlds.users import BitcoinUser, EthereumUser

pytestmark = pytest.mark.needs(nodes=3, placement="split")

CRASHING, STEADY, CUT_OFF = 0, 1, 2
CRASHES = 5
BLOCKS = 4
"""How many more blocks show that a chain goes on."""

FUNDED_SATS = 120_000_000
DEPOSIT_SATS = 50_000_000
WEI_PER_SAT = 10_000_000_000  # written out: a check must not share the conversion that it checks
PAYOUT_WEI = 310_000_000_000_000_000
LONG_S = 300.0
"""Node time for what may have to wait for a crashed node's next slot."""


async def test_federation_under_failure(world: NetworkWorld) -> None:
    """The chain goes on with two thirds, stops below, resumes; one finalised chain; one head in the end; pegs exact."""
    pegs = _Pegs(world)
    world.keep_mining()
    await _all_produce(world)
    await pegs.fund("all up", "crashing", "cut off", "stopped", "healed")
    await pegs.begin("all up", STEADY)
    await _goes_on_while_one_crashes(world, pegs)
    await _goes_on_while_one_is_cut_off(world, pegs)
    await _stops_below_two_thirds(world, pegs)
    await _crashes_while_another_is_cut_off(world)
    await world.nodes.heal()
    await world.converge("all nodes have one head after the cut is healed", timeout_s=LONG_S)
    await pegs.begin("healed", CRASHING)
    await _all_produce(world)
    await pegs.complete()
    await pegs.judge()
    await world.converge("all nodes have one head in the end")
    world.watch.found().require(
        "agreed", "approvals", "converged", "finals", "progress", "quorums", "standing"
    )


# The chain


async def _height(world: NetworkWorld, index: int) -> int:
    status: Any = await world.nodes.call(index, "alys_status")
    return int(status["height"])


async def _more_blocks(world: NetworkWorld, index: int, what: str, count: int = BLOCKS) -> None:
    """A node that is up sees the chain grow."""
    before = await _height(world, index)

    async def grown() -> bool:
        return await _height(world, index) >= before + count

    await world.eventually(grown, f"{count} more blocks at node {index} {what}", timeout_s=LONG_S)


async def _all_produce(world: NetworkWorld) -> None:
    """Every authority's slots bring blocks, from here on."""
    members = len(world.network.spec.authorities)
    seen: set[int] = set()
    first = next_height = await _height(world, STEADY) + 1

    async def everybody() -> bool:
        nonlocal next_height
        while next_height <= await _height(world, STEADY):
            block: Any = await world.nodes.call(STEADY, "getblockbyheight", next_height)
            seen.add(block["slot"] % members)
            next_height += 1
        return seen == set(range(members))

    await world.eventually(everybody, f"every authority makes a block from {first} on", LONG_S)


class _CrashLoop:
    """A node that is killed and started again, again and again, at moments that the seed chooses."""

    def __init__(self, world: NetworkWorld, index: int) -> None:
        self._world = world
        self._index = index
        self._random = world.random.fork(f"crashes of {index}")
        self.crashes = 0
        self.over = False
        self._ended = False

    async def flow(self) -> None:
        """Until it is over; it leaves the node up."""
        try:
            while not self.over:
                await self._world.nodes.kill(self._index)
                self.crashes += 1
                await self._world.sleep(0.1 + 5 * self._random.random())
                await self._world.nodes.start(self._index)
                await self._world.sleep(0.1 + 8 * self._random.random())
        finally:
            self._ended = True

    async def end(self, at_least: int) -> None:
        """Wait for so many crashes, and for the last one to be over."""

        async def enough() -> bool:
            return self.crashes >= at_least

        async def ended() -> bool:
            return self._ended

        await self._world.eventually(enough, f"{at_least} crashes", timeout_s=LONG_S)
        self.over = True
        await self._world.eventually(ended, "the last crash is over", timeout_s=LONG_S)


async def _goes_on_while_one_crashes(world: NetworkWorld, pegs: "_Pegs") -> None:
    loop = _CrashLoop(world, CRASHING)
    world.start_background(loop.flow())
    try:
        await pegs.begin("crashing", CUT_OFF)
        await _more_blocks(world, STEADY, "while another crashes again and again")
    finally:
        await loop.end(CRASHES)
    world.note(crashes=loop.crashes)
    await world.converge("the node that crashed has the head of the others", timeout_s=LONG_S)


async def _goes_on_while_one_is_cut_off(world: NetworkWorld, pegs: "_Pegs") -> None:
    """Two thirds go on; the node that is alone makes nothing and says why."""
    await world.nodes.partition([[CRASHING, STEADY], [CUT_OFF]])
    await pegs.begin("cut off", CUT_OFF)
    await _more_blocks(world, STEADY, "while another is cut off")
    await _says_why(world, CUT_OFF)


async def _stops_below_two_thirds(world: NetworkWorld, pegs: "_Pegs") -> None:
    """One down, one cut off: nobody has a quorum. It stops, says why, and resumes when the node is back."""
    await world.nodes.kill(CRASHING)
    await pegs.begin("stopped", STEADY)
    await _says_why(world, STEADY)
    stopped = {index: await _height(world, index) for index in (STEADY, CUT_OFF)}
    spec = world.network.spec
    end = world.now() + 2 * len(spec.authorities) * spec.slot_duration_ms / 1000

    async def over() -> bool:
        return world.now() >= end

    await world.eventually(over, "every authority's slot has come twice")
    for index, height in stopped.items():
        found = await _height(world, index)
        world.check(
            found == height, "no block without a quorum", node=index, height=found, was=height
        )
    await world.nodes.start(CRASHING)
    await _more_blocks(world, STEADY, "when two thirds are there again")


async def _says_why(world: NetworkWorld, index: int) -> None:
    async def halted() -> Any:
        status: Any = await world.nodes.call(index, "alys_status")
        return status if status["state"] == "halted" else None

    status = await world.eventually(halted, f"node {index} halts without a quorum", LONG_S)
    world.check(
        "approv" in status["reason"], "it says that approvals are missing", reason=status["reason"]
    )


async def _crashes_while_another_is_cut_off(world: NetworkWorld) -> None:
    """The quorum itself comes and goes; blocks are made whenever it is there."""
    loop = _CrashLoop(world, CRASHING)
    world.start_background(loop.flow())
    try:
        await _more_blocks(world, STEADY, "while the quorum comes and goes", 2)
    finally:
        await loop.end(CRASHES)


# Pegs


class _Peg(msgspec.Struct, kw_only=True):
    """What was begun in one phase: a deposit, and a request for a payout."""

    deposit: str
    depositor: EthereumUser
    request: str
    payee: BitcoinUser
    burner: EthereumUser
    at: int
    """At which node's execution client the request was handed in."""


class _Pegs:
    """Users of all phases, and what they are owed."""

    def __init__(self, world: NetworkWorld) -> None:
        self._world = world
        self._begun: dict[str, _Peg] = {}

    def _user(self, name: str, index: int) -> EthereumUser:
        """An account that speaks to one node's execution client; clients do not pass transactions on."""
        secret = self._world.random.fork(f"ethereum {name}").randbytes(32)
        return EthereumUser(secret, self._world.clients[index])

    async def fund(self, *phases: str) -> None:
        """Everybody who will want a payout has coins."""
        world, depositor = self._world, self._world.depositor()
        burners = [self._user(f"burner {phase}", STEADY) for phase in phases]
        for burner in burners:
            await depositor.deposit(world.federation_address, burner.address, FUNDED_SATS)
            await world.confirm(1)
        await world.confirm(world.network.spec.required_confirmations)

        async def funded() -> bool:
            return all([await burner.balance() for burner in burners])

        await world.eventually(funded, "the burners' deposits are minted", timeout_s=LONG_S)

    async def begin(self, phase: str, index: int) -> None:
        """A deposit, and a request at a node's execution client, whatever state the nodes are in."""
        world = self._world
        depositor, payee = self._user(f"depositor {phase}", index), world.bitcoin_user(phase)
        burner = self._user(f"burner {phase}", index)
        self._begun[phase] = _Peg(
            deposit=await world.depositor().deposit(
                world.federation_address, depositor.address, DEPOSIT_SATS
            ),
            depositor=depositor,
            request=await burner.request_peg_out(payee.address, PAYOUT_WEI),
            payee=payee,
            burner=burner,
            at=index,
        )
        await world.confirm(world.network.spec.required_confirmations)

    async def complete(self) -> None:
        """Every deposit is minted and every payout is on Bitcoin, confirmed."""
        for phase, peg in self._begun.items():
            await self._world.eventually(
                _truly(peg.depositor.balance),
                f"the deposit begun while {phase} is minted",
                timeout_s=LONG_S,
            )
            await self._world.eventually(
                _truly(partial(self._paid, peg)),
                f"the payout begun while {phase} arrives",
                timeout_s=LONG_S,
            )

    async def _paid(self, peg: _Peg) -> int:
        if await self._world.bitcoin.call("getrawmempool"):
            await self._world.confirm(1)
        return await peg.payee.received()

    async def judge(self) -> None:
        """To the wei: who deposited, who burned and who was paid; and the ledger explains the rest."""
        world = self._world
        for phase, peg in self._begun.items():
            wei = await peg.depositor.balance()
            world.check(wei == DEPOSIT_SATS * WEI_PER_SAT, "minted once", phase=phase, wei=wei)
            await self._judge_burner(phase, peg)
        statement = await world.audit()
        statement.require_samples("mints", "payouts", "signatures", "confirmations", "supply")
        lines = [line for line in statement.deposits if line.status is not DepositStatus.CREDITED]
        world.check(not lines, "every deposit is credited", others=[one.key for one in lines])
        open_ = [
            line.key for line in statement.requests if line.status is not RequestStatus.SETTLED
        ]
        world.check(not open_, "every request is settled", others=open_)

    async def _judge_burner(self, phase: str, peg: _Peg) -> None:
        """It has what it had, less the payout and the gas of its one transaction."""
        receipt: Any = await self._world.clients[peg.at].call(
            "eth_getTransactionReceipt", peg.request
        )
        gas = ethereum.from_quantity(receipt["gasUsed"]) * ethereum.from_quantity(
            receipt["effectiveGasPrice"]
        )
        left = FUNDED_SATS * WEI_PER_SAT - PAYOUT_WEI - gas
        wei = await peg.burner.balance()
        self._world.check(wei == left, "burned once", phase=phase, wei=wei, expected=left)


def _truly(probe: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
    """A probe for ``eventually`` that bears with a node that is away for a moment."""

    async def ask() -> int:
        try:
            return await probe()
        except (PortDown, RpcError):
            return 0

    return ask
