"""What a validator looks up by itself on its own Bitcoin node, so that a block's claims are checked and not believed."""

from collections.abc import Collection, Iterable
from typing import Any

from alys.actors.context import Context
from alys.actors.errors import AskTimeout
from alys.chain import peg
from alys.chain.blocks import PegInRef
from alys.chain.state import SeenDeposit
from alys.node import ports
from alys.node.errors import PortDown
from alys.wire import bitcoin
from alys.wire.jsonrpc import RpcError

NOT_FOUND = (-5, -8)
"""bitcoind: no such block or transaction; height out of range."""


async def call(ctx: Context, port: str, method: str, *params: Any) -> Any:
    """One call to the Bitcoin node behind the registered port. Raises RpcError and PortDown."""
    try:
        return await ctx.ask(ctx.whereis(port), ports.JsonRpcCall(method=method, params=params))
    except AskTimeout as error:
        raise PortDown(port, str(error)) from error


async def find(ctx: Context, port: str, method: str, *params: Any) -> Any:
    """One call, None when the node does not know what was asked for."""
    try:
        return await call(ctx, port, method, *params)
    except RpcError as error:
        if error.code in NOT_FOUND:
            return None
        raise


async def seen_deposits(
    ctx: Context, port: str, scripts: Collection[bytes], refs: Iterable[PegInRef]
) -> dict[str, SeenDeposit]:
    """The listed deposits to one of the scripts that the Bitcoin node confirms, by ``txid:vout``; confirmations 0 off the best chain."""
    seen: dict[str, SeenDeposit] = {}
    for ref in refs:
        header = await find(ctx, port, "getblockheader", ref.block_hash)
        raw = await find(ctx, port, "getrawtransaction", ref.txid, False, ref.block_hash)
        if header is None or raw is None:
            continue
        deposit = peg.find_deposit(bitcoin.parse_tx(bytes.fromhex(raw)), scripts)
        if deposit is not None and deposit.outpoint == ref.outpoint:
            confirmations = max(0, int(header["confirmations"]))
            seen[ref.outpoint] = SeenDeposit(
                deposit=deposit, block_hash=ref.block_hash, confirmations=confirmations
            )
    return seen
