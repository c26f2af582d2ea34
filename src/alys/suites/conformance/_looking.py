"""What the conformance scenarios look at."""

from typing import Any

from alys.wire import bitcoin, ethereum
from alys.worlds.network_world import NetworkWorld
from alys.worlds.users import EthereumUser

WEI_PER_SAT = 10_000_000_000  # written out: a check must not share the conversion that it checks
BLOCKS_WAITED = 2
"""So many blocks after a moment, whatever was to come of it has come."""


async def height(world: NetworkWorld) -> int:
    """The execution chain's."""
    return ethereum.from_quantity(await world.ethereum.call("eth_blockNumber"))


async def blocks_later(world: NetworkWorld, count: int = BLOCKS_WAITED) -> int:
    """Wait until there are so many more; the height then."""
    wanted = await height(world) + count

    async def there() -> int:
        found = await height(world)
        return found if found >= wanted else 0

    return await world.eventually(there, f"{count} more blocks", timeout_s=180)


async def work(world: NetworkWorld) -> None:
    """Mine for the node, where it can be asked for work; where not, somebody else does."""
    world.keep_mining(world.asks_node)


async def credited(world: NetworkWorld, user: EthereumUser, what: str) -> int:
    """The user's first balance above zero."""
    return await world.eventually(user.balance, what, timeout_s=180)


async def books(world: NetworkWorld) -> None:
    """The ledger over all that there is now."""
    if world.asks_node:
        with world.proving("ledger.balanced") as proof:
            statement = await world.audit()
            looked = ", ".join(
                f"{count} {name}" for name, count in statement.samples.items() if count
            )
            proof.evidence = f"balanced at EVM block {statement.evm_height}: {looked}"


async def paid_to(world: NetworkWorld, script: bytes) -> bitcoin.Tx | None:
    """The transaction in Bitcoin's mempool that pays a script."""
    pool: Any = await world.bitcoin.call("getrawmempool")
    for txid in pool:
        raw = await world.bitcoin.call("getrawtransaction", txid)
        tx = bitcoin.parse_tx(bytes.fromhex(str(raw)))
        if any(out.script == script for out in tx.outputs):
            return tx
    return None


async def output(world: NetworkWorld, place: bitcoin.OutPoint) -> bitcoin.TxOut:
    """What an input spends."""
    raw = await world.bitcoin.call("getrawtransaction", place.txid)
    return bitcoin.parse_tx(bytes.fromhex(str(raw))).outputs[place.vout]


async def withdrawals_to(world: NetworkWorld, address: bytes, first: int, last: int) -> list[int]:
    """Gwei that blocks credited to an account, in order."""
    found = []
    for number in range(first, last + 1):
        tag = ethereum.to_quantity(number)
        block: Any = await world.ethereum.call("eth_getBlockByNumber", tag, False)
        found += [
            ethereum.from_quantity(entry["amount"])
            for entry in block.get("withdrawals") or ()
            if entry["address"].lower() == ethereum.to_data(address)
        ]
    return found
