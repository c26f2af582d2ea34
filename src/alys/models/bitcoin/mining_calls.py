"""The calls that make blocks or take them in. Each raises RpcError as bitcoind does."""

from collections.abc import Sequence
from typing import Any

from alys.models.bitcoin import block_views, mining, rules, state
from alys.models.bitcoin.calls import Call, address_script, table, transaction_of
from alys.models.bitcoin.mempool import Waiting
from alys.models.bitcoin.rules import Rejected
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.usage import USAGE
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, Tx
from alys.wire.jsonrpc import RpcError

MAX_TRIES = 1_000_000
RETARGET_BLOCKS = 144
TARGET_MAX = 1008
HORIZONS = (("short", 0.962, 1, 12), ("medium", 0.9952, 2, 48), ("long", 0.99931, 24, 1008))
"""estimaterawfee's: name, decay, scale and the farthest target."""

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
    return _generated(node, nblocks, script)


def _generated(node: NodeState, nblocks: int, script: bytes) -> list[str]:
    if nblocks > GENERATE_BLOCKS_MAX:
        told = f"nblocks is {nblocks}, at most {GENERATE_BLOCKS_MAX} are mined in one call"
        raise RpcError(state.INVALID_PARAMETER, told)
    return [_mined_of_mempool(node, script) for _ in range(nblocks)]


def _mined_of_mempool(node: NodeState, script: bytes) -> str:
    chosen = _chosen(node)
    fees = sum(entry.fee for entry in chosen)
    return _taken(node, _made(node, [entry.tx for entry in chosen], fees, script))


def generatetodescriptor(
    node: NodeState, num_blocks: int, descriptor: str, maxtries: int = MAX_TRIES
) -> list[str]:
    """Mine like ``generatetoaddress``; the coins go to a descriptor's script."""
    return _generated(node, num_blocks, _descriptor_script(descriptor))


def _descriptor_script(text: str) -> bytes:
    try:
        found = bitcoin.parse_descriptor(text)
    except bitcoin.BadDescriptor as error:
        raise RpcError(state.NOT_FOUND, error.reason) from error
    if found.ranged:
        told = "Ranged descriptor not accepted. Maybe pass through deriveaddresses first?"
        raise RpcError(state.INVALID_PARAMETER, told)
    scripts = [one.script for one in found.outputs()]
    return scripts[0] if len(scripts) < 4 else scripts[2]  # of combo() Core takes P2WPKH


def generateblock(
    node: NodeState, output: str, transactions: list[Any], submit: bool = True
) -> dict[str, str]:
    """Mine a block of exactly these transactions, txids of the mempool or hex; their fees go to nobody, as in Core.

    ``output`` is an address or a descriptor.
    """
    script = _output_script(output)
    txs = [_named(node, str(item)) for item in transactions]
    node.assembled = (mining.WEIGHT_RESERVED, 0)
    block = _made(node, txs, 0, script)
    try:
        node.chain.try_out(block)
    except Rejected as error:
        raise RpcError(state.VERIFY_ERROR, f"TestBlockValidity failed: {error}") from error
    if submit:
        return {"hash": _taken(node, block)}
    done = mining.mined(block)
    return {"hash": done.hash, "hex": done.serialize().hex()}


def _chosen(node: NodeState) -> list[Waiting]:
    """What goes into the next block, which getmininginfo tells of from now on."""
    chosen = mining.select(node.mempool)
    weight = mining.WEIGHT_RESERVED + sum(entry.tx.weight for entry in chosen)
    node.assembled = (weight, len(chosen))
    return chosen


def _output_script(text: str) -> bytes:
    try:
        return bitcoin.address_to_script(text)
    except bitcoin.BadAddress:
        pass
    try:
        bitcoin.parse_descriptor(text)
    except bitcoin.BadDescriptor:
        raise RpcError(state.NOT_FOUND, "Error: Invalid address or descriptor") from None
    return _descriptor_script(text)


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
    if template_request is None:
        raise RpcError(state.MISC_ERROR, USAGE["getblocktemplate"])
    request = template_request
    mode = request.get("mode", "template")
    if mode == "proposal":
        if not isinstance(request.get("data"), str):
            raise RpcError(state.TYPE_ERROR, "Missing data String key for proposal")
        return _judge_proposal(node, _block_of(request["data"]))
    if mode != "template":
        raise RpcError(state.INVALID_PARAMETER, "Invalid mode")
    asked = request.get("rules", [])
    if not isinstance(asked, list) or "segwit" not in asked:
        raise RpcError(state.INVALID_PARAMETER, SEGWIT_MISSING)
    _chosen(node)
    return mining.template(node.chain, node.mempool, node.now())


