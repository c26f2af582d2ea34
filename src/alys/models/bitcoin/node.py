"""A Bitcoin regtest node behind its RPC, sans I/O: method and params in, JSON values out.

What bitcoind answers is the specification: codes, words, shapes. ``METHODS`` is the table; a method is a function of the
node and its parameters, which may be given by position or by name.
"""

import inspect
from collections.abc import Callable
from typing import Any

from alys.models.bitcoin import mining, views
from alys.models.bitcoin.chainstate import BlockEvent, ChainState, Entry
from alys.models.bitcoin.mempool import Mempool
from alys.models.bitcoin.rules import Missing, Rejected
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, OutPoint, Tx
from alys.wire.jsonrpc import Dialect, Params, RpcError, method_not_found

MISC_ERROR = -1
TYPE_ERROR = -3
NOT_FOUND = -5
INVALID_PARAMETER = -8
DESERIALIZATION_ERROR = -22
VERIFY_ERROR = -25
VERIFY_REJECTED = -26
ALREADY_IN_UTXO_SET = -27

SUBVERSION = "/alys-regtest:1/"
VERSION = 290000
MAX_FEE_RATE_SATS_PER_VB = 10_000
"""sendrawtransaction's default limit of 0.1 coins per kvB."""


class BitcoinNode:
    """One node: chain, mempool, and the calls of its RPC."""

    def __init__(self, now: Callable[[], float], genesis_time: int = 1_296_688_602) -> None:
        self.chain = ChainState(now, genesis_time)
        self.mempool = Mempool(self.chain)
        self.now = now
        self._started = now()
        self.chain.listeners.append(lambda event: self.mempool.on_block(event, int(now())))

    @property
    def listeners(self) -> list[Callable[[BlockEvent], None]]:
        """Told of each block that joins or leaves the best chain."""
        return self.chain.listeners

    def handle(self, method: str, params: Params) -> Any:
        """The result of one call; raises RpcError."""
        call = METHODS.get(method)
        if call is None:
            raise method_not_found(method, Dialect.BITCOIN)
        arguments = params if isinstance(params, dict) else {}
        given = params if isinstance(params, list) else []
        try:
            bound = inspect.signature(call).bind(self, *given, **arguments)
        except TypeError as error:
            raise RpcError(MISC_ERROR, f"{method}: {error}") from error
        return call(*bound.args, **bound.kwargs)

    def uptime(self) -> int:
        """Seconds since the node came up."""
        return int(self.now() - self._started)

    def entry(self, block_hash: object) -> Entry:
        """A block of the index; raises RpcError -5 or -8 as bitcoind does."""
        found = self.chain.index.get(_hash(block_hash, "blockhash"))
        if found is None:
            raise RpcError(NOT_FOUND, "Block not found")
        return found

    def find(self, txid: str) -> tuple[Tx, Entry | None] | None:
        """A transaction of the best chain (with its block) or of the mempool."""
        entry = self.chain.transactions.get(txid)
        if entry is not None:
            return next(tx for tx in entry.block.txs if tx.txid == txid), entry
        waiting = self.mempool.waiting.get(txid)
        return None if waiting is None else (waiting.tx, None)


