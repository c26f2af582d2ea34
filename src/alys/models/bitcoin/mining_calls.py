"""The calls that make blocks or take them in. Each raises RpcError as bitcoind does."""

from collections.abc import Sequence
from typing import Any

from alys.models.bitcoin import block_views, mining, rules, state
from alys.models.bitcoin.calls import Call, address_script, table, transaction_of
from alys.models.bitcoin.rules import Rejected
from alys.models.bitcoin.state import NodeState
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, Tx
from alys.wire.jsonrpc import RpcError

MAX_TRIES = 1_000_000
GENERATE_BLOCKS_MAX = 10_000
"""Blocks in one call; bitcoind has no bound, and answers others meanwhile. This node answers one call after the other."""

SEGWIT_MISSING = (
    'getblocktemplate must be called with the segwit rule set (call with {"rules": ["segwit"]})'
)


def generatetoaddress(
    node: NodeState, nblocks: int, address: str, maxtries: int = MAX_TRIES
) -> list[str]:
    """Mine blocks of what waits in the mempool; the coins go to an address. Returns the hashes."""
    script = address_script(address)
    if nblocks > GENERATE_BLOCKS_MAX:
        told = f"nblocks is {nblocks}, at most {GENERATE_BLOCKS_MAX} are mined in one call"
        raise RpcError(state.INVALID_PARAMETER, told)
    hashes = []
    for _ in range(nblocks):
        chosen = mining.select(node.mempool)
        fees = sum(entry.fee for entry in chosen)
        block = _made(node, [entry.tx for entry in chosen], fees, script)
        hashes.append(_taken(node, block))
    return hashes


def generateblock(
    node: NodeState, output: str, transactions: list[Any], submit: bool = True
) -> dict[str, str]:
    """Mine a block of exactly these transactions, txids of the mempool or hex; their fees go to nobody, as in Core."""
    txs = [_named(node, str(item)) for item in transactions]
    block = _made(node, txs, 0, address_script(output))
    try:
        node.chain.try_out(block)
    except Rejected as error:
        raise RpcError(state.VERIFY_ERROR, f"TestBlockValidity failed: {error}") from error
    if submit:
        return {"hash": _taken(node, block)}
    done = mining.mined(block)
    return {"hash": done.hash, "hex": done.serialize().hex()}


def _named(node: NodeState, item: str) -> Tx:
    if len(item) == 64:
        waiting = node.mempool.waiting.get(item.lower())
        if waiting is None:
            raise RpcError(state.NOT_FOUND, f"Transaction {item} not in mempool.")
        return waiting.tx
    return transaction_of(item, f"Transaction decode failed for {item}.")


def _made(node: NodeState, txs: Sequence[Tx], fees: int, script: bytes) -> Block:
    return mining.make_block(node.chain, txs, fees, script, node.now())


def _taken(node: NodeState, block: Block) -> str:
    try:
        return node.chain.accept(mining.mined(block)).hash
    except Rejected as error:
        raise RpcError(state.VERIFY_ERROR, f"TestBlockValidity failed: {error}") from error


def getblocktemplate(
    node: NodeState, template_request: dict[str, Any] | None = None
) -> dict[str, Any] | str | None:
    """What a miner works on (BIP22, BIP145); with mode ``proposal``, why a block would be refused, or null (BIP23)."""
    request = template_request or {}
    mode = request.get("mode", "template")
    if mode == "proposal":
        return _judge_proposal(node, _block_of(request.get("data")))
    if mode != "template":
        raise RpcError(state.INVALID_PARAMETER, "Invalid mode")
    asked = request.get("rules", [])
    if not isinstance(asked, list) or "segwit" not in asked:
        raise RpcError(state.INVALID_PARAMETER, SEGWIT_MISSING)
    return mining.template(node.chain, node.mempool, node.now())


def _judge_proposal(node: NodeState, block: Block) -> str | None:
    known = _known(node, block)
    if known is not None:
        return known
    try:
        node.chain.try_out(block)
    except Rejected as error:
        return error.reason
    return None


def submitblock(node: NodeState, hexdata: str, dummy: str | None = None) -> str | None:
    """Take a block in: null when it is the new tip, else why not (BIP22)."""
    block = _block_of(hexdata)
    known = _known(node, block)
    if known is not None:
        return known
    try:
        entry = node.chain.accept(mining.completed(block))
    except Rejected as error:
        return error.reason
    return None if node.chain.is_active(entry) else "inconclusive"


def _known(node: NodeState, block: Block) -> str | None:
    entry = node.chain.index.get(block.hash)
    if entry is None:
        return None
    return "duplicate-invalid" if entry.invalid else "duplicate"


def _block_of(value: object) -> Block:
    try:
        reader = bitcoin.Reader(bytes.fromhex(str(value)), "block")
        header, txs = bitcoin.read_header(reader), reader.many(bitcoin.read_tx)
        return Block(header=header, txs=txs)  # what is left over does not matter to Core either
    except (ValueError, bitcoin.MalformedBitcoin):
        raise RpcError(state.DESERIALIZATION_ERROR, "Block decode failed") from None


def getmininginfo(node: NodeState) -> dict[str, Any]:
    """What the next block has to beat."""
    bits = rules.REGTEST_BITS
    work = {
        "bits": f"{bits:08x}",
        "difficulty": block_views.difficulty(bits),
        "target": f"{bitcoin.target_of(bits):064x}",
    }
    tip = node.chain.tip
    return {
        "blocks": tip.height,
        **work,
        "networkhashps": 0,
        "pooledtx": len(node.mempool.waiting),
        "chain": "regtest",
        "next": {"height": tip.height + 1, **work},
        "warnings": [],
    }


def estimatesmartfee(
    node: NodeState, conf_target: int, estimate_mode: str = "economical"
) -> dict[str, Any]:
    """As on every regtest node: too few transactions were seen to say."""
    if not 1 <= conf_target <= 1008:
        raise RpcError(state.INVALID_PARAMETER, "Invalid conf_target, must be between 1 and 1008")
    return {"errors": ["Insufficient data or no feerate found"], "blocks": conf_target}


CALLS: dict[str, Call] = table(
    estimatesmartfee,
    generateblock,
    generatetoaddress,
    getblocktemplate,
    getmininginfo,
    submitblock,
)