def _judge_proposal(node: NodeState, block: Block) -> str | None:
    entry = node.chain.index.get(block.hash)
    if entry is not None and not entry.invalid and not entry.checked:
        return "duplicate-inconclusive"
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
    latest: dict[str, Any] = {}
    if node.assembled is not None:
        latest = dict(zip(("currentblockweight", "currentblocktx"), node.assembled, strict=True))
    return {
        "blocks": tip.height,
        **latest,
        **work,
        "networkhashps": getnetworkhashps(node),
        "pooledtx": len(node.mempool.waiting),
        "chain": "regtest",
        "next": {"height": tip.height + 1, **work},
        "warnings": [],
    }


def submitheader(node: NodeState, hexdata: str) -> None:
    """Judge a header whose parent is known; it is not kept, blocks are."""
    try:
        header = bitcoin.parse_header(bytes.fromhex(hexdata))
    except (ValueError, bitcoin.MalformedBitcoin):
        raise RpcError(state.DESERIALIZATION_ERROR, "Block header decode failed") from None
    parent = node.chain.index.get(header.previous)
    if parent is None:
        told = f"Must submit previous header ({header.previous}) first"
        raise RpcError(state.VERIFY_ERROR, told)
    try:
        rules.check_work(header)
        rules.check_header(header, node.chain.median_time(parent), node.now())
    except Rejected as error:
        raise RpcError(state.VERIFY_ERROR, error.reason) from error


def getnetworkhashps(node: NodeState, nblocks: int = 120, height: int = -1) -> int | float:
    """Hashes per second as the times of so many blocks tell; with -1 those since the difficulty could change last."""
    if nblocks < -1 or nblocks == 0:
        told = "Invalid nblocks. Must be a positive number or -1."
        raise RpcError(state.INVALID_PARAMETER, told)
    if not -1 <= height <= node.chain.tip.height:
        raise RpcError(state.INVALID_PARAMETER, "Block does not exist at specified height")
    last = node.chain.tip.height if height < 0 else height
    count = last % RETARGET_BLOCKS + 1 if nblocks < 0 else nblocks
    count = min(count, last)
    times = [entry.block.header.time for entry in node.chain.active[last - count : last + 1]]
    seconds = max(times) - min(times)
    if last == 0 or seconds == 0:
        return 0
    return bitcoin.Figure(count * block_views.WORK_PER_BLOCK / seconds)


def estimaterawfee(node: NodeState, conf_target: int, threshold: float = 0.95) -> dict[str, Any]:
    """What ``estimatesmartfee`` says, for each of the horizons that reach so far."""
    _check_target(conf_target)
    nothing = {
        "startrange": 0,
        "endrange": bitcoin.Figure(1e99),
        "withintarget": 0,
        "totalconfirmed": 0,
        "inmempool": 0,
        "leftmempool": 0,
    }
    return {
        name: {
            "decay": decay,
            "scale": scale,
            "fail": nothing,
            "errors": ["Insufficient data or no feerate found which meets threshold"],
        }
        for name, decay, scale, most in HORIZONS
        if conf_target <= most
    }


def _check_target(conf_target: int) -> None:
    if not 1 <= conf_target <= TARGET_MAX:
        told = f"Invalid conf_target, must be between 1 and {TARGET_MAX}"
        raise RpcError(state.INVALID_PARAMETER, told)


def estimatesmartfee(
    node: NodeState, conf_target: int, estimate_mode: str = "economical"
) -> dict[str, Any]:
    """As on every regtest node: too few transactions were seen to say."""
    _check_target(conf_target)
    if estimate_mode.lower() not in ("unset", "economical", "conservative"):
        told = (
            'Invalid estimate_mode parameter, must be one of: "unset", "economical", "conservative"'
        )
        raise RpcError(state.INVALID_PARAMETER, told)
    return {"errors": ["Insufficient data or no feerate found"], "blocks": 0}


CALLS: dict[str, Call] = table(
    estimaterawfee,
    estimatesmartfee,
    generateblock,
    generatetoaddress,
    generatetodescriptor,
    getblocktemplate,
    getmininginfo,
    getnetworkhashps,
    submitblock,
    submitheader,
)