def _hash(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise RpcError(TYPE_ERROR, f"{name} must be a string")
    if len(value) != 64:
        raise RpcError(
            INVALID_PARAMETER, f"{name} must be of length 64 (not {len(value)}, for '{value}')"
        )
    try:
        bytes.fromhex(value)
    except ValueError:
        raise RpcError(
            INVALID_PARAMETER, f"{name} must be hexadecimal string (not '{value}')"
        ) from None
    return value.lower()


def _integer(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RpcError(
            TYPE_ERROR, f"JSON value of type {type(value).__name__} for {name} is not a number"
        )
    return value


def _transaction(value: object) -> Tx:
    try:
        return bitcoin.parse_tx(bytes.fromhex(str(value)))
    except (ValueError, bitcoin.MalformedBitcoin):
        raise RpcError(
            DESERIALIZATION_ERROR, "TX decode failed. Make sure the tx has at least one input."
        ) from None


def _address(value: object) -> bytes:
    try:
        return bitcoin.address_to_script(str(value))
    except bitcoin.BadAddress:
        raise RpcError(NOT_FOUND, "Error: Invalid address") from None


# Blocks


def _getblockhash(node: BitcoinNode, height: object) -> str:
    found = node.chain.at(_integer(height, "height"))
    if found is None:
        raise RpcError(INVALID_PARAMETER, "Block height out of range")
    return found.hash


def _getblockheader(node: BitcoinNode, blockhash: object, verbose: bool = True) -> Any:
    found = node.entry(blockhash)
    return views.header(node.chain, found) if verbose else found.block.header.serialize().hex()


def _getblock(node: BitcoinNode, blockhash: object, verbosity: int | bool = 1) -> Any:
    found = node.entry(blockhash)
    if int(verbosity) <= 0:
        return found.block.serialize().hex()
    return views.block(node.chain, found, int(verbosity))


# Transactions


def _getrawtransaction(
    node: BitcoinNode, txid: object, verbosity: int | bool = 0, blockhash: object = None
) -> Any:
    name = _hash(txid, "parameter 1")
    tx, entry = _look_up(node, name, blockhash)
    if int(verbosity) <= 0:
        return tx.serialize().hex()
    view = views.transaction(tx)
    if blockhash is not None and entry is not None:
        view = {"in_active_chain": node.chain.is_active(entry), **view}
    if entry is not None:
        time = entry.block.header.time
        deep = max(0, views.confirmations(node.chain, entry))
        view.update(blockhash=entry.hash, confirmations=deep, time=time, blocktime=time)
    return view


def _look_up(node: BitcoinNode, txid: str, blockhash: object) -> tuple[Tx, Entry | None]:
    if blockhash is not None:
        entry = node.chain.index.get(_hash(blockhash, "parameter 3"))
        if entry is None:
            raise RpcError(NOT_FOUND, "Block hash not found")
        for tx in entry.block.txs:
            if tx.txid == txid:
                return tx, entry
        raise RpcError(
            NOT_FOUND,
            "No such transaction found in the provided block. Use gettransaction for wallet transactions.",
        )
    found = node.find(txid)
    if found is None:
        raise RpcError(
            NOT_FOUND,
            "No such mempool or blockchain transaction. Use gettransaction for wallet transactions.",
        )
    return found


def _gettxout(node: BitcoinNode, txid: object, n: object, include_mempool: bool = True) -> Any:
    place = OutPoint(txid=_hash(txid, "txid"), vout=_integer(n, "n"))
    tip = node.chain.tip.height
    found = node.chain.coins.get(place)
    if include_mempool:
        if node.mempool.spends(place):
            return None
        waiting = node.mempool.waiting.get(place.txid)
        if found is None and waiting is not None and place.vout < len(waiting.tx.outputs):
            found = views.mempool_coin(waiting.tx.outputs[place.vout], tip)
    return None if found is None else views.coin(node.chain, found, tip)


def _sendrawtransaction(node: BitcoinNode, hexstring: object, maxfeerate: object = None) -> str:
    tx = _transaction(hexstring)
    if tx.txid in node.mempool.waiting:
        return tx.txid
    try:
        fee = node.mempool.check(tx)
        if maxfeerate is None and fee > MAX_FEE_RATE_SATS_PER_VB * tx.vsize:
            raise RpcError(
                VERIFY_ERROR, "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)"
            )
        node.mempool.add(tx, int(node.now()))
    except Missing as error:
        raise RpcError(VERIFY_ERROR, error.reason) from error
    except Rejected as error:
        if error.reason == "txn-already-known":
            raise RpcError(
                ALREADY_IN_UTXO_SET, "Transaction outputs already in utxo set"
            ) from error
        raise RpcError(VERIFY_REJECTED, str(error)) from error
    return tx.txid


def _testmempoolaccept(node: BitcoinNode, rawtxs: list[object]) -> list[dict[str, Any]]:
    if len(rawtxs) != 1:
        raise RpcError(INVALID_PARAMETER, "Array must contain exactly one transaction")
    tx = _transaction(rawtxs[0])
    view: dict[str, Any] = {"txid": tx.txid, "wtxid": tx.wtxid}
    try:
        fee = node.mempool.check(tx)
    except Rejected as error:
        return [{**view, "allowed": False, "reject-reason": error.reason}]
    fees = {"base": bitcoin.amount_of(fee)}
    return [{**view, "allowed": True, "vsize": tx.vsize, "fees": fees}]


def _getrawmempool(node: BitcoinNode, verbose: bool = False) -> Any:
    if not verbose:
        return list(node.mempool.waiting)
    return {txid: _getmempoolentry(node, txid) for txid in node.mempool.waiting}


def _getmempoolentry(node: BitcoinNode, txid: object) -> dict[str, Any]:
    entry = node.mempool.waiting.get(_hash(txid, "txid"))
    if entry is None:
        raise RpcError(NOT_FOUND, "Transaction not in mempool")
    return {
        "vsize": entry.tx.vsize,
        "weight": entry.tx.weight,
        "time": entry.time,
        "height": entry.height,
        "wtxid": entry.tx.wtxid,
        "fees": {"base": bitcoin.amount_of(entry.fee)},
        "depends": sorted(
            {t.outpoint.txid for t in entry.tx.inputs if t.outpoint.txid in node.mempool.waiting}
        ),
    }


def _scantxoutset(node: BitcoinNode, action: str, scanobjects: Any = None) -> Any:
    if action != "start":
        return None if action == "status" else False
    scripts = {_descriptor(item) for item in scanobjects or []}
    found = [
        (place, coin) for place, coin in node.chain.coins.items() if coin.output.script in scripts
    ]
    found.sort(key=lambda pair: (pair[1].height, pair[0]))
    return {
        "success": True,
        "txouts": len(node.chain.coins),
        "height": node.chain.tip.height,
        "bestblock": node.chain.tip.hash,
        "unspents": [views.unspent(place, coin) for place, coin in found],
        "total_amount": bitcoin.amount_of(sum(coin.output.value for _, coin in found)),
    }


def _descriptor(item: object) -> bytes:
    text = item.get("desc") if isinstance(item, dict) else item
    name, _, rest = str(text).partition("#")[0].partition("(")
    inner = rest.removesuffix(")")
    if name == "addr":
        return _address(inner)
    if name == "raw":
        return bytes.fromhex(inner)
    raise RpcError(NOT_FOUND, f"descriptor {text!r}: only addr() and raw() are known here")


# Mining


def _mine(node: BitcoinNode, txs: list[Tx], fees: int, script: bytes) -> str:
    block = mining.make_block(node.chain, txs, fees, script, node.now())
    try:
        node.chain.accept(block)
    except Rejected as error:
        raise RpcError(VERIFY_ERROR, f"TestBlockValidity failed: {error}") from error
    return block.hash


def _generatetoaddress(
    node: BitcoinNode, nblocks: object, address: object, maxtries: object = None
) -> list[str]:
    script = _address(address)
    hashes = []
    for _ in range(_integer(nblocks, "nblocks")):
        chosen = mining.select(node.mempool)
        fees = sum(entry.fee for entry in chosen)
        hashes.append(_mine(node, [entry.tx for entry in chosen], fees, script))
    return hashes


def _generateblock(node: BitcoinNode, output: object, transactions: list[object]) -> dict[str, str]:
    """The named transactions, by txid of the mempool or as hex; fees go to nobody, as in Core."""
    txs = []
    for item in transactions:
        waiting = node.mempool.waiting.get(str(item))
        txs.append(waiting.tx if waiting is not None else _transaction(item))
    return {"hash": _mine(node, txs, 0, _address(output))}


def _submitblock(node: BitcoinNode, hexdata: object, dummy: object = None) -> str | None:
    try:
        block = bitcoin.parse_block(bytes.fromhex(str(hexdata)))
    except (ValueError, bitcoin.MalformedBitcoin):
        raise RpcError(DESERIALIZATION_ERROR, "Block decode failed") from None
    return _submit(node, block)


def _submit(node: BitcoinNode, block: Block) -> str | None:
    if block.hash in node.chain.index:
        return "duplicate-invalid" if node.chain.index[block.hash].invalid else "duplicate"
    try:
        entry = node.chain.accept(block)
    except Rejected as error:
        return error.detail.split(",")[0] if error.reason == "bad-block" else error.reason
    return None if node.chain.is_active(entry) else "inconclusive"


def _invalidateblock(node: BitcoinNode, blockhash: object) -> None:
    entry = node.entry(blockhash)
    if entry.parent is None:
        raise RpcError(MISC_ERROR, "the genesis block cannot be invalidated")
    node.chain.invalidate(entry)


def _validateaddress(node: BitcoinNode, address: object) -> dict[str, Any]:
    try:
        script = bitcoin.address_to_script(str(address))
    except bitcoin.BadAddress as error:
        return {"isvalid": False, "error_locations": [], "error": error.reason}
    return {"isvalid": True, "address": address, "scriptPubKey": script.hex()}


def _getnetworkinfo(node: BitcoinNode) -> dict[str, Any]:
    return {
        "version": VERSION,
        "subversion": SUBVERSION,
        "protocolversion": 70016,
        "connections": 0,
        "networkactive": False,
        "networks": [],
        "relayfee": 0.00001,
        "incrementalfee": 0.00001,
        "localaddresses": [],
        "warnings": [],
    }


def _estimatesmartfee(node: BitcoinNode, conf_target: object, estimate_mode: str = "") -> Any:
    return {"errors": ["Insufficient data or no feerate found"], "blocks": conf_target}


def _help(node: BitcoinNode, command: str = "") -> str:
    if command and command not in METHODS:
        return f"help: unknown command: {command}"
    return command or "\n".join(sorted(METHODS))


METHODS: dict[str, Callable[..., Any]] = {
    "estimatesmartfee": _estimatesmartfee,
    "generateblock": _generateblock,
    "generatetoaddress": _generatetoaddress,
    "getbestblockhash": lambda node: node.chain.tip.hash,
    "getblock": _getblock,
    "getblockchaininfo": lambda node: views.chain_info(node.chain),
    "getblockcount": lambda node: node.chain.tip.height,
    "getblockhash": _getblockhash,
    "getblockheader": _getblockheader,
    "getblocktemplate": lambda node, template_request=None: mining.template(
        node.chain, node.mempool, node.now()
    ),
    "getmempoolentry": _getmempoolentry,
    "getnetworkinfo": _getnetworkinfo,
    "getrawmempool": _getrawmempool,
    "getrawtransaction": _getrawtransaction,
    "gettxout": _gettxout,
    "help": _help,
    "invalidateblock": _invalidateblock,
    "reconsiderblock": lambda node, blockhash: node.chain.reconsider(node.entry(blockhash)),
    "scantxoutset": _scantxoutset,
    "sendrawtransaction": _sendrawtransaction,
    "submitblock": _submitblock,
    "testmempoolaccept": _testmempoolaccept,
    "uptime": lambda node: node.uptime(),
    "validateaddress": _validateaddress,
}
