"""What a validator looks up by itself on its own Bitcoin node, so that a block's claims are checked and not believed."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from alys.actors.context import Context
from alys.chain import claims as claims_module
from alys.chain import peg
from alys.chain.blocks import PegInRef
from alys.chain.claims import BitcoinClaims, BitcoinFacts, SettledRef
from alys.chain.spec import ChainSpec
from alys.chain.state import SeenDeposit
from alys.node import ports
from alys.node.errors import NO_ANSWER, PortDown
from alys.wire import bitcoin
from alys.wire.jsonrpc import RpcError

CONFIRMATIONS_BELIEVED = 1_000_000
"""More than any specification asks."""
NOT_FOUND = (-5, -8)
"""bitcoind: no such block or transaction; height out of range."""

BYTES_OF_A_FEERATE = 1_000
"""Bitcoin Core names fee rates in bitcoins per thousand virtual bytes."""


async def call(ctx: Context, port: str, method: str, *params: Any) -> Any:
    """One call to the Bitcoin node behind the registered port. Raises RpcError and PortDown."""
    try:
        return await ctx.ask(ctx.whereis(port), ports.JsonRpcCall(method=method, params=params))
    except NO_ANSWER as error:
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


def believed(seen: SeenDeposit) -> SeenDeposit:
    """The deposit as it stood when a quorum looked."""
    return msgspec.structs.replace(seen, confirmations=CONFIRMATIONS_BELIEVED)


async def claimed(
    ctx: Context, port: str, claims: BitcoinClaims, sealed: bool = False
) -> BitcoinFacts:
    """What the Bitcoin node says to a block's claims; it is asked nothing where nothing is claimed.

    Of a sealed block they are believed: a quorum has looked before it approved, and Bitcoin may look otherwise by now.
    """
    if sealed:
        return claims_module.believed(claims, CONFIRMATIONS_BELIEVED)
    outputs: dict[str, int] = {}
    for outpoint in (*claims.lost_outputs, *claims.found_outputs):
        outputs[outpoint] = await output_confirmations(ctx, port, outpoint)
    payments: dict[str, int] = {}
    for ref in claims.settled:
        payments[ref.txid] = await confirmations_in(ctx, port, ref)
    return BitcoinFacts(outputs=outputs, payments=payments)


async def output_confirmations(ctx: Context, port: str, outpoint: str) -> int:
    """Of an unspent output on the best chain, by ``txid:vout``; 0 when it is not there."""
    txid, _, vout = outpoint.partition(":")
    found = await call(ctx, port, "gettxout", txid, int(vout), False)
    return 0 if found is None else int(found["confirmations"])


async def confirmations_in(ctx: Context, port: str, ref: SettledRef) -> int:
    """Of a transaction, if it is in the Bitcoin block that the reference names, and that on the best chain; else 0."""
    header = await find(ctx, port, "getblockheader", ref.block_hash)
    raw = await find(ctx, port, "getrawtransaction", ref.txid, False, ref.block_hash)
    if header is None or raw is None:
        return 0
    return max(0, int(header["confirmations"]))


async def mined_in(
    ctx: Context, port: str, txids: Collection[str], heights: Iterable[int]
) -> tuple[bitcoin.Tx, str, int] | None:
    """The first of these transactions that is in a block of the best chain, looking in the order of the heights; with hash and height."""
    for height in heights:
        block_hash = await call(ctx, port, "getblockhash", height)
        raw = await call(ctx, port, "getblock", block_hash, 0)
        for tx in bitcoin.parse_block(bytes.fromhex(raw)).txs:
            if tx.txid in txids:
                return tx, str(block_hash), height
    return None


async def fee_rate(ctx: Context, port: str, spec: ChainSpec) -> int:
    """Bitcoin's estimate for the next block in whole sats per virtual byte, rounded up, within the specification's bounds."""
    told = await call(ctx, port, "estimatesmartfee", 1)
    per_kilobyte = told.get("feerate")
    if per_kilobyte is None:  # too little was seen to say
        return spec.fee_rate_sat_vb
    rate = -(-bitcoin.sats_of(per_kilobyte) // BYTES_OF_A_FEERATE)
    return min(max(rate, spec.fee_rate_sat_vb), spec.fee_rate_max_sat_vb)
