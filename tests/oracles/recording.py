"""What the public interfaces of a whole run showed, recorded once: two deposits, a payout, a refund. Tests change one thing."""

import copy
import functools
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from alys.config.settings import Settings
from alys.oracles.evm_side import balances_of_dump
from alys.oracles.ledger import Ledger
from alys.oracles.statement import Cause
from alys.oracles.terms import Terms
from alys.suites.integration import bridge_operation_flow as flow
from alys.worlds import judged_by
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld

FIRST_HEIGHT = 110


class Recording(msgspec.Struct, kw_only=True):
    """Raw public data; ``evm`` has block, receipts, dump and consensus block per height."""

    terms: Terms
    bitcoin: list[str]
    evm: list[dict[str, Any]]
    bitcoin_height_at: int
    """Bitcoin's height that the EVM blocks are fed with."""

    def ledger(self) -> Ledger:
        """Feed it all, in order."""
        ledger = Ledger(self.terms)
        for height, raw in enumerate(self.bitcoin, FIRST_HEIGHT):
            ledger.feed_bitcoin_block(height, raw)
        for entry in self.evm:
            balances = balances_of_dump(entry["dump"])
            ledger.feed_evm_block(
                entry["block"], entry["receipts"], balances, bitcoin_height=self.bitcoin_height_at
            )
            ledger.feed_consensus_block(entry["consensus"])
        return ledger

    def after(self, blocks: int) -> "Recording":
        """The same run on an execution chain that had so many blocks before, the last of them full of somebody else's doings."""
        moved = copy.deepcopy(self)
        moved.terms = msgspec.structs.replace(self.terms, evm_genesis_number=blocks)
        for entry in moved.evm:
            _raise(entry["block"], "number", blocks)
            _raise(entry["consensus"], "height", blocks)
            _raise(entry["consensus"]["executionPayload"], "blockNumber", blocks)
            if entry["consensus"]["auxpowHeader"] is not None:
                _raise(entry["consensus"]["auxpowHeader"], "height", blocks)
        busy = next(entry for entry in self.evm if len(entry["receipts"]) > 1)
        first = moved.evm[0]
        first["block"] |= {name: busy["block"][name] for name in ("transactions", "withdrawals")}
        first["receipts"] = busy["receipts"]
        return moved

    def causes(self) -> list[Cause]:
        """Everything that the ledger complains of."""
        ledger = self.ledger()
        ledger.judge()
        return [violation.cause for violation in ledger.violations]

    def minting(self) -> dict[str, Any]:
        """The entry of the first block that mints a deposit."""
        return next(entry for entry in self.evm if entry["consensus"]["pegins"])


def _raise(where: dict[str, Any], name: str, by: int) -> None:
    value = where[name]
    where[name] = value + by if isinstance(value, int) else hex(int(value, 16) + by)


def recorded() -> Recording:
    """A copy of the recording, to be changed at will."""
    return copy.deepcopy(_record())


@functools.cache
def _record() -> Recording:
    driver = SimDriver(Settings())
    folder = Path(tempfile.gettempdir())
    world = driver.world(ScenarioInfo(name="recording", seed=5, scratch=folder))
    assert isinstance(world, SimWorld)
    found: list[Recording] = []

    async def life() -> None:
        await world.open()
        try:
            await _flow(world)
            found.append(await _read(world))
        finally:
            await world.close()

    driver.wait(driver.start(world, life(), 100.0))
    return found[0]


async def _flow(world: SimWorld) -> None:
    alice = world.ethereum_user("alice")
    payee = world.bitcoin_user("payee")
    depositor = world.depositor()
    world.keep_mining()
    for sats in (150_000_000, 60_000_000):
        await depositor.deposit(world.federation_address, alice.address, sats)
    await world.confirm(6)
    await world.eventually(alice.balance, "minted", timeout_s=60)
    good = await alice.request_peg_out(payee.address, 3 * 10**17)
    await alice.request_peg_out("nowhere", 10**16)
    operation = await flow.operation_of(world, good)
    await flow._in_state(world, operation, "broadcast")
    await world.confirm(1)

    async def confirmed() -> bool:
        view: Any = await world.node.call("alys_operation", operation)
        return bool(view["confirmations"] == 1)

    await world.eventually(confirmed, "the payout is confirmed")
    await flow.new_blocks(world, 1)
    await world.node.call("alys_pauseProduction")


async def _read(world: SimWorld) -> Recording:
    tip: Any = await world.bitcoin.call("getblockcount")
    raws = []
    for height in range(FIRST_HEIGHT, tip + 1):
        digest = await world.bitcoin.call("getblockhash", height)
        raws.append(str(await world.bitcoin.call("getblock", digest, 0)))
    head: Any = await world.node.call("getheadblock")
    evm = [
        {
            "block": await world.ethereum.call("eth_getBlockByNumber", hex(number), True),
            "receipts": await world.ethereum.call("eth_getBlockReceipts", hex(number)),
            "dump": await world.ethereum.call("debug_dumpBlock", hex(number)),
            "consensus": await world.node.call("getblockbyheight", number),
        }
        for number in range(head["height"] + 1)
    ]
    return Recording(
        terms=judged_by.terms(world.network), bitcoin=raws, evm=evm, bitcoin_height_at=tip
    )
